// Many independent loops in one kernel (all of an optimizer's updates): each block takes a fixed number of
// elements of one of them.
//
// Code grows with the number of structures, not of parts: loops that differ in size and buffers alone share a
// device function. Two tables tell them apart. Their pointers are parameters of the kernel, one array for
// each buffer of the function; which blocks a part has and how many elements are numbers in the device's
// memory, among which the threads of a block look for their part together. So a kernel reads as one update,
// whether there are three parts or a thousand; when the pointers are more than a kernel's parameters hold,
// the parts are dealt to several kernels.
#include "cuda/Evaluate.h"
#include "cuda/Pieces.h"
#include "cuda/Printer.h"

#include "KilnOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include "llvm/ADT/StringExtras.h"

#include <map>
#include <set>

using namespace mlir;

namespace kiln::codegen::cuda {
namespace {

/// Bytes of parameters that a kernel may have, from CUDA 12.1 on (4096 before).
constexpr std::int64_t kParameterBytes = 32764;

struct Part {
  const KernelBody* body;
  llvm::SmallVector<int> buffers; ///< in order of first mention, as KernelBody::structure counts them
  std::int64_t blocks = 0;
};

/// An argument of a structure's function: the buffers that it is in each part.
struct Argument {
  llvm::SmallVector<int> ofPart;
  std::string name;
  bool mayAlias = false;
  bool isUpdated = false; ///< read, then written
  bool isOne() const { return llvm::all_equal(ofPart); }
};

/// Parts that share a device function of pointers, the number of elements and the number of the block.
struct Structure {
  int width = 1; ///< elements that a thread takes at once
  llvm::SmallVector<Part> parts;
  llvm::SmallVector<Argument> arguments;
  llvm::SmallVector<int> argumentOf; ///< by a buffer's place in Part::buffers
  func::FuncOp function;

  std::int64_t bytesOfPart() const {
    return 8 * llvm::count_if(arguments, [](const Argument& argument) { return !argument.isOne(); });
  }
  std::int64_t bytesOfAll() const { return 8 * static_cast<std::int64_t>(arguments.size()) - bytesOfPart(); }
};

/// Parts [first, end) of a structure: what one kernel has of it.
struct Share {
  Structure* structure;
  std::size_t first, end;
  std::size_t size() const { return end - first; }
  bool operator==(const Share& other) const { return structure == other.structure && first == other.first; }
};

Part makePart(const KernelBody& body, std::size_t inputs, int width) {
  Part part{&body, {}, ceilDiv(body.points(), Pieces{width}.perBlock())};
  auto mention = [&](int buffer) {
    if (!llvm::is_contained(part.buffers, buffer)) part.buffers.push_back(buffer);
  };
  for (const auto& expr : body.exprs)
    if (expr->input >= 0) mention(expr->input);
  for (const Output& output : body.outputs)
    mention(static_cast<int>(inputs) + output.result);
  return part;
}

std::vector<Structure> findStructures(const Emission& emission, ArrayRef<KernelBody> bodies) {
  std::vector<Structure> structures;
  std::map<std::string, std::size_t> numbers;
  for (const KernelBody& body : bodies) {
    int width = Evaluator::vectorWidth(body, body.dims.size() - 1);
    Part part = makePart(body, emission.inputs(), width);
    if (part.blocks == 0) continue;
    std::string key = body.structure() + std::to_string(width);
    llvm::raw_string_ostream types(key);
    for (int buffer : part.buffers)
      types << ' ' << emission.types[buffer].getElementType();
    auto [place, isNew] = numbers.try_emplace(key, structures.size());
    if (isNew) structures.emplace_back().width = width;
    structures[place->second].parts.push_back(std::move(part));
  }
  return structures;
}

/// The name that the buffers share, else what they are to the function.
std::string nameOf(const Emission& emission, const Argument& argument) {
  const std::string& name = emission.names[argument.ofPart.front()];
  if (llvm::all_of(argument.ofPart, [&](int buffer) { return emission.names[buffer] == name; })) return name;
  bool isInput = static_cast<std::size_t>(argument.ofPart.front()) < emission.inputs();
  return argument.isUpdated ? "state" : isInput ? "input" : "output";
}

/// Buffers that are the same memory in every part (a state and its update) are one argument.
void findArguments(const Emission& emission, Structure& structure) {
  std::map<std::vector<int>, int> numbers;
  for (std::size_t place = 0; place < structure.parts.front().buffers.size(); ++place) {
    Argument argument;
    std::vector<int> memory;
    for (const Part& part : structure.parts) {
      int buffer = part.buffers[place];
      argument.ofPart.push_back(buffer);
      memory.push_back(emission.memory[buffer]);
      argument.mayAlias |= emission.overlaps[buffer];
    }
    auto [known, isNew] = numbers.try_emplace(memory, static_cast<int>(structure.arguments.size()));
    structure.argumentOf.push_back(known->second);
    if (!isNew) {
      structure.arguments[known->second].isUpdated = true;
      continue;
    }
    structure.arguments.push_back(std::move(argument));
  }
  for (Argument& argument : structure.arguments)
    argument.name = nameOf(emission, argument);
  // Memory that two arguments of a part share, whichever buffers they are of.
  for (std::size_t part = 0; part < structure.parts.size(); ++part) {
    std::map<int, Argument*> owners;
    for (Argument& argument : structure.arguments) {
      auto [owner, isNew] = owners.try_emplace(emission.memory[argument.ofPart[part]], &argument);
      if (!isNew) owner->second->mayAlias = argument.mayAlias = true;
    }
  }
}

func::FuncOp updateFunction(Emission& emission, const Structure& structure) {
  OpBuilder outer = OpBuilder::atBlockEnd(emission.module.getBody());
  llvm::SmallVector<Type> types;
  for (const Argument& argument : structure.arguments)
    types.push_back(
        MemRefType::get({ShapedType::kDynamic}, emission.types[argument.ofPart.front()].getElementType()));
  types.append(2, outer.getIndexType());
  auto function =
      func::FuncOp::create(outer, emission.fusion.getLoc(), emission.unusedSymbol(emission.name + "_part"),
                           outer.getFunctionType(types, {}));
  if (emission.needsWideIndex()) function->setAttr(kWideIndexAttr, outer.getUnitAttr());
  Block* block = function.addEntryBlock();
  KernelBuilder inside(emission, function, OpBuilder(block, block->begin()));
  for (auto [i, argument] : llvm::enumerate(structure.arguments)) {
    function.setArgAttr(i, kNameAttr, outer.getStringAttr(argument.name));
    if (argument.mayAlias) function.setArgAttr(i, kMayAliasAttr, outer.getUnitAttr());
  }
  const Part& part = structure.parts.front();
  for (auto [buffer, argument] : llvm::zip_equal(part.buffers, structure.argumentOf))
    inside.buffers[buffer] = function.getArgument(argument),
    inside.ownNames[buffer] = structure.arguments[argument].name;
  std::size_t n = structure.arguments.size();
  function.setArgAttr(n, kNameAttr, outer.getStringAttr("elements"));
  function.setArgAttr(n + 1, kNameAttr, outer.getStringAttr("block"));
  emitPieces(inside, *part.body, function.getArgument(n + 1), function.getArgument(n), {structure.width},
             /*exact=*/false);
  func::ReturnOp::create(inside.b, inside.loc);
  inside.finish();
  return function;
}

/// Deals all parts to kernels, as many to each as its parameters can point to.
std::vector<llvm::SmallVector<Share>> deal(MutableArrayRef<Structure> structures) {
  std::vector<llvm::SmallVector<Share>> kernels;
  std::int64_t left = 0;
  for (Structure& structure : structures)
    for (std::size_t first = 0, count = structure.parts.size(); first < count;) {
      std::int64_t each = structure.bytesOfPart(), once = structure.bytesOfAll();
      if (kernels.empty() || left < once + each) kernels.emplace_back(), left = kParameterBytes;
      std::size_t taken = count - first;
      if (each > 0) taken = std::min<std::size_t>(taken, (left - once) / each);
      kernels.back().push_back({&structure, first, first + taken});
      left -= once + each * static_cast<std::int64_t>(taken);
      first += taken;
    }
  return kernels;
}

/// One kernel: its parameters, the search for a block's part, then a call for each structure.
class UpdateKernel {
public:
  UpdateKernel(Emission& emission, ArrayRef<Share> shares, const std::string& symbol)
      : emission(emission), shares(shares), symbol(symbol) {
    for (const Share& share : shares)
      llvm::append_range(parts, ArrayRef(share.structure->parts).slice(share.first, share.size()));
  }

  void emit() {
    llvm::SmallVector<std::int64_t> firstBlocks{0}, sizes;
    for (const Part& part : parts) {
      firstBlocks.push_back(firstBlocks.back() + part.blocks);
      sizes.push_back(part.body->points());
    }
    std::int64_t blocks = firstBlocks.back();
    runtime::CudaLaunch launch{{std::int32_t(blocks), 1, 1}, {Pieces::kThreads, 1, 1}, 0};
    chooseParameters();
    KernelBuilder kernel(emission, symbol, single, launch, /*dynamic=*/false, tables);
    if (parts.size() == 1) {
      call(kernel, shares.front(), kernel.index(0), kernel.index(sizes.front()), kernel.block());
    } else {
      Value table = kernel.numbers(emission.unusedSymbol(symbol + "_first_block"), firstBlocks);
      Value block = kernel.block(), part = findPart(kernel, table, block);
      Value own = arith::SubIOp::create(kernel.b, kernel.loc, block, load(kernel, table, part));
      table = kernel.numbers(emission.unusedSymbol(symbol + "_elements"), sizes);
      Value elements = kernel.named(load(kernel, table, part), "elements");
      choose(kernel, part, elements, kernel.named(own, "own_block"));
    }
    kernel.finish();
    llvm::SmallVector<int> buffers;
    for (const PointerTable& table : tables)
      llvm::append_range(buffers, table.buffers);
    llvm::append_range(buffers, single);
    emission.kernels.launches.push_back({symbol, buffers, launch, blocks, 0});
  }

private:
  void chooseParameters() {
    std::set<int> seen; // a buffer that several structures read, as the learning rate, is one parameter
    for (const Share& share : shares)
      for (const Argument& argument : share.structure->arguments) {
        ArrayRef<int> buffers = ArrayRef(argument.ofPart).slice(share.first, share.size());
        if (!argument.isOne())
          tables.push_back({llvm::SmallVector<int>(buffers), argument.name, argument.mayAlias});
        else if (seen.insert(buffers.front()).second)
          single.push_back(buffers.front());
      }
  }

  /// The part whose blocks hold `block`: the one thread that finds it tells the others.
  Value findPart(KernelBuilder& kernel, Value firstBlock, Value block) const {
    OpBuilder& b = kernel.b;
    Value found = kernel.shared(b.getIndexType(), 1, "found");
    KernelBuilder::Range range{kernel.thread(), kernel.index(static_cast<std::int64_t>(parts.size())),
                               Pieces::kThreads, false, "candidate"};
    kernel.loop(range, [&](scf::ForOp loop) {
      Value candidate = loop.getInductionVar();
      Value begun = arith::CmpIOp::create(b, kernel.loc, arith::CmpIPredicate::sle,
                                          load(kernel, firstBlock, candidate), block);
      Value notOver = kernel.less(block, load(kernel, firstBlock, kernel.add(candidate, 1)));
      Value holds = arith::AndIOp::create(b, kernel.at("holds"), begun, notOver);
      kernel.when(holds, [&](scf::IfOp) {
        memref::StoreOp::create(b, kernel.loc, candidate, found, kernel.index(0));
      });
    });
    gpu::BarrierOp::create(b, kernel.loc);
    return kernel.named(load(kernel, found, kernel.index(0)), "part");
  }

  /// Parts are numbered structure by structure.
  void choose(KernelBuilder& kernel, Value part, Value elements, Value block) {
    std::int64_t start = 0;
    for (const Share& share : shares) {
      std::int64_t end = start + static_cast<std::int64_t>(share.size());
      Value ofShare = kernel.add(part, -start);
      Value above =
          arith::CmpIOp::create(kernel.b, kernel.loc, arith::CmpIPredicate::sge, part, kernel.index(start));
      Value below = kernel.less(part, kernel.index(end));
      if (shares.size() == 1)
        call(kernel, share, ofShare, elements, block);
      else
        kernel.when(start == 0 ? below
                    : share == shares.back()
                        ? above
                        : Value(arith::AndIOp::create(kernel.b, kernel.loc, above, below)),
                    [&](scf::IfOp) { call(kernel, share, ofShare, elements, block); });
      start = end;
    }
  }

  void call(KernelBuilder& kernel, const Share& share, Value part, Value elements, Value block) {
    Values arguments;
    func::FuncOp function = share.structure->function;
    for (auto [type, argument] : llvm::zip(function.getArgumentTypes(), share.structure->arguments)) {
      Value pointer = argument.isOne() ? kernel.buffers[argument.ofPart.front()]
                                       : load(kernel, kernel.tables[nextTable++], part);
      arguments.push_back(memref::CastOp::create(kernel.b, kernel.loc, type, pointer));
    }
    arguments.append({elements, block});
    func::CallOp::create(kernel.b, kernel.loc, function, arguments);
  }

  static Value load(KernelBuilder& kernel, Value table, Value at) {
    return memref::LoadOp::create(kernel.b, kernel.loc, table, at);
  }

  Emission& emission;
  ArrayRef<Share> shares;
  std::string symbol;
  llvm::SmallVector<Part> parts;
  llvm::SmallVector<PointerTable> tables;
  llvm::SmallVector<int> single;
  std::size_t nextTable = 0;
};

} // namespace

LogicalResult emitMulti(Emission& emission) {
  auto bodies = analyse(emission.fusion);
  if (failed(bodies)) return failure();
  std::vector<Structure> structures = findStructures(emission, *bodies);
  for (Structure& structure : structures) {
    findArguments(emission, structure);
    structure.function = updateFunction(emission, structure);
  }
  for (auto& shares : deal(structures))
    UpdateKernel(emission, shares, emission.unusedSymbol(emission.name)).emit();
  return success();
}

} // namespace kiln::codegen::cuda
