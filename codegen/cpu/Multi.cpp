// Multi kernels: all optimizer updates in one launch. See Multi.h.
#include "cpu/Multi.h"

#include "KilnOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {

constexpr std::int64_t kPiece = 16384; // elements

/// One loop and where its pieces lie among the work items.
struct Part {
  const KernelBody* body;
  llvm::SmallVector<int> buffers; ///< fusion inputs, then results (numbered after all inputs), by first use
  std::size_t inputs = 0;         ///< how many of them are inputs
  std::int64_t pieceItems = 1, items = 0, firstPiece = 0, pieces = 0;
};

Part makePart(const KernelBody& body, int fusionInputs) {
  Part part{&body, {}};
  auto use = [&](int number) {
    if (!llvm::is_contained(part.buffers, number)) part.buffers.push_back(number);
  };
  for (const auto& expr : body.exprs)
    if (expr->input >= 0) use(expr->input);
  part.inputs = part.buffers.size();
  for (const Output& output : body.outputs)
    use(fusionInputs + output.result);
  part.items = loopItems(body);
  std::int64_t pointsPerItem =
      std::max<std::int64_t>(body.points() / std::max<std::int64_t>(part.items, 1), 1);
  std::int64_t unit = loopUnit(body);
  part.pieceItems = std::max<std::int64_t>(kPiece / pointsPerItem / unit, 1) * unit;
  part.pieces = (part.items + part.pieceItems - 1) / part.pieceItems;
  return part;
}

/// Without a size, so that loops over buffers of different sizes can be one function.
MemRefType unsizedBuffer(MemRefType type) {
  return MemRefType::get({std::int64_t(1) << 40}, type.getElementType());
}

/// A private function that does items [begin, end) of a part; all parts of its structure call it.
func::FuncOp emitPartFunction(Frame& frame, ModuleOp module, const Part& part, ArrayRef<MemRefType> types,
                              const std::string& name) {
  OpBuilder& builder = frame.builder;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(module.getBody());
  llvm::SmallVector<Type> arguments;
  for (int buffer : part.buffers)
    arguments.push_back(types[buffer]);
  arguments.append(2, builder.getIndexType());
  auto function = func::FuncOp::create(builder, frame.loc, name, builder.getFunctionType(arguments, {}));
  function.setPrivate();
  Block* block = function.addEntryBlock();
  builder.setInsertionPointToEnd(block);
  builder.setInsertionPoint(func::ReturnOp::create(builder, frame.loc));
  Values inputs(types.size()), results(types.size());
  for (auto [i, buffer] : llvm::enumerate(part.buffers))
    inputs[buffer] = block->getArgument(i);
  std::size_t next = part.inputs;
  for (const Output& output : part.body->outputs)
    if (!results[output.result]) results[output.result] = block->getArgument(next++);
  emitLoopBody(frame, *part.body, inputs, results, block->getArgument(part.buffers.size()),
               block->getArgument(part.buffers.size() + 1));
  return function;
}

} // namespace

void emitParts(ir::FusionOp fusion, ArrayRef<const KernelBody*> bodies, llvm::StringRef symbol,
               const Target& target, int threads, CpuKernel& kernel) {
  Location loc = fusion.getLoc();
  OpBuilder builder(fusion.getContext());
  Frame frame{builder, loc, target};
  llvm::SmallVector<MemRefType> types;
  for (MemRefType type : bufferTypes(fusion))
    types.push_back(unsizedBuffer(type));
  KernelFunction function = createKernel(builder, *kernel.module, symbol, types, 0, loc);
  std::map<std::string, func::FuncOp> functions;
  std::int64_t pieces = 0;
  double nanoseconds = 0;
  for (const KernelBody* body : bodies) {
    Part part = makePart(*body, static_cast<int>(fusion->getNumOperands()));
    part.firstPiece = pieces;
    pieces += part.pieces;
    nanoseconds += estimateNanoseconds(*body);
    func::FuncOp& callee = functions[body->structure()];
    if (!callee)
      callee = emitPartFunction(frame, *kernel.module, part, types,
                                (symbol + "_part" + llvm::Twine(functions.size() - 1)).str());

    Value first = frame.max(function.begin, frame.index(part.firstPiece));
    Value last = frame.min(function.end, frame.index(part.firstPiece + part.pieces));
    Value any = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, first, last);
    auto choice = scf::IfOp::create(builder, loc, any, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(choice.thenBlock()->getTerminator());
    auto itemOf = [&](Value piece) {
      Value item = frame.mul(frame.sub(piece, frame.index(part.firstPiece)), part.pieceItems);
      return frame.min(item, frame.index(part.items));
    };
    Values operands;
    for (int buffer : part.buffers)
      operands.push_back(function.buffers[buffer]);
    operands.push_back(itemOf(first));
    operands.push_back(itemOf(last));
    func::CallOp::create(builder, loc, callee, operands);
  }
  KernelLaunch launch{symbol.str(), llvm::to_vector(llvm::seq<int>(0, static_cast<int>(types.size()))),
                      pieces, 0};
  launch.grain = chooseGrain(pieces, nanoseconds / std::max<std::int64_t>(pieces, 1), threads);
  kernel.launches.push_back(std::move(launch));
}

FailureOr<CpuKernel> emitMulti(ir::FusionOp fusion, const Target& target, int threads) {
  auto bodies = analyse(fusion);
  if (failed(bodies)) return failure();
  CpuKernel kernel;
  kernel.module = ModuleOp::create(fusion.getLoc());
  llvm::SmallVector<const KernelBody*> parts;
  for (const KernelBody& body : *bodies) {
    if (body.isReduction()) return fusion.emitOpError("of kind multi holds a reduction");
    parts.push_back(&body);
  }
  emitParts(fusion, parts, fusion.getName(), target, threads, kernel);
  return kernel;
}

} // namespace kiln::codegen::cpu
