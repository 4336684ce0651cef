// Kernels without reductions. Work items are elements when the whole domain is one run of memory, blocks of
// squares where something is read across it (Squares.h), else rows of the last dimension (or blocks of
// columns where rows are few and long).
#include "cpu/Loop.h"

#include "KilnOps.h"
#include "cpu/Squares.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {
bool isFlat(const KernelBody& body) {
  return body.dims.size() == 1;
}

/// Whether something is read across memory, as a transposed operand is. Neighbouring rows then use the same
/// cache lines, so a narrow block of columns is walked down before the next is begun.
bool readsAcross(const KernelBody& body) {
  return llvm::any_of(body.exprs, [](const auto& expr) {
    return expr->kind == Expr::Kind::Load && expr->access.strides.back() > 1;
  });
}

std::int64_t blockColumns(const KernelBody& body) {
  return readsAcross(body) ? 64 : 4096;
}

/// How a loop's group of elements is cut in vectors.
struct Group {
  int lanes, unroll;
};
/// Functions in f64 are chains of a hundred steps that wait for each other, longer than a core looks ahead:
/// on vectors of two registers two of them run at once.
Group chooseGroup(const KernelBody& body, const Target& target) {
  int lanes = chooseLanes(body, target), unroll = chooseUnroll(body, lanes);
  bool wide = lanes < target.lanes(4), generates = unroll * lanes == 64;
  if (wide && !generates && 2 * lanes * 8 <= kBufferAlignment) return {2 * lanes, unroll / 2};
  return {lanes, unroll};
}

/// Blocks that a row is cut in, also so that few long rows still make enough work items.
std::int64_t columnBlocks(const KernelBody& body) {
  std::int64_t columns = body.dims.back().size, rows = body.points() / std::max<std::int64_t>(columns, 1);
  bool cut = rows < 64 || readsAcross(body);
  return cut ? std::max<std::int64_t>((columns + blockColumns(body) - 1) / blockColumns(body), 1) : 1;
}
} // namespace

std::int64_t loopItems(const KernelBody& body) {
  if (body.dynamic()) return -1;
  if (isFlat(body)) return body.points();
  if (auto dim = squareDim(body)) return squareItems(body, *dim);
  return body.points() / std::max<std::int64_t>(body.dims.back().size, 1) * columnBlocks(body);
}

std::int64_t loopUnit(const KernelBody& body) {
  return isFlat(body) ? 64 : 1;
}

void emitLoopBody(Frame& frame, const KernelBody& body, ValueRange inputs, ValueRange results, Value begin,
                  Value end) {
  if (auto dim = squareDim(body)) return emitSquares(frame, body, *dim, inputs, results, begin, end);
  auto [lanes, unroll] = chooseGroup(body, frame.target);
  Evaluator evaluator(body, frame.builder, frame.loc, Values(inputs), lanes);
  auto visit = [&](ArrayRef<Lanes> group, ValueRange) {
    storeOutputs(evaluator, body.outputs, results, group);
    return Values();
  };
  if (isFlat(body)) {
    walk(frame, evaluator, {begin, end, std::nullopt, true}, unroll, visit);
    return;
  }
  std::int64_t columns = body.dims.back().size, blocks = columnBlocks(body), width = blockColumns(body);
  // Work items: the outer dimensions, with the block before the last of them.
  llvm::SmallVector<std::int64_t> sizes;
  for (const Dim& dim : ArrayRef(body.dims).drop_back())
    sizes.push_back(dim.size);
  sizes.insert(sizes.end() - 1, blocks);
  frame.loop(begin, end, 1, {}, [&](scf::ForOp loop, ValueRange) {
    Values at = frame.delinearise(loop.getInductionVar(), sizes);
    Value block = at[at.size() - 2];
    at.erase(at.end() - 2);
    llvm::SmallVector<std::pair<unsigned, Value>> bound;
    for (auto [d, index] : llvm::enumerate(at))
      bound.push_back({static_cast<unsigned>(d), index});
    evaluator.enter(loop, bound);
    VectorRange range{frame.index(0), frame.index(columns), columns, true};
    if (blocks > 1) {
      range.lower = frame.mul(block, width);
      range.upper = frame.min(frame.add(range.lower, frame.index(width)), frame.index(columns));
      range.size.reset();
      if (columns % width == 0) range.size = width;
    }
    walk(frame, evaluator, range, unroll, visit);
    evaluator.leave();
    return Values();
  });
}

/// Marks results that no cache holds: their lines need not be fetched before they are overwritten. Returns
/// them.
static llvm::SmallVector<int> chooseStreamed(KernelBody& body, const Target& target, ValueRange results) {
  int lanes = chooseGroup(body, target).lanes;
  llvm::SmallVector<int> streamed;
  if (squareDim(body)) return streamed; // writes parts of many rows at once
  for (Output& output : body.outputs) {
    auto type = cast<MemRefType>(results[output.result].getType());
    std::int64_t bytes = type.getElementTypeBitWidth() / 8, vectorBytes = lanes * bytes;
    output.isStreamed = !body.dynamic() && type.getNumElements() * bytes > target.lastCacheBytes &&
                        Evaluator::isAligned(output.access) && vectorBytes >= 16 &&
                        vectorBytes <= kBufferAlignment;
    if (output.isStreamed) streamed.push_back(output.result);
  }
  return streamed;
}

/// Whether all these buffers begin at a multiple of kBufferAlignment. Ours do; memory that a user lends may
/// not.
static Value areAligned(Frame& frame, ValueRange results, ArrayRef<int> which) {
  Value bits = frame.index(0);
  for (int result : which) {
    Value address = memref::ExtractAlignedPointerAsIndexOp::create(frame.builder, frame.loc, results[result]);
    bits = arith::OrIOp::create(frame.builder, frame.loc, bits, address);
  }
  bits = arith::AndIOp::create(frame.builder, frame.loc, bits, frame.index(kBufferAlignment - 1));
  return arith::CmpIOp::create(frame.builder, frame.loc, arith::CmpIPredicate::eq, bits, frame.index(0));
}

/// The body twice where results are streamed: as it is for buffers that lie where they should, and without.
static void emitBodies(Frame& frame, KernelBody& body, ValueRange inputs, ValueRange results, Value begin,
                       Value end) {
  llvm::SmallVector<int> streamed = chooseStreamed(body, frame.target, results);
  if (streamed.empty()) return emitLoopBody(frame, body, inputs, results, begin, end);
  OpBuilder& builder = frame.builder;
  auto branch = scf::IfOp::create(builder, frame.loc, areAligned(frame, results, streamed),
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(branch.thenBlock());
  emitLoopBody(frame, body, inputs, results, begin, end);
  // Streamed stores are not in order with what tells other threads that they are done.
  LLVM::CallIntrinsicOp::create(builder, frame.loc, builder.getStringAttr("llvm.x86.sse.sfence"),
                                ValueRange{});
  for (Output& output : body.outputs)
    output.isStreamed = false;
  builder.setInsertionPointToStart(branch.elseBlock());
  emitLoopBody(frame, body, inputs, results, begin, end);
}

FailureOr<CpuKernel> emitLoop(ir::FusionOp fusion, const Target& target, int threads) {
  auto bodies = analyse(fusion);
  if (failed(bodies)) return failure();
  KernelBody& body = bodies->front();
  Location loc = fusion.getLoc();
  OpBuilder builder(fusion.getContext());
  CpuKernel kernel;
  kernel.module = ModuleOp::create(loc);
  KernelFunction function =
      createKernel(builder, *kernel.module, fusion.getName(), bufferTypes(fusion), 0, loc);
  Frame frame{builder, loc, target};
  std::size_t inputs = fusion->getNumOperands();
  emitBodies(frame, body, ValueRange(function.buffers).take_front(inputs),
             ValueRange(function.buffers).drop_front(inputs), function.begin, function.end);

  KernelLaunch launch{fusion.getName().str(), {}, loopItems(body), 0};
  launch.buffers = llvm::to_vector(llvm::seq<int>(0, static_cast<int>(function.buffers.size())));
  double each = estimateNanoseconds(body) / (body.dynamic() ? 1 : std::max<std::int64_t>(launch.items, 1));
  launch.grain = chooseGrain(launch.items, each, threads, loopUnit(body));
  kernel.launches.push_back(std::move(launch));
  return kernel;
}

} // namespace kiln::codegen::cpu
