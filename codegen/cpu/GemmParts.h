// The parts that Gemm.cpp puts together: index arithmetic, the register tile, packing. Internal to Gemm*.cpp.
#pragma once

#include "cpu/GemmPlan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

namespace kiln::codegen::cpu {

/// Index arithmetic that folds constants as it goes.
class Index {
public:
  Index(mlir::OpBuilder& builder, mlir::Location loc) : builder(builder), loc(loc) {}

  mlir::Value constant(std::int64_t value) const;
  mlir::Value add(mlir::Value a, mlir::Value b) const;
  mlir::Value add(mlir::Value a, std::int64_t b) const { return b == 0 ? a : add(a, constant(b)); }
  mlir::Value sub(mlir::Value a, mlir::Value b) const;
  mlir::Value mul(mlir::Value a, std::int64_t b) const;
  mlir::Value div(mlir::Value a, std::int64_t b) const; ///< a >= 0
  mlir::Value ceilDiv(mlir::Value a, std::int64_t b) const;
  mlir::Value rem(mlir::Value a, std::int64_t b) const; ///< a >= 0
  mlir::Value min(mlir::Value a, mlir::Value b) const;
  mlir::Value min(mlir::Value a, std::int64_t b) const { return min(a, constant(b)); }
  mlir::Value max(mlir::Value a, std::int64_t b) const;
  /// for (i = from; i < to; i += step); `body` gets i.
  void loop(mlir::Value from, mlir::Value to, std::int64_t step,
            llvm::function_ref<void(mlir::Value)> body) const;
  /// for (i = 0; i < count; i += step); `body` gets i. A loop of one round, when that is known, is none.
  void loop(mlir::Value count, std::int64_t step, llvm::function_ref<void(mlir::Value)> body) const;
  void loop(std::int64_t count, std::int64_t step, llvm::function_ref<void(mlir::Value)> body) const {
    loop(constant(count), step, body);
  }

  mlir::OpBuilder& builder;
  mlir::Location loc;
};

/// Elements in a cache line.
std::int64_t lineElements(mlir::Value memory);
/// Asks for the cache lines of memory[at, at + count), which need not lie within it.
void prefetch(const Index& index, mlir::Value memory, mlir::Value at, mlir::Value count);

/// Where a strip finds things. Row r of its tile lies at r * lhsRow on its left, and column tile c at
/// c * rhsTile on its right; a step of k adds lhsDepth and rhsDepth.
struct StripStrides {
  std::int64_t lhsRow = 0, lhsDepth = 0;
  std::int64_t lhsTile = 0;               ///< from one packed row tile to the next
  std::int64_t rhsTile = 0, rhsDepth = 0; ///< columns are adjacent
  std::int64_t sumsRow = 0;
  std::int64_t aheadRow = 0; ///< from row to row of what the next strip will read; 0: it is not asked for
};

/// Declares the private function
///   strip(lhs, lhsOffset, rhs, rhsOffset, sums, sumsOffset, depth, columns, ahead, aheadOffset)
/// that computes tileRows x columns sums over `depth` products, one register tile after the other, and stores
/// them, or adds them to what is there. The sums of a tile stay in registers. allDepth: K; `depth` is the
/// plan's blockDepth or what is left of K. Meanwhile it asks for the tileRows x depth elements at `ahead`.
mlir::func::FuncOp createStrip(mlir::ModuleOp module, mlir::Location loc, const GemmPlan& plan,
                               const StripStrides& strides, mlir::FloatType element, mlir::MemRefType lhs,
                               mlir::MemRefType rhs, mlir::MemRefType sums, mlir::MemRefType ahead,
                               bool accumulate, std::int64_t allDepth);

/// Depth of packed panels: K rounded up to whole vectors, as transposing works in squares.
std::int64_t packedDepth(const GemmShape& shape, const GemmPlan& plan);

/// Copies columns [column, column + blockColumns) of the right operand, all of K, into panels
/// packed[panel][k][tileColumns]. Columns beyond N are filled with something harmless.
void packRhs(const Index& index, const GemmShape& shape, const GemmPlan& plan, mlir::Value rhs,
             mlir::Value offset, mlir::Value column, mlir::Value packed);

/// lhsRow, lhsDepth and lhsTile of the packed left operand.
StripStrides packedLhsStrides(const GemmShape& shape, const GemmPlan& plan);
/// Elements of what is packed of the left operand at a time.
std::int64_t packedLhsSize(const GemmShape& shape, const GemmPlan& plan);
/// Whether the left operand is packed tile by tile, else all tiles of a chunk at once.
bool packsLhsTiles(const GemmShape& shape);
/// Copies depth [depth0, depth0 + depth) of one tile's rows from `row`, or of all tiles of [row, row + rows).
/// Rows beyond M are filled with something harmless.
void packLhs(const Index& index, const GemmShape& shape, const GemmPlan& plan, mlir::Value lhs,
             mlir::Value offset, mlir::Value row, mlir::Value rows, mlir::Value depth0, mlir::Value depth,
             mlir::Value packed);

} // namespace kiln::codegen::cpu
