// Elements by rank, without sorting. The key of a rank is found bit by bit, from the highest: how many keys
// lie below a candidate is a count over the row in vectors, so a row in the nearest cache costs less than
// building histograms of digits would. One more walk picks the pairs.
#include "cpu/SortParts.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {

/// A key, and how many keys of the row are smaller.
struct Bound {
  Value key, below;
};

class Selector : SortCode {
public:
  Selector(Frame& frame, const KeyOrder& order, const RowKeys& row)
      : SortCode{frame}, order(order), row(row), vector(VectorType::get({row.lanes}, order.key)),
        padded(llvm::alignTo(row.size, RowKeys::padding(row.lanes))) {}

  Bound least() { return {constant(order.least()), frame.index(0)}; }

  /// Of the key that has `rank` others before it.
  Bound ofRank(std::int64_t rank) {
    // The first bit is the sign of keys as wide as their type: adding it wraps round to 0.
    Values start = {constant(order.least()), frame.index(0), constant(std::int64_t(1) << (order.bits - 1))};
    Values found =
        frame.loop(frame.index(0), frame.index(order.bits), 1, start, [&](scf::ForOp, ValueRange carried) {
          Value candidate = make<arith::AddIOp>(carried[0], carried[2]);
          Value below = countBelow(candidate);
          Value isUp = compare(Predicate::ule, below, frame.index(rank));
          return Values{select(isUp, candidate, carried[0]), select(isUp, below, carried[1]),
                        make<arith::ShRUIOp>(carried[2], constant(1))};
        });
    return {found[0], found[1]};
  }

  void pick(const Bound& low, const Bound& high, std::int64_t first, std::int64_t count,
            const Pairs& chosen) {
    Value lows = spread(low.key), highs = spread(high.key);
    Values start = {frame.index(0), low.below, high.below};
    frame.loop(
        frame.index(0), frame.index(padded), row.lanes, start, [&](scf::ForOp loop, ValueRange carried) {
          Value at = loop.getInductionVar();
          Value keys = vector::LoadOp::create(b, frame.loc, vector, row.keys, at);
          Value hits =
              make<arith::AndIOp>(compare(Predicate::sge, keys, lows), compare(Predicate::sle, keys, highs));
          Value any = vector::ReductionOp::create(b, frame.loc, vector::CombiningKind::OR, hits);
          auto branch = scf::IfOp::create(b, frame.loc, TypeRange(carried), any, /*withElseRegion=*/true);
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToStart(&branch.getElseRegion().front());
          scf::YieldOp::create(b, frame.loc, carried);
          b.setInsertionPointToStart(&branch.getThenRegion().front());
          Values next = frame.loop(at, frame.add(at, frame.index(row.lanes)), 1, carried,
                                   [&](scf::ForOp each, ValueRange counts) {
                                     return pickOne(each.getInductionVar(), counts, low.key, high.key, first,
                                                    first + count, chosen);
                                   });
          scf::YieldOp::create(b, frame.loc, next);
          return Values(branch.getResults());
        });
  }

private:
  Value constant(std::int64_t value) { return number(order.key, value); }
  Value spread(Value key) { return vector::BroadcastOp::create(b, frame.loc, vector, key); }

  Value countBelow(Value candidate) {
    Value limit = spread(candidate);
    Values zeros(RowKeys::kUnroll,
                 Value(arith::ConstantOp::create(b, frame.loc, vector, b.getZeroAttr(vector))));
    Values counts =
        frame.loop(frame.index(0), frame.index(padded), RowKeys::padding(row.lanes), zeros,
                   [&](scf::ForOp loop, ValueRange carried) {
                     Values next;
                     for (auto [u, count] : llvm::enumerate(carried)) {
                       Value at = frame.add(loop.getInductionVar(), frame.index(std::int64_t(u) * row.lanes));
                       Value keys = vector::LoadOp::create(b, frame.loc, vector, row.keys, at);
                       // A true lane is all ones, -1: the comparison's own result.
                       Value hits =
                           arith::ExtSIOp::create(b, frame.loc, vector, compare(Predicate::slt, keys, limit));
                       next.push_back(make<arith::SubIOp>(count, hits));
                     }
                     return next;
                   });
    Value total = counts[0];
    for (Value count : llvm::drop_begin(counts))
      total = make<arith::AddIOp>(total, count);
    total = vector::ReductionOp::create(b, frame.loc, vector::CombiningKind::ADD, total);
    return make<arith::IndexCastOp>(b.getIndexType(), total);
  }

  /// Branchless: the pair is written behind those chosen so far, and stays there when it counts itself.
  /// counts: pairs chosen, keys before this one if it equals the low bound, and if it equals the high one.
  Values pickOne(Value place, ValueRange counts, Value low, Value high, std::int64_t first, std::int64_t end,
                 const Pairs& chosen) {
    Value key = load(row.keys, place);
    auto isWanted = [&](Value isTie, Value rank) -> Value {
      Value inRange = make<arith::AndIOp>(compare(Predicate::sge, rank, frame.index(first)),
                                          compare(Predicate::slt, rank, frame.index(end)));
      return make<arith::AndIOp>(isTie, inRange);
    };
    Value isLow = compare(Predicate::eq, key, low), isHigh = compare(Predicate::eq, key, high);
    Value between =
        make<arith::AndIOp>(compare(Predicate::sgt, key, low), compare(Predicate::slt, key, high));
    Value isChosen = make<arith::OrIOp>(
        between, make<arith::OrIOp>(isWanted(isLow, counts[1]), isWanted(isHigh, counts[2])));
    store(key, chosen.keys, counts[0]);
    store(make<arith::IndexCastOp>(b.getI32Type(), place), chosen.places, counts[0]);
    Values next;
    for (auto [count, more] : llvm::zip(counts, Values{isChosen, isLow, isHigh}))
      next.push_back(frame.add(count, select(more, frame.index(1), frame.index(0))));
    return next;
  }

  const KeyOrder& order;
  const RowKeys& row;
  VectorType vector;
  std::int64_t padded;
};

} // namespace

void emitSelect(Frame& frame, const KeyOrder& order, const RowKeys& row, std::int64_t first,
                std::int64_t count, const Pairs& chosen) {
  Selector selector(frame, order, row);
  Bound high = selector.ofRank(first + count - 1);
  Bound low = first == 0 ? selector.least() : count == 1 ? high : selector.ofRank(first);
  selector.pick(low, high, first, count, chosen);
}

} // namespace kiln::codegen::cpu
