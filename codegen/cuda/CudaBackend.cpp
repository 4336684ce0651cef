// See CudaBackend.h. Each fusion's emitter adds kernels to one gpu.module, which is printed at the end.
#include "cuda/CudaBackend.h"

#include "BufferPlan.h"
#include "KernelInfo.h"
#include "cuda/Kernel.h"
#include "cuda/Prelude.h"
#include "cuda/Printer.h"

#include "KilnOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <map>
#include <set>

using namespace mlir;

namespace kiln::codegen::cuda {
namespace {

constexpr std::int64_t kAlignment = 256;

LogicalResult emit(Emission& emission) {
  switch (emission.fusion.getKind()) {
  case ir::FusionKind::Loop:
    return emitLoop(emission);
  case ir::FusionKind::RowReduce:
    return emitRowReduce(emission);
  case ir::FusionKind::ColumnReduce:
    return emitColumnReduce(emission);
  case ir::FusionKind::Contraction:
    return emitContraction(emission);
  case ir::FusionKind::Multi:
    return emitMulti(emission);
  case ir::FusionKind::Scatter:
    return emitScatter(emission);
  }
  return failure();
}

std::int64_t bytesOf(MemRefType type) {
  return type.getNumElements() * std::max(1u, type.getElementTypeBitWidth() / 8);
}

runtime::KernelInfo describe(Emission& emission, const KernelLaunch& launch) {
  runtime::KernelInfo info = describeKernel(emission.fusion);
  info.name = launch.symbol;
  info.cuda = launch.cuda;
  return info;
}

/// A plan's slots: which are views of others, and where in the arena temporaries lie.
class PlannedMemory {
public:
  explicit PlannedMemory(ArrayAttr slots) : slots(slots) {}
  /// The slot whose memory this one is.
  std::int64_t root(std::int64_t number) const {
    for (std::int64_t next; (next = field(number, "alias", -1)) >= 0;)
      number = next;
    return number;
  }
  bool isTemp(std::int64_t number) const {
    return slot(number).getAs<StringAttr>("kind").getValue() == "temp";
  }
  std::pair<std::int64_t, std::int64_t> range(std::int64_t number) const {
    std::int64_t begin = field(number, "offset", 0);
    return {begin, begin + bytesOf(bufferType(slot(number).getAs<TypeAttr>("type").getValue()))};
  }

private:
  DictionaryAttr slot(std::int64_t number) const { return cast<DictionaryAttr>(slots[number]); }
  std::int64_t field(std::int64_t number, StringRef name, std::int64_t fallback) const {
    auto attr = slot(number).getAs<IntegerAttr>(name);
    return attr ? attr.getInt() : fallback;
  }

  ArrayAttr slots;
};

/// Which of the fusion's buffers are the same memory, and which temporaries overlap others.
void markAliases(Emission& emission, const PlannedMemory& memory) {
  struct Extent {
    std::int64_t begin, end;
    int buffer;
  };
  llvm::SmallVector<Extent> temps;
  llvm::DenseMap<std::int64_t, int> first;
  for (auto [i, slot] : llvm::enumerate(*emission.fusion.getSlots())) {
    std::int64_t root = memory.root(slot);
    auto [known, isNew] = first.try_emplace(root, static_cast<int>(i));
    emission.memory[i] = known->second;
    if (!isNew || !memory.isTemp(root)) continue;
    auto [begin, end] = memory.range(root);
    temps.push_back({begin, end, static_cast<int>(i)});
  }
  llvm::sort(temps, [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
  std::int64_t reached = 0; // the furthest end of those before
  for (auto [i, temp] : llvm::enumerate(temps)) {
    bool meetsNext = i + 1 < temps.size() && temps[i + 1].begin < temp.end;
    emission.overlaps[temp.buffer] = temp.begin < reached || meetsNext;
    reached = std::max(reached, temp.end);
  }
  for (std::size_t i = 0; i < emission.memory.size(); ++i)
    emission.overlaps[i] = emission.overlaps[emission.memory[i]];
}

/// Slots of a fused module that has no plan: every value of main has its own.
struct Numbering {
  llvm::DenseMap<Value, std::int32_t> numbers;
  std::int32_t of(Value value) {
    if (auto reshape = value.getDefiningOp<ir::ReshapeOp>()) return of(reshape.getX());
    return numbers.try_emplace(value, static_cast<std::int32_t>(numbers.size())).first->second;
  }
};

std::string ownText(const std::vector<PrintedFunction>& functions, const std::string& kernel) {
  std::map<std::string, const PrintedFunction*> byName;
  for (const PrintedFunction& function : functions)
    byName[function.name] = &function;
  std::set<std::string> wanted{kernel};
  for (auto it = functions.rbegin(); it != functions.rend(); ++it) // callees come first
    if (wanted.count(it->name)) wanted.insert(it->callees.begin(), it->callees.end());
  std::string text;
  for (const PrintedFunction& function : functions)
    if (wanted.count(function.name)) text += (text.empty() ? "" : "\n") + function.text;
  return text;
}

void headComment(Emission& emission) {
  // On the fusion's first kernel: what is computed, in the words of the program.
  if (emission.kernels.launches.empty()) return; // nothing but empty tensors
  std::string comment = ir::stringifyFusionKind(emission.fusion.getKind()).str() + ":";
  for (Operation& op : emission.fusion.getBody().front().without_terminator())
    if (comment.size() < 90)
      comment += " " + op.getName().stripDialect().str();
    else if (comment.back() != '.')
      comment += " ...";
  Operation* kernel = emission.module.lookupSymbol(emission.kernels.launches.front().symbol);
  kernel->setAttr("kiln.comment", StringAttr::get(emission.module.getContext(), comment));
}

} // namespace

FailureOr<CudaProgram> emitCuda(func::FuncOp main) {
  MLIRContext* context = main.getContext();
  context->loadDialect<arith::ArithDialect, func::FuncDialect, gpu::GPUDialect, math::MathDialect,
                       memref::MemRefDialect, scf::SCFDialect, ub::UBDialect, vector::VectorDialect>();
  CudaProgram program;
  auto plan = main->getAttrOfType<DictionaryAttr>("kiln.plan");
  Numbering numbering;
  std::int32_t firstTemp = 0;
  if (plan) {
    firstTemp = static_cast<std::int32_t>(plan.getAs<ArrayAttr>("slots").size());
    program.arenaBytes = plan.getAs<IntegerAttr>("arena").getInt();
  } else {
    for (Value argument : main.getArguments())
      numbering.of(argument);
    for (auto fusion : main.getOps<ir::FusionOp>())
      for (Value result : fusion->getResults())
        numbering.of(result);
    firstTemp = static_cast<std::int32_t>(numbering.numbers.size());
  }
  std::int64_t arena = program.arenaBytes = llvm::alignTo(program.arenaBytes, kAlignment);

  OpBuilder builder(context);
  OwningOpRef<gpu::GPUModuleOp> kernels(gpu::GPUModuleOp::create(builder, main.getLoc(), "kernels"));
  for (auto fusion : main.getOps<ir::FusionOp>()) {
    Emission emission(*kernels, fusion);
    if (plan && fusion.getSlots()) markAliases(emission, PlannedMemory(plan.getAs<ArrayAttr>("slots")));
    if (failed(emit(emission))) return failure();
    headComment(emission);
    std::vector<std::int32_t> slots;
    if (auto planned = fusion.getSlots()) {
      slots.assign(planned->begin(), planned->end());
    } else {
      for (Value value : fusion->getOperands())
        slots.push_back(numbering.of(value));
      for (Value value : fusion->getResults())
        slots.push_back(numbering.of(value));
    }
    std::int64_t offset = arena; // fusions run one after another: their temps share memory
    for (MemRefType temp : emission.kernels.temps) {
      slots.push_back(firstTemp + static_cast<std::int32_t>(program.temps.size()));
      runtime::Slot slot;
      slot.type = {DType::UInt8, Shape{bytesOf(temp)}};
      slot.offset = offset;
      program.temps.push_back(slot);
      offset = llvm::alignTo(offset + bytesOf(temp), kAlignment);
    }
    program.arenaBytes = std::max(program.arenaBytes, offset);
    for (const KernelLaunch& launch : emission.kernels.launches) {
      runtime::Launch call;
      call.symbol = launch.symbol;
      for (int buffer : launch.buffers)
        call.slots.push_back(slots[buffer]);
      call.items = launch.items;
      call.grain = launch.grain;
      call.kernel = static_cast<std::int32_t>(program.kernels.size());
      program.launches.push_back(std::move(call));
      program.kernels.push_back(describe(emission, launch));
    }
  }

  auto functions = printFunctions(*kernels);
  if (failed(functions)) return failure();
  program.source = prelude();
  for (const PrintedFunction& function : *functions)
    program.source += "\n" + function.text;
  for (runtime::KernelInfo& kernel : program.kernels)
    kernel.source = ownText(*functions, kernel.name);
  return program;
}

FailureOr<runtime::Artifact> buildArtifact(func::FuncOp main, StringRef architecture) {
  auto planned = readPlan(main);
  if (failed(planned)) return failure();
  auto program = emitCuda(main);
  if (failed(program)) return failure();
  runtime::Artifact artifact = std::move(*planned);
  artifact.target = "cuda " + architecture.str();
  artifact.slots.insert(artifact.slots.end(), program->temps.begin(), program->temps.end());
  artifact.launches = std::move(program->launches);
  artifact.kernels = std::move(program->kernels);
  artifact.arenaBytes = program->arenaBytes;
  auto* text = reinterpret_cast<const std::byte*>(program->source.data());
  artifact.image.assign(text, text + program->source.size());
  return artifact;
}

} // namespace kiln::codegen::cuda
