// See Kernel.h.
#include "cuda/Kernel.h"

#include "cuda/Names.h"
#include "cuda/Printer.h"

#include "KilnOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Iterators.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace kiln::codegen::cuda {
namespace {

/// A short name for a tensor: the user's for an argument of the program, else that of the op that makes it.
std::string tensorName(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto function = dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
    auto name =
        function ? function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "kiln.name") : nullptr;
    return name ? identifier(name.getValue()) : "input" + std::to_string(argument.getArgNumber());
  }
  Operation* op = value.getDefiningOp();
  if (auto reshape = dyn_cast<ir::ReshapeOp>(op)) return tensorName(reshape.getX());
  if (auto fusion = dyn_cast<ir::FusionOp>(op))
    return tensorName(
        fusion.getBody().front().getTerminator()->getOperand(cast<OpResult>(value).getResultNumber()));
  return op->getName().stripDialect().str();
}

} // namespace

Type valueType(Type element) {
  if (auto integer = dyn_cast<IntegerType>(element); integer && !integer.isSignless())
    return IntegerType::get(element.getContext(), integer.getWidth());
  return element;
}

MemRefType bufferType(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return MemRefType::get({tensor.hasStaticShape() ? tensor.getNumElements() : ShapedType::kDynamic},
                         valueType(tensor.getElementType()));
}

Emission::Emission(gpu::GPUModuleOp module, ir::FusionOp fusion) : module(module), fusion(fusion) {
  name = unusedSymbol(identifier(fusion.getName()));
  auto slots = fusion.getSlots();
  for (Value value : fusion->getOperands())
    types.push_back(bufferType(value.getType())), names.push_back(tensorName(value));
  for (Value value : fusion->getResults())
    types.push_back(bufferType(value.getType())), names.push_back(tensorName(value));
  overlaps.assign(types.size(), false);
  llvm::DenseMap<std::int64_t, int> first;
  for (int i = 0; i < static_cast<int>(types.size()); ++i)
    memory.push_back(slots ? first.try_emplace((*slots)[i], i).first->second : i);
}

std::string Emission::unusedSymbol(StringRef base) {
  std::string symbol = base.str();
  for (int n = 2; module.lookupSymbol(symbol); ++n)
    symbol = base.str() + "_" + std::to_string(n);
  return symbol;
}

bool Emission::needsWideIndex() const {
  return llvm::any_of(
      types, [](MemRefType type) { return type.hasStaticShape() && type.getNumElements() > INT32_MAX; });
}

std::size_t Emission::inputs() const {
  return fusion->getNumOperands();
}

int Emission::addTemp(Type element, std::int64_t count, StringRef tempName) {
  types.push_back(MemRefType::get({count}, valueType(element)));
  names.push_back(tempName.str());
  memory.push_back(static_cast<int>(types.size()) - 1);
  overlaps.push_back(false);
  kernels.temps.push_back(types.back());
  return static_cast<int>(types.size()) - 1;
}

KernelBuilder::KernelBuilder(Emission& emission, StringRef symbol, ArrayRef<int> parameters,
                             const runtime::CudaLaunch& launch, bool dynamic, ArrayRef<PointerTable> wanted)
    : b(emission.fusion.getContext()), loc(emission.fusion.getLoc()), emission(emission), function(nullptr),
      buffers(emission.types.size()) {
  llvm::SmallVector<Type> types;
  for (const PointerTable& table : wanted) {
    auto any =
        MemRefType::get({ShapedType::kDynamic}, emission.types[table.buffers.front()].getElementType());
    types.push_back(MemRefType::get({static_cast<std::int64_t>(table.buffers.size())}, any));
  }
  for (int buffer : parameters)
    types.push_back(emission.types[buffer]);
  if (dynamic) types.push_back(b.getIndexType());
  b.setInsertionPointToEnd(emission.module.getBody());
  auto kernel = gpu::GPUFuncOp::create(b, loc, symbol, b.getFunctionType(types, {}));
  kernel->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), b.getUnitAttr());
  kernel.setKnownBlockSizeAttr(b.getDenseI32ArrayAttr({launch.block[0], launch.block[1], launch.block[2]}));
  function = kernel;
  unsigned next = 0;
  auto parameter = [&](StringRef name, bool mayAlias) {
    kernel.setArgAttr(next, kNameAttr, b.getStringAttr(name));
    if (mayAlias) kernel.setArgAttr(next, kMayAliasAttr, b.getUnitAttr());
    return kernel.getArgument(next++);
  };
  for (const PointerTable& table : wanted)
    tables.push_back(parameter(table.name, table.mayAlias));
  for (int buffer : parameters)
    buffers[buffer] = parameter(emission.names[buffer], emission.mayAlias(buffer));
  if (dynamic) elements = parameter("elements", false);
  if (dynamic || emission.needsWideIndex()) kernel->setAttr(kWideIndexAttr, b.getUnitAttr());
  b.setInsertionPointToEnd(&kernel.getBody().front());
  gpu::ReturnOp::create(b, loc);
  b.setInsertionPoint(kernel.getBody().front().getTerminator());
}

KernelBuilder::KernelBuilder(Emission& emission, Operation* function, OpBuilder builder)
    : b(builder), loc(emission.fusion.getLoc()), emission(emission), function(function),
      buffers(emission.types.size()) {}

Location KernelBuilder::at(StringRef name) const {
  return NameLoc::get(StringAttr::get(loc.getContext(), name), loc);
}

Value KernelBuilder::named(Value value, StringRef name) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    argument.setLoc(at(name));
  else
    value.getDefiningOp()->setLoc(at(name));
  return value;
}

Value KernelBuilder::thread(gpu::Dimension axis, StringRef name) {
  return gpu::ThreadIdOp::create(b, at(name), axis);
}

Value KernelBuilder::block(gpu::Dimension axis, StringRef name) {
  return gpu::BlockIdOp::create(b, at(name), axis);
}

Value KernelBuilder::numbers(StringRef symbol, ArrayRef<std::int64_t> values) {
  auto count = static_cast<std::int64_t>(values.size());
  auto type = MemRefType::get({count}, b.getIndexType());
  OpBuilder outer(function);
  auto initial = DenseIntElementsAttr::get(RankedTensorType::get({count}, outer.getIndexType()), values);
  auto global =
      memref::GlobalOp::create(outer, loc, symbol, /*sym_visibility=*/outer.getStringAttr("private"), type,
                               initial, /*constant=*/true, /*alignment=*/nullptr);
  if (function->hasAttr(kWideIndexAttr)) global->setAttr(kWideIndexAttr, outer.getUnitAttr());
  return memref::GetGlobalOp::create(b, loc, type, symbol);
}

Value KernelBuilder::shared(Type element, std::int64_t count, StringRef name) {
  auto space = gpu::AddressSpaceAttr::get(b.getContext(), gpu::AddressSpace::Workgroup);
  auto type = MemRefType::get({count}, element, MemRefLayoutAttrInterface(), space);
  return cast<gpu::GPUFuncOp>(function).addWorkgroupAttribution(type, at(name));
}

Value KernelBuilder::index(std::int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}
Value KernelBuilder::constant(TypedAttr value) {
  if (auto integer = dyn_cast<IntegerAttr>(value))
    value = IntegerAttr::get(valueType(integer.getType()), integer.getValue());
  return arith::ConstantOp::create(b, loc, value);
}
Value KernelBuilder::add(Value a, Value c) {
  return b.createOrFold<arith::AddIOp>(at("at"), a, c);
}
Value KernelBuilder::mul(Value a, std::int64_t c) {
  return c == 1 ? a : b.createOrFold<arith::MulIOp>(at("at"), a, index(c));
}
Value KernelBuilder::div(Value a, std::int64_t c) {
  return c == 1 ? a : b.createOrFold<arith::DivSIOp>(at("at"), a, index(c));
}
Value KernelBuilder::rem(Value a, std::int64_t c) {
  return c == 1 ? index(0) : b.createOrFold<arith::RemSIOp>(at("at"), a, index(c));
}
Value KernelBuilder::min(Value a, Value c) {
  return b.createOrFold<arith::MinSIOp>(at("end"), a, c);
}
Value KernelBuilder::less(Value a, Value c) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, a, c);
}
Value KernelBuilder::equal(Value a, std::int64_t c) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, a, index(c));
}

Values KernelBuilder::delinearise(Value element, ArrayRef<std::int64_t> sizes) {
  Values indices(sizes.size());
  for (std::size_t d = sizes.size(); d-- > 0;) {
    indices[d] = d == 0 ? element : rem(element, sizes[d]);
    if (d) element = div(element, sizes[d]);
  }
  return indices;
}

Values KernelBuilder::loop(const Range& range, ValueRange carried, ArrayRef<std::string> names,
                           llvm::function_ref<Values(scf::ForOp, ValueRange)> body) {
  auto loop = scf::ForOp::create(b, loc, range.lower, range.upper, index(range.step), carried);
  if (range.unroll) loop->setAttr(kUnrollAttr, b.getUnitAttr());
  loop.getInductionVar().setLoc(at(range.name));
  for (auto [argument, name] : llvm::zip_equal(loop.getRegionIterArgs(), names))
    argument.setLoc(at(name));
  OpBuilder::InsertionGuard guard(b);
  if (carried.empty()) {
    b.setInsertionPoint(loop.getBody()->getTerminator());
    body(loop, {});
  } else {
    b.setInsertionPointToEnd(loop.getBody());
    Values next = body(loop, loop.getRegionIterArgs());
    scf::YieldOp::create(b, loc, next);
  }
  return Values(loop.getResults());
}

void KernelBuilder::loop(const Range& range, llvm::function_ref<void(scf::ForOp)> body) {
  loop(range, {}, {}, [&](scf::ForOp op, ValueRange) {
    body(op);
    return Values();
  });
}

void KernelBuilder::when(Value condition, llvm::function_ref<void(scf::IfOp)> body) {
  auto op = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(op.thenBlock()->getTerminator());
  body(op);
}

void KernelBuilder::finish() {
  // Users come after what they use, and regions' contents after what they capture: one walk backwards is
  // enough.
  function->walk<WalkOrder::PostOrder, ReverseIterator>([](Operation* op) {
    if (isOpTriviallyDead(op)) op->erase();
  });
}

} // namespace kiln::codegen::cuda
