// Contraction fusions: one matmul, then elementwise ops on its result. The matmul's operands become strided
// GemmOperands; the rest of the body is evaluated on finished sums, while they are in the nearest cache.
#include "cpu/Gemm.h"
#include "cpu/Nest.h"

#include "KilnOps.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {

struct Operand {
  GemmOperand place;
  int input = 0; ///< of the fusion
};

/// Operand [batch…, rows, columns] of the matmul (after its transpose flag) as strides in a fusion input.
FailureOr<Operand> operandOf(ir::FusionOp fusion, ir::MatmulOp matmul, Value value, bool transposed) {
  auto body = analyseValue(fusion, value, {.collapse = false});
  if (failed(body)) return failure();
  const Expr* expr = body->outputs.front().value;
  if (expr->kind != Expr::Kind::Load || !expr->access.terms.empty())
    return matmul.emitOpError(
        "has an operand that its kernel cannot read in place: it is computed in the fusion");
  ArrayRef<std::int64_t> strides = expr->access.strides;
  std::size_t rank = strides.size();
  Operand operand;
  operand.input = expr->input;
  operand.place.offset = expr->access.offset;
  operand.place.batchStrides.assign(strides.begin(), strides.end() - 2);
  operand.place.rowStride = strides[transposed ? rank - 1 : rank - 2];
  operand.place.columnStride = strides[transposed ? rank - 2 : rank - 1];
  return operand;
}

FailureOr<ir::MatmulOp> onlyMatmul(ir::FusionOp fusion) {
  auto matmuls = llvm::to_vector(fusion.getBody().front().getOps<ir::MatmulOp>());
  if (matmuls.size() != 1)
    return fusion.emitOpError("of kind contraction holds ") << matmuls.size() << " matmuls";
  if (!isa<Float32Type, Float64Type>(getElementTypeOrSelf(matmuls.front().getType())))
    return matmuls.front().emitOpError("has no CPU kernel for element type ")
           << getElementTypeOrSelf(matmuls.front().getType());
  return matmuls.front();
}

/// Where the sums go when they are all that the fusion yields, once.
std::optional<GemmOperand> resultOf(const KernelBody& body, const Expr* product) {
  if (body.outputs.size() != 1 || body.outputs.front().value != product) return std::nullopt;
  const Access& access = body.outputs.front().access;
  ArrayRef<std::int64_t> strides = access.strides;
  GemmOperand result;
  result.offset = access.offset;
  result.batchStrides.assign(strides.begin(), strides.end() - 2);
  result.rowStride = strides[strides.size() - 2], result.columnStride = strides.back();
  return result;
}

/// Stores the fusion's results for a block of sums.
GemmEpilogue fusedEpilogue(const KernelBody& body, const Expr* product, Frame& frame, const GemmShape& shape,
                           const GemmPlan& plan, ValueRange inputs, ValueRange results) {
  return [&body, product, &frame, &shape, &plan, inputs, results](OpBuilder&, Location,
                                                                  const GemmSums& sums) {
    Evaluator evaluator(body, frame.builder, frame.loc, Values(inputs), plan.lanes);
    unsigned rowDim = shape.batch.size(), columnDim = rowDim + 1;
    Access columnAccess{0, llvm::SmallVector<std::int64_t, 4>(body.dims.size(), 0), {}};
    columnAccess.strides[columnDim] = 1;
    VectorRange range{sums.column, frame.add(sums.column, sums.columns), {}, plan.blockColumns % 64 == 0};
    range.size = getConstantIntValue(sums.columns); // one block
    if (shape.n % plan.blockColumns == 0) range.size = plan.blockColumns;
    auto type = VectorType::get({plan.lanes}, shape.element);
    frame.loop(frame.index(0), sums.rows, 1, {}, [&](scf::ForOp loop, ValueRange) {
      llvm::SmallVector<std::pair<unsigned, Value>> bound;
      for (auto [d, index] : llvm::enumerate(sums.batch))
        bound.push_back({d, index});
      bound.push_back({rowDim, frame.add(sums.row, loop.getInductionVar())});
      evaluator.enter(loop, bound);
      // sums[i * stride + n - column]
      Value from = frame.sub(frame.mul(loop.getInductionVar(), sums.stride), sums.column);
      walk(frame, evaluator, range, chooseUnroll(body, plan.lanes), [&](ArrayRef<Lanes> group, ValueRange) {
        for (const Lanes& lanes : group) {
          Value at = frame.add(from, evaluator.address(columnAccess, lanes.unroll));
          Value sum = vector::LoadOp::create(frame.builder, frame.loc, type, sums.sums, at);
          evaluator.bind(product, sum, lanes.unroll);
        }
        storeOutputs(evaluator, body.outputs, results, group);
        return Values();
      });
      evaluator.leave();
      return Values();
    });
  };
}

} // namespace

FailureOr<CpuKernel> emitContraction(ir::FusionOp fusion, const Target& target, int threads) {
  auto matmul = onlyMatmul(fusion);
  if (failed(matmul)) return failure();
  auto lhs = operandOf(fusion, *matmul, matmul->getLhs(), matmul->getTransposeLhs());
  auto rhs = operandOf(fusion, *matmul, matmul->getRhs(), matmul->getTransposeRhs());
  auto bodies = analyse(fusion, {.collapse = false});
  if (failed(lhs) || failed(rhs) || failed(bodies)) return failure();
  const KernelBody& body = bodies->front();
  const Expr* product = nullptr;
  for (const auto& expr : body.exprs)
    if (expr->kind == Expr::Kind::Bound) product = expr.get();
  if (!product) return fusion.emitOpError("yields nothing that depends on its matmul");

  auto type = cast<RankedTensorType>(matmul->getType());
  auto lhsType = cast<RankedTensorType>(matmul->getLhs().getType());
  std::int64_t rank = type.getRank();
  GemmShape shape;
  shape.element = cast<FloatType>(type.getElementType());
  shape.batch.assign(type.getShape().begin(), type.getShape().end() - 2);
  shape.m = type.getDimSize(rank - 2), shape.n = type.getDimSize(rank - 1);
  shape.k = lhsType.getDimSize(matmul->getTransposeLhs() ? rank - 2 : rank - 1);
  shape.lhs = lhs->place, shape.rhs = rhs->place;
  shape.result = resultOf(body, product);
  auto tile = matmul->getPacking();
  if (!tile) return matmul->emitOpError("has no packing: the pass `pack` chooses its tile");
  GemmPlan plan = planGemm(shape, (*tile)[0], (*tile)[1], target, threads);

  Location loc = fusion.getLoc();
  OpBuilder builder(fusion.getContext());
  CpuKernel kernel;
  kernel.module = ModuleOp::create(loc);
  kernel.scratchBytes = gemmScratchBytes(shape, plan);
  KernelFunction function =
      createKernel(builder, *kernel.module, fusion.getName(), bufferTypes(fusion), kernel.scratchBytes, loc);
  Frame frame{builder, loc, target};
  ValueRange buffers(function.buffers);
  std::size_t inputs = fusion->getNumOperands();
  Value result = plan.storeSums ? buffers[inputs + body.outputs.front().result] : Value();
  emitGemm(builder, *kernel.module, function, buffers[lhs->input], buffers[rhs->input], result, shape, plan,
           fusedEpilogue(body, product, frame, shape, plan, buffers.take_front(inputs),
                         buffers.drop_front(inputs)));

  KernelLaunch launch{fusion.getName().str(), {}, gemmItems(shape, plan), plan.grain};
  launch.buffers = llvm::to_vector(llvm::seq<int>(0, static_cast<int>(buffers.size())));
  kernel.launches.push_back(std::move(launch));
  return kernel;
}

} // namespace kiln::codegen::cpu
