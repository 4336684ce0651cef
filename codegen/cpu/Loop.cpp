// Kernels without reductions. Work items are elements when the whole domain is one run of memory, else rows
// of the last dimension (or blocks of columns where rows are few and long).
#include "cpu/Loop.h"

#include "KilnOps.h"

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {
constexpr std::int64_t kColumnBlock = 4096;

bool isFlat(const KernelBody& body) {
  return body.dims.size() == 1;
}

/// Blocks that a row is cut in, so that few long rows still make enough work items.
std::int64_t columnBlocks(const KernelBody& body) {
  std::int64_t columns = body.dims.back().size, rows = body.points() / std::max<std::int64_t>(columns, 1);
  return rows < 64 && columns > kColumnBlock ? (columns + kColumnBlock - 1) / kColumnBlock : 1;
}
} // namespace

std::int64_t loopItems(const KernelBody& body) {
  if (body.dynamic()) return -1;
  if (isFlat(body)) return body.points();
  return body.points() / std::max<std::int64_t>(body.dims.back().size, 1) * columnBlocks(body);
}

std::int64_t loopUnit(const KernelBody& body) {
  return isFlat(body) ? 64 : 1;
}

void emitLoopBody(Frame& frame, const KernelBody& body, ValueRange inputs, ValueRange results, Value begin,
                  Value end) {
  int lanes = chooseLanes(body, frame.target), unroll = chooseUnroll(body, lanes);
  Evaluator evaluator(body, frame.builder, frame.loc, Values(inputs), lanes);
  auto visit = [&](ArrayRef<Lanes> group, ValueRange) {
    storeOutputs(evaluator, body.outputs, results, group);
    return Values();
  };
  if (isFlat(body)) {
    walk(frame, evaluator, {begin, end, std::nullopt, true}, unroll, visit);
    return;
  }
  std::int64_t columns = body.dims.back().size, blocks = columnBlocks(body);
  llvm::SmallVector<std::int64_t> sizes;
  for (const Dim& dim : ArrayRef(body.dims).drop_back())
    sizes.push_back(dim.size);
  sizes.push_back(blocks);
  frame.loop(begin, end, 1, {}, [&](scf::ForOp loop, ValueRange) {
    Values at = blocks == 1 ? frame.delinearise(loop.getInductionVar(), ArrayRef(sizes).drop_back())
                            : frame.delinearise(loop.getInductionVar(), sizes);
    llvm::SmallVector<std::pair<unsigned, Value>> bound;
    for (unsigned d = 0; d + 1 < body.dims.size(); ++d)
      bound.push_back({d, at[d]});
    evaluator.enter(loop, bound);
    VectorRange range{frame.index(0), frame.index(columns), columns, true};
    if (blocks > 1) {
      range.lower = frame.mul(at.back(), kColumnBlock);
      range.upper = frame.min(frame.add(range.lower, frame.index(kColumnBlock)), frame.index(columns));
      range.size.reset();
    }
    walk(frame, evaluator, range, unroll, visit);
    evaluator.leave();
    return Values();
  });
}

FailureOr<CpuKernel> emitLoop(ir::FusionOp fusion, const Target& target, int threads) {
  auto bodies = analyse(fusion);
  if (failed(bodies)) return failure();
  const KernelBody& body = bodies->front();
  Location loc = fusion.getLoc();
  OpBuilder builder(fusion.getContext());
  CpuKernel kernel;
  kernel.module = ModuleOp::create(loc);
  KernelFunction function =
      createKernel(builder, *kernel.module, fusion.getName(), bufferTypes(fusion), 0, loc);
  Frame frame{builder, loc, target};
  std::size_t inputs = fusion->getNumOperands();
  emitLoopBody(frame, body, ValueRange(function.buffers).take_front(inputs),
               ValueRange(function.buffers).drop_front(inputs), function.begin, function.end);

  KernelLaunch launch{fusion.getName().str(), {}, loopItems(body), 0};
  launch.buffers = llvm::to_vector(llvm::seq<int>(0, static_cast<int>(function.buffers.size())));
  double each = estimateNanoseconds(body) / (body.dynamic() ? 1 : std::max<std::int64_t>(launch.items, 1));
  launch.grain = chooseGrain(launch.items, each, threads, loopUnit(body));
  kernel.launches.push_back(std::move(launch));
  return kernel;
}

} // namespace kiln::codegen::cpu
