// See buffer.h.
#include "buffer.h"

#include "kiln/runtime/error.h"

#include <random>

namespace kiln::test {
namespace {
template <typename T> void fill(Buffer& buffer, std::mt19937_64& generator, double low, double high) {
  std::uniform_real_distribution<double> numbers(low, high);
  for (T& value : buffer.as<T>())
    value = static_cast<T>(numbers(generator));
}
} // namespace

Buffer zeros(const TensorType& type) {
  return {type, std::vector<std::byte>(static_cast<std::size_t>(type.bytes()))};
}

Buffer random(const TensorType& type, unsigned seed, double low, double high) {
  Buffer result = zeros(type);
  std::mt19937_64 generator(seed);
  switch (type.dtype) {
  case DType::Float32:
    fill<float>(result, generator, low, high);
    break;
  case DType::Float64:
    fill<double>(result, generator, low, high);
    break;
  case DType::Int64:
    fill<std::int64_t>(result, generator, low, high);
    break;
  case DType::Int32:
    fill<std::int32_t>(result, generator, low, high);
    break;
  case DType::Bool:
    for (std::byte& value : result.bytes)
      value = std::byte(generator() & 1);
    break;
  default:
    throw Error("random: " + std::string(name(type.dtype)) + " is not supported in tests");
  }
  return result;
}

} // namespace kiln::test
