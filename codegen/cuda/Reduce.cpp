// See Reduce.h.
#include "cuda/Reduce.h"

#include "cuda/Printer.h"

#include "KilnOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace kiln::codegen::cuda {
namespace {

std::string mnemonic(const Expr* reduction) {
  return reduction->op->getName().stripDialect().str();
}

/// "warp_sum" for float, "warp_sum_f64" for others.
std::string functionName(const std::string& base, Type type) {
  std::string name = base;
  llvm::raw_string_ostream out(name);
  if (!type.isF32()) out << "_" << type;
  return name;
}

/// The device function of that name; `build` fills it when it does not exist yet.
func::FuncOp deviceFunction(KernelBuilder& kernel, const std::string& name, TypeRange arguments, Type result,
                            llvm::function_ref<Value(KernelBuilder&, ValueRange)> build) {
  gpu::GPUModuleOp module = kernel.emission.module;
  if (auto known = module.lookupSymbol<func::FuncOp>(name)) return known;
  OpBuilder outer(module.getContext());
  outer.setInsertionPoint(kernel.function);
  auto function = func::FuncOp::create(outer, kernel.loc, name, outer.getFunctionType(arguments, {result}));
  Block* block = function.addEntryBlock();
  function.setArgAttr(0, kNameAttr, outer.getStringAttr("value"));
  if (arguments.size() > 1) function.setArgAttr(1, kNameAttr, outer.getStringAttr("shared"));
  KernelBuilder inside(kernel.emission, function, OpBuilder(block, block->begin()));
  Value value = build(inside, block->getArguments());
  func::ReturnOp::create(inside.b, kernel.loc, value);
  return function;
}

} // namespace

llvm::SmallVector<const Expr*> reductionsOf(const KernelBody& body, int phase) {
  llvm::SmallVector<const Expr*> result;
  for (const auto& expr : body.exprs)
    if (expr->kind == Expr::Kind::Reduce && expr->phase == phase) result.push_back(expr.get());
  return result;
}

llvm::SmallVector<std::string> accumulatorNames(ArrayRef<const Expr*> reductions) {
  return llvm::map_to_vector(reductions, mnemonic);
}

Values neutrals(KernelBuilder& kernel, ArrayRef<const Expr*> reductions) {
  Values values;
  for (const Expr* reduction : reductions)
    values.push_back(kernel.constant(cast<ir::Reduction>(reduction->op).neutral()));
  return values;
}

Value combine(KernelBuilder& kernel, const Expr* reduction, Value a, Value b) {
  Value result = cast<ir::Reduction>(reduction->op).combine(kernel.b, a, b);
  return kernel.named(result, mnemonic(reduction));
}

Value warpReduce(KernelBuilder& kernel, const Expr* reduction, Value value) {
  Type type = value.getType();
  auto function =
      deviceFunction(kernel, functionName("warp_" + mnemonic(reduction), type), type, type,
                     [&](KernelBuilder& k, ValueRange arguments) {
                       KernelBuilder::Range steps{k.index(0), k.index(5), 1, true, "step"};
                       Values carried{arguments[0]};
                       std::string name = "total";
                       return k.loop(steps, carried, name, [&](scf::ForOp loop, ValueRange now) {
                         Type i32 = k.b.getI32Type();
                         auto constant = [&](int n) { return k.constant(k.b.getI32IntegerAttr(n)); };
                         Value step = arith::IndexCastOp::create(k.b, k.loc, i32, loop.getInductionVar());
                         Value distance = arith::ShRSIOp::create(k.b, k.loc, constant(kWarp / 2), step);
                         auto shuffle = gpu::ShuffleOp::create(k.b, k.at("other"), now[0], distance,
                                                               constant(kWarp), gpu::ShuffleMode::XOR);
                         return Values{combine(k, reduction, now[0], shuffle.getShuffleResult())};
                       })[0];
                     });
  return func::CallOp::create(kernel.b, kernel.at(mnemonic(reduction)), function, value).getResult(0);
}

Value blockReduce(KernelBuilder& kernel, const Expr* reduction, Value value, int warps, Value shared) {
  Type type = value.getType();
  std::string base = "block_" + mnemonic(reduction) + "_" + std::to_string(warps);
  // The warp's function comes first: it is made outside of the block's.
  std::string warpName = functionName("warp_" + mnemonic(reduction), type);
  if (!kernel.emission.module.lookupSymbol(warpName))
    warpReduce(kernel, reduction, value).getDefiningOp()->erase();
  auto function = deviceFunction(
      kernel, functionName(base, type), {type, shared.getType()}, type,
      [&](KernelBuilder& k, ValueRange arguments) {
        Value mine = warpReduce(k, reduction, arguments[0]), memory = arguments[1];
        Value thread = k.thread();
        Value lane = k.named(k.rem(thread, kWarp), "lane"), warp = k.named(k.div(thread, kWarp), "warp");
        k.when(k.equal(lane, 0), [&](scf::IfOp) { memref::StoreOp::create(k.b, k.loc, mine, memory, warp); });
        gpu::BarrierOp::create(k.b, k.loc);
        Value partial = memref::LoadOp::create(k.b, k.at("partial"), memory, lane);
        Value neutral = neutrals(k, reduction)[0];
        Value used = arith::SelectOp::create(k.b, k.loc, k.less(lane, k.index(warps)), partial, neutral);
        gpu::BarrierOp::create(k.b, k.loc); // the memory may be used again
        return warpReduce(k, reduction, used);
      });
  return func::CallOp::create(kernel.b, kernel.at(mnemonic(reduction)), function, ValueRange{value, shared})
      .getResult(0);
}

llvm::SmallVector<const Output*> outputsOf(const KernelBody& body, bool full) {
  llvm::SmallVector<const Output*> result;
  for (const Output& output : body.outputs) {
    bool isFull = false;
    for (auto [d, dim] : llvm::enumerate(body.dims))
      isFull |= dim.reduced && output.access.strides[d] != 0;
    if (isFull == full) result.push_back(&output);
  }
  return result;
}

} // namespace kiln::codegen::cuda
