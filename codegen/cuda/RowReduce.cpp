// Reductions along the last dimension: a warp per row up to 1024 columns, a block per row beyond. Each phase
// of reductions is a pass over the row; passes evaluate elementwise values again, and where the row is short
// the loops are unrolled, so that the compiler keeps the row in registers. Few long rows without a full-size
// result are cut in chunks, which a second kernel combines.
#include "cuda/Evaluate.h"
#include "cuda/Reduce.h"

#include "KilnOps.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace kiln::codegen::cuda {
namespace {

constexpr int kWarpsPerBlock = 8;
constexpr std::int64_t kWarpColumns = 1024; ///< longest row that one warp takes
constexpr std::int64_t kUnrolled = 32;      ///< elements per thread up to which a row stays in registers
constexpr std::int64_t kChunk = 8192;       ///< columns that one block takes of a row that is cut
constexpr std::int64_t kFewRows = 64;

struct Row {
  KernelBuilder& kernel;
  const KernelBody& body;
  Evaluator evaluator;
  llvm::SmallVector<unsigned> kept, reduced;
  std::int64_t columns;
  int width;   ///< elements of a vector
  int threads; ///< that share a row
  Value lane;  ///< number of this thread among them
  Value shared;
  Value mine;     ///< this thread's first column
  Value from, to; ///< columns of this chunk; null for the whole row

  Row(KernelBuilder& kernel, const KernelBody& body, int threads)
      : kernel(kernel), body(body), evaluator(body, kernel), threads(threads) {
    columns = 1;
    for (auto [d, dim] : llvm::enumerate(body.dims))
      (dim.reduced ? reduced : kept).push_back(d);
    for (unsigned d : reduced)
      columns *= body.dims[d].size;
    width = Evaluator::vectorWidth(body, reduced.back());
    while (width > 1 && columns < std::int64_t(threads) * width) // rather every thread than long vectors
      width /= 2;
  }

  llvm::SmallVector<std::int64_t> sizes(ArrayRef<unsigned> dims) const {
    return llvm::map_to_vector(dims, [&](unsigned d) { return body.dims[d].size; });
  }

  /// Opens a scope in which the kept dims are those of this row.
  void enterRow(Operation* scope, Value row) {
    Values at = kernel.delinearise(row, sizes(kept));
    llvm::SmallVector<std::pair<unsigned, Value>> bound;
    for (auto [dim, index] : llvm::zip_equal(kept, at))
      bound.push_back({dim, index});
    evaluator.enter(scope, bound);
  }

  /// `visit` is called with the scope's first column bound, but for the last reduced dimension, which starts
  /// there.
  Values pass(ValueRange carried, ArrayRef<std::string> names,
              llvm::function_ref<Values(Value start, ValueRange carried)> visit) {
    std::int64_t step = std::int64_t(threads) * width;
    bool even = !from && columns % step == 0;
    if (!mine) mine = width == 1 ? lane : kernel.named(kernel.mul(lane, width), "start");
    KernelBuilder::Range range{from ? kernel.add(from, mine) : mine, to ? to : kernel.index(columns), step,
                               false, "column"};
    if (even) range = {kernel.index(0), kernel.index(columns), step, columns / threads <= kUnrolled, "first"};
    return kernel.loop(range, carried, names, [&](scf::ForOp loop, ValueRange now) {
      evaluator.enter(loop, {});
      Value column = loop.getInductionVar();
      if (even) column = kernel.named(kernel.add(column, mine), "column");
      Values at = kernel.delinearise(column, sizes(reduced));
      llvm::SmallVector<std::pair<unsigned, Value>> bound;
      for (auto [dim, index] : llvm::zip_equal(ArrayRef(reduced).drop_back(), ArrayRef(at).drop_back()))
        bound.push_back({dim, index});
      evaluator.enter(nullptr, bound);
      Values next = visit(at.back(), now);
      evaluator.leave();
      evaluator.leave();
      return next;
    });
  }

  /// This thread's share of the reductions, then combined over the threads of the row.
  Values reduce(ArrayRef<const Expr*> reductions) {
    auto names = accumulatorNames(reductions);
    auto operands = llvm::map_to_vector(reductions, [](const Expr* r) { return r->operands[0]; });
    Values totals = pass(neutrals(kernel, reductions), names, [&](Value start, ValueRange now) {
      return evaluator.lanes(reduced.back(), start, width, operands, now, names,
                             [&](ValueRange values, ValueRange sums) {
                               Values next;
                               for (auto [reduction, sum, value] : llvm::zip_equal(reductions, sums, values))
                                 next.push_back(combine(kernel, reduction, sum, value));
                               return next;
                             });
    });
    for (auto [reduction, total] : llvm::zip_equal(reductions, totals))
      total = threads == kWarp
                  ? warpReduce(kernel, reduction, total)
                  : blockReduce(kernel, reduction, total, threads / kWarp, sharedFor(total.getType()));
    return totals;
  }

  Value sharedFor(Type type) {
    if (!shared || cast<MemRefType>(shared.getType()).getElementType() != type)
      shared = kernel.shared(type, kWarp, "partials");
    return shared;
  }

  void bindPhase(int phase) {
    auto reductions = reductionsOf(body, phase);
    Values totals = reduce(reductions);
    for (auto [reduction, total] : llvm::zip_equal(reductions, totals))
      evaluator.bind(reduction, total);
  }

  void storeKept() {
    auto outputs = outputsOf(body, false);
    if (outputs.empty()) return;
    kernel.when(kernel.equal(lane, 0), [&](scf::IfOp first) {
      evaluator.enter(first, {});
      for (const Output* output : outputs)
        evaluator.store(*output, evaluator.value(output->value));
      evaluator.leave();
    });
  }

  void storeFull() {
    auto outputs = outputsOf(body, true);
    if (outputs.empty()) return;
    pass({}, {}, [&](Value start, ValueRange) {
      evaluator.storeLanes(reduced.back(), start, width, outputs);
      return Values();
    });
  }
};

llvm::SmallVector<int> allBuffers(const Emission& emission) {
  std::size_t count = emission.fusion->getNumOperands() + emission.fusion->getNumResults();
  return llvm::to_vector(llvm::seq<int>(0, static_cast<int>(count)));
}

void emitWhole(Emission& emission, const KernelBody& body) {
  std::int64_t rows = body.keptPoints(), columns = body.points() / rows;
  bool warps = columns <= kWarpColumns;
  int threads = warps ? kWarp : columns <= 4096 ? 256 : columns <= 16384 ? 512 : 1024;
  std::int64_t perBlock = warps ? std::min<std::int64_t>(kWarpsPerBlock, rows) : 1;
  runtime::CudaLaunch launch{{std::int32_t(ceilDiv(rows, perBlock)), 1, 1},
                             {std::int32_t(warps ? perBlock * kWarp : threads), 1, 1},
                             0};
  auto buffers = allBuffers(emission);
  KernelBuilder kernel(emission, emission.name, buffers, launch);
  Row row(kernel, body, threads);
  auto work = [&](Operation* scope, Value number) {
    row.enterRow(scope, number);
    for (int phase = 1; phase <= body.phases; ++phase)
      row.bindPhase(phase);
    row.storeFull();
    row.storeKept();
    row.evaluator.leave();
  };
  if (!warps || perBlock == 1) {
    row.lane = kernel.thread();
    work(nullptr, kernel.named(kernel.block(), "row"));
  } else {
    Value thread = kernel.thread();
    row.lane = kernel.named(kernel.rem(thread, kWarp), "lane");
    Value number = kernel.add(kernel.mul(kernel.block(), perBlock), kernel.div(thread, kWarp));
    kernel.named(number, "row");
    if (rows % perBlock == 0)
      work(nullptr, number);
    else
      kernel.when(kernel.less(number, kernel.index(rows)), [&](scf::IfOp guard) { work(guard, number); });
  }
  kernel.finish();
  emission.kernels.launches.push_back({emission.name, buffers, launch, rows, 0});
}

/// Two kernels: each block of the first reduces one chunk of a row; the second combines the chunks.
void emitChunked(Emission& emission, const KernelBody& body) {
  constexpr int kThreads = 256;
  std::int64_t rows = body.keptPoints(), columns = body.points() / rows;
  std::int64_t chunks = ceilDiv(columns, kChunk);
  auto reductions = reductionsOf(body, 1);
  llvm::SmallVector<int> partials;
  for (const Expr* reduction : reductions)
    partials.push_back(
        emission.addTemp(reduction->type, rows * chunks, "partial_" + accumulatorNames(reduction)[0]));

  llvm::SmallVector<int> buffers = llvm::to_vector(llvm::seq<int>(0, static_cast<int>(emission.inputs())));
  buffers.append(partials);
  runtime::CudaLaunch launch{{std::int32_t(rows * chunks), 1, 1}, {kThreads, 1, 1}, 0};
  std::string symbol = emission.name + "_chunks";
  {
    KernelBuilder kernel(emission, symbol, buffers, launch);
    Row row(kernel, body, kThreads);
    row.lane = kernel.thread();
    Value block = kernel.block();
    Values at = kernel.delinearise(block, {rows, chunks});
    row.enterRow(nullptr, kernel.named(at[0], "row"));
    row.from = kernel.mul(at[1], kChunk);
    row.to = kernel.min(kernel.add(row.from, kChunk), kernel.index(columns));
    Values totals = row.reduce(reductions);
    kernel.when(kernel.equal(row.lane, 0), [&](scf::IfOp) {
      for (auto [partial, total] : llvm::zip_equal(partials, totals))
        memref::StoreOp::create(kernel.b, kernel.loc, total, kernel.buffers[partial], block);
    });
    row.evaluator.leave();
    kernel.finish();
  }
  emission.kernels.launches.push_back({symbol, buffers, launch, rows * chunks, 0});

  buffers = allBuffers(emission);
  buffers.append(partials);
  launch = {{std::int32_t(rows), 1, 1}, {kThreads, 1, 1}, 0};
  KernelBuilder kernel(emission, emission.name, buffers, launch);
  Row row(kernel, body, kThreads);
  row.lane = kernel.thread();
  Value number = kernel.named(kernel.block(), "row");
  row.enterRow(nullptr, number);
  auto names = accumulatorNames(reductions);
  KernelBuilder::Range range{row.lane, kernel.index(chunks), kThreads, false, "chunk"};
  Values totals =
      kernel.loop(range, neutrals(kernel, reductions), names, [&](scf::ForOp loop, ValueRange now) {
        Value element = kernel.add(kernel.mul(number, chunks), loop.getInductionVar());
        Values next;
        for (auto [reduction, partial, sum] : llvm::zip_equal(reductions, partials, now)) {
          Value part = memref::LoadOp::create(kernel.b, kernel.loc, kernel.buffers[partial], element);
          next.push_back(combine(kernel, reduction, sum, part));
        }
        return next;
      });
  for (auto [reduction, total] : llvm::zip_equal(reductions, totals))
    row.evaluator.bind(
        reduction, blockReduce(kernel, reduction, total, kThreads / kWarp, row.sharedFor(total.getType())));
  row.storeKept();
  kernel.finish();
  emission.kernels.launches.push_back({emission.name, buffers, launch, rows, 0});
}

} // namespace

LogicalResult emitRowReduce(Emission& emission) {
  auto bodies = analyse(emission.fusion);
  if (failed(bodies)) return failure();
  const KernelBody& body = bodies->front();
  if (!body.dims.back().reduced)
    return emission.fusion.emitOpError("of kind row_reduce does not reduce its last dimension");
  std::int64_t rows = body.keptPoints(), columns = body.points() / rows;
  bool chunked =
      rows <= kFewRows && columns >= 2 * kChunk && body.phases == 1 && outputsOf(body, true).empty();
  chunked ? emitChunked(emission, body) : emitWhole(emission, body);
  return success();
}

} // namespace kiln::codegen::cuda
