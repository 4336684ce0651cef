// Reductions that keep the last dimension: an accumulator per column, a block of columns per work item. Rows
// of a narrow block are taken four at a time, so that the additions do not wait for each other.
#include "cpu/Reduce.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {

class Columns {
public:
  Columns(Frame& frame, const ReducePlan& plan, const ReduceBuffers& buffers)
      : frame(frame), plan(plan), buffers(buffers),
        evaluator(plan.body, frame.builder, frame.loc, Values(buffers.inputs), plan.lanes) {}

  void emit(ReduceStep step, Value begin, Value end) {
    frame.loop(begin, end, 1, {}, [&](scf::ForOp loop, ValueRange) {
      llvm::SmallVector<std::int64_t> sizes{step == ReduceStep::Partial ? plan.chunks : 1};
      for (unsigned d : plan.kept)
        sizes.push_back(plan.body.dims[d].size);
      sizes.push_back(plan.columnBlocks);
      // Leading and trailing ones cost nothing: division by one folds away.
      Values at = frame.delinearise(loop.getInductionVar(), sizes);
      llvm::SmallVector<std::pair<unsigned, Value>> bound;
      for (auto [d, index] : llvm::zip_equal(plan.kept, ArrayRef(at).drop_front().drop_back()))
        bound.push_back({d, index});
      evaluator.enter(loop, bound);
      ReducedRange range{frame.index(0), frame.index(firstSize()), firstSize()};
      if (step == ReduceStep::Partial) {
        range.lower = frame.mul(at.front(), plan.chunkSize);
        range.upper =
            frame.min(frame.add(range.lower, frame.index(plan.chunkSize)), frame.index(firstSize()));
        range.size.reset();
      }
      blocks(step, at.back(), at.front(), range);
      evaluator.leave();
      return Values();
    });
  }

private:
  std::int64_t firstSize() const { return plan.body.dims[plan.reduced.front()].size; }

  /// A full block of columns, or the last one, which may be narrower.
  void blocks(ReduceStep step, Value block, Value chunk, const ReducedRange& range) {
    std::int64_t width = std::int64_t(plan.unroll) * plan.lanes, rest = plan.columns() % width;
    Value column = frame.mul(block, width);
    if (plan.columnBlocks == 1 || rest == 0)
      return oneBlock(step, nullptr, column, std::min(width, plan.columns()), chunk, range);
    Value isLast = arith::CmpIOp::create(frame.builder, frame.loc, arith::CmpIPredicate::eq, block,
                                         frame.index(plan.columnBlocks - 1));
    auto choice = scf::IfOp::create(frame.builder, frame.loc, isLast, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(frame.builder);
    frame.builder.setInsertionPoint(choice.thenBlock()->getTerminator());
    oneBlock(step, choice, column, rest, chunk, range);
    frame.builder.setInsertionPoint(choice.elseBlock()->getTerminator());
    oneBlock(step, choice, column, width, chunk, range);
  }

  void oneBlock(ReduceStep step, Operation* inside, Value column, std::int64_t width, Value chunk,
                const ReducedRange& range) {
    auto lanes = allLanes(frame, width, plan.lanes);
    evaluator.enter(inside, {{evaluator.vectorDim(), column}}, true);
    for (const auto& phase : plan.phases) {
      Values sums =
          step == ReduceStep::Finish ? combineChunks(phase, lanes) : accumulateRows(phase, lanes, range);
      for (auto [r, reduce] : llvm::enumerate(phase))
        for (const Lanes& each : lanes)
          evaluator.bind(reduce, sums[each.unroll * phase.size() + r], each.unroll);
      for (auto [r, reduce] : llvm::enumerate(phase)) // one number for all columns: asked for as a scalar
        if (!reduce->dependsOn(evaluator.vectorDim()))
          evaluator.bind(reduce,
                         vector::ExtractOp::create(frame.builder, frame.loc, sums[r], std::int64_t(0)));
    }
    if (step == ReduceStep::Partial)
      storePartials(lanes, chunk);
    else
      finish(lanes, range);
    evaluator.leave();
  }

  Values accumulateRows(ArrayRef<const Expr*> phase, ArrayRef<Lanes> lanes, const ReducedRange& range) {
    std::size_t count = lanes.size() * phase.size();
    int rows = count <= 4 ? 4 : 1;
    Values sums;
    for (int row = 0; row < rows; ++row)
      for (std::size_t u = 0; u < lanes.size(); ++u)
        for (const Expr* reduce : phase)
          sums.push_back(neutral(frame, reduce, plan.lanes));
    sums = nest(0, range, rows, sums, [&](int row, ValueRange carried) {
      Values next(carried);
      for (const Lanes& each : lanes)
        for (auto [r, reduce] : llvm::enumerate(phase)) {
          Value& sum = next[row * count + each.unroll * phase.size() + r];
          // Lanes beyond the last column are never stored: no need to keep them neutral.
          sum = combine(frame, reduce, sum, evaluator.vector(reduce->operands[0], each));
        }
      return next;
    });
    for (int row = 1; row < rows; ++row)
      for (std::size_t i = 0; i < count; ++i)
        sums[i] = combine(frame, phase[i % phase.size()], sums[i], sums[row * count + i]);
    sums.resize(count);
    return sums;
  }

  /// Loops over the reduced dimensions; of the innermost, `rows` at a time, each with its own number.
  Values nest(std::size_t depth, const ReducedRange& first, int rows, Values carried,
              llvm::function_ref<Values(int row, ValueRange)> body) {
    unsigned dim = plan.reduced[depth];
    ReducedRange range = first;
    if (depth > 0) {
      std::int64_t size = plan.body.dims[dim].size;
      range = {frame.index(0), frame.index(size), size};
    }
    bool innermost = depth + 1 == plan.reduced.size();
    if (!innermost) {
      return frame.loop(range.lower, range.upper, 1, carried, [&](scf::ForOp loop, ValueRange values) {
        evaluator.enter(loop, {{dim, loop.getInductionVar()}});
        Values next = nest(depth + 1, {}, rows, Values(values), body);
        evaluator.leave();
        return next;
      });
    }
    auto round = [&](int count) {
      return [&, count](scf::ForOp loop, ValueRange values) {
        evaluator.enter(loop, {});
        Values next(values);
        for (int row = 0; row < count; ++row) {
          Value index = loop.getInductionVar();
          if (row) index = frame.add(index, frame.index(row));
          evaluator.enter(nullptr, {{dim, index}});
          next = body(row, next);
          evaluator.leave();
        }
        evaluator.leave();
        return next;
      };
    };
    if (rows == 1) return frame.loop(range.lower, range.upper, 1, carried, round(1));
    Value size = range.size ? frame.index(*range.size) : frame.sub(range.upper, range.lower);
    Value whole = frame.builder.createOrFold<arith::AndIOp>(frame.loc, size, frame.index(-rows));
    whole = frame.add(range.lower, whole);
    carried = frame.loop(range.lower, whole, rows, carried, round(rows));
    if (!range.size || *range.size % rows) carried = frame.loop(whole, range.upper, 1, carried, round(1));
    return carried;
  }

  /// Place of these columns among the kept points, after `chunk` whole sets of them.
  Value partialIndex(Value chunk, const Lanes& lanes) {
    Access access;
    access.strides.assign(plan.body.dims.size(), 0);
    std::int64_t stride = 1;
    for (std::size_t d = plan.body.dims.size(); d-- > 0;)
      if (!plan.body.dims[d].reduced) {
        access.strides[d] = stride;
        stride *= plan.body.dims[d].size;
      }
    return frame.add(evaluator.address(access, lanes.unroll), frame.mul(chunk, plan.body.keptPoints()));
  }

  void storePartials(ArrayRef<Lanes> lanes, Value chunk) {
    for (auto [r, reduce] : llvm::enumerate(plan.phases[0]))
      for (const Lanes& each : lanes) {
        Value sum = evaluator.vector(reduce, each), at = partialIndex(chunk, each);
        if (each.mask)
          vector::MaskedStoreOp::create(frame.builder, frame.loc, buffers.partials[r], at, each.mask, sum);
        else
          vector::StoreOp::create(frame.builder, frame.loc, sum, buffers.partials[r], at);
      }
  }

  Values combineChunks(ArrayRef<const Expr*> phase, ArrayRef<Lanes> lanes) {
    Values sums;
    for (std::size_t u = 0; u < lanes.size(); ++u)
      for (const Expr* reduce : phase)
        sums.push_back(neutral(frame, reduce, plan.lanes));
    return frame.loop(
        frame.index(0), frame.index(plan.chunks), 1, sums, [&](scf::ForOp loop, ValueRange carried) {
          evaluator.enter(loop, {});
          Values next(carried);
          for (const Lanes& each : lanes)
            for (auto [r, reduce] : llvm::enumerate(phase)) {
              VectorType type = evaluator.vectorType(reduce->type);
              Value at = partialIndex(loop.getInductionVar(), each), value;
              if (each.mask)
                value = vector::MaskedLoadOp::create(frame.builder, frame.loc, type, buffers.partials[r], at,
                                                     each.mask, neutral(frame, reduce, plan.lanes));
              else
                value = vector::LoadOp::create(frame.builder, frame.loc, type, buffers.partials[r], at);
              Value& sum = next[each.unroll * phase.size() + r];
              sum = combine(frame, reduce, sum, value);
            }
          evaluator.leave();
          return next;
        });
  }

  void finish(ArrayRef<Lanes> lanes, const ReducedRange& range) {
    llvm::SmallVector<Output> kept, full;
    for (const Output& output : plan.body.outputs) {
      bool isFull = llvm::any_of(plan.reduced, [&](unsigned d) { return output.access.strides[d] != 0; });
      (isFull ? full : kept).push_back(output);
    }
    storeOutputs(evaluator, kept, buffers.results, lanes);
    if (full.empty()) return;
    nest(0, range, 1, {}, [&](int, ValueRange) {
      storeOutputs(evaluator, full, buffers.results, lanes);
      return Values();
    });
  }

  Frame& frame;
  const ReducePlan& plan;
  const ReduceBuffers& buffers;
  Evaluator evaluator;
};

} // namespace

void emitColumns(Frame& frame, const ReducePlan& plan, ReduceStep step, const ReduceBuffers& buffers,
                 Value begin, Value end) {
  Columns(frame, plan, buffers).emit(step, begin, end);
}

} // namespace kiln::codegen::cpu
