// Chunk datasets: what reaches the training loop, in which order, and how an epoch ends.
#include <kiln/data.h>
#include <kiln/kiln.h>
#include <kiln/serialize.h>

#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>
#include <set>
#include <sstream>
#include <stdexcept>

using namespace kiln;
using namespace kiln::data;

namespace {

// Chunks of these sizes that hold 0, 1, 2, … on end.
struct Counting : datasets::ChunkDataReader<int> {
  explicit Counting(std::vector<std::size_t> sizes, std::optional<std::size_t> bad = {})
      : sizes(std::move(sizes)), bad(bad) {}
  std::vector<int> read_chunk(std::size_t chunk) override {
    if (chunk == bad) throw std::invalid_argument("a bad chunk");
    std::vector<int> samples(sizes.at(chunk));
    const auto at = sizes.begin() + static_cast<std::ptrdiff_t>(chunk);
    std::iota(samples.begin(), samples.end(),
              static_cast<int>(std::accumulate(sizes.begin(), at, std::size_t{0})));
    return samples;
  }
  std::size_t chunk_count() override { return sizes.size(); }
  void reset() override {}
  std::vector<std::size_t> sizes;
  std::optional<std::size_t> bad;
};
using Sequential = samplers::SequentialSampler;
using Set = datasets::ChunkDataset<Counting, Sequential, Sequential>;
using Options = datasets::ChunkDatasetOptions;

auto dataset(Counting reader, Options options) {
  return datasets::make_shared_dataset<Set>(std::move(reader), Sequential(0), Sequential(0), options);
}
template <class Loader> std::vector<std::vector<int>> epoch(Loader& loader) {
  std::vector<std::vector<int>> batches;
  for (const auto& batch : *loader)
    batches.push_back(batch);
  return batches;
}

} // namespace

TEST_CASE("batches run across chunks, the last one shorter, in every epoch") {
  auto loader = make_data_loader(dataset(Counting({4, 0, 1, 5}), Options(1, 3)), DataLoaderOptions(3));
  for (int i = 0; i < 2; ++i)
    CHECK(epoch(loader) == std::vector<std::vector<int>>{{0, 1, 2}, {3, 4, 5}, {6, 7, 8}, {9}});
}

TEST_CASE("several preloaders and workers give every sample once") {
  auto loader =
      make_data_loader(dataset(Counting({10, 5, 20}), Options(3, 7, 14)), DataLoaderOptions(7).workers(2));
  for (int i = 0; i < 3; ++i) {
    std::multiset<int> seen;
    for (const auto& batch : epoch(loader))
      seen.insert(batch.begin(), batch.end());
    std::vector<int> wanted(35);
    std::iota(wanted.begin(), wanted.end(), 0);
    CHECK(seen == std::multiset<int>(wanted.begin(), wanted.end()));
  }
}

TEST_CASE("samples of several chunks are preprocessed together") {
  auto shared = datasets::make_shared_dataset<Set>(
      Counting({2, 2, 2}), Sequential(0), Sequential(0), Options(1, 4, 8, 2),
      [](std::vector<int>& samples) { std::reverse(samples.begin(), samples.end()); });
  auto loader = make_data_loader(shared, DataLoaderOptions(4));
  CHECK(epoch(loader) == std::vector<std::vector<int>>{{3, 2, 1, 0}, {5, 4}});
}

TEST_CASE("a chunk that cannot be read is an error in its place, and the epoch goes on") {
  auto set = dataset(Counting({2, 2, 2}, 1), Options(1, 2));
  set->reset();
  CHECK(set->get_batch() == std::vector<int>{0, 1});
  CHECK_THROWS_AS(set->get_batch(), std::invalid_argument);
  CHECK(set->get_batch() == std::vector<int>{4, 5});
  CHECK_FALSE(set->get_batch());
}

TEST_CASE("a saved place among the chunks is where the next epoch begins, once") {
  Sequential place(3);
  place.next(2);
  std::stringstream file;
  save(place, file);
  auto set = dataset(Counting({10, 5, 20}), Options(1, 20));
  load(*set, file);
  auto loader = make_data_loader(set, DataLoaderOptions(20));
  CHECK(epoch(loader).at(0).front() == 15);
  CHECK(epoch(loader).at(0).front() == 0);
}

TEST_CASE("a loader is left while preloaders wait for room") {
  auto loader = make_data_loader(dataset(Counting({9, 9, 9, 9}), Options(2, 3, 6)), DataLoaderOptions(3));
  CHECK(loader->begin()->size() == 3);
}

TEST_CASE("options that cannot work are refused, and so are other batch sizes") {
  auto make = [](Options options) { return Set(Counting({1}), Sequential(0), Sequential(0), options); };
  CHECK_THROWS_WITH(make(Options(0, 1)), Catch::Contains("Preloader count is 0"));
  CHECK_THROWS_WITH(make(Options(1, 0)), Catch::Contains("Batch size is 0"));
  CHECK_THROWS_WITH(make(Options(1, 1, 0)), Catch::Contains("Cache size is 0"));
  CHECK_THROWS_WITH(make(Options(1, 10, 5)), Catch::Contains("less than batch size"));
  CHECK_THROWS_WITH(make(Options(1, 1, 1, 0)), Catch::Contains("cross_chunk_shuffle_count"));
  auto set = dataset(Counting({1}), Options(1, 2));
  CHECK_THROWS_WITH(set->get_batch(), Catch::Contains("reset()"));
  set->reset();
  CHECK_THROWS_WITH(set->get_batch(3), Catch::Contains("requested batch size is 3"));
}
