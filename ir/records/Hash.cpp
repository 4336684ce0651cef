// Content hash of a program: MurmurHash3 (x64, 128 bits) over a canonical sequence of 64-bit words.
// Every list is preceded by its length, so that no two programs have the same sequence.
#include "kiln/ir/program.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace kiln::ir {
namespace {

class Hasher {
public:
  void word(std::uint64_t value) {
    if (length_++ % 2 == 0)
      pending_ = value;
    else
      mix(pending_, value);
  }

  void text(std::string_view value) {
    word(value.size());
    for (std::size_t i = 0; i < value.size(); i += 8) {
      std::uint64_t piece = 0;
      std::memcpy(&piece, value.data() + i, std::min<std::size_t>(8, value.size() - i));
      word(piece);
    }
  }

  template <typename Range, typename F> void list(const Range& range, F&& each) {
    word(range.size());
    for (const auto& element : range)
      each(element);
  }

  Hash finish() {
    std::uint64_t count = length_;
    if (length_ % 2 == 1) word(0);
    a_ ^= count, b_ ^= count;
    a_ += b_, b_ += a_;
    a_ = avalanche(a_), b_ = avalanche(b_);
    a_ += b_, b_ += a_;
    return {a_, b_};
  }

private:
  void mix(std::uint64_t k1, std::uint64_t k2) {
    constexpr std::uint64_t c1 = 0x87c37b91114253d5, c2 = 0x4cf5ad432745937f;
    a_ ^= std::rotl(k1 * c1, 31) * c2;
    a_ = (std::rotl(a_, 27) + b_) * 5 + 0x52dce729;
    b_ ^= std::rotl(k2 * c2, 33) * c1;
    b_ = (std::rotl(b_, 31) + a_) * 5 + 0x38495ab5;
  }

  static std::uint64_t avalanche(std::uint64_t k) {
    k = (k ^ (k >> 33)) * 0xff51afd7ed558ccd;
    k = (k ^ (k >> 33)) * 0xc4ceb9fe1a85ec53;
    return k ^ (k >> 33);
  }

  std::uint64_t a_ = 0, b_ = 0, pending_ = 0, length_ = 0;
};

void add(Hasher& hasher, const TensorType& type) {
  hasher.word(static_cast<std::uint64_t>(type.dtype));
  hasher.list(type.shape.dims(), [&](std::int64_t dim) { hasher.word(static_cast<std::uint64_t>(dim)); });
}

void add(Hasher& hasher, const NamedAttr& attr) {
  struct Visitor {
    Hasher& hasher;
    void operator()(bool value) { hasher.word(value); }
    void operator()(std::int64_t value) { hasher.word(static_cast<std::uint64_t>(value)); }
    void operator()(double value) { hasher.word(std::bit_cast<std::uint64_t>(value)); }
    void operator()(const std::string& value) { hasher.text(value); }
    void operator()(const std::vector<std::int64_t>& value) {
      hasher.list(value, [this](std::int64_t element) { (*this)(element); });
    }
  };
  hasher.text(attr.name);
  hasher.word(attr.value.index());
  std::visit(Visitor{hasher}, attr.value);
}

} // namespace

Hash hash(const Program& program) {
  Hasher hasher;
  auto id = [&](std::uint32_t value) { hasher.word(value); };
  hasher.list(program.values, [&](const TensorType& type) { add(hasher, type); });
  hasher.word(program.inputs);
  hasher.list(program.calls, [&](const OpCall& call) {
    hasher.text(call.op);
    hasher.list(call.operands, id);
    hasher.list(call.attrs, [&](const NamedAttr& attr) { add(hasher, attr); });
    hasher.list(call.results, id);
  });
  hasher.list(program.outputs, id);
  hasher.list(program.donations, [&](const auto& donation) { id(donation.first), id(donation.second); });
  hasher.word(program.forwardInputs);
  hasher.word(program.forwardOutputs);
  return hasher.finish();
}

std::string Hash::hex() const {
  std::string text;
  for (std::uint64_t half : {hi, lo})
    for (int shift = 60; shift >= 0; shift -= 4)
      text += "0123456789abcdef"[half >> shift & 15];
  return text;
}

} // namespace kiln::ir
