// See Reduce.h: the plan of a reduction, its launches, and combining elements.
#include "cpu/Reduce.h"

#include "KilnOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {

constexpr std::int64_t kChunkPoints = 16384, kMaxChunks = 64, kEnoughItems = 8;
constexpr std::int64_t kScratchRow = std::int64_t(1) << 18; // elements
constexpr std::int64_t kDear = 6; // flops from which a value is kept rather than recomputed

using Reach = llvm::SmallPtrSet<const Expr*, 16>;

/// What a loop evaluates for `root`: down to loads and finished reductions, only what varies within the row.
void reach(const Expr* root, unsigned vectorDim, Reach& seen) {
  if (root->kind == Expr::Kind::Reduce || !root->dependsOn(vectorDim) || !seen.insert(root).second) return;
  for (const Expr* operand : root->operands)
    reach(operand, vectorDim, seen);
}

std::int64_t cost(const Expr* root, unsigned vectorDim) {
  Reach all;
  reach(root, vectorDim, all);
  std::int64_t sum = 0;
  for (const Expr* expr : all) {
    if (auto scalar = dyn_cast_or_null<ir::ScalarExpandable>(expr->op)) sum += scalar.flopsPerElement();
    if (expr->kind == Expr::Kind::Generate) sum += 2 * kDear;
  }
  return sum;
}

/// Values computed in one phase that a later one uses directly and that are dear to compute again.
llvm::SmallVector<const Expr*> dearSharedValues(const ReducePlan& plan) {
  unsigned dim = plan.body.dims.size() - 1;
  llvm::SmallVector<const Expr*> result;
  Reach before;
  for (std::size_t phase = 0; phase < plan.phases.size(); ++phase) {
    for (const Expr* reduce : plan.phases[phase])
      reach(reduce->operands[0], dim, before);
    Reach after;
    llvm::SmallVector<const Expr*> roots;
    if (phase + 1 < plan.phases.size())
      for (const Expr* reduce : plan.phases[phase + 1])
        roots.push_back(reduce->operands[0]);
    else
      for (const Output& output : plan.body.outputs)
        roots.push_back(output.value);
    for (const Expr* root : roots)
      reach(root, dim, after);
    for (const Expr* expr : after) {
      if (!before.contains(expr) || expr->kind == Expr::Kind::Load || expr->type.isInteger(1)) continue;
      bool usedOutside = llvm::is_contained(roots, expr) || llvm::any_of(after, [&](const Expr* user) {
                           return !before.contains(user) && llvm::is_contained(user->operands, expr);
                         });
      if (usedOutside && cost(expr, dim) >= kDear && !llvm::is_contained(result, expr))
        result.push_back(expr);
    }
  }
  llvm::sort(result, [](const Expr* a, const Expr* b) { return a->id < b->id; });
  return result;
}

} // namespace

ReducePlan::ReducePlan(const KernelBody& body, const Target& target)
    : body(body), lanes(chooseLanes(body, target)), unroll(chooseUnroll(body, lanes)) {
  unsigned last = body.dims.size() - 1;
  alongRow = body.dims[last].reduced;
  phases.resize(body.phases);
  for (const auto& expr : body.exprs)
    if (expr->kind == Expr::Kind::Reduce) phases[expr->phase - 1].push_back(expr.get());
  std::int64_t reducedPoints = 1;
  for (auto [d, dim] : llvm::enumerate(body.dims)) {
    if (dim.reduced) {
      reduced.push_back(d);
      reducedPoints *= dim.size;
    } else if (d != last) {
      kept.push_back(d);
      items *= dim.size;
    }
  }
  if (!alongRow) {
    columnBlocks = (columns() + unroll * lanes - 1) / (unroll * lanes);
    items *= columnBlocks;
  }
  bool allKept = llvm::none_of(body.outputs, [&](const Output& output) {
    return llvm::any_of(reduced, [&](unsigned d) { return output.access.strides[d] != 0; });
  });
  std::int64_t first = body.dims[reduced.front()].size;
  std::int64_t pointsPerItem =
      reducedPoints * (alongRow ? 1 : std::min<std::int64_t>(columns(), unroll * lanes));
  if (body.phases == 1 && allKept && items < kEnoughItems && pointsPerItem >= 4 * kChunkPoints) {
    std::int64_t wanted = std::min(kMaxChunks, pointsPerItem / kChunkPoints);
    std::int64_t unit = reduced.front() == last ? 64 : 1;
    chunkSize = ((first + wanted - 1) / wanted + unit - 1) / unit * unit;
    chunks = (first + chunkSize - 1) / chunkSize;
  }
  if (alongRow && reduced.size() == 1 && columns() <= kScratchRow && columns() > unroll * lanes &&
      chunks == 1) {
    keptInScratch = dearSharedValues(*this);
    for (const Expr* expr : keptInScratch)
      scratchBytes += (columns() * expr->type.getIntOrFloatBitWidth() / 8 + 63) / 64 * 64;
  }
}

Value neutral(Frame& frame, const Expr* reduce, int lanes) {
  TypedAttr value = cast<ir::Reduction>(reduce->op).neutral();
  if (lanes) value = DenseElementsAttr::get(VectorType::get({lanes}, value.getType()), Attribute(value));
  return arith::ConstantOp::create(frame.builder, frame.loc, value);
}

Value combine(Frame& frame, const Expr* reduce, Value a, Value b) {
  return cast<ir::Reduction>(reduce->op).combine(frame.builder, a, b);
}

Value combineLanes(Frame& frame, const Expr* reduce, Value vector) {
  auto size = cast<VectorType>(vector.getType()).getDimSize(0);
  for (size /= 2; size >= 1; size /= 2) {
    llvm::SmallVector<std::int64_t> low, high;
    for (std::int64_t lane = 0; lane < size; ++lane) {
      low.push_back(lane);
      high.push_back(lane + size);
    }
    Value lowHalf = vector::ShuffleOp::create(frame.builder, frame.loc, vector, vector, low);
    Value highHalf = vector::ShuffleOp::create(frame.builder, frame.loc, vector, vector, high);
    vector = combine(frame, reduce, lowHalf, highHalf);
  }
  return vector::ExtractOp::create(frame.builder, frame.loc, vector, std::int64_t(0));
}

Value accumulate(Frame& frame, Evaluator& evaluator, const Expr* reduce, Value sum, const Lanes& group) {
  Value value = evaluator.vector(reduce->operands[0], group);
  if (group.mask)
    value = arith::SelectOp::create(frame.builder, frame.loc, group.mask, value,
                                    neutral(frame, reduce, evaluator.lanes()));
  return sum ? combine(frame, reduce, sum, value) : value;
}

FailureOr<CpuKernel> emitReduce(ir::FusionOp fusion, const Target& target, int threads) {
  auto bodies = analyse(fusion);
  if (failed(bodies)) return failure();
  const KernelBody& body = bodies->front();
  if (!body.isReduction()) return emitLoop(fusion, target, threads);
  ReducePlan plan(body, target);
  Location loc = fusion.getLoc();
  OpBuilder builder(fusion.getContext());
  CpuKernel kernel;
  kernel.module = ModuleOp::create(loc);
  kernel.scratchBytes = plan.scratchBytes;
  Frame frame{builder, loc, target};
  std::size_t inputs = fusion->getNumOperands(), results = fusion->getNumResults();
  double nanoseconds = estimateNanoseconds(body);

  auto add = [&](ReduceStep step, std::string symbol, std::int64_t items, double time) {
    KernelLaunch launch{std::move(symbol), {}, items, 0};
    llvm::SmallVector<MemRefType> types;
    auto use = [&](int number, MemRefType type) {
      launch.buffers.push_back(number);
      types.push_back(type);
    };
    for (auto [number, type] : llvm::enumerate(bufferTypes(fusion)))
      if (step != ReduceStep::Partial || number < inputs) use(static_cast<int>(number), type);
    std::size_t fused = types.size();
    int temp = static_cast<int>(inputs + results);
    if (step != ReduceStep::Whole)
      for (const Expr* reduce : plan.phases[0])
        use(temp++, MemRefType::get({plan.chunks * body.keptPoints()}, reduce->type));
    KernelFunction function =
        createKernel(builder, *kernel.module, launch.symbol, types, plan.scratchBytes, loc);
    ValueRange all(function.buffers);
    ReduceBuffers buffers{all.take_front(inputs), all.slice(inputs, fused - inputs), all.drop_front(fused)};
    if (plan.alongRow)
      emitRows(frame, plan, step, buffers, function.begin, function.end, function.scratch);
    else
      emitColumns(frame, plan, step, buffers, function.begin, function.end);
    launch.grain = chooseGrain(items, time / std::max<std::int64_t>(items, 1), threads);
    kernel.launches.push_back(std::move(launch));
  };

  std::string name = fusion.getName().str();
  if (plan.chunks == 1) {
    add(ReduceStep::Whole, name, plan.items, nanoseconds);
    return kernel;
  }
  for (const Expr* reduce : plan.phases[0])
    kernel.temps.push_back(plan.chunks * body.keptPoints() * reduce->type.getIntOrFloatBitWidth() / 8);
  add(ReduceStep::Partial, name + "_chunks", plan.items * plan.chunks, nanoseconds);
  add(ReduceStep::Finish, name, plan.items, double(body.keptPoints() * plan.chunks) / 4);
  return kernel;
}

} // namespace kiln::codegen::cpu
