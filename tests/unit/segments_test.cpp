// Functions that read values while they are captured, and functions that fail: the result is eager mode's,
// explain() names the line that split the program, and a failure leaves everything as it was.
#include "../support/temporary_folder.h"

#include "kiln/kiln.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace kiln;
using Catch::Contains;

namespace {

// Counts what is compiled, which must not depend on what ran before.
struct NoDiskCache {
  NoDiskCache() { setenv("KILN_CACHE", "off", 1); }
} const no_disk_cache;

/// Calls `function` on each input, eagerly and compiled, from the same value of `state`; results and final
/// states agree.
template <class F> std::string same_as_eager(Tensor& state, F function, const std::vector<Tensor>& inputs) {
  const Tensor start = state.clone();
  std::vector<Tensor> wanted;
  for (const Tensor& x : inputs)
    wanted.push_back(function(x).clone());
  const Tensor end = state.clone();
  state.copy_(start);
  auto compiled = jit::compile(function);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    CHECK(compiled(inputs[i]).equal(wanted[i]));
  CHECK(state.equal(end));
  return compiled.explain();
}

} // namespace

TEST_CASE("a data-dependent if takes the branch of this call's values, whichever came first") {
  Tensor state = zeros({1});
  const std::vector<Tensor> inputs{full({3}, 1.0f), full({3}, -1.0f), full({3}, 1.0f), full({3}, -2.0f)};
  const std::string said = same_as_eager(
      state,
      [&](const Tensor& x) {
        state.add_(1);
        if (x.sum().item<float>() > 0) return x * 2 + state;
        return x - state;
      },
      inputs);
  CHECK_THAT(said, Contains("split: ") && Contains("segments_test.cpp:"));
}

TEST_CASE("printing while capturing prints values") {
  Tensor state = zeros({1});
  std::ostringstream printed;
  const std::string said = same_as_eager(state,
                                         [&](const Tensor& x) {
                                           const Tensor doubled = x * 2;
                                           printed.str({});
                                           printed << doubled;
                                           return doubled + state;
                                         },
                                         {full({2}, 3.0f), full({2}, 4.0f)});
  CHECK_THAT(printed.str(), Contains("8"));
  CHECK_THAT(said, Contains("split: ") && Contains("segments_test.cpp:"));
}

TEST_CASE("a loop that ends on a value runs as often as eagerly") {
  Tensor state = zeros({1});
  same_as_eager(state,
                [&](Tensor x) {
                  while (x.max().item<float>() < 100) {
                    x = x * 3;
                    state.add_(1);
                  }
                  return x;
                },
                {full({2}, 1.0f), full({2}, 50.0f)});
  CHECK(state.item<float>() == 6);
}

TEST_CASE("backward goes through the segments of a split model") {
  nn::Linear fc(3, 2);
  auto model = [&](const Tensor& x) {
    const Tensor hidden = fc(x);
    return hidden.sum().item<float>() > 1e9f ? hidden : hidden * 3;
  };
  const Tensor x = ones({4, 3});
  model(x).sum().backward();
  const Tensor wanted = fc->weight.grad().clone();
  fc->zero_grad();
  auto compiled = jit::compile(model);
  compiled(x).sum().backward();
  CHECK(fc->weight.grad().allclose(wanted));
}

TEST_CASE("a sum that several segments write in place keeps the gradient of each") {
  const Tensor weight = tensor({2.0f, 3.0f}, TensorOptions().requires_grad(true));
  auto step = [&](const Tensor& x) {
    weight.mutable_grad() = Tensor();
    Tensor sum = zeros({2});
    for (int i = 1; i <= 3; ++i) {
      sum.add_(weight * x * i);
      if (sum.sum().item<float>() > 1e9f) break;
    }
    sum.mul(x).sum().backward();
    return sum.detach();
  };
  auto compiled = jit::compile(step);
  for (const float value : {1.0f, 2.0f}) {
    const Tensor x = full({2}, value);
    CHECK(compiled(x).allclose(weight.detach() * value * 6));
    CHECK(weight.grad().allclose(full({2}, 6 * value * value)));
  }
}

TEST_CASE("a value of an outer tensor that is read holds until it changes") {
  Tensor flag = ones({1}), mask = tensor({true, false, true});
  auto compiled = jit::compile([&](const Tensor& x) {
    const Tensor chosen = x.index({mask}).sum() + x.masked_select(mask.reshape({3})).sum();
    return flag.item<float>() > 0 ? chosen : -chosen;
  });
  const Tensor x = tensor({1.0f, 2.0f, 4.0f});
  for (int call = 0; call < 3; ++call)
    CHECK(compiled(x).item<float>() == 10);
  CHECK(compiled.programs() == 1); // nothing of the program is computed before it is read: no split
  flag.fill_(-1);
  CHECK(compiled(x).item<float>() == -10);
  mask[1] = true;
  CHECK(compiled(x).item<float>() == -14);
  flag = flag * -1; // another tensor
  CHECK(compiled(x).item<float>() == 14);
  CHECK_THAT(compiled.explain(), Contains("a value that was read on the host changed"));
  flag.data_ptr<float>()[0] = -1; // from now on by its address
  CHECK(compiled(x).item<float>() == -14);
  flag.data_ptr<float>()[0] = 1;
  CHECK(compiled(x).item<float>() == 14);
}

TEST_CASE("a function whose shapes follow what it reads stops compiling, and goes on eagerly") {
  auto compiled = jit::compile([](const Tensor& x) {
    const Tensor rows = x.index({x > 0.5f});
    return (rows * rows + rows).sum();
  });
  for (int count = 1; count <= 24; ++count) {
    const Tensor x = cat({ones({count}), zeros({24 - count})});
    CHECK(compiled(x).item<float>() == 2.0f * static_cast<float>(count));
  }
  CHECK(compiled.programs() < 24);
  CHECK_THAT(compiled.explain(), Contains("runs eagerly from now on"));
}

TEST_CASE("a model that throws while it is captured changes nothing, and works when it no longer throws") {
  struct BrokenImpl : nn::Module {
    BrokenImpl() {
      fc = register_module("fc", nn::Linear(3, 3));
      calls = register_buffer("calls", zeros({1}));
    }
    Tensor forward(const Tensor& x) {
      calls.add_(1);
      const Tensor hidden = fc(x);
      return broken ? hidden.matmul(ones({7, 7})) : hidden;
    }
    nn::Linear fc{nullptr};
    Tensor calls;
    bool broken = true;
  };
  auto model = std::make_shared<BrokenImpl>();
  auto fast = jit::compile([&](const Tensor& x) { return model->forward(x); });
  const Tensor x = ones({2, 3});
  CHECK_THROWS_WITH(fast(x), Contains("matmul: inner dimensions differ: [2, 3] x [7, 7]") &&
                                 Contains("segments_test.cpp:"));
  CHECK(model->calls.item<float>() == 0);
  CHECK_FALSE(model->fc->weight.grad().defined());
  CHECK(fast.programs() == 0);
  model->broken = false;
  CHECK(fast(x).allclose(model->fc(x)));
  CHECK(model->calls.item<float>() == 1);
}

TEST_CASE("an undefined result is an error that names the function") {
  auto nothing = jit::compile([](const Tensor&) { return Tensor(); }, "nothing");
  CHECK_THROWS_WITH(nothing(ones({1})),
                    Contains("nothing: the compiled function returned an undefined tensor"));
}

TEST_CASE("the captured program names the parameters that it found") {
  nn::Sequential net(nn::Linear(3, 4), nn::Linear(4, 2));
  auto fast = jit::compile(net);
  fast(ones({1, 3}));
  CHECK_THAT(fast.ir(jit::Stage::Captured), Contains("\"0.weight\"") && Contains("\"1.bias\""));
}

TEST_CASE("KILN_DUMP writes each program that is captured, once") {
  namespace fs = std::filesystem;
  const test::TemporaryFolder folder;
  setenv("KILN_DUMP", folder.path.c_str(), 1);
  auto f = jit::compile([](const Tensor& x) { return (x.exp() + 1).sum(); }, "peep");
  f(ones({4, 5}));
  f(ones({4, 6}));
  f(ones({4, 5}));
  unsetenv("KILN_DUMP");
  std::vector<fs::path> programs;
  for (const auto& entry : fs::directory_iterator(folder.path))
    programs.push_back(entry.path());
  REQUIRE(programs.size() == 2);
  for (const fs::path& program : programs) {
    CHECK_THAT(program.filename().string(), Catch::StartsWith("peep-"));
    const auto text = [&](const char* file) {
      std::ostringstream out;
      out << std::ifstream(program / file).rdbuf();
      return out.str();
    };
    CHECK_THAT(text("0-captured.mlir"), Contains("kiln.exp"));
    CHECK_THAT(text("6-planned.mlir"), Contains("kiln.plan"));
    CHECK(std::count_if(fs::directory_iterator(program), fs::directory_iterator(), [](const auto& e) {
            return e.path().filename().string().starts_with("kernel-0-");
          }) == 1);
  }

  setenv("KILN_DUMP", "/dev/null/folder", 1);
  auto g = jit::compile([](const Tensor& x) { return x.exp() - 3; });
  CHECK_THROWS_WITH(g(ones({2})), Contains("dump: could not create /dev/null/folder"));
  unsetenv("KILN_DUMP");
}
