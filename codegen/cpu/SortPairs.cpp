// Stable sorting of pairs, by two means. Few are merged: runs of doubling width from one half of a double
// buffer to the other, which run comes next a select. Many are dealt out by digits, the lowest first: all
// digits are counted in one walk, and a digit that all keys share is skipped.
#include "cpu/SortParts.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {

/// How keys are cut in digits.
struct Digits {
  unsigned bits, passes;
  std::int64_t bins() const { return std::int64_t(1) << bits; }
};

double dealNanoseconds(const Digits& digits, std::int64_t count) {
  return digits.passes * (1.0 * static_cast<double>(digits.bins()) + 2.5 * static_cast<double>(count));
}
double mergeNanoseconds(std::int64_t count) {
  return 5 * static_cast<double>(count) *
         std::ceil(std::log2(static_cast<double>(std::max<std::int64_t>(count, 1))));
}
Digits digitsOf(const KeyOrder& order, std::int64_t count) {
  auto cut = [&](unsigned bits) { return Digits{bits, llvm::divideCeil(order.bits, bits)}; };
  Digits narrow = cut(8), wide = cut(11);
  return dealNanoseconds(narrow, count) <= dealNanoseconds(wide, count) ? narrow : wide;
}
bool isMerged(const KeyOrder& order, std::int64_t count) {
  return mergeNanoseconds(count) <= dealNanoseconds(digitsOf(order, count), count);
}

class PairSorter : SortCode {
public:
  PairSorter(Frame& frame, const KeyOrder& order, const Pairs& pairs, std::int64_t count, std::int64_t stride)
      : SortCode{frame}, order(order), pairs(pairs), count(count), stride(stride) {}

  Value merge() {
    auto passes = static_cast<std::int64_t>(llvm::Log2_64_Ceil(static_cast<std::uint64_t>(count)));
    Values start = {frame.index(1), frame.index(0)};
    return frame.loop(frame.index(0), frame.index(passes), 1, start, [&](scf::ForOp, ValueRange carried) {
      Value width = carried[0], from = carried[1], to = otherHalf(from);
      Value pair = frame.mul(width, 2);
      Value runs = make<arith::CeilDivUIOp>(frame.index(count), pair);
      frame.loop(frame.index(0), runs, 1, {}, [&](scf::ForOp loop, ValueRange) {
        mergeRuns(make<arith::MulIOp>(loop.getInductionVar(), pair), width, from, to);
        return Values();
      });
      return Values{pair, to};
    })[1];
  }

  Value deal(const Digits& digits, Value counters) {
    countDigits(digits, counters);
    return frame.loop(
        frame.index(0), frame.index(digits.passes), 1, frame.index(0), [&](scf::ForOp loop, ValueRange from) {
          Value bins = frame.mul(loop.getInductionVar(), digits.bins());
          Value shift = make<arith::IndexCastOp>(order.key, frame.mul(loop.getInductionVar(), digits.bits));
          Value bin = frame.add(bins, digit(load(pairs.keys, from[0]), shift, digits));
          Value isShared = compare(Predicate::eq, load(counters, bin), number(b.getI32Type(), count));
          auto branch = scf::IfOp::create(b, frame.loc, TypeRange(from), isShared, /*withElseRegion=*/true);
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToStart(&branch.getThenRegion().front());
          scf::YieldOp::create(b, frame.loc, from);
          b.setInsertionPointToStart(&branch.getElseRegion().front());
          Value to = otherHalf(from[0]);
          startBins(bins, digits, counters);
          dealOut(bins, shift, digits, counters, from[0], to);
          scf::YieldOp::create(b, frame.loc, to);
          return Values(branch.getResults());
        })[0];
  }

private:
  Value otherHalf(Value half) { return frame.sub(frame.index(stride), half); }

  /// Merges runs [low, low + width) and [low + width, low + 2 width) of the half at `from` into that at `to`.
  void mergeRuns(Value low, Value width, Value from, Value to) {
    Value end = frame.index(count), last = frame.index(count - 1);
    Value middle = frame.min(frame.add(low, width), end);
    Value high = frame.min(frame.add(middle, width), end);
    frame.loop(low, high, 1, {low, middle}, [&](scf::ForOp loop, ValueRange next) {
      Value left = frame.add(from, frame.min(next[0], last)),
            right = frame.add(from, frame.min(next[1], last));
      Value leftKey = load(pairs.keys, left), rightKey = load(pairs.keys, right);
      Value rightFirst = compare(Predicate::slt, rightKey, leftKey);
      Value leftIsDone = compare(Predicate::sge, next[0], middle);
      Value takesRight = make<arith::AndIOp>(compare(Predicate::slt, next[1], high),
                                             make<arith::OrIOp>(leftIsDone, rightFirst));
      Value at = frame.add(to, loop.getInductionVar());
      store(select(takesRight, rightKey, leftKey), pairs.keys, at);
      store(load(pairs.places, select(takesRight, right, left)), pairs.places, at);
      Value taken = select(takesRight, frame.index(1), frame.index(0));
      return Values{frame.sub(frame.add(next[0], frame.index(1)), taken), frame.add(next[1], taken)};
    });
  }

  Value digit(Value key, Value shift, const Digits& digits) {
    Value bits = make<arith::SubIOp>(key, number(order.key, order.least())); // not negative
    bits = make<arith::AndIOp>(make<arith::ShRUIOp>(bits, shift), number(order.key, digits.bins() - 1));
    return make<arith::IndexCastOp>(b.getIndexType(), bits);
  }
  void increment(Value counters, Value at, Value old) {
    store(make<arith::AddIOp>(old, number(b.getI32Type(), 1)), counters, at);
  }

  void countDigits(const Digits& digits, Value counters) {
    frame.loop(frame.index(0), frame.index(digits.passes * digits.bins()), 1, {},
               [&](scf::ForOp loop, ValueRange) {
                 store(number(b.getI32Type(), 0), counters, loop.getInductionVar());
                 return Values();
               });
    frame.loop(frame.index(0), frame.index(count), 1, {}, [&](scf::ForOp loop, ValueRange) {
      Value key = load(pairs.keys, loop.getInductionVar());
      for (unsigned pass = 0; pass < digits.passes; ++pass) {
        Value bin = digit(key, number(order.key, std::int64_t(pass) * digits.bits), digits);
        Value at = frame.add(bin, frame.index(pass * digits.bins()));
        increment(counters, at, load(counters, at));
      }
      return Values();
    });
  }

  /// How many keys each digit has becomes where its first goes.
  void startBins(Value bins, const Digits& digits, Value counters) {
    Value zero = number(b.getI32Type(), 0);
    frame.loop(frame.index(0), frame.index(digits.bins()), 1, zero, [&](scf::ForOp loop, ValueRange before) {
      Value at = frame.add(bins, loop.getInductionVar()), own = load(counters, at);
      store(before[0], counters, at);
      return Values{make<arith::AddIOp>(before[0], own)};
    });
  }

  void dealOut(Value bins, Value shift, const Digits& digits, Value counters, Value from, Value to) {
    frame.loop(frame.index(0), frame.index(count), 1, {}, [&](scf::ForOp loop, ValueRange) {
      Value source = frame.add(from, loop.getInductionVar());
      Value key = load(pairs.keys, source), place = load(pairs.places, source);
      Value bin = frame.add(bins, digit(key, shift, digits)), next = load(counters, bin);
      increment(counters, bin, next);
      Value at = frame.add(to, make<arith::IndexCastOp>(b.getIndexType(), next));
      store(key, pairs.keys, at);
      store(place, pairs.places, at);
      return Values();
    });
  }

  const KeyOrder& order;
  const Pairs& pairs;
  std::int64_t count, stride;
};

} // namespace

std::int64_t sortCounterBytes(const KeyOrder& order, std::int64_t count) {
  if (isMerged(order, count)) return 0;
  Digits digits = digitsOf(order, count);
  return 4 * digits.passes * digits.bins();
}

double sortNanoseconds(const KeyOrder& order, std::int64_t count) {
  return std::min(mergeNanoseconds(count), dealNanoseconds(digitsOf(order, count), count));
}

Value emitSortPairs(Frame& frame, const KeyOrder& order, const Pairs& pairs, std::int64_t count,
                    std::int64_t stride, Value counters) {
  if (count < 2) return frame.index(0);
  PairSorter sorter(frame, order, pairs, count, stride);
  return isMerged(order, count) ? sorter.merge() : sorter.deal(digitsOf(order, count), counters);
}

} // namespace kiln::codegen::cpu
