// Decides the launch order, what memory each value lives in, and which outputs are written over donated
// arguments. The result is the attribute kiln.plan of the function (README.md) and `slots` on every fusion.
// An output that can not be made in its place gets a copy kernel: it was returned twice, or is an argument,
// or its place is still read.
#include "MemoryPlan.h"
#include "Passes.h"
#include "Util.h"

using namespace mlir;

namespace kiln::passes {
#define GEN_PASS_DEF_PLANMEMORY
#include "kiln/passes/Passes.h.inc"

namespace {

struct PlanMemory : impl::PlanMemoryBase<PlanMemory> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    Donations donations = settleOutputs(func);
    orderLaunches(func, donations);
    assignMemory(func, donations);
  }
};

} // namespace
} // namespace kiln::passes
