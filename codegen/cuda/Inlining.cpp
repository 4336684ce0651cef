// See Inlining.h.
#include "cuda/Inlining.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace kiln::codegen::cuda {
namespace {

/// Whether anything nested in or at `op` may change memory or wait for other threads.
bool changesMemory(Operation* op) {
  return op
      ->walk([](Operation* inner) {
        bool harmless = isMemoryEffectFree(inner) || hasSingleEffect<MemoryEffects::Read>(inner) ||
                        inner->hasTrait<OpTrait::HasRecursiveMemoryEffects>();
        return harmless ? WalkResult::advance() : WalkResult::interrupt();
      })
      .wasInterrupted();
}

/// The operation in `op`'s block whose statement would hold `op` if all values used once were inlined.
Operation* lastHolder(Operation* op) {
  while (op->getNumResults() == 1 && op->getResult(0).hasOneUse() && op->getNumRegions() == 0) {
    Operation* user = *op->getResult(0).user_begin();
    if (user->getBlock() != op->getBlock()) break;
    op = user;
  }
  return op;
}

} // namespace

bool isFree(Operation* op) {
  return isa<arith::ConstantOp, ub::PoisonOp, memref::CastOp, vector::ExtractOp>(op);
}

bool mayBeEvaluatedAtUse(Operation* op) {
  Value result = op->getResult(0);
  if (!result.hasOneUse()) return false;
  Operation* user = *result.user_begin();
  if (user->getBlock() != op->getBlock()) return false;
  if (isMemoryEffectFree(op)) return true;
  if (isa<scf::ForOp>(user)) return false; // a loop's header is evaluated again and again
  Operation* end = lastHolder(op);
  for (Operation* between = op->getNextNode(); between && between != end; between = between->getNextNode())
    if (changesMemory(between)) return false;
  return end->getNumRegions() == 0 || isa<scf::IfOp>(end);
}

} // namespace kiln::codegen::cuda
