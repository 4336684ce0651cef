// Reductions that keep the last dimension: blocks of 32 x 8 threads, 32 columns wide, walk down their rows;
// the 8 partial results of a column meet in shared memory. Where columns alone make too few blocks the rows
// are cut in chunks, whose partial results a second kernel combines in order (no atomics: the same bits every
// run).
#include "cuda/Evaluate.h"
#include "cuda/Reduce.h"

#include "KilnOps.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace kiln::codegen::cuda {
namespace {

constexpr int kColumns = 32, kRows = 8;
constexpr std::int64_t kWantedBlocks = 264; ///< two for each of the 132 processors of an H100 or H200
constexpr std::int64_t kLeastChunk = 64;    ///< rows that a chunk has at least
constexpr int kFinishThreads = 256;

struct Plan {
  llvm::SmallVector<unsigned> outer, reduced; ///< dims; the last dim is the column
  std::int64_t outerPoints = 1, rows = 1, columns = 1, columnBlocks = 1, chunks = 1, chunkRows = 1;

  explicit Plan(const KernelBody& body) {
    unsigned last = body.dims.size() - 1;
    columns = body.dims[last].size;
    for (unsigned d = 0; d < last; ++d) {
      (body.dims[d].reduced ? reduced : outer).push_back(d);
      (body.dims[d].reduced ? rows : outerPoints) *= body.dims[d].size;
    }
    columnBlocks = ceilDiv(columns, kColumns);
    // Chunks are possible when no result of full size waits for a whole reduction.
    bool canCut = body.phases == 1 && llvm::all_of(outputsOf(body, true), [](const Output* output) {
                    return output->value->phase == 0;
                  });
    if (canCut)
      chunks = std::clamp<std::int64_t>(kWantedBlocks / (columnBlocks * outerPoints), 1,
                                        ceilDiv(rows, kLeastChunk));
    chunkRows = ceilDiv(rows, chunks);
    chunks = ceilDiv(rows, chunkRows);
  }
};

llvm::SmallVector<std::int64_t> sizes(const KernelBody& body, ArrayRef<unsigned> dims) {
  return llvm::map_to_vector(dims, [&](unsigned d) { return body.dims[d].size; });
}

void enterKept(Evaluator& evaluator, KernelBuilder& kernel, const KernelBody& body, const Plan& plan,
               Operation* scope, Value outer, Value column) {
  llvm::SmallVector<std::pair<unsigned, Value>> bound;
  Values at = plan.outer.empty() ? Values() : kernel.delinearise(outer, sizes(body, plan.outer));
  for (auto [dim, index] : llvm::zip_equal(plan.outer, at))
    bound.push_back({dim, index});
  bound.push_back({static_cast<unsigned>(body.dims.size() - 1), column});
  evaluator.enter(scope, bound);
}

/// The kernel that walks the rows; `partials` is empty when one chunk holds all of them.
struct Walk {
  KernelBuilder& kernel;
  const KernelBody& body;
  const Plan& plan;
  ArrayRef<int> partials;
  Evaluator evaluator;
  Value x, y, outer, chunk, column, isColumn;

  Walk(KernelBuilder& kernel, const KernelBody& body, const Plan& plan, ArrayRef<int> partials)
      : kernel(kernel), body(body), plan(plan), partials(partials), evaluator(body, kernel) {
    x = kernel.thread(gpu::Dimension::x, "x");
    y = kernel.thread(gpu::Dimension::y, "y");
    Values at = kernel.delinearise(kernel.block(), {plan.outerPoints, plan.chunks, plan.columnBlocks});
    outer = at[0], chunk = at[1];
    Value wanted = kernel.add(kernel.mul(at[2], kColumns), x);
    column = wanted;
    if (plan.columns % kColumns) { // threads beyond the last column repeat it: barriers need every thread
      isColumn = kernel.less(wanted, kernel.index(plan.columns));
      column = kernel.min(wanted, kernel.index(plan.columns - 1));
    }
    kernel.named(column, "column");
  }

  void guarded(Value condition, llvm::function_ref<void()> store) {
    if (!condition) return store();
    kernel.when(condition, [&](scf::IfOp guard) {
      evaluator.enter(guard, {});
      store();
      evaluator.leave();
    });
  }

  Values rows(ValueRange carried, ArrayRef<std::string> names, llvm::function_ref<Values(ValueRange)> visit) {
    Value from = kernel.mul(chunk, plan.chunkRows);
    Value to = kernel.min(kernel.add(from, plan.chunkRows), kernel.index(plan.rows));
    if (plan.chunks == 1) from = kernel.index(0), to = kernel.index(plan.rows);
    KernelBuilder::Range range{kernel.add(from, y), to, kRows, false, "row"};
    return kernel.loop(range, carried, names, [&](scf::ForOp loop, ValueRange now) {
      llvm::SmallVector<std::pair<unsigned, Value>> bound;
      Values at = kernel.delinearise(loop.getInductionVar(), sizes(body, plan.reduced));
      for (auto [dim, index] : llvm::zip_equal(plan.reduced, at))
        bound.push_back({dim, index});
      evaluator.enter(loop, bound);
      Values next = visit(now);
      evaluator.leave();
      return next;
    });
  }

  void storeFull(bool needingReductions) {
    for (const Output* output : outputsOf(body, true))
      if ((output->value->phase > 0) == needingReductions) {
        Value value = evaluator.value(output->value);
        guarded(isColumn, [&] { evaluator.store(*output, value); });
      }
  }

  /// The total of each reduction over the rows of the chunk, in every thread of the column.
  Values reduce(ArrayRef<const Expr*> reductions, bool storeOutputs) {
    auto names = accumulatorNames(reductions);
    Values sums = rows(neutrals(kernel, reductions), names, [&](ValueRange now) {
      Values next;
      for (auto [reduction, sum] : llvm::zip_equal(reductions, now))
        next.push_back(combine(kernel, reduction, sum, evaluator.value(reduction->operands[0])));
      if (storeOutputs) storeFull(false);
      return next;
    });
    Values tiles;
    for (auto [name, sum] : llvm::zip_equal(names, sums)) {
      tiles.push_back(kernel.shared(sum.getType(), kRows * kColumns, name + "_tile"));
      memref::StoreOp::create(kernel.b, kernel.loc, sum, tiles.back(),
                              kernel.add(kernel.mul(y, kColumns), x));
    }
    gpu::BarrierOp::create(kernel.b, kernel.loc);
    KernelBuilder::Range range{kernel.index(0), kernel.index(kRows), 1, true, "part"};
    auto totalNames = llvm::map_to_vector(names, [](const std::string& name) { return "column_" + name; });
    return kernel.loop(range, neutrals(kernel, reductions), totalNames, [&](scf::ForOp loop, ValueRange now) {
      Value element = kernel.add(kernel.mul(loop.getInductionVar(), kColumns), x);
      Values next;
      for (auto [reduction, tile, sum] : llvm::zip_equal(reductions, tiles, now)) {
        Value part = memref::LoadOp::create(kernel.b, kernel.loc, tile, element);
        next.push_back(combine(kernel, reduction, sum, part));
      }
      return next;
    });
  }

  void run() {
    enterKept(evaluator, kernel, body, plan, nullptr, outer, column);
    for (int phase = 1; phase <= body.phases; ++phase) {
      auto reductions = reductionsOf(body, phase);
      Values totals = reduce(reductions, phase == 1);
      if (!partials.empty()) return storePartials(totals);
      for (auto [reduction, total] : llvm::zip_equal(reductions, totals))
        evaluator.bind(reduction, total);
    }
    if (llvm::any_of(outputsOf(body, true), [](const Output* output) { return output->value->phase > 0; }))
      rows({}, {}, [&](ValueRange) {
        storeFull(true);
        return Values();
      });
    guarded(kernel.equal(y, 0), [&] {
      guarded(isColumn, [&] {
        for (const Output* output : outputsOf(body, false))
          evaluator.store(*output, evaluator.value(output->value));
      });
    });
  }

  void storePartials(ValueRange totals) {
    Value point = kernel.add(kernel.mul(chunk, plan.outerPoints), outer);
    point = kernel.add(kernel.mul(point, plan.columns), column);
    guarded(kernel.equal(y, 0), [&] {
      guarded(isColumn, [&] {
        for (auto [partial, total] : llvm::zip_equal(partials, totals))
          memref::StoreOp::create(kernel.b, kernel.loc, total, kernel.buffers[partial], point);
      });
    });
  }
};

/// One thread for each kept point combines the chunks in order.
void emitFinish(Emission& emission, const KernelBody& body, const Plan& plan, ArrayRef<int> partials) {
  auto reductions = reductionsOf(body, 1);
  std::int64_t points = body.keptPoints();
  auto buffers = llvm::to_vector(llvm::seq<int>(0, static_cast<int>(emission.types.size())));
  runtime::CudaLaunch launch{
      {std::int32_t(ceilDiv(points, kFinishThreads)), 1, 1}, {kFinishThreads, 1, 1}, 0};
  KernelBuilder kernel(emission, emission.name, buffers, launch);
  Evaluator evaluator(body, kernel);
  Value point =
      kernel.named(kernel.add(kernel.mul(kernel.block(), kFinishThreads), kernel.thread()), "point");
  kernel.when(kernel.less(point, kernel.index(points)), [&](scf::IfOp guard) {
    Values at = kernel.delinearise(point, {plan.outerPoints, plan.columns});
    enterKept(evaluator, kernel, body, plan, guard, at[0], at[1]);
    KernelBuilder::Range range{kernel.index(0), kernel.index(plan.chunks), 1, false, "chunk"};
    Values totals =
        kernel.loop(range, neutrals(kernel, reductions), accumulatorNames(reductions),
                    [&](scf::ForOp loop, ValueRange now) {
                      Value element = kernel.add(kernel.mul(loop.getInductionVar(), points), point);
                      Values next;
                      for (auto [reduction, partial, sum] : llvm::zip_equal(reductions, partials, now)) {
                        Value part =
                            memref::LoadOp::create(kernel.b, kernel.loc, kernel.buffers[partial], element);
                        next.push_back(combine(kernel, reduction, sum, part));
                      }
                      return next;
                    });
    for (auto [reduction, total] : llvm::zip_equal(reductions, totals))
      evaluator.bind(reduction, total);
    for (const Output* output : outputsOf(body, false))
      evaluator.store(*output, evaluator.value(output->value));
    evaluator.leave();
  });
  kernel.finish();
  emission.kernels.launches.push_back({emission.name, buffers, launch, points, 0});
}

} // namespace

LogicalResult emitColumnReduce(Emission& emission) {
  auto bodies = analyse(emission.fusion);
  if (failed(bodies)) return failure();
  const KernelBody& body = bodies->front();
  if (body.dims.back().reduced)
    return emission.fusion.emitOpError("of kind column_reduce reduces its last dimension");
  Plan plan(body);
  llvm::SmallVector<int> partials;
  if (plan.chunks > 1)
    for (const Expr* reduction : reductionsOf(body, 1))
      partials.push_back(emission.addTemp(reduction->type, plan.chunks * body.keptPoints(),
                                          "partial_" + accumulatorNames(reduction)[0]));
  auto buffers = llvm::to_vector(llvm::seq<int>(0, static_cast<int>(emission.types.size())));
  runtime::CudaLaunch launch{
      {std::int32_t(plan.outerPoints * plan.chunks * plan.columnBlocks), 1, 1}, {kColumns, kRows, 1}, 0};
  std::string symbol = emission.name + (plan.chunks > 1 ? "_chunks" : "");
  KernelBuilder kernel(emission, symbol, buffers, launch);
  Walk(kernel, body, plan, partials).run();
  kernel.finish();
  emission.kernels.launches.push_back({symbol, buffers, launch, launch.grid[0], 0});
  if (plan.chunks > 1) emitFinish(emission, body, plan, partials);
  return success();
}

} // namespace kiln::codegen::cuda
