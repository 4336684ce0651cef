// Puts a matrix product kernel together from strips, the packing and the epilogue. Every element of the
// result is summed by one item, in order of k, so neither the number of threads nor the grain changes a bit.
#include "cpu/Gemm.h"

#include "cpu/GemmParts.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {

/// Where things lie in a thread's scratch, in bytes.
struct ScratchLayout {
  /// The number of the packed block of the right operand, from one; zero at a thread's first call.
  static constexpr std::int64_t kHead = 64;
  std::int64_t rhs = 0, lhs = 0, sums = 0, bytes = kHead;
  std::int64_t rhsSize = 0, lhsSize = 0, sumsSize = 0; ///< elements

  ScratchLayout(const GemmShape& shape, const GemmPlan& plan) {
    if (plan.packRhs != RhsPacking::None) rhsSize = packedDepth(shape, plan) * plan.blockColumns;
    if (plan.packLhs) lhsSize = packedLhsSize(shape, plan);
    bool blocked = plan.blockDepth < shape.k;
    if (!plan.storeSums) sumsSize = (blocked ? plan.chunkRows : plan.tileRows) * plan.blockColumns;
    std::int64_t element = shape.elementBytes();
    auto place = [&](std::int64_t size) {
      std::int64_t at = bytes;
      bytes += llvm::alignTo(size * element, 64);
      return at;
    };
    rhs = place(rhsSize);
    lhs = place(lhsSize);
    sums = place(sumsSize);
  }
};

std::int64_t chunks(const GemmShape& shape, const GemmPlan& plan) {
  return llvm::divideCeil(shape.m, plan.chunkRows);
}
std::int64_t blocks(const GemmShape& shape, const GemmPlan& plan) {
  return llvm::divideCeil(shape.n, plan.blockColumns);
}

/// Emits one kernel's body.
class Emitter {
public:
  Emitter(OpBuilder& builder, ModuleOp module, const KernelFunction& kernel, Value lhs, Value rhs,
          Value result, const GemmShape& shape, const GemmPlan& plan, const GemmEpilogue& epilogue)
      : index(builder, func::FuncOp(kernel.func).getLoc()), module(module), kernel(kernel), lhs(lhs),
        rhs(rhs), sums(result), shape(shape), plan(plan), layout(shape, plan), epilogue(epilogue) {}

  void emit() {
    if (!plan.storeSums) sums = view(layout.sums, layout.sumsSize);
    if (layout.rhsSize) packedRhs = view(layout.rhs, layout.rhsSize);
    if (layout.lhsSize) packedLhs = view(layout.lhs, layout.lhsSize);
    declareStrip();
    auto loop = scf::ForOp::create(index.builder, index.loc, kernel.begin, kernel.end, index.constant(1));
    OpBuilder::InsertionGuard guard(index.builder);
    index.builder.setInsertionPointToStart(loop.getBody());
    emitItem(loop.getInductionVar());
  }

private:
  Value view(std::int64_t byte, std::int64_t size) {
    auto type = MemRefType::get({size}, shape.element);
    return memref::ViewOp::create(index.builder, index.loc, type, kernel.scratch, index.constant(byte),
                                  ValueRange{});
  }

  bool blocked() const { return plan.blockDepth < shape.k; }

  void declareStrip() {
    StripStrides strides;
    if (plan.packLhs) {
      strides = packedLhsStrides(shape, plan);
    } else {
      strides.lhsRow = shape.lhs.rowStride;
      strides.lhsDepth = shape.lhs.columnStride;
    }
    bool inPlace = plan.packRhs == RhsPacking::None;
    strides.rhsTile = plan.tileColumns() * (inPlace ? 1 : packedDepth(shape, plan));
    strides.rhsDepth = inPlace ? shape.rhs.rowStride : plan.tileColumns();
    strides.sumsRow = plan.storeSums ? shape.result->rowStride : plan.blockColumns;
    // What is read in place is short of K or used again soon, so it pays to ask ahead for copies alone.
    if (plan.packLhs && packsLhsTiles(shape)) strides.aheadRow = shape.lhs.rowStride;
    strip = createStrip(module, index.loc, plan, strides, shape.element,
                        cast<MemRefType>((plan.packLhs ? packedLhs : lhs).getType()),
                        cast<MemRefType>((packedRhs ? packedRhs : rhs).getType()),
                        cast<MemRefType>(sums.getType()), cast<MemRefType>(lhs.getType()),
                        /*accumulate=*/blocked(), shape.k);
  }

  /// item = (batch, column block, row chunk), the last fastest.
  void emitItem(Value item) {
    std::int64_t perBlock = chunks(shape, plan), perBatch = perBlock * blocks(shape, plan);
    Value batch = index.div(item, perBatch);
    Value chunk = index.rem(item, perBlock);
    column = index.mul(index.rem(index.div(item, perBlock), blocks(shape, plan)), plan.blockColumns);
    Value chunkRow = index.mul(chunk, plan.chunkRows);
    lhsOffset = index.constant(shape.lhs.offset);
    rhsOffset = index.constant(shape.rhs.offset);
    if (plan.storeSums) resultOffset = index.constant(shape.result->offset);
    decodeBatch(batch);
    if (packedRhs) emitPackRhs(item);
    columns = index.min(index.sub(index.constant(shape.n), column), plan.blockColumns);
    rows = index.min(index.sub(index.constant(shape.m), chunkRow), plan.chunkRows);
    if (blocked())
      emitBlocked(chunkRow);
    else
      emitAtOnce(chunkRow);
  }

  void decodeBatch(Value batch) {
    batchIndices.assign(shape.batch.size(), Value());
    for (std::size_t d = shape.batch.size(); d-- > 0;) {
      batchIndices[d] = d == 0 ? batch : index.rem(batch, shape.batch[d]);
      batch = index.div(batch, shape.batch[d]);
      lhsOffset = index.add(lhsOffset, index.mul(batchIndices[d], shape.lhs.batchStrides[d]));
      rhsOffset = index.add(rhsOffset, index.mul(batchIndices[d], shape.rhs.batchStrides[d]));
      if (plan.storeSums)
        resultOffset = index.add(resultOffset, index.mul(batchIndices[d], shape.result->batchStrides[d]));
    }
  }

  /// Unless it is the block that this thread packed last, be it in an earlier call of the launch.
  void emitPackRhs(Value item) {
    OpBuilder& builder = index.builder;
    auto type = MemRefType::get({1}, builder.getIndexType());
    Value head =
        memref::ViewOp::create(builder, index.loc, type, kernel.scratch, index.constant(0), ValueRange{});
    Value number = index.add(index.div(item, chunks(shape, plan)), 1), zero = index.constant(0);
    Value packed = memref::LoadOp::create(builder, index.loc, head, zero);
    Value needed = arith::CmpIOp::create(builder, index.loc, arith::CmpIPredicate::ne, packed, number);
    auto branch = scf::IfOp::create(builder, index.loc, needed, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(branch.thenBlock());
    packRhs(index, shape, plan, rhs, rhsOffset, column, packedRhs);
    memref::StoreOp::create(builder, index.loc, number, head, zero);
  }

  /// All of K for one tile of rows after the other, whose sums are used at once.
  void emitAtOnce(Value chunkRow) {
    Value depth0 = index.constant(0), depth = index.constant(shape.k);
    packLhsChunk(chunkRow, depth0, depth);
    index.loop(rows, plan.tileRows, [&](Value i) {
      Value row = index.add(chunkRow, i);
      if (plan.storeSums)
        return emitStrip(row, i, depth0, depth,
                         index.add(index.add(resultOffset, column), index.mul(row, shape.result->rowStride)));
      emitStrip(row, i, depth0, depth, index.constant(0));
      finish(row, index.min(index.sub(rows, i), plan.tileRows));
    });
  }

  /// K in blocks: the tile's rows of the left operand and the block of the right one stay in the nearest
  /// caches, and sums are added up in scratch.
  void emitBlocked(Value chunkRow) {
    auto type = VectorType::get({plan.lanes}, shape.element);
    Value zero = arith::ConstantOp::create(index.builder, index.loc, index.builder.getZeroAttr(type));
    index.loop(layout.sumsSize, plan.lanes,
               [&](Value at) { vector::StoreOp::create(index.builder, index.loc, zero, sums, at); });
    index.loop(shape.k, plan.blockDepth, [&](Value depth0) {
      Value depth = shape.k % plan.blockDepth == 0
                        ? index.constant(plan.blockDepth)
                        : index.min(index.sub(index.constant(shape.k), depth0), plan.blockDepth);
      packLhsChunk(chunkRow, depth0, depth);
      index.loop(rows, plan.tileRows, [&](Value i) {
        emitStrip(index.add(chunkRow, i), i, depth0, depth, index.mul(i, plan.blockColumns));
      });
    });
    finish(chunkRow, rows);
  }

  void packLhsChunk(Value chunkRow, Value depth0, Value depth) {
    if (packedLhs && !packsLhsTiles(shape))
      packLhs(index, shape, plan, lhs, lhsOffset, chunkRow, rows, depth0, depth, packedLhs);
  }

  /// The tile of rows from `row`, the chunk's row `i`, across the block's columns.
  void emitStrip(Value row, Value i, Value depth0, Value depth, Value sumsOffset) {
    Value inPlace = index.add(index.add(lhsOffset, index.mul(row, shape.lhs.rowStride)),
                              index.mul(depth0, shape.lhs.columnStride));
    Value left = packedLhs ? packedLhs : lhs, leftOffset = inPlace;
    if (packedLhs && packsLhsTiles(shape)) {
      packLhs(index, shape, plan, lhs, lhsOffset, row, {}, depth0, depth, packedLhs);
      leftOffset = index.constant(0);
    } else if (packedLhs) {
      leftOffset = index.mul(index.div(i, plan.tileRows), packedLhsStrides(shape, plan).lhsTile);
    }
    Value right = packedRhs, rightOffset = index.mul(depth0, plan.tileColumns());
    if (!packedRhs) {
      right = rhs;
      rightOffset = index.add(index.add(rhsOffset, index.mul(depth0, shape.rhs.rowStride)), column);
    }
    func::CallOp::create(index.builder, index.loc, strip,
                         ValueRange{left, leftOffset, right, rightOffset, sums, sumsOffset, depth, columns,
                                    lhs, index.add(inPlace, plan.tileRows * shape.lhs.rowStride)});
  }

  void finish(Value row, Value count) {
    GemmSums done;
    done.batch = batchIndices;
    done.row = row;
    done.column = column;
    done.rows = count;
    done.columns = columns;
    done.sums = sums;
    done.stride = plan.blockColumns;
    epilogue(index.builder, index.loc, done);
  }

  Index index;
  ModuleOp module;
  const KernelFunction& kernel;
  Value lhs, rhs, sums;
  const GemmShape& shape;
  const GemmPlan& plan;
  ScratchLayout layout;
  const GemmEpilogue& epilogue;
  func::FuncOp strip;
  Value packedLhs, packedRhs;
  Value lhsOffset, rhsOffset, resultOffset, column, columns, rows;
  SmallVector<Value, 2> batchIndices;
};

} // namespace

std::int64_t gemmScratchBytes(const GemmShape& shape, const GemmPlan& plan) {
  return ScratchLayout(shape, plan).bytes;
}

std::int64_t gemmItems(const GemmShape& shape, const GemmPlan& plan) {
  return shape.batches() * blocks(shape, plan) * chunks(shape, plan);
}

void emitGemm(OpBuilder& builder, ModuleOp module, const KernelFunction& kernel, Value lhs, Value rhs,
              Value result, const GemmShape& shape, const GemmPlan& plan, const GemmEpilogue& epilogue) {
  Emitter(builder, module, kernel, lhs, rhs, result, shape, plan, epilogue).emit();
}

} // namespace kiln::codegen::cpu
