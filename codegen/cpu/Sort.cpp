// argsort: a stable merge sort of each row's places in the thread's scratch. Rows are the work items; within
// one, the keys are computed once, next to each other, and passes of doubling width merge runs of places from
// one half of a double buffer to the other. Branchless: which run comes next is a select.
#include "cpu/Sort.h"

#include "KilnOps.h"
#include "Scalar.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {

class Sorter {
public:
  Sorter(Frame& frame, ir::ArgsortOp op, const KernelBody& keys)
      : frame(frame), op(op), body(keys), shape(op.getX().getType().getShape()), dim(op.getDim()),
        size(shape[dim]) {
    for (unsigned d = 0; d < shape.size(); ++d)
      if (d != dim) outer.push_back(d), outerSizes.push_back(shape[d]);
    key = keys.outputs[0].value->type;
    if (key.isUnsignedInteger()) key = frame.builder.getIntegerType(key.getIntOrFloatBitWidth());
  }

  std::int64_t items() { return size ? op.getType().getNumElements() / size : 0; }
  std::int64_t keyBytes() const {
    return static_cast<std::int64_t>(llvm::alignTo(size * ((key.getIntOrFloatBitWidth() + 7) / 8), 64));
  }
  std::int64_t scratchBytes() const { return keyBytes() + 2 * size * 8; }

  void emit(const KernelFunction& function, std::size_t inputs) {
    auto part = [&](Type element, std::int64_t count, std::int64_t offset) -> Value {
      return memref::ViewOp::create(frame.builder, frame.loc, MemRefType::get({count}, element),
                                    function.scratch, frame.index(offset), ValueRange{});
    };
    keys = part(key, size, 0);
    order = part(frame.builder.getI64Type(), 2 * size, keyBytes());
    output = function.buffers[inputs];
    Evaluator evaluator(body, frame.builder, frame.loc,
                        Values(ValueRange(function.buffers).take_front(inputs)), 1);
    frame.loop(function.begin, function.end, 1, {}, [&](scf::ForOp loop, ValueRange) {
      Values at = frame.delinearise(loop.getInductionVar(), outerSizes);
      llvm::SmallVector<std::pair<unsigned, Value>> bound;
      for (auto [d, index] : llvm::zip(outer, at))
        bound.push_back({d, index});
      evaluator.enter(loop, bound);
      readKeys(evaluator);
      Value sorted = mergeRuns();
      writePlaces(bound, sorted);
      evaluator.leave();
      return Values();
    });
  }

private:
  Value load(Value memory, Value at) { return memref::LoadOp::create(frame.builder, frame.loc, memory, at); }
  void store(Value value, Value memory, Value at) {
    memref::StoreOp::create(frame.builder, frame.loc, value, memory, at);
  }
  Value toIndex(Value value) {
    return arith::IndexCastOp::create(frame.builder, frame.loc, frame.builder.getIndexType(), value);
  }
  Value less(Value a, Value b) {
    return arith::CmpIOp::create(frame.builder, frame.loc, arith::CmpIPredicate::slt, a, b);
  }

  void readKeys(Evaluator& evaluator) {
    frame.loop(frame.index(0), frame.index(size), 1, {}, [&](scf::ForOp loop, ValueRange) {
      Value place = loop.getInductionVar();
      evaluator.enter(loop, {{static_cast<unsigned>(dim), place}});
      store(evaluator.scalar(body.outputs[0].value), keys, place);
      store(arith::IndexCastOp::create(frame.builder, frame.loc, frame.builder.getI64Type(), place), order,
            place);
      evaluator.leave();
      return Values();
    });
  }

  /// Returns where in the double buffer the sorted places begin.
  Value mergeRuns() {
    auto passes = static_cast<std::int64_t>(llvm::Log2_64_Ceil(std::max<std::int64_t>(size, 1)));
    Values start = {frame.index(1), frame.index(0)};
    return frame.loop(frame.index(0), frame.index(passes), 1, start, [&](scf::ForOp, ValueRange carried) {
      Value width = carried[0], from = carried[1], to = frame.sub(frame.index(size), from);
      Value pair = frame.mul(width, 2);
      Value pairs = arith::CeilDivUIOp::create(frame.builder, frame.loc, frame.index(size), pair);
      frame.loop(frame.index(0), pairs, 1, {}, [&](scf::ForOp loop, ValueRange) {
        Value low = arith::MulIOp::create(frame.builder, frame.loc, loop.getInductionVar(), pair);
        merge(low, width, from, to);
        return Values();
      });
      return Values{pair, to};
    })[1];
  }

  /// Merges runs [low, low + width) and [low + width, low + 2 width) of order[from…] into order[to…].
  void merge(Value low, Value width, Value from, Value to) {
    Value end = frame.index(size), last = frame.index(size - 1);
    Value middle = frame.min(frame.add(low, width), end);
    Value high = frame.min(frame.add(middle, width), end);
    frame.loop(low, high, 1, {low, middle}, [&](scf::ForOp loop, ValueRange next) {
      OpBuilder& b = frame.builder;
      Value left = load(order, frame.add(from, frame.min(next[0], last)));
      Value right = load(order, frame.add(from, frame.min(next[1], last)));
      ir::Scalars scalars(b, frame.loc, ir::isUnsignedTensor(op.getX()));
      Value rightFirst =
          scalars.sortsBefore(load(keys, toIndex(right)), load(keys, toIndex(left)), op.getDescending());
      Value leftIsDone = arith::CmpIOp::create(b, frame.loc, arith::CmpIPredicate::sge, next[0], middle);
      Value takesRight = arith::AndIOp::create(b, frame.loc, less(next[1], high),
                                               arith::OrIOp::create(b, frame.loc, leftIsDone, rightFirst));
      store(arith::SelectOp::create(b, frame.loc, takesRight, right, left), order,
            frame.add(to, loop.getInductionVar()));
      Value taken = arith::SelectOp::create(b, frame.loc, takesRight, frame.index(1), frame.index(0));
      return Values{frame.sub(frame.add(next[0], frame.index(1)), taken), frame.add(next[1], taken)};
    });
  }

  void writePlaces(ArrayRef<std::pair<unsigned, Value>> bound, Value sorted) {
    std::int64_t stride = 1, own = 1;
    Value base = frame.index(0);
    for (std::size_t d = shape.size(); d-- > 0; stride *= shape[d]) {
      if (d == dim) own = stride;
      for (auto [other, index] : bound)
        if (other == d) base = frame.add(base, frame.mul(index, stride));
    }
    frame.loop(frame.index(0), frame.index(size), 1, {}, [&](scf::ForOp loop, ValueRange) {
      Value place = loop.getInductionVar();
      store(load(order, frame.add(sorted, place)), output, frame.add(base, frame.mul(place, own)));
      return Values();
    });
  }

  Frame& frame;
  ir::ArgsortOp op;
  const KernelBody& body;
  ArrayRef<std::int64_t> shape;
  std::size_t dim;
  std::int64_t size;
  llvm::SmallVector<unsigned> outer;
  llvm::SmallVector<std::int64_t> outerSizes;
  Type key;
  Value keys, order, output;
};

} // namespace

LogicalResult emitSort(ir::FusionOp fusion, ir::ArgsortOp op, const Target& target, int threads,
                       CpuKernel& kernel) {
  auto keys = analyseValue(fusion, op.getX(), {/*collapse=*/false});
  if (failed(keys)) return failure();
  OpBuilder builder(fusion.getContext());
  Frame frame{builder, fusion.getLoc(), target};
  Sorter sorter(frame, op, *keys);
  if (sorter.items() == 0) return success();
  KernelFunction function = createKernel(builder, *kernel.module, fusion.getName(), bufferTypes(fusion),
                                         sorter.scratchBytes(), fusion.getLoc());
  sorter.emit(function, fusion->getNumOperands());
  kernel.scratchBytes = sorter.scratchBytes();
  KernelLaunch launch{fusion.getName().str(),
                      llvm::to_vector(llvm::seq<int>(0, static_cast<int>(function.buffers.size()))),
                      sorter.items(), 0};
  constexpr double kPerMerge = 5; // nanoseconds, for each element and pass
  const double rows =
      static_cast<double>(op.getType().getNumElements()) / static_cast<double>(sorter.items());
  launch.grain = chooseGrain(launch.items, kPerMerge * rows * std::log2(rows + 1), threads);
  kernel.launches.push_back(std::move(launch));
  return success();
}

} // namespace kiln::codegen::cpu
