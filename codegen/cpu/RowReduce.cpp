// Reductions along the vectors. For each row and phase: accumulate into several vectors, combine the lanes
// once at the end. A short row stays in registers through all phases; of a long one dear values (exp) are
// kept in scratch.
#include "cpu/Reduce.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {

class Rows {
public:
  Rows(Frame& frame, const ReducePlan& plan, const ReduceBuffers& buffers, Value scratch)
      : frame(frame), plan(plan), buffers(buffers),
        evaluator(plan.body, frame.builder, frame.loc, Values(buffers.inputs), plan.lanes) {
    std::int64_t offset = 0;
    for (const Expr* expr : plan.keptInScratch) {
      auto type = MemRefType::get({plan.columns()}, expr->type);
      rowOf.push_back(
          memref::ViewOp::create(frame.builder, frame.loc, type, scratch, frame.index(offset), ValueRange{}));
      offset += (plan.columns() * expr->type.getIntOrFloatBitWidth() / 8 + 63) / 64 * 64;
    }
    filled.resize(rowOf.size());
  }

  void emit(ReduceStep step, Value begin, Value end) {
    frame.loop(begin, end, 1, {}, [&](scf::ForOp loop, ValueRange) {
      Value item = loop.getInductionVar(), row = item;
      ReducedRange range{frame.index(0), frame.index(firstSize()), firstSize()};
      if (step == ReduceStep::Partial) {
        Values at = frame.delinearise(item, {plan.chunks, plan.items});
        row = at[1];
        range.lower = frame.mul(at[0], plan.chunkSize);
        range.upper =
            frame.min(frame.add(range.lower, frame.index(plan.chunkSize)), frame.index(firstSize()));
        range.size.reset();
      }
      llvm::SmallVector<std::int64_t> sizes;
      for (unsigned d : plan.kept)
        sizes.push_back(plan.body.dims[d].size);
      llvm::SmallVector<std::pair<unsigned, Value>> bound;
      for (auto [d, index] : llvm::zip_equal(plan.kept, frame.delinearise(row, sizes)))
        bound.push_back({d, index});
      evaluator.enter(loop, bound);
      if (step == ReduceStep::Finish)
        combineChunks(row);
      else if (isShort())
        shortRow();
      else
        longRow(range, step == ReduceStep::Partial ? item : Value());
      if (step == ReduceStep::Finish) storeRowOutputs();
      evaluator.leave();
      llvm::fill(filled, false);
      return Values();
    });
  }

private:
  std::int64_t firstSize() const { return plan.body.dims[plan.reduced.front()].size; }
  bool isShort() const {
    return plan.reduced.size() == 1 && plan.columns() <= std::int64_t(plan.unroll) * plan.lanes;
  }
  bool isFull(const Output& output) const {
    return llvm::any_of(plan.reduced, [&](unsigned d) { return output.access.strides[d] != 0; });
  }

  /// The row in one group of vectors, which stay in registers from one phase to the next.
  void shortRow() {
    evaluator.enter(nullptr, {{evaluator.vectorDim(), frame.index(0)}}, true);
    auto lanes = allLanes(frame, plan.columns(), plan.lanes);
    for (const auto& phase : plan.phases)
      for (const Expr* reduce : phase) {
        Value sum;
        for (const Lanes& each : lanes)
          sum = accumulate(frame, evaluator, reduce, sum, each);
        evaluator.bind(reduce, combineLanes(frame, reduce, sum));
      }
    storeFullOutputs(lanes);
    storeRowOutputs();
    evaluator.leave();
  }

  void longRow(const ReducedRange& range, Value partialAt) {
    for (const auto& phase : plan.phases) {
      Values sums;
      for (int u = 0; u < plan.unroll; ++u)
        for (const Expr* reduce : phase)
          sums.push_back(neutral(frame, reduce, plan.lanes));
      sums = nest(0, range, sums, [&](ArrayRef<Lanes> lanes, ValueRange carried) {
        Values next(carried);
        for (const Lanes& each : lanes)
          for (auto [r, reduce] : llvm::enumerate(phase)) {
            Value& sum = next[each.unroll * phase.size() + r];
            sum = accumulate(frame, evaluator, reduce, sum, each);
          }
        keepInScratch(lanes, phase);
        return next;
      });
      for (auto [r, reduce] : llvm::enumerate(phase)) {
        Value sum = sums[r];
        for (int u = 1; u < plan.unroll; ++u)
          sum = combine(frame, reduce, sum, sums[u * phase.size() + r]);
        Value total = combineLanes(frame, reduce, sum);
        if (partialAt)
          memref::StoreOp::create(frame.builder, frame.loc, total, buffers.partials[r], partialAt);
        else
          evaluator.bind(reduce, total);
      }
      for (auto [k, expr] : llvm::enumerate(plan.keptInScratch))
        filled[k] = filled[k] || wasKept.contains(expr);
    }
    if (partialAt) return;
    if (llvm::any_of(plan.body.outputs, [&](const Output& output) { return isFull(output); }))
      nest(0, range, {}, [&](ArrayRef<Lanes> lanes, ValueRange) {
        storeFullOutputs(lanes);
        return Values();
      });
    storeRowOutputs();
  }

  /// Loops over the reduced dimensions, the innermost in vectors.
  Values nest(std::size_t depth, const ReducedRange& first, Values carried,
              llvm::function_ref<Values(ArrayRef<Lanes>, ValueRange)> body) {
    unsigned dim = plan.reduced[depth];
    ReducedRange range = first;
    if (depth > 0) {
      std::int64_t size = plan.body.dims[dim].size;
      range = {frame.index(0), frame.index(size), size};
    }
    if (depth + 1 == plan.reduced.size())
      return walk(
          frame, evaluator, {range.lower, range.upper, range.size, true}, plan.unroll,
          [&](ArrayRef<Lanes> lanes, ValueRange values) {
            takeFromScratch(lanes);
            return body(lanes, values);
          },
          carried);
    return frame.loop(range.lower, range.upper, 1, carried, [&](scf::ForOp loop, ValueRange values) {
      evaluator.enter(loop, {{dim, loop.getInductionVar()}});
      Values next = nest(depth + 1, {}, Values(values), body);
      evaluator.leave();
      return next;
    });
  }

  Value scratchIndex(const Lanes& lanes) {
    Access along;
    along.strides.assign(plan.body.dims.size(), 0);
    along.strides.back() = 1;
    return evaluator.address(along, lanes.unroll);
  }

  void keepInScratch(ArrayRef<Lanes> lanes, ArrayRef<const Expr*> phase) {
    for (auto [k, expr] : llvm::enumerate(plan.keptInScratch)) {
      if (filled[k] || expr->phase >= phase.front()->phase) continue;
      wasKept.insert(expr);
      for (const Lanes& each : lanes) {
        Value value = evaluator.vector(expr, each), at = scratchIndex(each);
        if (each.mask)
          vector::MaskedStoreOp::create(frame.builder, frame.loc, rowOf[k], at, each.mask, value);
        else
          vector::StoreOp::create(frame.builder, frame.loc, value, rowOf[k], at);
      }
    }
  }

  void takeFromScratch(ArrayRef<Lanes> lanes) {
    for (auto [k, expr] : llvm::enumerate(plan.keptInScratch)) {
      if (!filled[k]) continue;
      VectorType type = evaluator.vectorType(expr->type);
      for (const Lanes& each : lanes) {
        Value at = scratchIndex(each), value;
        if (each.mask)
          value = vector::MaskedLoadOp::create(
              frame.builder, frame.loc, type, rowOf[k], at, each.mask,
              arith::ConstantOp::create(frame.builder, frame.loc, frame.builder.getZeroAttr(type)));
        else
          value = vector::LoadOp::create(frame.builder, frame.loc, type, rowOf[k], at);
        evaluator.bind(expr, value, each.unroll);
      }
    }
  }

  void storeFullOutputs(ArrayRef<Lanes> lanes) {
    llvm::SmallVector<Output> full;
    for (const Output& output : plan.body.outputs)
      if (isFull(output)) full.push_back(output);
    storeOutputs(evaluator, full, buffers.results, lanes);
  }

  void storeRowOutputs() {
    for (const Output& output : plan.body.outputs)
      if (!isFull(output))
        evaluator.storeScalar(evaluator.scalar(output.value), output, buffers.results[output.result]);
  }

  void combineChunks(Value row) {
    Values sums;
    for (const Expr* reduce : plan.phases[0])
      sums.push_back(neutral(frame, reduce, 0));
    sums = frame.loop(
        frame.index(0), frame.index(plan.chunks), 1, sums, [&](scf::ForOp loop, ValueRange carried) {
          Value at = frame.add(frame.mul(loop.getInductionVar(), plan.items), row);
          Values next;
          for (auto [r, reduce] : llvm::enumerate(plan.phases[0]))
            next.push_back(
                combine(frame, reduce, carried[r],
                        memref::LoadOp::create(frame.builder, frame.loc, buffers.partials[r], at)));
          return next;
        });
    for (auto [reduce, sum] : llvm::zip_equal(plan.phases[0], sums))
      evaluator.bind(reduce, sum);
  }

  Frame& frame;
  const ReducePlan& plan;
  const ReduceBuffers& buffers;
  Evaluator evaluator;
  llvm::SmallVector<Value> rowOf; // scratch row of each value kept
  llvm::SmallVector<bool> filled; // by an earlier phase of the row
  llvm::SmallPtrSet<const Expr*, 4> wasKept;
};

} // namespace

void emitRows(Frame& frame, const ReducePlan& plan, ReduceStep step, const ReduceBuffers& buffers,
              Value begin, Value end, Value scratch) {
  Rows(frame, plan, buffers, scratch).emit(step, begin, end);
}

} // namespace kiln::codegen::cpu
