// Kernels without reductions: 16 bytes a thread where addresses allow, two such pieces in flight.
#include "cuda/Evaluate.h"

#include "KilnOps.h"

using namespace mlir;

namespace kiln::codegen::cuda {
namespace {
constexpr int kThreads = 256, kPieces = 2;

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
  unsigned last = body.dims.size() - 1;
  int width = Evaluator::vectorWidth(body, last);
  std::int64_t points = body.points(), perPiece = std::int64_t(kThreads) * width;
  int pieces = points > perPiece * 64 ? kPieces : 1; // small ones want blocks rather than depth
  runtime::CudaLaunch launch{{std::int32_t(ceilDiv(points, perPiece * pieces)), 1, 1}, {kThreads, 1, 1}, 0};
  KernelBuilder kernel(emission, symbol, buffers, launch);
  Evaluator evaluator(body, kernel);
  llvm::SmallVector<std::int64_t> sizes;
  for (const Dim& dim : body.dims)
    sizes.push_back(dim.size);
  llvm::SmallVector<const Output*> outputs;
  for (const Output& output : body.outputs)
    outputs.push_back(&output);

  Value first = kernel.add(kernel.mul(kernel.block(), perPiece * pieces), kernel.mul(kernel.thread(), width));
  auto piece = [&](Value i) {
    kernel.named(i, "i");
    auto work = [&](Operation* inner) {
      Values at = kernel.delinearise(i, sizes);
      llvm::SmallVector<std::pair<unsigned, Value>> bound;
      for (unsigned d = 0; d < last; ++d)
        bound.push_back({d, at[d]});
      evaluator.enter(inner, bound);
      evaluator.storeLanes(last, at[last], width, outputs, i);
      evaluator.leave();
    };
    if (points % (perPiece * pieces) == 0) return work(nullptr);
    kernel.when(kernel.less(i, kernel.index(points)), [&](scf::IfOp guard) { work(guard); });
  };
  if (pieces == 1) {
    piece(first);
  } else {
    KernelBuilder::Range range{kernel.index(0), kernel.index(pieces), 1, true, "piece"};
    kernel.loop(range, [&](scf::ForOp loop) {
      evaluator.enter(loop, {});
      piece(kernel.add(first, kernel.mul(loop.getInductionVar(), perPiece)));
      evaluator.leave();
    });
  }
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
