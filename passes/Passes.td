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
  // Constants are folded by the scalar expansions of ops.
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}
def Fuse : Pass<"fuse", "func::FuncOp"> {
  let summary = "laid-out -> fused: group ops into kernels";
  let options = [Option<"threads", "threads", "int", "1", "threads that will share the work">];
}
def PlanMemory : Pass<"plan-memory", "func::FuncOp"> {
  let summary = "fused -> planned: launch order, one arena, donated buffers";
}
def Split : Pass<"split", "ModuleOp"> {
  let summary = "cut a joint program into @main (forward) and @backward, and say what goes between (kiln.residuals)";
}
def Rematerialise : Pass<"rematerialise", "func::FuncOp"> {
  let summary = "choose by a minimum cut what backward keeps of forward and what it computes again";
}
def Pack : Pass<"pack", "func::FuncOp"> {
  let summary = "simplified -> laid-out: choose the register tile of each contraction";
  let options = [Option<"vectorBits", "vector-bits", "int", "512", "width of a vector register">,
                 Option<"vectorRegisters", "vector-registers", "int", "32", "how many there are">];
}
def VerifyStage : Pass<"verify-stage", "func::FuncOp"> {
  let summary = "fail with an error at the op that a stage's spec does not allow";
  let options = [Option<"stage", "stage", "std::string", "\"captured\"", "name of the stage">];
}
