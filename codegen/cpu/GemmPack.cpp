// Packing: the tile wants panels that it can walk with constant small strides. What is already contiguous
// along the panel is copied; a right operand that is contiguous along K is transposed in registers, one
// square of lanes x lanes at a time. (A K that is shorter than that is gathered.)
#include "cpu/GemmParts.h"
#include "cpu/Transpose.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace kiln::codegen::cpu {

Value Index::constant(std::int64_t value) const {
  return arith::ConstantIndexOp::create(builder, loc, value);
}
Value Index::add(Value a, Value b) const {
  return builder.createOrFold<arith::AddIOp>(loc, a, b);
}
Value Index::sub(Value a, Value b) const {
  return builder.createOrFold<arith::SubIOp>(loc, a, b);
}
Value Index::min(Value a, Value b) const {
  return builder.createOrFold<arith::MinSIOp>(loc, a, b);
}
Value Index::max(Value a, std::int64_t b) const {
  return builder.createOrFold<arith::MaxSIOp>(loc, a, constant(b));
}
Value Index::mul(Value a, std::int64_t b) const {
  return b == 1 ? a : builder.createOrFold<arith::MulIOp>(loc, a, constant(b));
}
Value Index::div(Value a, std::int64_t b) const {
  return b == 1 ? a : builder.createOrFold<arith::DivUIOp>(loc, a, constant(b));
}
Value Index::ceilDiv(Value a, std::int64_t b) const {
  return div(add(a, b - 1), b);
}
Value Index::rem(Value a, std::int64_t b) const {
  return b == 1 ? constant(0) : builder.createOrFold<arith::RemUIOp>(loc, a, constant(b));
}

void Index::loop(Value from, Value to, std::int64_t step, llvm::function_ref<void(Value)> body) const {
  auto loop = scf::ForOp::create(builder, loc, from, to, constant(step));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

void Index::loop(Value count, std::int64_t step, llvm::function_ref<void(Value)> body) const {
  if (auto known = getConstantIntValue(count); known && *known > 0 && *known <= step)
    return body(constant(0));
  loop(constant(0), count, step, body);
}

std::int64_t lineElements(Value memory) {
  return 64 * 8 / cast<MemRefType>(memory.getType()).getElementTypeBitWidth();
}

void prefetch(const Index& index, Value memory, Value at, Value count) {
  index.loop(count, lineElements(memory), [&](Value i) {
    memref::PrefetchOp::create(index.builder, index.loc, memory, ValueRange{index.add(at, i)},
                               /*isWrite=*/false, /*localityHint=*/3, /*isDataCache=*/true);
  });
}

namespace {

/// Mask of the first `valid` lanes; null for null.
Value firstLanes(const Index& index, VectorType type, Value valid) {
  if (!valid) return {};
  auto maskType = VectorType::get(type.getShape(), index.builder.getI1Type());
  return vector::CreateMaskOp::create(index.builder, index.loc, maskType, valid);
}

/// Vector at memory[at], only the lanes of `mask` when that is not null.
Value loadVector(const Index& index, VectorType type, Value memory, Value at, Value mask) {
  if (!mask) return vector::LoadOp::create(index.builder, index.loc, type, memory, at);
  Value zero = arith::ConstantOp::create(index.builder, index.loc, index.builder.getZeroAttr(type));
  return vector::MaskedLoadOp::create(index.builder, index.loc, type, memory, at, mask, zero);
}

/// Emits body(null) for pieces [at, at + step) that lie within `size` and body(left) for those that do not,
/// if there can be any: `at` is a multiple of `unit`.
void wholeOrEdge(const Index& index, std::int64_t size, std::int64_t step, std::int64_t unit, Value at,
                 llvm::function_ref<void(Value valid)> body) {
  // NOLINTNEXTLINE(clang-analyzer-core.DivideZero): a step is a tile's, at least 1
  if (size % step == 0 && unit % step == 0) return body({});
  Value left = index.sub(index.constant(size), at);
  Value whole =
      arith::CmpIOp::create(index.builder, index.loc, arith::CmpIPredicate::sge, left, index.constant(step));
  auto branch = scf::IfOp::create(index.builder, index.loc, whole, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(index.builder);
  index.builder.setInsertionPointToStart(branch.thenBlock());
  body({});
  index.builder.setInsertionPointToStart(branch.elseBlock());
  body(left);
}

/// How many steps of k ahead of a copy its lines are asked for: each step begins elsewhere in memory, which
/// the machine does not foresee, and memory answers within a few hundred cycles.
constexpr std::int64_t kStepsAhead = 16;

void copyPanel(const Index& index, const GemmShape& shape, const GemmPlan& plan, Value rhs, Value from,
               Value column, Value to, Value packed) {
  auto type = VectorType::get({plan.lanes}, shape.element);
  std::int64_t width = plan.tileColumns();
  wholeOrEdge(index, shape.n, width, width, column, [&](Value valid) {
    index.loop(shape.k, 1, [&](Value k) {
      Value source = index.add(from, index.mul(k, shape.rhs.rowStride));
      Value target = index.add(to, index.mul(k, width));
      prefetch(index, rhs, index.add(source, kStepsAhead * shape.rhs.rowStride), index.constant(width));
      for (std::int64_t j = 0; j < plan.tileVectors; ++j) {
        Value lanes = valid ? index.sub(valid, index.constant(j * plan.lanes)) : Value();
        Value vector =
            loadVector(index, type, rhs, index.add(source, j * plan.lanes), firstLanes(index, type, lanes));
        vector::StoreOp::create(index.builder, index.loc, vector, packed, index.add(target, j * plan.lanes));
      }
    });
  });
}

void transposePanel(const Index& index, const GemmShape& shape, const GemmPlan& plan, Value rhs, Value offset,
                    Value column, Value to, Value packed) {
  auto type = VectorType::get({plan.lanes}, shape.element);
  std::int64_t width = plan.tileColumns();
  index.loop(plan.tileVectors, 1, [&](Value j) {
    Value first = index.add(column, index.mul(j, plan.lanes));
    SmallVector<Value> sources;
    for (std::int64_t r = 0; r < plan.lanes; ++r) {
      Value row = index.add(first, r);
      if (shape.n % width != 0) row = index.min(row, shape.n - 1);
      sources.push_back(index.add(offset, index.mul(row, shape.rhs.columnStride)));
    }
    index.loop(shape.k, plan.lanes, [&](Value k) {
      // The last square overlaps the one before: no masks, and one piece of code.
      if (shape.k % plan.lanes != 0) k = index.min(k, shape.k - plan.lanes);
      SmallVector<Value> rows;
      for (Value source : sources)
        rows.push_back(loadVector(index, type, rhs, index.add(source, k), {}));
      transpose(index.builder, index.loc, rows, shape.elementBytes());
      Value target = index.add(index.add(to, index.mul(k, width)), index.mul(j, plan.lanes));
      for (std::int64_t r = 0; r < plan.lanes; ++r)
        vector::StoreOp::create(index.builder, index.loc, rows[r], packed, index.add(target, r * width));
    });
  });
}

void gatherPanel(const Index& index, const GemmShape& shape, const GemmPlan& plan, Value rhs, Value offset,
                 Value column, Value to, Value packed) {
  std::int64_t width = plan.tileColumns();
  index.loop(shape.k, 1, [&](Value k) {
    Value source = index.add(offset, index.mul(k, shape.rhs.rowStride));
    Value target = index.add(to, index.mul(k, width));
    index.loop(width, 1, [&](Value j) {
      Value inside = index.min(index.add(column, j), shape.n - 1);
      Value at = index.add(source, index.mul(inside, shape.rhs.columnStride));
      Value element = memref::LoadOp::create(index.builder, index.loc, rhs, at);
      memref::StoreOp::create(index.builder, index.loc, element, packed, index.add(target, j));
    });
  });
}

/// Rows of the left operand are packed whole when they are contiguous along K, else k by k.
bool lhsAlongDepth(const GemmShape& shape) {
  return shape.lhs.columnStride == 1;
}

} // namespace

std::int64_t packedDepth(const GemmShape& shape, const GemmPlan& plan) {
  return llvm::alignTo(shape.k, plan.lanes);
}

void packRhs(const Index& index, const GemmShape& shape, const GemmPlan& plan, Value rhs, Value offset,
             Value column, Value packed) {
  std::int64_t width = plan.tileColumns();
  std::int64_t panelSize = packedDepth(shape, plan) * width;
  // Panels that begin beyond N are never used.
  Value columns = index.min(index.sub(index.constant(shape.n), column), plan.blockColumns);
  index.loop(columns, width, [&](Value j) {
    Value to = index.mul(index.div(j, width), panelSize);
    Value first = index.add(column, j);
    if (plan.packRhs == RhsPacking::Copy)
      copyPanel(index, shape, plan, rhs, index.add(offset, first), first, to, packed);
    else if (plan.packRhs == RhsPacking::Transpose)
      transposePanel(index, shape, plan, rhs, offset, first, to, packed);
    else
      gatherPanel(index, shape, plan, rhs, offset, first, to, packed);
  });
}

StripStrides packedLhsStrides(const GemmShape& shape, const GemmPlan& plan) {
  StripStrides strides;
  std::int64_t line = 64 / shape.elementBytes();
  if (lhsAlongDepth(shape)) { // an odd number of cache lines apart, so that rows do not share sets
    std::int64_t depth = std::min(plan.blockDepth, packedDepth(shape, plan));
    strides.lhsRow = (llvm::divideCeil(depth, line) | 1) * line;
    strides.lhsDepth = 1;
    strides.lhsTile = plan.tileRows * strides.lhsRow;
  } else {
    strides.lhsRow = 1;
    strides.lhsDepth = plan.tileRows;
    // The last store of a tile runs over its end.
    std::int64_t size = std::min(plan.blockDepth, shape.k) * plan.tileRows + plan.lanes;
    strides.lhsTile = llvm::alignTo(size, line);
  }
  return strides;
}

std::int64_t packedLhsSize(const GemmShape& shape, const GemmPlan& plan) {
  std::int64_t tiles = lhsAlongDepth(shape) ? 1 : plan.chunkRows / plan.tileRows;
  return tiles * packedLhsStrides(shape, plan).lhsTile;
}

bool packsLhsTiles(const GemmShape& shape) {
  return lhsAlongDepth(shape);
}

namespace {

void copyRows(const Index& index, const GemmShape& shape, const GemmPlan& plan, Value lhs, Value offset,
              Value row, Value depth0, Value depth, Value packed) {
  auto type = VectorType::get({plan.lanes}, shape.element);
  StripStrides strides = packedLhsStrides(shape, plan);
  index.loop(plan.tileRows, 1, [&](Value i) {
    Value from = index.min(index.add(row, i), shape.m - 1);
    Value source = index.add(index.add(offset, index.mul(from, shape.lhs.rowStride)), depth0);
    Value target = index.mul(i, strides.lhsRow);
    index.loop(depth, plan.lanes, [&](Value k) {
      wholeOrEdge(index, shape.k, plan.lanes, plan.lanes, index.add(depth0, k), [&](Value valid) {
        Value vector = loadVector(index, type, lhs, index.add(source, k), firstLanes(index, type, valid));
        vector::StoreOp::create(index.builder, index.loc, vector, packed, index.add(target, k));
      });
    });
  });
}

/// Each step of k reads a run of adjacent rows and deals them out to the tiles, so that whole cache lines are
/// used at once: k steps lie a row of the operand apart, and few of its lines would stay in the nearest
/// cache.
void dealColumns(const Index& index, const GemmShape& shape, const GemmPlan& plan, Value lhs, Value offset,
                 Value row, Value rows, Value depth0, Value depth, Value packed) {
  auto type = VectorType::get({plan.lanes}, shape.element);
  StripStrides strides = packedLhsStrides(shape, plan);
  std::int64_t width = llvm::alignTo(plan.tileRows, plan.lanes); // that a tile's vectors read
  Value tiles = index.ceilDiv(rows, plan.tileRows);
  auto copyTile = [&](Value k, Value tile, Value valid) {
    Value first = index.add(row, index.mul(tile, plan.tileRows));
    Value source =
        index.add(index.add(offset, first), index.mul(index.add(depth0, k), shape.lhs.columnStride));
    Value target = index.add(index.mul(tile, strides.lhsTile), index.mul(k, plan.tileRows));
    for (std::int64_t i = 0; i < plan.tileRows; i += plan.lanes) {
      Value lanes = valid ? index.sub(valid, index.constant(i)) : Value();
      Value vector = loadVector(index, type, lhs, index.add(source, i), firstLanes(index, type, lanes));
      vector::StoreOp::create(index.builder, index.loc, vector, packed, index.add(target, i));
    }
  };
  bool even = shape.m % plan.tileRows == 0 && plan.tileRows == width;
  // Tiles whose vectors end within the operand.
  Value left = index.sub(index.constant(shape.m + plan.tileRows - width), row);
  Value whole = even ? tiles : index.min(tiles, index.div(index.max(left, 0), plan.tileRows));
  index.loop(depth, 1, [&](Value k) {
    Value ahead = index.mul(index.add(index.add(depth0, k), kStepsAhead), shape.lhs.columnStride);
    prefetch(index, lhs, index.add(index.add(offset, row), ahead), rows);
    index.loop(whole, 1, [&](Value tile) { copyTile(k, tile, {}); });
  });
  if (even) return;
  index.loop(whole, tiles, 1, [&](Value tile) {
    Value valid = index.sub(index.constant(shape.m), index.add(row, index.mul(tile, plan.tileRows)));
    index.loop(depth, 1, [&](Value k) { copyTile(k, tile, valid); });
  });
}

} // namespace

void packLhs(const Index& index, const GemmShape& shape, const GemmPlan& plan, Value lhs, Value offset,
             Value row, Value rows, Value depth0, Value depth, Value packed) {
  if (lhsAlongDepth(shape))
    copyRows(index, shape, plan, lhs, offset, row, depth0, depth, packed);
  else
    dealColumns(index, shape, plan, lhs, offset, row, rows, depth0, depth, packed);
}

} // namespace kiln::codegen::cpu
