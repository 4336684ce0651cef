// The frontend called from several threads at once: eager ops, one compiled function, models that each thread
// trains by itself, and a file loaded beside a running model. What must hold is that each gets the results
// that it would get alone.
#include "../support/temporary_folder.h"

#include "kiln/kiln.h"
#include "kiln/serialize.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <thread>

using namespace kiln;

namespace {

constexpr int kThreads = 4;

/// Runs `body(number of the thread)` on several threads at once; gives how often it returned false.
template <class Body> int failures(Body body) {
  std::atomic<int> failed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] { failed += !body(t); });
  for (std::thread& thread : threads)
    thread.join();
  return failed;
}

bool all_are(const Tensor& x, float value) {
  const Tensor whole = x.contiguous();
  const float* data = whole.data_ptr<float>();
  return std::all_of(data, data + x.numel(), [=](float element) { return element == value; });
}

} // namespace

TEST_CASE("eager ops from several threads, on shapes that others meet first") {
  const Tensor shared = full({3, 5}, 2.0f);
  CHECK(failures([&](int t) {
          bool right = true;
          for (int i = 1; i < 20; ++i) {
            const Tensor own = full({i, 5}, static_cast<float>(t));
            right &= all_are(own + own * 2, static_cast<float>(3 * t));
            right &= all_are(shared.exp().log().round() + static_cast<float>(t), static_cast<float>(2 + t));
          }
          return right;
        }) == 0);
}

TEST_CASE("a compiled function that several threads call first, and then again") {
  const auto twice = jit::compile([](const Tensor& x) { return x * 2 + 1; });
  CHECK(failures([&](int t) {
          bool right = true;
          for (int i = 0; i < 50; ++i)
            right &=
                all_are(twice(full({4 + i % 2, 3}, static_cast<float>(t))), static_cast<float>(2 * t + 1));
          return right;
        }) == 0);
  CHECK(twice.programs() == 2);
}

TEST_CASE("each thread trains a model of its own") {
  CHECK(failures([](int t) {
          Tensor w = full({8}, static_cast<float>(t)).requires_grad_();
          optim::SGD sgd({w}, optim::SGDOptions(0.5));
          const auto step = jit::compile([&] {
            sgd.zero_grad();
            (w * w).sum().backward();
            sgd.step();
          });
          for (int i = 0; i < 3; ++i)
            step();
          return all_are(w.detach(), 0); // w - 0.5 * 2 w
        }) == 0);
}

TEST_CASE("gradients are on or off for each thread") {
  NoGradGuard guard;
  CHECK(failures([](int) { return GradMode::is_enabled(); }) == 0);
  CHECK_FALSE(GradMode::is_enabled());
}

TEST_CASE("loading beside a compiled step that runs in another thread waits for the call that is under way") {
  test::TemporaryFolder dir;
  nn::Linear trained(6, 2), net(6, 2);
  {
    NoGradGuard no_grad;
    for (Tensor& p : trained->parameters())
      p.fill_(0.5);
    for (Tensor& p : net->parameters())
      p.fill_(0.25);
  }
  save(trained, dir / "a.safetensors");
  save(net, dir / "b.safetensors");
  auto fast = jit::compile(net);
  const Tensor x = ones({4, 6});
  const double high = trained(x).sum().item<double>(), low = fast(x).sum().item<double>();
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0}, calls{0};
  std::thread runner([&] {
    while (!stop) {
      const double sum = fast(x).sum().item<double>();
      if (sum != high && sum != low) ++wrong; // half of each
      ++calls;
    }
  });
  for (int round = 0; round < 50 || calls < 50; ++round)
    load(net, round % 2 ? dir / "a.safetensors" : dir / "b.safetensors");
  stop = true;
  runner.join();
  CHECK(wrong == 0);
}
