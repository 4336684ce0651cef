// See KernelInfo.h.
#include "KernelInfo.h"

#include "Diagnostics.h"

#include "KilnOps.h"

using namespace mlir;

namespace kiln::codegen {
namespace {

/// Elements of a tensor; a dynamic one counts as a single element.
std::int64_t elements(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return type.hasStaticShape() ? type.getNumElements() : 1;
}

std::int64_t bytes(Value value) {
  unsigned bits = getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth();
  return elements(value) * std::max(1u, bits / 8);
}

std::int64_t flops(Operation& op) {
  if (auto scalar = dyn_cast<ir::ScalarExpandable>(op))
    return scalar.flopsPerElement() * elements(op.getResult(0));
  if (isa<ir::Reduction>(op)) return elements(op.getOperand(0));
  if (op.hasTrait<ir::ContractionTrait>()) { // [.., M, K] x [.., K, N]: M*K * K*N / (M*N) is K squared, per
                                             // batch
    double lhs = elements(op.getOperand(0)), rhs = elements(op.getOperand(1)),
           out = elements(op.getResult(0));
    auto shape = cast<RankedTensorType>(op.getResult(0).getType()).getShape().drop_back(2);
    double batch = 1;
    for (std::int64_t size : shape)
      batch *= size;
    return out == 0 ? 0 : static_cast<std::int64_t>(2 * out * std::sqrt(lhs * rhs / (out * batch)) + 0.5);
  }
  return 0;
}

} // namespace

runtime::KernelInfo describeKernel(ir::FusionOp fusion) {
  runtime::KernelInfo info;
  info.name = fusion.getName().str();
  info.kind = ir::stringifyFusionKind(fusion.getKind()).str();
  llvm::SmallVector<Location> locations;
  for (Operation& op : fusion.getBody().front().without_terminator()) {
    info.ops.push_back(op.getName().stripDialect().str());
    info.flops += flops(op);
    locations.push_back(op.getLoc());
  }
  info.location = describe(FusedLoc::get(fusion.getContext(), locations));
  llvm::SmallPtrSet<Value, 8> counted;
  for (Value input : fusion->getOperands())
    if (counted.insert(input).second) info.bytes += bytes(input);
  for (Value result : fusion->getResults())
    info.bytes += bytes(result);
  return info;
}

} // namespace kiln::codegen
