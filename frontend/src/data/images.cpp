// MNIST and CIFAR-10.
#include "kiln/data/datasets.h"
#include "kiln/data/idx.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

namespace kiln::data {

namespace datasets {

namespace {

constexpr int kClasses = 10;

LabelledPixels read_mnist(const std::string& root, bool train) {
  constexpr std::int64_t kSize = 28;
  LabelledImages set = load(root, train ? Split::Train : Split::Test, kSize, kSize, kClasses);
  const std::int64_t count = set.count();
  return {std::move(set.images.bytes), {count, 1, kSize, kSize}, set.labels.bytes};
}

// A record: the label, then 32 x 32 bytes each of red, green and blue.
constexpr std::size_t kPixels = 3 * 32 * 32, kRecord = 1 + kPixels;

void read_cifar10_file(const std::filesystem::path& file, std::vector<std::uint8_t>& pixels,
                       std::vector<std::uint8_t>& labels) {
  std::error_code code;
  if (std::filesystem::is_directory(file, code))
    throw Error(file.string() + ": got a directory, wanted CIFAR-10's binary version");
  std::ifstream in(file, std::ios::binary);
  if (!in) throw Error(file.string() + ": cannot open: " + std::strerror(errno));
  std::uint8_t record[kRecord];
  while (in.read(reinterpret_cast<char*>(record), kRecord)) {
    if (record[0] >= kClasses)
      throw Error(file.string() + ": got label " + std::to_string(record[0]) + " in record " +
                  std::to_string(labels.size()) + ", wanted 0 to " + std::to_string(kClasses - 1));
    labels.push_back(record[0]);
    pixels.insert(pixels.end(), record + 1, record + kRecord);
  }
  if (in.bad()) throw Error(file.string() + ": cannot read: " + std::strerror(errno));
  if (in.gcount() != 0)
    throw Error(file.string() + ": cut: its last record has " + std::to_string(in.gcount()) +
                " bytes, wanted " + std::to_string(kRecord));
}

LabelledPixels read_cifar10(const std::string& root, bool train) {
  std::vector<std::uint8_t> pixels, labels;
  const std::filesystem::path directory(root);
  if (!train) read_cifar10_file(directory / "test_batch.bin", pixels, labels);
  for (int i = 1; train && i <= 5; ++i)
    read_cifar10_file(directory / ("data_batch_" + std::to_string(i) + ".bin"), pixels, labels);
  if (labels.empty()) throw Error(root + ": got no CIFAR-10 images, wanted at least one");
  return {std::move(pixels), {std::ssize(labels), 3, 32, 32}, labels};
}

} // namespace

MNIST::MNIST(const std::string& root, Mode mode)
    : rows_(read_mnist(root, mode == Mode::kTrain)), mode_(mode) {}
CIFAR10::CIFAR10(const std::string& root, Mode mode)
    : rows_(read_cifar10(root, mode == Mode::kTrain)), mode_(mode) {}

} // namespace datasets
} // namespace kiln::data
