// Every pass of the compiler. Pipeline.cpp puts them in order; README.md has the spec of the stages between them.
include "mlir/Pass/PassBase.td"

def Autodiff : Pass<"autodiff", "func::FuncOp"> {
  let summary = "captured -> differentiated: expand kiln.gradient";
}
def Decompose : Pass<"decompose", "func::FuncOp"> {
  let summary = "differentiated -> decomposed: open composites, make broadcasts explicit";
}
def Simplify : Pass<"simplify", "func::FuncOp"> {
  let summary = "decomposed -> simplified: fold, share equal ops, algebra, move reshapes and transposes to the edges";
}
def Fuse : Pass<"fuse", "func::FuncOp"> {
  let summary = "laid-out -> fused: group ops into kernels";
  let options = [Option<"threads", "threads", "int", "1", "threads that will share the work">];
}
def PlanMemory : Pass<"plan-memory", "func::FuncOp"> {
  let summary = "fused -> planned: launch order, one arena, donated buffers";
}
