// Data loaders: order, workers, randomness, errors, shutdown. Runs under ThreadSanitizer too.
#include <kiln/data.h>
#include <kiln/kiln.h>

#include <catch2/catch.hpp>

#include <atomic>
#include <set>

using namespace kiln;
using namespace kiln::data;
using Catch::Matchers::Message;

namespace {

using Numbers = std::vector<std::size_t>;

/// Samples are their own indices.
struct Indices : datasets::Dataset<Indices, std::size_t> {
  explicit Indices(std::size_t count) : count(count) {}
  std::size_t get(std::size_t index) override { return index; }
  std::optional<std::size_t> size() const override { return count; }
  std::size_t count;
};

template <class Loader> std::vector<Numbers> epoch(Loader& loader) {
  std::vector<Numbers> batches;
  for (auto& batch : *loader)
    batches.push_back(batch);
  return batches;
}

/// A dataset that throws at one sample.
struct Failing : datasets::Dataset<Failing, std::size_t> {
  std::size_t get(std::size_t index) override {
    if (index == 7) throw std::invalid_argument("this sample is damaged");
    return index;
  }
  std::optional<std::size_t> size() const override { return 12; }
};

} // namespace

TEST_CASE("a sequential epoch has every sample once, the last batch shorter") {
  for (std::size_t workers : {0, 1, 3}) {
    auto loader =
        make_data_loader<samplers::SequentialSampler>(Indices(7), DataLoaderOptions(3).workers(workers));
    const std::vector<Numbers> wanted = {{0, 1, 2}, {3, 4, 5}, {6}};
    CHECK(epoch(loader) == wanted);
    CHECK(epoch(loader) == wanted);
  }
}

TEST_CASE("drop_last leaves the shorter batch out") {
  auto loader =
      make_data_loader<samplers::SequentialSampler>(Indices(7), DataLoaderOptions(3).drop_last(true));
  CHECK(epoch(loader) == std::vector<Numbers>{{0, 1, 2}, {3, 4, 5}});
}

TEST_CASE("a random epoch is a permutation, another one each time, fixed by the seed") {
  auto run = [](std::size_t workers) {
    manual_seed(3);
    auto loader = make_data_loader(Indices(100), DataLoaderOptions(16).workers(workers));
    return std::pair(epoch(loader), epoch(loader));
  };
  const auto [first, second] = run(0);
  std::set<std::size_t> seen;
  for (const Numbers& batch : first)
    seen.insert(batch.begin(), batch.end());
  CHECK(seen.size() == 100);
  CHECK(first != second);
  for (std::size_t workers : {1, 2, 5})
    CHECK(run(workers) == std::pair(first, second));
}

TEST_CASE(
    "random transforms draw the same whatever the number of workers, and leave the program's draws alone") {
  auto run = [](std::size_t workers) {
    manual_seed(5);
    auto dataset = datasets::TensorDataset(zeros({20, 3}))
                       .map(transforms::Lambda<TensorExample>(
                           [](TensorExample x) -> TensorExample { return x.data + rand({3}); }))
                       .map(transforms::Stack<TensorExample>());
    auto loader = make_data_loader(std::move(dataset), DataLoaderOptions(4).workers(workers));
    std::vector<Tensor> batches;
    for (auto& batch : *loader) {
      batches.push_back(batch.data);
      batches.push_back(rand({2})); // of the training step
    }
    return cat({stack({batches[0], batches[2], batches[4], batches[6], batches[8]}).flatten(),
                stack({batches[1], batches[3], batches[5], batches[7], batches[9]}).flatten()});
  };
  const Tensor wanted = run(0);
  for (std::size_t workers : {1, 2, 4})
    CHECK(run(workers).equal(wanted));
}

TEST_CASE("an exception reaches the loop with the sample's index, and the loop may go on") {
  for (std::size_t workers : {0, 2}) {
    auto loader =
        make_data_loader<samplers::SequentialSampler>(Failing(), DataLoaderOptions(4).workers(workers));
    auto batch = loader->begin();
    CHECK(*batch == Numbers{0, 1, 2, 3});
    try {
      ++batch;
      FAIL("no exception");
    } catch (const WorkerException& error) {
      CHECK(error.sample == 7);
      CHECK(std::string(error.what()) == std::string("Caught exception in DataLoader") +
                                             (workers ? " worker thread" : "") +
                                             " at sample 7. Original message: this sample is damaged");
      CHECK_THROWS_AS(std::rethrow_exception(error.original_exception), std::invalid_argument);
    }
    ++batch;
    CHECK(*batch == Numbers{8, 9, 10, 11});
    ++batch;
    CHECK(batch == loader->end());
  }
}

TEST_CASE("a transform's exception names the sample too") {
  auto dataset = Indices(10).map(transforms::Lambda<std::size_t>([](std::size_t i) {
    if (i == 5) throw Error("bad");
    return i;
  }));
  auto loader =
      make_data_loader<samplers::SequentialSampler>(std::move(dataset), DataLoaderOptions(4).workers(1));
  auto batch = loader->begin();
  CHECK(*batch == Numbers{0, 1, 2, 3});
  CHECK_THROWS_MATCHES(
      ++batch, Error,
      Message("Caught exception in DataLoader worker thread at sample 5. Original message: bad"));
}

TEST_CASE("what only whole batches can say comes without an index") {
  struct Whole : datasets::BatchDataset<Whole, Numbers> {
    Numbers get_batch(ArrayRef<std::size_t>) override { throw std::runtime_error("badness"); }
    std::optional<std::size_t> size() const override { return 5; }
  };
  auto loader = make_data_loader(Whole(), DataLoaderOptions(1).workers(2));
  auto batch = loader->begin();
  CHECK_THROWS_MATCHES(*batch, WorkerException,
                       Message("Caught exception in DataLoader worker thread. Original message: badness"));
  auto here = make_data_loader(Whole(), 1);
  auto first = here->begin();
  CHECK_THROWS_MATCHES(*first, std::runtime_error, Message("badness"));
}

TEST_CASE("an error in a batch that the loop's own thread makes names the loop's line") {
  struct Ragged : datasets::Dataset<Ragged> {
    Example<> get(std::size_t i) override { return {zeros({static_cast<std::int64_t>(i)}), zeros({1})}; }
    std::optional<std::size_t> size() const override { return 2; }
  };
  auto loader = make_data_loader(Ragged().map(transforms::Stack<>()), 2);
  auto batch = loader->begin();
  CHECK_THROWS_WITH(*batch, Catch::Contains("stack: stack expects each tensor to be equal size") &&
                                Catch::Contains("data_loader_test.cpp:"));
}

TEST_CASE("one iterator at a time, and never past the end") {
  auto loader = make_data_loader(Indices(4), DataLoaderOptions(2).workers(1));
  auto batch = loader->begin();
  CHECK_THROWS_MATCHES(loader->begin(), Error,
                       Message("Attempted to get a new DataLoader iterator while another iterator is not yet "
                               "exhausted"));
  ++batch;
  ++batch;
  CHECK(batch == loader->end());
  CHECK_THROWS_MATCHES(*batch, Error, Message("Attempted to dereference iterator that was past the end"));
  CHECK_THROWS_MATCHES(++batch, Error, Message("Attempted to increment iterator past the end"));
  auto end = loader->end();
  CHECK_THROWS_AS(*end, Error);
  CHECK_THROWS_AS(++end, Error);
}

TEST_CASE("a loader is left in the middle of an epoch without waiting for the rest of it") {
  static std::atomic<int> made{0};
  struct Counting : Indices {
    using Indices::Indices;
    std::size_t get(std::size_t index) override { return ++made, index; }
  };
  {
    auto loader = make_data_loader(Counting(10'000), DataLoaderOptions(1).workers(2).max_jobs(4));
    auto batch = loader->begin();
    CHECK(batch->size() == 1);
  }
  CHECK(made < 20);
}

TEST_CASE("a timeout is an error") {
  struct Slow : Indices {
    using Indices::Indices;
    std::size_t get(std::size_t index) override {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      return index;
    }
  };
  auto loader =
      make_data_loader(Slow(2), DataLoaderOptions(1).workers(1).timeout(std::chrono::milliseconds(5)));
  auto batch = loader->begin();
  CHECK_THROWS_MATCHES(
      *batch, Error, Message("Timeout in DataLoader queue while waiting for next batch (timeout was 5 ms)"));
}

TEST_CASE("options that make no sense are refused") {
  CHECK_THROWS_MATCHES(make_data_loader(Indices(1), DataLoaderOptions(0)), Error,
                       Message("DataLoaderOptions: got a batch size of 0, wanted at least 1"));
  CHECK_THROWS_MATCHES(make_data_loader(Indices(1), DataLoaderOptions(1).workers(2).max_jobs(0)), Error,
                       Message("DataLoaderOptions: got max_jobs 0 for 2 workers, wanted at least 1"));
}

TEST_CASE("without order every batch still comes once") {
  auto loader = make_data_loader<samplers::SequentialSampler>(
      Indices(50), DataLoaderOptions(1).workers(4).max_jobs(3).enforce_ordering(false));
  std::set<std::size_t> seen;
  for (auto& batch : *loader)
    seen.insert(batch.at(0));
  CHECK(seen.size() == 50);
}

TEST_CASE("a stream dataset gets batch sizes, a stateful one ends by itself") {
  struct Stream : datasets::StreamDataset<Stream, Numbers> {
    Numbers get_batch(std::size_t size) override { return Numbers(size, 1); }
    std::optional<std::size_t> size() const override { return std::nullopt; }
  };
  auto stream = make_data_loader(Stream(), samplers::StreamSampler(5), DataLoaderOptions(2));
  CHECK(epoch(stream) == std::vector<Numbers>{{1, 1}, {1, 1}, {1}});
  CHECK_THROWS_MATCHES(make_data_loader<samplers::StreamSampler>(Stream(), 2), Error,
                       Message("Expected the dataset to be sized in order to construct the Sampler"));

  struct Stateful : datasets::StatefulDataset<Stateful, int> {
    std::optional<int> get_batch(std::size_t) override {
      return counter < 3 ? std::optional(counter++) : std::nullopt;
    }
    void reset() override { counter = 0; }
    std::optional<std::size_t> size() const override { return 3; }
    void save(serialize::OutputArchive&) const override {}
    void load(serialize::InputArchive&) override {}
    int counter = 0;
  };
  auto loader = make_data_loader(Stateful(), DataLoaderOptions(1));
  for (int round = 0; round < 2; ++round) {
    std::vector<int> batches;
    for (int batch : *loader)
      batches.push_back(batch);
    CHECK(batches == std::vector<int>{0, 1, 2});
  }
}

TEST_CASE("a shared dataset is one for all workers") {
  struct Counted : datasets::BatchDataset<Counted, int> {
    Counted() = default;
    int get_batch(ArrayRef<std::size_t>) override { return ++calls; }
    std::optional<std::size_t> size() const override { return 10; }
    std::atomic<int> calls{0};
  };
  auto shared = datasets::make_shared_dataset<Counted>();
  auto loader = make_data_loader(shared, DataLoaderOptions(1).workers(3));
  for ([[maybe_unused]] int batch : *loader) {
  }
  CHECK(shared->calls == 10);
}

TEST_CASE("training goes on beside workers that transform with the library's own ops") {
  auto dataset = datasets::PairDataset(randn({64, 1, 4, 4}), zeros({64}, kInt64))
                     .map(transforms::Normalize<>(0.5, 2.0))
                     .map(transforms::Stack<>());
  auto loader = make_data_loader(std::move(dataset), DataLoaderOptions(8).workers(2));
  nn::Linear net(16, 2);
  optim::SGD sgd(net->parameters(), 0.1);
  auto step = jit::compile([&](Tensor x, Tensor y) {
    sgd.zero_grad();
    auto loss = nn::functional::cross_entropy(net(x.flatten(1)), y);
    loss.backward();
    sgd.step();
    return loss;
  });
  double first = 0, last = 0;
  for (int round = 0; round < 3; ++round)
    for (auto& [x, y] : *loader) {
      last = step(x, y).item<double>();
      if (first == 0) first = last;
    }
  CHECK(last < first);
}
