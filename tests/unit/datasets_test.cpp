// Datasets, transforms and samplers: what a batch holds, and files that are not what they should be.
#include "../support/temporary_folder.h"

#include <kiln/data.h>
#include <kiln/data/idx.h>
#include <kiln/kiln.h>

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <set>
#include <unistd.h>

using namespace kiln;
using namespace kiln::data;
using Catch::Matchers::Message;
namespace fs = std::filesystem;

namespace {

void write_cifar(const fs::path& file, int records, std::uint8_t label, std::size_t cut = 0) {
  std::string bytes;
  for (int i = 0; i < records; ++i)
    bytes += std::string(1, static_cast<char>(label)) + std::string(3072, static_cast<char>(i));
  bytes.resize(bytes.size() - cut);
  std::ofstream(file, std::ios::binary) << bytes;
}

} // namespace

TEST_CASE("gathered batches are what stacking single samples gives") {
  manual_seed(1);
  const Tensor x = randn({10, 1, 4, 4}), y = arange(10);
  const std::vector<std::size_t> rows = {3, 3, 9, 0};
  datasets::PairDataset pair(x, y);
  auto fast = pair.map(transforms::Normalize<>(0.25, 3.0)).map(transforms::Stack<>());
  auto slow = pair.map(transforms::Normalize<>(0.25, 3.0))
                  .map(transforms::Lambda<Example<>>([](Example<> e) { return e; })) // hides the rows
                  .map(transforms::Stack<>());
  const Example<> a = fast.get_batch(rows), b = slow.get_batch(rows);
  CHECK(a.data.equal(b.data));
  CHECK(a.target.equal(b.target));
  CHECK(a.target.equal(tensor({3, 3, 9, 0})));
  CHECK(a.data.equal(((x - 0.25) / 3.0).index_select(0, tensor({3, 3, 9, 0}))));
}

TEST_CASE("rows of a view follow what is written to its base") {
  Tensor base = arange(12).view({6, 2});
  auto dataset = datasets::TensorDataset(base.narrow(0, 2, 4)).map(transforms::Stack<TensorExample>());
  const std::vector<std::size_t> rows = {0, 3};
  CHECK(dataset.get_batch(rows).data.equal(tensor({{4, 5}, {10, 11}})));
  base.zero_();
  CHECK(dataset.get_batch(rows).data.equal(zeros({2, 2}, kInt64)));
}

TEST_CASE("normalising channels of samples without a channel dimension broadcasts as the ops do") {
  auto dataset = datasets::TensorDataset(ones({3, 5}))
                     .map(transforms::Normalize<void>(0.5, 2.0))
                     .map(transforms::Stack<TensorExample>());
  CHECK(dataset.get_batch(std::vector<std::size_t>{0, 2}).data.sizes() == IntArrayRef({2, 1, 1, 5}));
}

TEST_CASE("datasets of tensors refuse what has no rows, lengths that differ and indices beyond the end") {
  CHECK_THROWS_MATCHES(datasets::TensorDataset(zeros({})), Error,
                       Message("dataset: got a tensor of no dimensions, wanted rows"));
  CHECK_THROWS_MATCHES(datasets::PairDataset(zeros({3, 1}), zeros({2})), Error,
                       Message("PairDataset: got 2 targets, wanted 3, one for each sample"));
  auto dataset = datasets::TensorDataset(zeros({3, 1})).map(transforms::Stack<TensorExample>());
  CHECK_THROWS_MATCHES(dataset.get_batch(std::vector<std::size_t>{1, 3}), Error,
                       Message("dataset: index 3 is out of range for 3 samples"));
}

TEST_CASE("MNIST is read from IDX files") {
  test::TemporaryFolder dir;
  std::vector<std::uint8_t> pixels(3 * 28 * 28);
  std::iota(pixels.begin(), pixels.end(), 0);
  write_idx(dir.path / "t10k-images-idx3-ubyte", {{3, 28, 28}, pixels});
  write_idx(dir.path / "t10k-labels-idx1-ubyte", {{3}, {7, 0, 9}});
  datasets::MNIST test(dir.path.string(), datasets::MNIST::Mode::kTest);
  CHECK(test.size() == 3);
  CHECK_FALSE(test.is_train());
  CHECK(test.images().sizes() == IntArrayRef({3, 1, 28, 28}));
  CHECK(test.targets().equal(tensor({7, 0, 9})));
  const Tensor image = test.get(1).data.flatten(); // has each of the 256 values
  std::vector<float> wanted;
  for (std::size_t i = 28 * 28; i < 2 * 28 * 28; ++i)
    wanted.push_back(static_cast<float>(pixels[i]) / 255);
  CHECK(image.equal(tensor(wanted)));
  CHECK(test.get(2).target.item<int>() == 9);
  CHECK_THROWS_AS(datasets::MNIST(dir.path.string()), Error);
}

TEST_CASE("CIFAR-10 is read from its binary version") {
  test::TemporaryFolder dir;
  write_cifar(dir.path / "test_batch.bin", 2, 4);
  datasets::CIFAR10 test(dir.path.string(), datasets::CIFAR10::Mode::kTest);
  CHECK(test.size() == 2);
  CHECK(test.images().sizes() == IntArrayRef({2, 3, 32, 32}));
  CHECK(test.get(1).data.equal(full({3, 32, 32}, static_cast<double>(1.0F / 255), kFloat32)));
  CHECK(test.targets().equal(tensor({4, 4})));
  const std::string file = (dir.path / "test_batch.bin").string();
  auto read = [&] { return datasets::CIFAR10(dir.path.string(), datasets::CIFAR10::Mode::kTest); };
  write_cifar(file, 2, 10);
  CHECK_THROWS_MATCHES(read(), Error, Message(file + ": got label 10 in record 0, wanted 0 to 9"));
  write_cifar(file, 2, 1, 5);
  CHECK_THROWS_MATCHES(read(), Error, Message(file + ": cut: its last record has 3068 bytes, wanted 3073"));
  write_cifar(file, 0, 1);
  CHECK_THROWS_MATCHES(read(), Error,
                       Message(dir.path.string() + ": got no CIFAR-10 images, wanted at least one"));
  fs::remove(file);
  CHECK_THROWS_MATCHES(read(), Error, Message(file + ": cannot open: No such file or directory"));
}

TEST_CASE("distributed samplers share the samples out") {
  auto all = [](auto make) {
    std::multiset<std::size_t> seen;
    for (std::size_t rank = 0; rank < 3; ++rank) {
      auto sampler = make(rank);
      while (auto batch = sampler.next(2))
        seen.insert(batch->begin(), batch->end());
    }
    return seen;
  };
  using Seen = std::multiset<std::size_t>;
  CHECK(all([](std::size_t rank) { return samplers::DistributedSequentialSampler(7, 3, rank); }) ==
        Seen{0, 0, 1, 1, 2, 3, 4, 5, 6});
  CHECK(all([](std::size_t rank) { return samplers::DistributedSequentialSampler(7, 3, rank, false); }) ==
        Seen{0, 1, 2, 3, 4, 5});
  const Seen random = all([](std::size_t rank) { return samplers::DistributedRandomSampler(7, 3, rank); });
  CHECK(random.size() == 9);
  CHECK(std::set<std::size_t>(random.begin(), random.end()).size() == 7);
  CHECK(all([](std::size_t rank) { return samplers::DistributedRandomSampler(6, 3, rank); }) ==
        Seen{0, 1, 2, 3, 4, 5});

  samplers::DistributedRandomSampler a(100), b(100);
  CHECK(*a.next(100) == *b.next(100));
  b.set_epoch(1);
  a.reset();
  b.reset();
  CHECK(*a.next(100) != *b.next(100));
  CHECK_THROWS_MATCHES(samplers::DistributedRandomSampler(5, 2, 2), Error,
                       Message("DistributedSampler: got rank 2, wanted one below num_replicas 2"));
}

TEST_CASE("samplers stop at the end and start over") {
  samplers::SequentialSampler sequential(5);
  CHECK(*sequential.next(2) == std::vector<std::size_t>{0, 1});
  CHECK(*sequential.next(9) == std::vector<std::size_t>{2, 3, 4});
  CHECK_FALSE(sequential.next(1));
  sequential.reset(2);
  CHECK(*sequential.next(9) == std::vector<std::size_t>{0, 1});
  samplers::RandomSampler random(10, kInt32);
  CHECK(random.next(4)->size() == 4);
  CHECK(random.index() == 4);
  random.reset(3);
  CHECK(random.next(10)->size() == 3);
  CHECK_FALSE(random.next(1));
}

TEST_CASE("images in bytes give the batches that their float tensor gives") {
  test::TemporaryFolder scratch;
  std::string bytes;
  for (int i = 0; i < 6; ++i) {
    bytes += static_cast<char>(i);
    for (int pixel = 0; pixel < 3072; ++pixel)
      bytes += static_cast<char>(pixel * 7 + i * 31);
  }
  std::ofstream(scratch.path / "test_batch.bin", std::ios::binary) << bytes;
  const std::vector<std::size_t> rows = {5, 0, 5, 2};
  auto read = [&] { return datasets::CIFAR10(scratch.path.string(), datasets::CIFAR10::Mode::kTest); };
  datasets::CIFAR10 set = read();
  const Example<> from_bytes = *set.get_stacked(rows);
  const Tensor one = set.get(5).data;
  CHECK(from_bytes.data.equal(set.images().index_select(0, tensor({5, 0, 5, 2}))));
  CHECK(from_bytes.target.equal(tensor({5, 0, 5, 2})));
  CHECK(one.equal(set.images()[5]));
  CHECK(set.images()[1][0][0][2].item<float>() == static_cast<float>((2 * 7 + 31) % 256) / 255);
  // From then on batches follow the tensor.
  set.images()[2].fill_(0.5);
  CHECK(set.get_stacked(rows)->data[3].equal(full({3, 32, 32}, 0.5)));
  CHECK_THROWS_WITH(read().get_stacked(std::vector<std::size_t>{6}), Catch::Contains("index 6"));
}
