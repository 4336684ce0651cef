// argsort: the places of a row's elements in order, all or some. Rows are the work items. In the thread's
// scratch: the row as keys, the pairs of those wanted in a double buffer, and the sort's counters.
#include "cpu/Sort.h"
#include "cpu/SortParts.h"

#include "KilnOps.h"
#include "Scalar.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace kiln::codegen::cpu {

KeyOrder::KeyOrder(Type type, bool isUnsigned, bool descending)
    : element(type), isUnsigned(isUnsigned), descending(descending) {
  unsigned width = element.getIntOrFloatBitWidth();
  key = IntegerType::get(element.getContext(), width > 32 ? 64 : 32);
  bits = width + (isUnsigned ? 1 : 0);
}

Value KeyOrder::of(Frame& frame, Value elements) const {
  OpBuilder& b = frame.builder;
  ir::Scalars scalars(b, frame.loc);
  Type whole = IntegerType::get(b.getContext(), element.getIntOrFloatBitWidth());
  Value bits = elements;
  if (isa<FloatType>(element)) {
    // As two's complement: of negative numbers all bits but the sign are turned round.
    unsigned width = whole.getIntOrFloatBitWidth();
    Type type = ir::Scalars::shapedLike(elements, whole);
    Value most = scalars.bits(type, (std::uint64_t(1) << (width - 1)) - 1), none = scalars.bits(type, 0);
    Value plain = arith::BitcastOp::create(b, frame.loc, type, elements);
    Value negative = scalars.make<arith::ShRSIOp>(plain, scalars.bits(type, width - 1));
    bits = scalars.make<arith::XOrIOp>(plain, scalars.make<arith::AndIOp>(negative, most));
    bits = scalars.select(scalars.compare(ir::Scalars::Order::Eq, elements, scalars.number(elements, 0)),
                          none, bits);
    bits = scalars.select(scalars.compare(ir::Scalars::Order::Ne, elements, elements), most, bits);
  }
  Type wide = ir::Scalars::shapedLike(elements, key);
  if (whole != key)
    bits = isUnsigned ? Value(arith::ExtUIOp::create(b, frame.loc, wide, bits))
                      : Value(arith::ExtSIOp::create(b, frame.loc, wide, bits));
  return descending ? scalars.make<arith::XOrIOp>(bits, scalars.ones(bits)) : bits;
}

namespace {

class Sorter {
public:
  Sorter(Frame& frame, ir::ArgsortOp op, const KernelBody& body)
      : frame(frame), op(op), body(body), shape(op.getX().getType().getShape()), dim(op.getDim()),
        size(shape[dim]), first(op.getFirst()), count(op.getCount()),
        order(valueType(), ir::isUnsignedTensor(op.getX()), op.getDescending()) {
    for (unsigned d = 0; d < shape.size(); ++d)
      if (d != dim) outer.push_back(d), outerSizes.push_back(shape[d]);
    lanes = frame.target.lanes(static_cast<int>(order.keyBytes()));
    padded = static_cast<std::int64_t>(llvm::alignTo(size, RowKeys::padding(lanes)));
    stride = isWhole() ? padded : static_cast<std::int64_t>(llvm::alignTo(count + 1, 16));
  }

  std::int64_t items() { return count ? op.getType().getNumElements() / count : 0; }
  std::int64_t scratchBytes() const { return countersAt() + sortCounterBytes(order, count); }
  double nanosecondsPerItem() const {
    double reading = 2.0 * static_cast<double>(size);
    double selecting = isWhole() ? 0 : (order.bits / double(lanes) * 0.5 + 2) * static_cast<double>(size);
    return reading + selecting + sortNanoseconds(order, count);
  }

  void emit(const KernelFunction& function, std::size_t inputs) {
    auto part = [&](Type element, std::int64_t elements, std::int64_t offset) -> Value {
      return memref::ViewOp::create(frame.builder, frame.loc, MemRefType::get({elements}, element),
                                    function.scratch, frame.index(offset), ValueRange{});
    };
    Type place = frame.builder.getI32Type();
    Pairs pairs{part(order.key, 2 * stride, pairsAt()), part(place, 2 * stride, placesAt())};
    RowKeys row{isWhole() ? pairs.keys : part(order.key, padded, 0), size, lanes};
    Value counters;
    if (std::int64_t bytes = sortCounterBytes(order, count)) counters = part(place, bytes / 4, countersAt());
    output = function.buffers[inputs];
    Evaluator evaluator(body, frame.builder, frame.loc,
                        Values(ValueRange(function.buffers).take_front(inputs)), isAlongLast() ? lanes : 1);
    frame.loop(function.begin, function.end, 1, {}, [&](scf::ForOp loop, ValueRange) {
      Values at = frame.delinearise(loop.getInductionVar(), outerSizes);
      llvm::SmallVector<std::pair<unsigned, Value>> bound;
      for (auto [d, index] : llvm::zip(outer, at))
        bound.push_back({d, index});
      evaluator.enter(loop, bound);
      isAlongLast() ? readVectors(evaluator, row.keys) : readOneByOne(evaluator, row.keys);
      if (isWhole())
        numberPlaces(pairs.places);
      else
        emitSelect(frame, order, row, first, count, pairs);
      Value sorted = emitSortPairs(frame, order, pairs, count, stride, counters);
      writePlaces(bound, pairs.places, sorted);
      evaluator.leave();
      return Values();
    });
  }

private:
  Type valueType() const {
    Type type = body.outputs[0].value->type;
    return type.isUnsignedInteger() ? IntegerType::get(type.getContext(), type.getIntOrFloatBitWidth())
                                    : type;
  }
  bool isWhole() const { return count == size; }
  bool isAlongLast() const { return dim + 1 == shape.size(); }
  std::int64_t pairsAt() const {
    return isWhole() ? 0 : static_cast<std::int64_t>(llvm::alignTo(padded * order.keyBytes(), 64));
  }
  std::int64_t placesAt() const {
    return static_cast<std::int64_t>(llvm::alignTo(pairsAt() + 2 * stride * order.keyBytes(), 64));
  }
  std::int64_t countersAt() const {
    return static_cast<std::int64_t>(llvm::alignTo(placesAt() + 2 * stride * 4, 64));
  }

  void store(Value value, Value memory, Value at) {
    memref::StoreOp::create(frame.builder, frame.loc, value, memory, at);
  }
  Value largest(Type type) {
    unsigned width = order.key.getIntOrFloatBitWidth();
    return ir::Scalars(frame.builder, frame.loc).bits(type, (std::uint64_t(1) << (width - 1)) - 1);
  }

  void readVectors(Evaluator& evaluator, Value keys) {
    Access along;
    along.strides.assign(body.dims.size(), 0);
    along.strides.back() = 1;
    VectorRange range{frame.index(0), frame.index(size), size};
    walk(frame, evaluator, range, RowKeys::kUnroll, [&](ArrayRef<Lanes> group, ValueRange) {
      for (const Lanes& each : group) {
        Value values = order.of(frame, evaluator.vector(body.outputs[0].value, each));
        if (each.mask)
          values =
              arith::SelectOp::create(frame.builder, frame.loc, each.mask, values, largest(values.getType()));
        vector::StoreOp::create(frame.builder, frame.loc, values, keys,
                                evaluator.address(along, each.unroll));
      }
      return Values();
    });
    pad(keys, static_cast<std::int64_t>(llvm::alignTo(size, lanes)));
  }

  void readOneByOne(Evaluator& evaluator, Value keys) {
    frame.loop(frame.index(0), frame.index(size), 1, {}, [&](scf::ForOp loop, ValueRange) {
      evaluator.enter(loop, {{static_cast<unsigned>(dim), loop.getInductionVar()}});
      store(order.of(frame, evaluator.scalar(body.outputs[0].value)), keys, loop.getInductionVar());
      evaluator.leave();
      return Values();
    });
    pad(keys, size);
  }

  void pad(Value keys, std::int64_t from) {
    frame.loop(frame.index(from), frame.index(padded), 1, {}, [&](scf::ForOp loop, ValueRange) {
      store(largest(order.key), keys, loop.getInductionVar());
      return Values();
    });
  }

  void numberPlaces(Value places) {
    frame.loop(frame.index(0), frame.index(size), 1, {}, [&](scf::ForOp loop, ValueRange) {
      Value place = loop.getInductionVar();
      store(arith::IndexCastOp::create(frame.builder, frame.loc, frame.builder.getI32Type(), place), places,
            place);
      return Values();
    });
  }

  void writePlaces(ArrayRef<std::pair<unsigned, Value>> bound, Value places, Value sorted) {
    std::int64_t step = 1, own = 1;
    Value base = frame.index(0);
    for (std::size_t d = shape.size(); d-- > 0;) {
      if (d == dim) own = step;
      for (auto [other, index] : bound)
        if (other == d) base = frame.add(base, frame.mul(index, step));
      step *= d == dim ? count : shape[d];
    }
    frame.loop(frame.index(0), frame.index(count), 1, {}, [&](scf::ForOp loop, ValueRange) {
      Value number = loop.getInductionVar();
      Value place = memref::LoadOp::create(frame.builder, frame.loc, places, frame.add(sorted, number));
      place = arith::ExtUIOp::create(frame.builder, frame.loc, frame.builder.getI64Type(), place);
      store(place, output, frame.add(base, frame.mul(number, own)));
      return Values();
    });
  }

  Frame& frame;
  ir::ArgsortOp op;
  const KernelBody& body;
  ArrayRef<std::int64_t> shape;
  std::size_t dim;
  std::int64_t size, first, count;
  KeyOrder order;
  int lanes;
  std::int64_t padded, stride;
  llvm::SmallVector<unsigned> outer;
  llvm::SmallVector<std::int64_t> outerSizes;
  Value output;
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
  launch.grain = chooseGrain(launch.items, sorter.nanosecondsPerItem(), threads);
  kernel.launches.push_back(std::move(launch));
  return success();
}

} // namespace kiln::codegen::cpu
