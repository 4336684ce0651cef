// Eager evaluation. Elementwise programs are one-dimensional and keyed by pattern, not by size: the iteration
// is collapsed here, each operand is then either contiguous along the inner loop or one element for all of
// it, and outer loops step the pointers. Random draws are made of pieces of one size.
#include "core/eager.h"

#include "core/movement.h"
#include "core/programs.h"
#include "kiln/ir/infer.h"
#include "kiln/runtime/cache.h"
#include "kiln/runtime/parallel.h"
#include "kiln/runtime/philox.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace kiln::internal {

namespace {

constexpr std::size_t kMaxOperands = 8;

// A content hash made on the way, so that a hit builds no Program. Two lanes of multiply and xorshift.
struct KeyHasher {
  std::uint64_t a = 0x243f6a8885a308d3u, b = 0x13198a2e03707344u;
  void mix(std::uint64_t value) {
    a = (a ^ value) * 0x9e3779b97f4a7c15u;
    a ^= a >> 29;
    b = (b + value) * 0xc2b2ae3d27d4eb4fu;
    b ^= b >> 31;
  }
  void text(std::string_view text) {
    mix(text.size());
    while (!text.empty()) {
      std::uint64_t word = 0;
      const std::size_t n = std::min<std::size_t>(8, text.size());
      std::memcpy(&word, text.data(), n);
      mix(word);
      text.remove_prefix(n);
    }
  }
  void attr(const ir::Attr& attr) {
    mix(attr.index());
    if (const auto* flag = std::get_if<bool>(&attr))
      mix(*flag);
    else if (const auto* integer = std::get_if<std::int64_t>(&attr))
      mix(static_cast<std::uint64_t>(*integer));
    else if (const auto* real = std::get_if<double>(&attr))
      mix(std::bit_cast<std::uint64_t>(*real));
    else if (const auto* word = std::get_if<std::string>(&attr))
      text(*word);
    else {
      const auto& list = std::get<std::vector<std::int64_t>>(attr);
      mix(list.size());
      for (std::int64_t value : list)
        mix(static_cast<std::uint64_t>(value));
    }
  }
  runtime::Key key() const { return {a ^ (b >> 7), b ^ (a << 11)}; }
};

using OneOpPrograms = runtime::KeyMap<std::shared_ptr<runtime::Executable>>;
OneOpPrograms& one_op_programs() {
  static auto* map = new OneOpPrograms;
  return *map;
}

const runtime::Executable& one_op(runtime::Key key, std::string_view op, const Attributes& attrs,
                                  std::span<const TensorType> types) {
  if (const auto* found = one_op_programs().find(key)) return **found;
  ir::Program program;
  program.name = op;
  std::vector<ir::ValueId> operands;
  for (const TensorType& type : types)
    operands.push_back(program.add_input(type));
  program.outputs = program.add_call(op, std::move(operands), attrs);
  auto executable = load_program(program).forward;
  return **(
      &one_op_programs().insert(key, std::make_unique<std::shared_ptr<runtime::Executable>>(executable)));
}

// The result's dimensions, collapsed: adjacent ones merge where every operand goes through both or through
// neither.
struct Iteration {
  std::size_t rank = 0;
  std::array<std::int64_t, Shape::kMaxRank> sizes{};
  std::array<std::array<std::int64_t, Shape::kMaxRank>, kMaxOperands> strides{}; // in elements, by operand
};

Iteration collapse(const Shape& result, std::span<const Tensor> operands) {
  Iteration it;
  std::uint32_t previous = ~0u;
  for (std::size_t d = 0; d < result.rank(); ++d) {
    if (result[d] == 1) continue;
    std::uint32_t moves = 0;
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const Shape& shape = operands[i].impl()->type.shape;
      const std::size_t skipped = result.rank() - shape.rank();
      if (d >= skipped && shape[d - skipped] != 1) moves |= 1u << i;
    }
    if (moves == previous)
      it.sizes[it.rank - 1] *= result[d];
    else
      it.sizes[it.rank++] = result[d];
    for (std::size_t i = 0; i < operands.size(); ++i)
      it.strides[i][it.rank - 1] = (moves >> i) & 1;
    previous = moves;
  }
  if (it.rank == 0) it.sizes[it.rank++] = 1;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    std::int64_t stride = 1;
    for (std::size_t d = it.rank; d-- > 0;) {
      if (!it.strides[i][d]) continue;
      it.strides[i][d] = stride;
      stride *= it.sizes[d];
    }
  }
  return it;
}

runtime::Buffer elementwise(std::string_view op, const Attributes& attrs, std::span<const Tensor> operands,
                            const TensorType& result) {
  runtime::Buffer output = runtime::Buffer::allocate(static_cast<std::size_t>(result.bytes()));
  const std::int64_t count = result.shape.numel();
  if (count == 0) return output;
  const Iteration it = collapse(result.shape, operands);
  const std::size_t inner = it.rank - 1;

  KeyHasher hasher;
  hasher.text(op);
  for (const auto& attr : attrs)
    hasher.attr(attr.value);
  std::array<TensorType, kMaxOperands> types;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const bool full = it.strides[i][inner] != 0;
    types[i].dtype = operands[i].impl()->type.dtype;
    if (full) types[i].shape = Shape{Shape::kDynamic};
    hasher.mix(static_cast<std::uint64_t>(types[i].dtype) * 2 + full);
  }
  // All operands splat: give the first a dimension, so that there is a loop at all.
  bool any = false;
  for (std::size_t i = 0; i < operands.size(); ++i)
    any |= types[i].shape.rank() != 0;
  if (!any && !operands.empty()) types[0].shape = Shape{Shape::kDynamic}, hasher.mix(1);
  const runtime::Executable& program =
      one_op(hasher.key(), op, attrs, std::span(types.data(), operands.size()));

  std::array<void*, kMaxOperands + 1> args;
  std::array<std::byte*, kMaxOperands + 1> base;
  std::array<std::int64_t, kMaxOperands + 1> width;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    base[i] = operands[i].impl()->storage->buffer.as<std::byte>();
    width[i] = static_cast<std::int64_t>(itemsize(operands[i].impl()->type.dtype));
  }
  base[operands.size()] = output.as<std::byte>();
  const std::int64_t rows = count / it.sizes[inner];
  std::array<std::int64_t, Shape::kMaxRank> index{};
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::size_t i = 0; i < operands.size(); ++i) {
      std::int64_t offset = 0;
      for (std::size_t d = 0; d < inner; ++d)
        offset += index[d] * it.strides[i][d];
      args[i] = base[i] + offset * width[i];
    }
    args[operands.size()] =
        base[operands.size()] + row * it.sizes[inner] * static_cast<std::int64_t>(itemsize(result.dtype));
    program.run_elementwise(args.data(), it.sizes[inner]);
    for (std::size_t d = inner; d-- > 0;) {
      if (++index[d] < it.sizes[d]) break;
      index[d] = 0;
    }
  }
  return output;
}

// By one program for all sizes: pieces of it, the last one cut. `state`: seed and offset.
runtime::Buffer draw_by_pieces(const ir::OpRecord& record, Attributes attrs, const Tensor& state,
                               const TensorType& result) {
  constexpr std::int64_t kPiece = 1024, kPiecesAtLeast = 16; // of a thread
  constexpr std::size_t kMostSequences = 2;
  runtime::Buffer output = runtime::Buffer::allocate(static_cast<std::size_t>(result.bytes()));
  const std::int64_t count = result.shape.numel();
  const auto* from = state.impl()->storage->buffer.as<std::int64_t>();
  const auto apart = static_cast<std::int64_t>(runtime::random_advance(static_cast<std::uint64_t>(count)));
  const TensorType states{DType::Int64, {2 * record.sequences}};
  KeyHasher hasher;
  hasher.text(record.name);
  for (ir::NamedAttr& attr : attrs) {
    if (attr.name == "shape") attr.value = std::vector{kPiece};
    hasher.text(attr.name), hasher.attr(attr.value);
  }
  const runtime::Executable& program = one_op(hasher.key(), record.name, attrs, std::span(&states, 1));
  const std::size_t width = itemsize(result.dtype);
  auto draw = [&](std::int64_t begin, std::int64_t end) {
    alignas(64) std::byte last[kPiece * sizeof(double)];
    for (std::int64_t piece = begin; piece < end; ++piece) {
      const std::int64_t first = piece * kPiece, left = count - first;
      std::int64_t at[2 * kMostSequences];
      for (int i = 0; i < record.sequences; ++i)
        at[2 * i] = from[0], at[2 * i + 1] = from[1] + i * apart + first;
      std::byte* const to = output.as<std::byte>() + static_cast<std::size_t>(first) * width;
      void* const in = at;
      void* const out = left < kPiece ? last : to;
      program.run(std::span(&in, 1), std::span(&out, 1));
      if (left < kPiece) std::memcpy(to, last, static_cast<std::size_t>(left) * width);
    }
  };
  runtime::parallel_for((count + kPiece - 1) / kPiece, kPiecesAtLeast, draw);
  return output;
}

} // namespace

runtime::Buffer evaluate(const ir::OpRecord& record, const Attributes& attrs,
                         std::span<const Tensor> operands, const TensorType& result) {
  if (record.movement != ir::Movement::None) return move(record, attrs, operands, result);
  const std::string_view op = record.name;
  if (record.elementwise && operands.size() <= kMaxOperands) return elementwise(op, attrs, operands, result);
  if (record.sequences > 0) return draw_by_pieces(record, attrs, operands[0], result);

  KeyHasher hasher;
  hasher.text(op);
  for (const auto& attr : attrs)
    hasher.text(attr.name), hasher.attr(attr.value);
  std::vector<TensorType> types;
  std::vector<void*> inputs;
  for (const Tensor& x : operands) {
    const TensorType& type = x.impl()->type;
    types.push_back(type);
    inputs.push_back(x.impl()->storage->buffer.data());
    hasher.mix(static_cast<std::uint64_t>(type.dtype) + 16 * type.shape.rank());
    for (std::int64_t d : type.shape)
      hasher.mix(static_cast<std::uint64_t>(d));
  }
  runtime::Buffer output = runtime::Buffer::allocate(static_cast<std::size_t>(result.bytes()));
  if (result.shape.numel() == 0) return output;
  const runtime::Executable& program = one_op(hasher.key(), op, attrs, types);
  // A program whose result is an input's memory under another shape writes nothing.
  if (const std::int64_t alias = program.output_alias(0);
      alias >= 0 && alias < static_cast<std::int64_t>(operands.size()))
    return operands[static_cast<std::size_t>(alias)].impl()->storage->buffer;
  void* out = output.data();
  program.run(inputs, std::span(&out, 1));
  return output;
}

} // namespace kiln::internal
