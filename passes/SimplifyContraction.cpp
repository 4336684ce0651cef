// Around a contraction: transposes become its flags; a batch that is only repeated, or summed, becomes part
// of M or K; a factor of an operand becomes one of the result.
#include "Simplify.h"
#include "Util.h"

using namespace mlir;

namespace kiln::passes {
namespace {

/// The permutation that swaps the last two dimensions.
bool swapsLastTwo(ArrayRef<int64_t> permutation) {
  int64_t rank = permutation.size();
  if (rank < 2 || permutation[rank - 1] != rank - 2 || permutation[rank - 2] != rank - 1) return false;
  for (int64_t dim = 0; dim < rank - 2; ++dim)
    if (permutation[dim] != dim) return false;
  return true;
}

ir::MatmulOp matmul(PatternRewriter& rewriter, Location loc, RankedTensorType type, Value lhs, Value rhs,
                    bool transposeLhs, bool transposeRhs) {
  return ir::MatmulOp::create(rewriter, loc, type, lhs, rhs, transposeLhs, transposeRhs, DenseI64ArrayAttr());
}

LogicalResult absorbTranspose(ir::MatmulOp op, PatternRewriter& rewriter) {
  auto lhs = op.getLhs().getDefiningOp<ir::TransposeOp>();
  auto rhs = op.getRhs().getDefiningOp<ir::TransposeOp>();
  bool absorbLhs = lhs && swapsLastTwo(lhs.getPermutation());
  bool absorbRhs = rhs && swapsLastTwo(rhs.getPermutation());
  if (!absorbLhs && !absorbRhs) return failure();
  rewriter.replaceOp(op, matmul(rewriter, op.getLoc(), typeOf(op), absorbLhs ? lhs.getX() : op.getLhs(),
                                absorbRhs ? rhs.getX() : op.getRhs(), op.getTransposeLhs() ^ absorbLhs,
                                op.getTransposeRhs() ^ absorbRhs));
  return success();
}

/// A product that only `value` needs, multiplied by a number or not.
struct ScaledProduct {
  ir::MatmulOp product;
  std::optional<double> factor;

  explicit ScaledProduct(Value value) {
    if (!value.hasOneUse()) return;
    if (auto scaled = value.getDefiningOp<ir::MulOp>())
      if ((factor = splatOf(scaled.getRhs()))) value = scaled.getLhs();
    if (value.hasOneUse()) product = value.getDefiningOp<ir::MatmulOp>();
  }
  Value scale(PatternRewriter& rewriter, Value other) const {
    if (!factor) return other;
    Value number = constant(rewriter, other.getLoc(), typeOf(other), *factor);
    return ir::MulOp::create(rewriter, other.getLoc(), other.getType(), other, number);
  }
};

/// (A B)^T = B^T A^T, where the transpose makes rows the last dimension. What remains of it moves whole rows.
LogicalResult transposeOfProduct(ir::TransposeOp op, PatternRewriter& rewriter) {
  ScaledProduct scaled(op.getX());
  ir::MatmulOp product = scaled.product;
  int64_t rank = typeOf(op).getRank();
  if (!product || op.getPermutation().back() != rank - 2) return failure();
  SmallVector<int64_t, 4> shape(shapeOf(product)), permutation(op.getPermutation());
  std::swap(shape[rank - 1], shape[rank - 2]);
  Value swapped = matmul(rewriter, product.getLoc(), typeOf(op).clone(shape), product.getRhs(),
                         product.getLhs(), !product.getTransposeRhs(), !product.getTransposeLhs());
  for (int64_t& dim : permutation)
    if (dim >= rank - 2) dim = 2 * rank - 3 - dim;
  rewriter.replaceOp(op, transpose(rewriter, op.getLoc(), scaled.scale(rewriter, swapped), permutation));
  return success();
}

/// A product with one column is a dot product for each row. Where rows lie along K that is a sum of a
/// product, which reads the matrix as it lies: a register tile would read it to fill one of its lanes.
/// Likewise one row and a transposed right operand.
LogicalResult dotEachRow(ir::MatmulOp op, PatternRewriter& rewriter) {
  constexpr int64_t kFewTerms = 64; // as cheap either way
  ArrayRef<int64_t> shape = shapeOf(op);
  int64_t rank = shape.size(), m = shape[rank - 2], n = shape[rank - 1];
  bool oneColumn = n == 1 && !op.getTransposeLhs(), oneRow = m == 1 && op.getTransposeRhs();
  if (!oneColumn && !oneRow) return failure();
  Value rows = oneColumn ? op.getLhs() : op.getRhs(), row = oneColumn ? op.getRhs() : op.getLhs();
  SmallVector<int64_t, 4> rowShape(shapeOf(rows));
  if (rowShape.back() < kFewTerms || !isa<Float32Type, Float64Type>(typeOf(op).getElementType()))
    return failure();
  rowShape[rank - 2] = 1;
  Location loc = op.getLoc();
  Value every = broadcast(rewriter, loc, reshape(rewriter, loc, row, rowShape), shapeOf(rows));
  Value terms = ir::MulOp::create(rewriter, loc, rows.getType(), rows, every);
  Value sums = ir::SumOp::create(rewriter, loc, typeOf(op).clone(shapeOf(rows).drop_back()), terms,
                                 ArrayRef<int64_t>{rank - 1}, /*keepdim=*/false);
  rewriter.replaceOp(op, reshape(rewriter, loc, sums, shape));
  return success();
}

/// The matrix that a broadcast repeats over all batch dimensions; null when `value` is no such broadcast.
Value repeatedMatrix(PatternRewriter& rewriter, Value value) {
  auto source = value.getDefiningOp<ir::BroadcastOp>();
  if (!source) return nullptr;
  ArrayRef<int64_t> wide = shapeOf(source), narrow = shapeOf(source.getX());
  if (narrow.size() < 2 || numel(narrow.drop_back(2)) != 1 || wide.take_back(2) != narrow.take_back(2))
    return nullptr;
  return reshape(rewriter, value.getLoc(), source.getX(), narrow.take_back(2));
}

/// A batch of products with one matrix is one product: [B, M, K] x [K, N] = [B*M, K] x [K, N].
LogicalResult foldRepeatedRhs(ir::MatmulOp op, PatternRewriter& rewriter) {
  ArrayRef<int64_t> lhsShape = shapeOf(op.getLhs());
  if (lhsShape.size() < 3 || op.getTransposeLhs()) return failure();
  Value rhs = repeatedMatrix(rewriter, op.getRhs());
  if (!rhs) return failure();
  int64_t rows = numel(lhsShape.drop_back()), columns = shapeOf(op).back();
  Value lhs = reshape(rewriter, op.getLoc(), op.getLhs(), {rows, lhsShape.back()});
  Value product = matmul(rewriter, op.getLoc(), typeOf(op).clone(ArrayRef<int64_t>{rows, columns}), lhs, rhs,
                         false, op.getTransposeRhs());
  rewriter.replaceOp(op, reshape(rewriter, op.getLoc(), product, shapeOf(op)));
  return success();
}

/// A batch of products that is summed is one product with a longer K: sum_b A_b^T B_b c = c sum_b A_b^T B_b.
/// (Not in f16, where c may be what keeps the sum in range.)
LogicalResult foldSummedBatch(ir::SumOp op, PatternRewriter& rewriter) {
  ScaledProduct scaled(op.getX());
  ir::MatmulOp product = scaled.product;
  if (!product || !product.getTransposeLhs() || product.getTransposeRhs()) return failure();
  if (scaled.factor && typeOf(op).getElementType().isF16()) return failure();
  ArrayRef<int64_t> lhsShape = shapeOf(product.getLhs()), rhsShape = shapeOf(product.getRhs());
  int64_t batchDims = lhsShape.size() - 2;
  if (batchDims == 0 || static_cast<int64_t>(op.getDims().size()) != batchDims ||
      !llvm::all_of(op.getDims(), [&](int64_t dim) { return dim < batchDims; }))
    return failure();
  int64_t inner = numel(lhsShape.drop_back());
  Value lhs = reshape(rewriter, op.getLoc(), product.getLhs(), {inner, lhsShape.back()});
  Value rhs = reshape(rewriter, op.getLoc(), product.getRhs(), {inner, rhsShape.back()});
  Value sum =
      matmul(rewriter, op.getLoc(), typeOf(op).clone(ArrayRef<int64_t>{lhsShape.back(), rhsShape.back()}),
             lhs, rhs, true, false);
  rewriter.replaceOp(op, reshape(rewriter, op.getLoc(), scaled.scale(rewriter, sum), shapeOf(op)));
  return success();
}

/// x * c where x is in memory or a look at it: what a kernel would be made for, to write a copy of x. The
/// number, and `value` becomes x; nullopt otherwise.
std::optional<double> factorOf(Value& value) {
  auto scaled = value.getDefiningOp<ir::MulOp>();
  if (!scaled) return std::nullopt;
  for (auto [x, factor] :
       {std::pair{scaled.getLhs(), scaled.getRhs()}, std::pair{scaled.getRhs(), scaled.getLhs()}}) {
    std::optional<double> number = splatOf(factor);
    Operation* source = x.getDefiningOp();
    if (!number || splatOf(x) || (source && !source->hasTrait<ir::DataMovement>())) continue;
    value = x;
    return number;
  }
  return std::nullopt;
}

/// (A c) B = (A B) c: the epilogue multiplies by c on the way. Not in f16, where c may be what keeps A B in
/// range.
LogicalResult moveFactor(ir::MatmulOp op, PatternRewriter& rewriter) {
  if (typeOf(op).getElementType().isF16()) return failure();
  Value lhs = op.getLhs(), rhs = op.getRhs();
  std::optional<double> left = factorOf(lhs), right = factorOf(rhs);
  if (!left && !right) return failure();
  Value product =
      matmul(rewriter, op.getLoc(), typeOf(op), lhs, rhs, op.getTransposeLhs(), op.getTransposeRhs());
  for (std::optional<double> factor : {left, right})
    if (factor)
      product = ir::MulOp::create(rewriter, op.getLoc(), op.getType(), product,
                                  constant(rewriter, op.getLoc(), typeOf(op), *factor));
  rewriter.replaceOp(op, product);
  return success();
}

} // namespace

void populateContractionPatterns(RewritePatternSet& patterns) {
  patterns.add(absorbTranspose);
  patterns.add(transposeOfProduct);
  patterns.add(foldRepeatedRhs);
  patterns.add(foldSummedBatch);
  patterns.add(dotEachRow);
  patterns.add(moveFactor);
}

} // namespace kiln::passes
