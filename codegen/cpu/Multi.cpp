// Multi kernels: all optimizer updates in one launch. See Multi.h.
//
// Code grows with the number of structures, not of parts: each structure is one function, and a table of its
// parts tells which pieces, how many items and which buffers each has. The kernel walks the tables.
#include "cpu/Multi.h"

#include "KilnOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <map>

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {

// Elements. Threads share the launch out by pieces, so a part of a few elements weighs as much as one of
// these; neighbouring pieces of a part are done in one call.
constexpr std::int64_t kPiece = 1024;

/// One loop and where its pieces lie among the work items.
struct Part {
  const KernelBody* body;
  llvm::SmallVector<int> buffers; ///< fusion inputs, then results (numbered after all inputs), by first use
  std::size_t inputs = 0;         ///< how many of them are inputs
  std::int64_t pieceItems = 1, items = 0, firstPiece = 0, pieces = 0;
};

/// Parts that differ in buffers and, when they are flat, in size.
struct Structure {
  std::string function; ///< private: buffers, then the first item and the end
  llvm::SmallVector<Part> parts;
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
void emitPartFunction(Frame& frame, ModuleOp module, const Part& part, ArrayRef<MemRefType> types,
                      const std::string& name) {
  OpBuilder& builder = frame.builder;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(module.getBody());
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
    results[output.result] = block->getArgument(next++);
  emitLoopBody(frame, *part.body, inputs, results, block->getArgument(part.buffers.size()),
               block->getArgument(part.buffers.size() + 1));
}

/// The kernel itself, with the runtime's signature from the start: which buffers a part has is known from its
/// table only, so they are loaded from the array of all, part by part. Calls name functions of the LLVM
/// dialect, which part functions are once they have been lowered.
class Dispatch {
public:
  Dispatch(Frame& frame, ModuleOp module, const std::string& symbol)
      : frame(frame), builder(frame.builder), loc(frame.loc), module(module), symbol(symbol),
        pointer(LLVM::LLVMPointerType::get(builder.getContext())), i64(builder.getI64Type()) {}

  void emit(ArrayRef<Structure> structures) {
    builder.setInsertionPointToEnd(module.getBody());
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(builder.getContext()),
                                            {pointer, i64, i64, pointer});
    auto kernel = LLVM::LLVMFuncOp::create(builder, loc, symbol, type);
    Block* block = kernel.addEntryBlock(builder);
    buffers = block->getArgument(0), begin = block->getArgument(1), end = block->getArgument(2);
    builder.setInsertionPointToEnd(block);
    builder.setInsertionPoint(LLVM::ReturnOp::create(builder, loc, ValueRange()));
    for (auto [number, structure] : llvm::enumerate(structures))
      walk(structure, tableOf(structure, symbol + "_table" + std::to_string(number)));
  }

private:
  enum Field { FirstPiece, EndPiece, Items, FirstBuffer };

  static std::int64_t rowLength(const Structure& structure) {
    return FirstBuffer + static_cast<std::int64_t>(structure.parts.front().buffers.size());
  }

  LLVM::GlobalOp tableOf(const Structure& structure, const std::string& name) {
    llvm::SmallVector<std::int64_t> table;
    for (const Part& part : structure.parts) {
      table.append({part.firstPiece, part.firstPiece + part.pieces, part.items});
      table.append(part.buffers.begin(), part.buffers.end());
    }
    auto size = static_cast<std::int64_t>(table.size());
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(module.getBody());
    return LLVM::GlobalOp::create(
        builder, loc, LLVM::LLVMArrayType::get(i64, size), /*isConstant=*/true, LLVM::Linkage::Internal, name,
        DenseIntElementsAttr::get(RankedTensorType::get({size}, i64), ArrayRef(table)));
  }

  Value number(std::int64_t value) {
    return arith::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(value));
  }
  Value load(Type type, Value array, Value i) {
    Value address = LLVM::GEPOp::create(builder, loc, pointer, type, array, ArrayRef<LLVM::GEPArg>{i});
    return LLVM::LoadOp::create(builder, loc, type, address);
  }

  /// Calls the structure's function for the pieces in [begin, end) of each of its parts.
  void walk(const Structure& structure, LLVM::GlobalOp table) {
    OpBuilder::InsertionGuard guard(builder);
    Value rows = LLVM::AddressOfOp::create(builder, loc, pointer, table.getSymName());
    auto length = static_cast<std::int64_t>(structure.parts.size()) * rowLength(structure);
    auto loop = scf::ForOp::create(builder, loc, number(0), number(length), number(rowLength(structure)));
    builder.setInsertionPoint(loop.getBody()->getTerminator());
    auto field = [&](std::int64_t which) {
      return load(i64, rows, frame.add(loop.getInductionVar(), number(which)));
    };
    Value firstPiece = field(FirstPiece);
    Value first = frame.max(begin, firstPiece), last = frame.min(end, field(EndPiece));
    Value any = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, first, last);
    auto choice = scf::IfOp::create(builder, loc, any, /*withElseRegion=*/false);
    builder.setInsertionPoint(choice.thenBlock()->getTerminator());
    Value items = field(Items), pieceItems = number(structure.parts.front().pieceItems);
    Values operands;
    for (std::int64_t i = FirstBuffer; i < rowLength(structure); ++i)
      operands.push_back(load(pointer, buffers, field(i)));
    for (Value piece : {first, last}) {
      Value item = arith::MulIOp::create(builder, loc, frame.sub(piece, firstPiece), pieceItems);
      operands.push_back(frame.min(item, items));
    }
    LLVM::CallOp::create(builder, loc, TypeRange(), structure.function, operands);
  }

  Frame& frame;
  OpBuilder& builder;
  Location loc;
  ModuleOp module;
  std::string symbol;
  Type pointer, i64;
  Value buffers, begin, end;
};

} // namespace

void emitParts(ir::FusionOp fusion, ArrayRef<const KernelBody*> bodies, llvm::StringRef symbol,
               const Target& target, int threads, CpuKernel& kernel) {
  OpBuilder builder(fusion.getContext());
  Frame frame{builder, fusion.getLoc(), target};
  llvm::SmallVector<MemRefType> types;
  for (MemRefType type : bufferTypes(fusion))
    types.push_back(unsizedBuffer(type));
  std::vector<Structure> structures;
  std::map<std::string, std::size_t> numbers;
  std::int64_t pieces = 0;
  double nanoseconds = 0;
  for (const KernelBody* body : bodies) {
    Part part = makePart(*body, static_cast<int>(fusion->getNumOperands()));
    part.firstPiece = pieces;
    pieces += part.pieces;
    nanoseconds += estimateNanoseconds(*body);
    auto [place, isNew] = numbers.try_emplace(body->structure(), structures.size());
    if (isNew) {
      std::string name = symbol.str() + "_part" + std::to_string(structures.size());
      emitPartFunction(frame, *kernel.module, part, types, name);
      structures.push_back({name, {}});
    }
    structures[place->second].parts.push_back(std::move(part));
  }
  Dispatch(frame, *kernel.module, symbol.str()).emit(structures);
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
