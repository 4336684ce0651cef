// Many independent loops in one kernel (all of an optimizer's updates): each block belongs to one of them and
// takes a fixed number of its elements. Loops that differ in size and buffers alone share a device function.
#include "cuda/Evaluate.h"
#include "cuda/Pieces.h"
#include "cuda/Printer.h"

#include "KilnOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include <map>

using namespace mlir;

namespace kiln::codegen::cuda {
namespace {

/// Buffers of a body in order of first mention, as KernelBody::structure counts them.
llvm::SmallVector<int> buffersOf(const KernelBody& body, std::size_t inputs) {
  llvm::SmallVector<int> buffers;
  auto mention = [&](int buffer) {
    if (!llvm::is_contained(buffers, buffer)) buffers.push_back(buffer);
  };
  for (const auto& expr : body.exprs)
    if (expr->input >= 0) mention(expr->input);
  for (const Output& output : body.outputs)
    mention(static_cast<int>(inputs) + output.result);
  return buffers;
}

/// A device function for bodies of one dimension: pointers, the number of elements, the number of the block.
func::FuncOp updateFunction(Emission& emission, const KernelBody& body, ArrayRef<int> buffers,
                            Operation* before, const std::string& name, int width) {
  OpBuilder outer(before);
  llvm::SmallVector<Type> types;
  for (int buffer : buffers)
    types.push_back(MemRefType::get({ShapedType::kDynamic}, emission.types[buffer].getElementType()));
  types.append(2, outer.getIndexType());
  auto function =
      func::FuncOp::create(outer, emission.fusion.getLoc(), name, outer.getFunctionType(types, {}));
  Block* block = function.addEntryBlock();
  KernelBuilder inside(emission, function, OpBuilder(block, block->begin()));
  for (auto [i, buffer] : llvm::enumerate(buffers)) {
    function.setArgAttr(i, kNameAttr, outer.getStringAttr(emission.names[buffer]));
    function.setArgAttr(i, kMayAliasAttr, outer.getUnitAttr()); // updates are in place
    inside.buffers[buffer] = function.getArgument(i);
  }
  std::size_t n = buffers.size();
  function.setArgAttr(n, kNameAttr, outer.getStringAttr("elements"));
  function.setArgAttr(n + 1, kNameAttr, outer.getStringAttr("block"));
  emitPieces(inside, body, function.getArgument(n + 1), function.getArgument(n), {width}, /*exact=*/false);
  func::ReturnOp::create(inside.b, inside.loc);
  inside.finish();
  return function;
}

} // namespace

LogicalResult emitMulti(Emission& emission) {
  auto bodies = analyse(emission.fusion);
  if (failed(bodies)) return failure();
  auto all = llvm::to_vector(llvm::seq<int>(0, static_cast<int>(emission.types.size())));
  auto blocksOf = [](const KernelBody& body, int width) {
    return ceilDiv(body.points(), Pieces{width}.perBlock());
  };
  std::int64_t blocks = 0;
  llvm::SmallVector<int> widths;
  for (const KernelBody& body : *bodies) {
    widths.push_back(Evaluator::vectorWidth(body, body.dims.size() - 1));
    blocks += blocksOf(body, widths.back());
  }
  runtime::CudaLaunch launch{{std::int32_t(blocks), 1, 1}, {Pieces::kThreads, 1, 1}, 0};
  KernelBuilder kernel(emission, emission.name, all, launch);
  Value block = kernel.block();
  std::map<std::string, std::pair<func::FuncOp, int>> functions;
  std::int64_t start = 0;
  for (auto [body, width] : llvm::zip_equal(*bodies, widths)) {
    std::int64_t end = start + blocksOf(body, width);
    Value below = kernel.less(block, kernel.index(end));
    Value mine =
        start == 0
            ? below
            : arith::AndIOp::create(kernel.b, kernel.loc,
                                    arith::CmpIOp::create(kernel.b, kernel.loc, arith::CmpIPredicate::sge,
                                                          block, kernel.index(start)),
                                    below);
    kernel.when(mine, [&](scf::IfOp) {
      Value own = kernel.add(block, -start);
      if (body.dims.size() > 1)
        return emitPieces(kernel, body, own, kernel.index(body.points()), {width}, /*exact=*/false);
      llvm::SmallVector<int> buffers = buffersOf(body, emission.inputs());
      std::string key = body.structure() + std::to_string(width);
      for (int buffer : buffers)
        key += emission.types[buffer].getElementType().isF32() ? "" : "x";
      auto& [function, number] = functions[key];
      if (!function) {
        std::string name = emission.name + "_part" + std::to_string(functions.size());
        function = updateFunction(emission, body, buffers, kernel.function, name, width);
      }
      Values arguments;
      for (auto [i, buffer] : llvm::enumerate(buffers))
        arguments.push_back(memref::CastOp::create(kernel.b, kernel.loc, function.getArgumentTypes()[i],
                                                   kernel.buffers[buffer]));
      arguments.push_back(kernel.index(body.points()));
      arguments.push_back(own);
      func::CallOp::create(kernel.b, kernel.loc, function, arguments);
    });
    start = end;
  }
  kernel.finish();
  emission.kernels.launches.push_back({emission.name, all, launch, blocks, 0});
  return success();
}

} // namespace kiln::codegen::cuda
