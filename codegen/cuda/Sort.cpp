// argsort: a thread for each element counts those that come before it, which is its number in order. The
// square of the row's length in comparisons, but no passes, no scratch, and the same result for every
// schedule: the counts of a row are a permutation.
#include "cuda/Sort.h"
#include "cuda/Evaluate.h"

#include "KilnOps.h"
#include "Scalar.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace kiln::codegen::cuda {

LogicalResult emitSort(Emission& emission, ir::ArgsortOp op) {
  constexpr int kThreads = 128;
  auto body = analyseValue(emission.fusion, op.getX(), {/*collapse=*/false});
  if (failed(body)) return failure();
  ArrayRef<std::int64_t> shape = op.getX().getType().getShape();
  unsigned dim = op.getDim();
  std::int64_t points = op.getX().getType().getNumElements();
  if (op.getType().getNumElements() == 0) return success();
  auto buffers = llvm::to_vector(llvm::seq<int>(0, static_cast<int>(emission.types.size())));
  runtime::CudaLaunch launch{{std::int32_t(ceilDiv(points, kThreads)), 1, 1}, {kThreads, 1, 1}, 0};
  KernelBuilder kernel(emission, emission.name, buffers, launch);
  Evaluator own(*body, kernel), others(*body, kernel);
  const Expr* key = body->outputs[0].value;
  Value point = kernel.named(kernel.add(kernel.mul(kernel.block(), kThreads), kernel.thread()), "point");
  kernel.when(kernel.less(point, kernel.index(points)), [&](scf::IfOp guard) {
    OpBuilder& b = kernel.b;
    Values at = kernel.delinearise(point, shape);
    llvm::SmallVector<std::pair<unsigned, Value>> all, rest;
    for (auto [d, index] : llvm::enumerate(at)) {
      all.push_back({unsigned(d), index});
      if (d != dim) rest.push_back({unsigned(d), index});
    }
    own.enter(guard, all);
    others.enter(guard, rest);
    Value mine = own.value(key);
    KernelBuilder::Range range{kernel.index(0), kernel.index(shape[dim]), 1, false, "other"};
    Value count =
        kernel.loop(range, {kernel.index(0)}, {std::string("before")}, [&](scf::ForOp loop, ValueRange sum) {
          Value place = loop.getInductionVar();
          others.enter(loop, {{dim, place}});
          Value theirs = others.value(key);
          ir::Scalars scalars(b, kernel.loc, ir::isUnsignedTensor(op.getX()));
          Value first = scalars.sortsBefore(theirs, mine, op.getDescending());
          Value later = scalars.sortsBefore(mine, theirs, op.getDescending());
          Value earlierPlace = kernel.less(place, at[dim]);
          Value one = kernel.index(1), none = kernel.index(0);
          Value tie = arith::SelectOp::create(b, kernel.loc, earlierPlace, one, none);
          tie = arith::SelectOp::create(b, kernel.loc, later, none, tie);
          Value more = arith::SelectOp::create(b, kernel.loc, first, one, tie);
          Value next = kernel.add(sum[0], more);
          others.leave();
          return Values{next};
        })[0];
    auto write = [&](Value number) {
      ArrayRef<std::int64_t> sizes = op.getType().getShape();
      Value address = kernel.index(0);
      std::int64_t stride = 1;
      for (unsigned d = sizes.size(); d-- > 0; stride *= sizes[d])
        address = kernel.add(address, kernel.mul(d == dim ? number : at[d], stride));
      Value chosen = arith::IndexCastOp::create(b, kernel.at("chosen"), b.getI64Type(), at[dim]);
      memref::StoreOp::create(b, kernel.loc, chosen, kernel.buffers[emission.inputs()],
                              kernel.named(address, "at"));
    };
    if (op.getCount() == std::uint64_t(shape[dim])) {
      write(count);
    } else {
      std::int64_t first = op.getFirst(), end = first + std::int64_t(op.getCount());
      Value isWanted = kernel.less(count, kernel.index(end));
      if (first > 0)
        isWanted =
            arith::AndIOp::create(b, kernel.loc, isWanted, kernel.less(kernel.index(first - 1), count));
      kernel.when(isWanted, [&](scf::IfOp) { write(kernel.add(count, -first)); });
    }
    others.leave();
    own.leave();
  });
  kernel.finish();
  emission.kernels.launches.push_back({emission.name, buffers, launch, points, 0});
  return success();
}

} // namespace kiln::codegen::cuda
