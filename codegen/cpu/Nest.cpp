// See Nest.h.
#include "cpu/Nest.h"

#include "KilnOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;

namespace kiln::codegen::cpu {

Value Frame::index(std::int64_t value) {
  return arith::ConstantIndexOp::create(builder, loc, value);
}
Value Frame::add(Value a, Value b) {
  return builder.createOrFold<arith::AddIOp>(loc, a, b);
}
Value Frame::sub(Value a, Value b) {
  return builder.createOrFold<arith::SubIOp>(loc, a, b);
}
Value Frame::mul(Value a, std::int64_t b) {
  return builder.createOrFold<arith::MulIOp>(loc, a, index(b));
}
Value Frame::min(Value a, Value b) {
  return builder.createOrFold<arith::MinSIOp>(loc, a, b);
}
Value Frame::max(Value a, Value b) {
  return builder.createOrFold<arith::MaxSIOp>(loc, a, b);
}

Values Frame::delinearise(Value element, ArrayRef<std::int64_t> sizes) {
  Values result(sizes.size());
  for (std::size_t d = sizes.size(); d-- > 0;) {
    bool leftmost = llvm::all_of(sizes.take_front(d), [](std::int64_t size) { return size == 1; });
    if (leftmost) { // nothing is left to divide
      result[d] = element;
      std::fill_n(result.begin(), d, d ? index(0) : Value());
      break;
    }
    Value size = index(sizes[d]);
    result[d] = arith::RemUIOp::create(builder, loc, element, size);
    element = arith::DivUIOp::create(builder, loc, element, size);
  }
  return result;
}

Value Frame::firstLanes(int count, int lanes) {
  llvm::SmallVector<bool> bits(lanes);
  std::fill_n(bits.begin(), count, true);
  auto type = VectorType::get({lanes}, builder.getI1Type());
  return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, ArrayRef(bits)));
}

Value Frame::firstLanes(Value count, int lanes) {
  auto type = VectorType::get({lanes}, builder.getI32Type());
  llvm::SmallVector<std::int32_t> numbers(lanes);
  std::iota(numbers.begin(), numbers.end(), 0);
  Value each = arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, ArrayRef(numbers)));
  Value narrow = arith::IndexCastOp::create(builder, loc, builder.getI32Type(), count);
  Value limit = vector::BroadcastOp::create(builder, loc, type, narrow);
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, each, limit);
}

Values Frame::loop(Value lower, Value upper, std::int64_t step, ValueRange carried,
                   llvm::function_ref<Values(scf::ForOp, ValueRange)> body) {
  auto forOp = scf::ForOp::create(builder, loc, lower, upper, index(step), carried);
  OpBuilder::InsertionGuard guard(builder);
  Block* block = forOp.getBody();
  if (!carried.empty()) {
    builder.setInsertionPointToEnd(block);
    scf::YieldOp::create(builder, loc, forOp.getRegionIterArgs());
  }
  auto yield = cast<scf::YieldOp>(block->getTerminator());
  builder.setInsertionPoint(yield);
  Values next = body(forOp, forOp.getRegionIterArgs());
  yield->setOperands(next);
  return Values(forOp.getResults());
}

llvm::SmallVector<Lanes> allLanes(Frame& frame, std::int64_t size, int lanes) {
  llvm::SmallVector<Lanes> result;
  for (std::int64_t done = 0; done < size; done += lanes) {
    Lanes group{static_cast<int>(result.size()), {}};
    if (size - done < lanes) group.mask = frame.firstLanes(static_cast<int>(size - done), lanes);
    result.push_back(group);
  }
  return result;
}

Values walk(Frame& frame, Evaluator& evaluator, const VectorRange& range, int unroll,
            llvm::function_ref<Values(ArrayRef<Lanes>, ValueRange)> body, Values carried) {
  int lanes = evaluator.lanes();
  unsigned dim = evaluator.vectorDim();
  std::int64_t group = std::int64_t(unroll) * lanes;
  bool aligned = range.aligned && group % 64 == 0;
  llvm::SmallVector<Lanes> full;
  for (int u = 0; u < unroll; ++u)
    full.push_back({u, {}});

  Value restAt = range.lower;
  std::int64_t rest = range.size ? *range.size % group : 0;
  if (!range.size || *range.size >= group) {
    Value groups = frame.sub(range.upper, range.lower);
    groups = range.size ? frame.index(*range.size - rest)
                        : frame.builder.createOrFold<arith::AndIOp>(frame.loc, groups, frame.index(-group));
    restAt = frame.add(range.lower, groups);
    carried = frame.loop(range.lower, restAt, group, carried, [&](scf::ForOp loop, ValueRange values) {
      evaluator.enter(loop, {{dim, loop.getInductionVar()}}, aligned);
      Values next = body(full, values);
      evaluator.leave();
      return next;
    });
  }
  if (range.size) {
    if (rest == 0) return carried;
    evaluator.enter(nullptr, {{dim, restAt}}, aligned);
    for (const Lanes& each : allLanes(frame, rest, lanes))
      carried = body(each, carried);
    evaluator.leave();
    return carried;
  }
  return frame.loop(restAt, range.upper, lanes, carried, [&](scf::ForOp loop, ValueRange values) {
    Value at = loop.getInductionVar();
    evaluator.enter(loop, {{dim, at}}, false);
    Lanes each{0, frame.firstLanes(frame.sub(range.upper, at), lanes)};
    Values next = body(each, values);
    evaluator.leave();
    return next;
  });
}

int chooseLanes(const KernelBody& body, const Target& target) {
  bool wide = llvm::any_of(body.exprs, [](const auto& e) { return e->type.isF64() && e->dims != 0; });
  return target.lanes(wide ? 8 : 4);
}

int chooseUnroll(const KernelBody& body, int lanes) {
  bool random = llvm::any_of(
      body.exprs, [](const auto& e) { return e->kind == Expr::Kind::Generate && !e->operands.empty(); });
  return random ? 64 / lanes : 4;
}

llvm::SmallVector<MemRefType> bufferTypes(ir::FusionOp fusion) {
  llvm::SmallVector<MemRefType> types;
  for (Type type : fusion->getOperandTypes())
    types.push_back(bufferType(type));
  for (Type type : fusion->getResultTypes())
    types.push_back(bufferType(type));
  return types;
}

double estimateNanoseconds(const KernelBody& body) {
  auto bytesOf = [&](Type type, std::uint64_t dims) {
    double count = std::max(1u, type.getIntOrFloatBitWidth() / 8);
    for (auto [d, dim] : llvm::enumerate(body.dims))
      if ((dims >> d & 1) && !body.dynamic()) count *= dim.size;
    return count;
  };
  double bytes = 0;
  for (const auto& expr : body.exprs)
    if (expr->kind == Expr::Kind::Load) bytes += bytesOf(expr->type, expr->dims);
  for (const Output& output : body.outputs)
    bytes += bytesOf(output.value->type, output.value->dims);
  constexpr double kBytesPerNs = 25, kFlopsPerNs = 30; // one core, in cache, vectorised
  return bytes / kBytesPerNs + body.flops() / kFlopsPerNs;
}

void storeOutputs(Evaluator& evaluator, ArrayRef<Output> outputs, ValueRange resultBuffers,
                  ArrayRef<Lanes> lanes) {
  Values values;
  for (const Output& output : outputs)
    for (const Lanes& each : lanes)
      values.push_back(evaluator.vector(output.value, each));
  auto next = values.begin();
  for (const Output& output : outputs)
    for (const Lanes& each : lanes)
      evaluator.store(*next++, output, resultBuffers[output.result], each);
}

} // namespace kiln::codegen::cpu
