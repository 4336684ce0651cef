// See Pieces.h.
#include "cuda/Pieces.h"

#include "cuda/Evaluate.h"

using namespace mlir;

namespace kiln::codegen::cuda {

void emitPieces(KernelBuilder& kernel, const KernelBody& body, Value block, Value points, Pieces pieces,
                bool exact) {
  Evaluator evaluator(body, kernel);
  unsigned last = body.dims.size() - 1;
  llvm::SmallVector<std::int64_t> sizes;
  for (const Dim& dim : body.dims)
    sizes.push_back(dim.size);
  llvm::SmallVector<const Output*> outputs;
  for (const Output& output : body.outputs)
    outputs.push_back(&output);

  Value first = kernel.add(kernel.mul(block, pieces.perBlock()), kernel.mul(kernel.thread(), pieces.width));
  auto piece = [&](Value i) {
    kernel.named(i, "i");
    auto work = [&](Operation* inner) {
      Values at = kernel.delinearise(i, sizes);
      llvm::SmallVector<std::pair<unsigned, Value>> bound;
      for (unsigned d = 0; d < last; ++d)
        bound.push_back({d, at[d]});
      evaluator.enter(inner, bound);
      evaluator.storeLanes(last, at[last], pieces.width, outputs, i);
      evaluator.leave();
    };
    if (exact) return work(nullptr);
    kernel.when(kernel.less(i, points), [&](scf::IfOp guard) { work(guard); });
  };
  if (pieces.count == 1) return piece(first);
  KernelBuilder::Range range{kernel.index(0), kernel.index(pieces.count), 1, true, "piece"};
  kernel.loop(range, [&](scf::ForOp loop) {
    evaluator.enter(loop, {});
    piece(kernel.add(first, kernel.mul(loop.getInductionVar(), pieces.perPiece())));
    evaluator.leave();
  });
}

} // namespace kiln::codegen::cuda
