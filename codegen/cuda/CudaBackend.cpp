// See CudaBackend.h. Each fusion's emitter adds kernels to one gpu.module, which is printed at the end.
#include "cuda/CudaBackend.h"

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

std::string locationText(Location loc) {
  std::string text;
  llvm::raw_string_ostream out(text);
  loc.print(out);
  return text;
}

runtime::KernelInfo describe(Emission& emission, const KernelLaunch& launch) {
  runtime::KernelInfo info;
  info.name = launch.symbol;
  info.kind = ir::stringifyFusionKind(emission.fusion.getKind()).str();
  for (Operation& op : emission.fusion.getBody().front().without_terminator())
    info.ops.push_back(op.getName().stripDialect().str());
  info.location = locationText(emission.fusion.getLoc());
  for (int buffer : launch.buffers)
    if (emission.types[buffer].hasStaticShape()) info.bytes += bytesOf(emission.types[buffer]);
  info.cuda = launch.cuda;
  return info;
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

FailureOr<CudaProgram> emitCuda(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main) return module.emitError("has no function @main");
  MLIRContext* context = module.getContext();
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

  OwningOpRef<gpu::GPUModuleOp> kernels;
  {
    OpBuilder builder(context);
    kernels = gpu::GPUModuleOp::create(builder, module.getLoc(), "kernels");
  }
  for (auto fusion : main.getOps<ir::FusionOp>()) {
    Emission emission(*kernels, fusion);
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

} // namespace kiln::codegen::cuda
