// What a sorting kernel is made of. A row's elements become integer keys in whose signed order they come;
// beside each stands its place. Which pairs are wanted is found without sorting (Select.cpp), and those are
// sorted (SortPairs.cpp).
#pragma once

#include "cpu/Nest.h"

#include "Scalar.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace kiln::codegen::cpu {

/// How elements become keys.
struct KeyOrder {
  mlir::Type element; ///< signless or float
  mlir::Type key;     ///< i32, or i64 for elements of 8 bytes
  bool isUnsigned = false, descending = false;
  unsigned bits = 0; ///< keys lie in [-2^(bits-1), 2^(bits-1))

  KeyOrder(mlir::Type element, bool isUnsigned, bool descending);
  std::int64_t keyBytes() const { return key.getIntOrFloatBitWidth() / 8; }
  std::int64_t least() const {
    return static_cast<std::int64_t>(~std::uint64_t(0) << (bits - 1)); // -2^(bits-1)
  }
  /// The keys of elements, one or a vector; NaN counts as the largest element, -0 is 0.
  mlir::Value of(Frame& frame, mlir::Value elements) const;
};

/// What the parts are written with.
struct SortCode {
  using Predicate = mlir::arith::CmpIPredicate;
  using Value = mlir::Value;

  Frame& frame;
  mlir::OpBuilder& b = frame.builder;

  template <typename OpTy, typename... Args> Value make(Args... args) {
    return OpTy::create(b, frame.loc, args...);
  }
  Value number(mlir::Type type, std::int64_t value) {
    return ir::Scalars(b, frame.loc).bits(type, static_cast<std::uint64_t>(value));
  }
  Value compare(Predicate predicate, Value x, Value y) { return make<mlir::arith::CmpIOp>(predicate, x, y); }
  Value select(Value condition, Value x, Value y) { return make<mlir::arith::SelectOp>(condition, x, y); }
  Value load(Value memory, Value at) { return make<mlir::memref::LoadOp>(memory, at); }
  void store(Value value, Value memory, Value at) {
    mlir::memref::StoreOp::create(b, frame.loc, value, memory, at);
  }
};

/// Keys and i32 places, flat memrefs.
struct Pairs {
  mlir::Value keys, places;
};

/// Keys of a row: `size` of them, then largest ones up to a multiple of `padding(lanes)`.
struct RowKeys {
  mlir::Value keys;
  std::int64_t size;
  int lanes;

  static constexpr int kUnroll = 4;
  static std::int64_t padding(int lanes) { return std::int64_t(kUnroll) * lanes; }
};

/// Writes the pairs that come number `first` to first + count - 1 in sorted order to the front of `chosen`
/// (room for one more), in the order of their places.
void emitSelect(Frame& frame, const KeyOrder& order, const RowKeys& row, std::int64_t first,
                std::int64_t count, const Pairs& chosen);

/// Pairs in a half of the double buffer that emitSortPairs works in, and the bytes of its counters.
std::int64_t sortCounterBytes(const KeyOrder& order, std::int64_t count);
double sortNanoseconds(const KeyOrder& order, std::int64_t count);
/// Sorts the first `count` pairs, equal keys staying as they stand; returns where the result begins (0 or
/// stride). Pairs: memrefs of 2 * stride elements; counters: memref of sortCounterBytes / 4 x i32.
mlir::Value emitSortPairs(Frame& frame, const KeyOrder& order, const Pairs& pairs, std::int64_t count,
                          std::int64_t stride, mlir::Value counters);

} // namespace kiln::codegen::cpu
