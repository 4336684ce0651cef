// Kernels without reductions: 16 bytes a thread where addresses allow, two such pieces in flight.
#include "cuda/Evaluate.h"
#include "cuda/Pieces.h"

#include "KilnOps.h"

using namespace mlir;

namespace kiln::codegen::cuda {
namespace {
constexpr int kThreads = Pieces::kThreads, kPieces = Pieces::kInFlight;

/// One-op elementwise programs: any number of elements, one a thread and round.
void emitDynamic(Emission& emission, const KernelBody& body) {
  auto buffers = llvm::to_vector(llvm::seq<int>(0, static_cast<int>(emission.types.size())));
  runtime::CudaLaunch launch{{0, 1, 1}, {kThreads, 1, 1}, 0};
  KernelBuilder kernel(emission, emission.name, buffers, launch, true);
  Evaluator evaluator(body, kernel);
  Value first = kernel.add(kernel.mul(kernel.block(), kThreads * kPieces), kernel.thread());
  KernelBuilder::Range pieces{kernel.index(0), kernel.index(kPieces), 1, true, "piece"};
  kernel.loop(pieces, [&](scf::ForOp loop) {
    evaluator.enter(loop, {});
    Value i = kernel.named(kernel.add(first, kernel.mul(loop.getInductionVar(), kThreads)), "i");
    kernel.when(kernel.less(i, kernel.elements), [&](scf::IfOp guard) {
      evaluator.enter(guard, {{0, i}}, i);
      for (const Output& output : body.outputs)
        evaluator.store(output, evaluator.value(output.value));
      evaluator.leave();
    });
    evaluator.leave();
  });
  kernel.finish();
  emission.kernels.launches.push_back({emission.name, buffers, launch, -1, kThreads * kPieces});
}

} // namespace

void emitLoopOver(Emission& emission, const KernelBody& body, StringRef symbol) {
  auto buffers = llvm::to_vector(llvm::seq<int>(0, static_cast<int>(emission.types.size())));
  Pieces pieces{Evaluator::vectorWidth(body, body.dims.size() - 1)};
  std::int64_t points = body.points();
  if (points <= pieces.perPiece() * 64) pieces.count = 1; // small ones want blocks rather than depth
  runtime::CudaLaunch launch{
      {std::int32_t(ceilDiv(points, pieces.perBlock())), 1, 1}, {Pieces::kThreads, 1, 1}, 0};
  KernelBuilder kernel(emission, symbol, buffers, launch);
  emitPieces(kernel, body, kernel.block(), kernel.index(points), pieces, points % pieces.perBlock() == 0);
  kernel.finish();
  emission.kernels.launches.push_back({symbol.str(), buffers, launch, points, 0});
}

LogicalResult emitLoop(Emission& emission) {
  auto bodies = analyse(emission.fusion);
  if (failed(bodies)) return failure();
  const KernelBody& body = bodies->front();
  if (body.dynamic())
    emitDynamic(emission, body);
  else
    emitLoopOver(emission, body, emission.name);
  return success();
}

} // namespace kiln::codegen::cuda
