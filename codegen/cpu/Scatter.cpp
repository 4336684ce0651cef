// Kernels that fill an output in parts: concat, slice_update, and updates at positions held in a tensor. The
// copy of the first operand is one launch (none when the result is written over it); a second writes or adds
// the parts.
#include "BufferPlan.h"
#include "cpu/IndexedAdd.h"
#include "cpu/Multi.h"
#include "cpu/Sort.h"

#include "KilnOps.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {

llvm::SmallVector<std::int64_t, 4> rowMajorStrides(Value value) {
  auto shape = cast<RankedTensorType>(value.getType()).getShape();
  llvm::SmallVector<std::int64_t, 4> strides(shape.size(), 1);
  for (std::size_t d = shape.size(); d-- > 1;)
    strides[d - 1] = strides[d] * shape[d];
  return strides;
}

class Scatter {
public:
  Scatter(ir::FusionOp fusion, const Target& target, int threads)
      : fusion(fusion), target(target), threads(threads) {
    kernel.module = ModuleOp::create(fusion.getLoc());
  }

  FailureOr<CpuKernel> emit() {
    Value yielded = fusion.getBody().front().getTerminator()->getOperand(0);
    if (fusion->getNumResults() != 1) return fusion.emitOpError("of kind scatter has more than one result");
    while (auto reshape = yielded.getDefiningOp<ir::ReshapeOp>())
      yielded = reshape.getX();
    Operation* op = yielded.getDefiningOp();
    if (!op) return fusion.emitOpError("of kind scatter holds nothing to fill in parts");
    LogicalResult done =
        llvm::TypeSwitch<Operation*, LogicalResult>(op)
            .Case([&](ir::ConcatOp concat) { return emitConcat(concat); })
            .Case([&](ir::SliceUpdateOp update) { return emitSliceUpdate(update); })
            .Case([&](ir::ArgsortOp sort) { return emitSort(fusion, sort, target, threads, kernel); })
            .Case([&](ir::IndexedUpdate update) { return emitUpdate(update); })
            .Default([&](Operation* other) {
              return other->emitOpError("cannot be the root of a scatter fusion");
            });
    if (failed(done)) return failure();
    return std::move(kernel);
  }

private:
  /// Loop over `value` that stores element (i0, i1, …) at offset + sum(strides * i) of the result.
  FailureOr<KernelBody> placed(Value value, std::int64_t offset, ArrayRef<std::int64_t> strides) {
    auto body = analyseValue(fusion, value, {/*collapse=*/false});
    if (failed(body)) return failure();
    Access& access = body->outputs[0].access;
    access.offset = offset;
    access.strides.assign(strides.begin(), strides.end());
    if (access.strides.empty()) access.strides.push_back(0);
    collapse(*body);
    return body;
  }

  LogicalResult emitConcat(ir::ConcatOp op) {
    auto strides = rowMajorStrides(op.getResult());
    std::int64_t along = 0;
    std::vector<KernelBody> bodies;
    for (Value input : op.getInputs()) {
      std::int64_t size = cast<RankedTensorType>(input.getType()).getShape()[op.getDim()];
      auto body = placed(input, along * strides[op.getDim()], strides);
      if (failed(body)) return failure();
      along += size;
      if (size) bodies.push_back(std::move(*body));
    }
    llvm::SmallVector<const KernelBody*> parts;
    for (const KernelBody& body : bodies)
      parts.push_back(&body);
    emitParts(fusion, parts, fusion.getName(), target, threads, kernel);
    return success();
  }

  LogicalResult emitSliceUpdate(ir::SliceUpdateOp op) {
    if (failed(emitCopy(op.getX()))) return failure();
    auto strides = rowMajorStrides(op.getResult());
    std::int64_t offset = 0;
    for (auto [stride, start, step] : llvm::zip_equal(strides, op.getStarts(), op.getSteps())) {
      offset += stride * start;
      stride *= step;
    }
    auto body = placed(op.getUpdate(), offset, strides);
    if (failed(body)) return failure();
    if (body->points()) emitParts(fusion, &*body, fusion.getName(), target, threads, kernel);
    return success();
  }

  /// The result starts as a copy of x, unless it is written over x's own buffer.
  LogicalResult emitCopy(Value x) {
    auto inPlace = fusion->getAttrOfType<DenseI64ArrayAttr>(kInPlace);
    if (auto argument = dyn_cast<BlockArgument>(x))
      if (inPlace && inPlace.size() == 1 && inPlace[0] == argument.getArgNumber()) return success();
    auto body = placed(x, 0, rowMajorStrides(x));
    if (failed(body)) return failure();
    emitParts(fusion, &*body, (fusion.getName() + "_copy").str(), target, threads, kernel);
    return success();
  }

  LogicalResult emitUpdate(ir::IndexedUpdate op) {
    if (failed(emitCopy(op->getOperand(0)))) return failure();
    return emitIndexedAdd(fusion,
                          {op->getResult(0), op->getOperand(1), op->getOperand(2),
                           static_cast<std::size_t>(op.updatedDim()), op.byElement(), op.replaces()},
                          target, threads, kernel);
  }

  ir::FusionOp fusion;
  const Target& target;
  int threads;
  CpuKernel kernel;
};

} // namespace

FailureOr<CpuKernel> emitScatter(ir::FusionOp fusion, const Target& target, int threads) {
  return Scatter(fusion, target, threads).emit();
}

} // namespace kiln::codegen::cpu
