// Picks the emitter of a fusion's kind.
#include "cpu/Kernel.h"

#include "KilnOps.h"

namespace kiln::codegen::cpu {

mlir::FailureOr<CpuKernel> emitKernel(ir::FusionOp fusion, const Target& target, int threads) {
  switch (fusion.getKind()) {
  case ir::FusionKind::Loop:
    return emitLoop(fusion, target, threads);
  case ir::FusionKind::RowReduce:
  case ir::FusionKind::ColumnReduce: // which of the two follows from the domain
    return emitReduce(fusion, target, threads);
  case ir::FusionKind::Contraction:
    return emitContraction(fusion, target, threads);
  case ir::FusionKind::Multi:
    return emitMulti(fusion, target, threads);
  case ir::FusionKind::Scatter:
    return emitScatter(fusion, target, threads);
  }
  llvm_unreachable("a fusion of no kind");
}

} // namespace kiln::codegen::cpu
