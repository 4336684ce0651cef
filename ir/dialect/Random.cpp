// Random ops: elements from counters (the layout is told in RandomOps.td; runtime/philox.h is its reference),
// dropout and normal built of them.
#include "Philox.h"
#include "Rules.h"
#include "Scalar.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

#include <numbers>
#include <numeric>

using namespace mlir;

namespace kiln::ir {
namespace {

constexpr double kWordStep = 0x1p-24; ///< uniform numbers are multiples of it

/// Halves of a * constant, unsigned, 32 by 32 bits.
std::pair<Value, Value> multiplyWide(Scalars& s, Value a, uint64_t constant) {
  Builder types(a.getContext());
  Type wide = Scalars::shapedLike(a, types.getI64Type());
  Value product = s.make<arith::MulIOp>(s.make<arith::ExtUIOp>(wide, a), s.bits(wide, constant));
  Value high = s.make<arith::TruncIOp>(a.getType(), s.make<arith::ShRUIOp>(product, s.bits(wide, 32)));
  return {high, s.make<arith::TruncIOp>(a.getType(), product)};
}

/// Low and high half of an i64.
std::pair<Value, Value> halves(Scalars& s, Value x) {
  Type narrow = Scalars::shapedLike(x, Builder(x.getContext()).getI32Type());
  Value high = s.make<arith::ShRUIOp>(x, s.bits(x.getType(), 32));
  return {s.make<arith::TruncIOp>(narrow, x), s.make<arith::TruncIOp>(narrow, high)};
}

/// A draw of `op`'s shape from a state, `skip` elements beyond `op`'s offset.
template <typename OpTy> Term uniformLike(OpTy op, const Term& state, DType dtype, int64_t skip) {
  return state.make<UniformOp>(ValueRange{state}, {{"dtype", std::string(name(dtype))},
                                                   {"offset", static_cast<int64_t>(op.getOffset()) + skip},
                                                   {"shape", op.getType().getShape().vec()}});
}

} // namespace

/// For vectors: each word in the low half of an i64 lane, what is above it ignored. One multiplication gives
/// both halves of a product, and nothing is widened or narrowed between the rounds. Two rounds are a loop's
/// body: ten in a row take three times as long to compile, for a tenth of the time to run.
static std::array<Value, 4> philoxLanes(OpBuilder& builder, mlir::Location loc, Value counter, Value seed) {
  Scalars s(builder, loc);
  auto type = cast<VectorType>(counter.getType());
  int64_t lanes = type.getDimSize(0);
  Value low = s.bits(type, 0xFFFFFFFF), half = s.bits(type, 32), zero = s.bits(type, 0);
  auto index = [&](int64_t value) { return s.make<arith::ConstantIndexOp>(value); };
  using Words = SmallVector<Value>; // four of the state, two of the key
  // The counters fill two registers, and both use the same one for a key.
  auto keyType = VectorType::get({lanes / 2}, builder.getI64Type());
  auto wide = [&](Scalars& s, Value key) {
    SmallVector<int64_t> twice(lanes);
    for (int64_t i = 0; i < lanes; ++i)
      twice[i] = i % (lanes / 2);
    return s.make<vector::ShuffleOp>(key, key, ArrayRef(twice));
  };
  auto round = [&](Scalars& s, const Words& x) -> Words {
    auto times = [&](Value word, uint64_t factor) {
      return s.make<arith::MulIOp>(s.make<arith::AndIOp>(word, low), s.bits(type, factor));
    };
    auto mix = [&](Value product, Value other, Value key) {
      Value high = s.make<arith::ShRUIOp>(product, half);
      return s.make<arith::XOrIOp>(s.make<arith::XOrIOp>(high, other), key);
    };
    Value a = times(x[0], 0xD2511F53), b = times(x[2], 0xCD9E8D57);
    return {mix(b, x[1], wide(s, x[4])),
            b,
            mix(a, x[3], wide(s, x[5])),
            a,
            s.add(x[4], s.bits(keyType, 0x9E3779B9)),
            s.add(x[5], s.bits(keyType, 0xBB67AE85))};
  };
  Value keys = s.make<vector::BroadcastOp>(keyType, seed);
  Words start = {counter, s.make<arith::ShRUIOp>(counter, half),
                 zero,    zero,
                 keys,    s.make<arith::ShRUIOp>(keys, s.bits(keyType, 32))};
  auto body = [&](OpBuilder& inside, mlir::Location, Value, ValueRange x) {
    Scalars s(inside, loc);
    scf::YieldOp::create(inside, loc, round(s, round(s, Words(x))));
  };
  auto loop = scf::ForOp::create(builder, loc, index(0), index(10), index(2), start, body);
  Type word = Scalars::shapedLike(counter, builder.getI32Type());
  std::array<Value, 4> words;
  for (unsigned i = 0; i < 4; ++i)
    words[i] = s.make<arith::TruncIOp>(word, loop.getResult(i));
  return words;
}

std::array<Value, 4> philoxWords(OpBuilder& builder, mlir::Location loc, Value counter, Value seed) {
  if (isa<VectorType>(counter.getType())) return philoxLanes(builder, loc, counter, seed);
  Scalars s(builder, loc);
  auto [c0, c1] = halves(s, counter);
  auto [keyLow, keyHigh] = halves(s, seed);
  Type word = c0.getType();
  Value zero = s.bits(word, 0);
  std::array<Value, 4> x = {c0, c1, zero, zero};
  for (uint64_t round = 0; round < 10; ++round) {
    auto key = [&](Value half, uint64_t step) { // scalar until here, so that vectors share it
      return s.spread(s.make<arith::AddIOp>(half, s.bits(half.getType(), round * step)), counter);
    };
    auto [aHigh, aLow] = multiplyWide(s, x[0], 0xD2511F53);
    auto [bHigh, bLow] = multiplyWide(s, x[2], 0xCD9E8D57);
    auto mix = [&](Value high, Value other, Value k) {
      return s.make<arith::XOrIOp>(s.make<arith::XOrIOp>(high, other), k);
    };
    x = {mix(bHigh, x[1], key(keyLow, 0x9E3779B9)), bLow, mix(aHigh, x[3], key(keyHigh, 0xBB67AE85)), aLow};
  }
  return x;
}

/// (word >> 8) * 2^-24, of 32-bit words.
static Value fromWord(Scalars& s, Value word, Type dtype) {
  Value top = s.make<arith::ShRUIOp>(word, s.bits(word.getType(), 8));
  Type element = Scalars::shapedLike(word, dtype);
  // 24 bits are never negative, and the signed conversion is the cheap one.
  return s.mul(s.make<arith::SIToFPOp>(element, top), s.number(element, kWordStep));
}

Value UniformOp::expandIndex(OpBuilder& builder, Value index, ValueRange scalars) {
  Scalars s(builder, getLoc());
  Type type = index.getType();
  auto constant = [&](uint64_t value) { return s.bits(type, value); };
  Value seed = scalars[0];
  Value offset = s.make<arith::AddIOp>(scalars[1], s.bits(scalars[1].getType(), getOffset()));
  Value g = s.make<arith::AddIOp>(s.spread(offset, index), index);
  // (g / 64) * 16 + g % 16, and word (g / 16) % 4
  Value block = s.make<arith::ShLIOp>(s.make<arith::ShRUIOp>(g, constant(6)), constant(4));
  Value counter = s.make<arith::OrIOp>(block, s.make<arith::AndIOp>(g, constant(15)));
  std::array<Value, 4> words = philoxWords(builder, getLoc(), counter, seed);
  auto bit = [&](uint64_t mask) {
    Value masked = s.make<arith::AndIOp>(g, constant(mask));
    return s.make<arith::CmpIOp>(arith::CmpIPredicate::ne, masked, constant(0));
  };
  Value odd = bit(16);
  Value word = s.select(bit(32), s.select(odd, words[3], words[2]), s.select(odd, words[1], words[0]));
  return fromWord(s, word, getType().getElementType());
}

// Offsets are multiples of 64, so a group has 16 counters, and each gives a word to four of its elements.
SmallVector<Value> UniformOp::expandGroup(OpBuilder& builder, Value first, int64_t lanes,
                                          ValueRange scalars) {
  constexpr int64_t kCounters = 16;
  if (lanes > kCounters || kCounters % lanes != 0) return {};
  Scalars s(builder, getLoc());
  Value offset = s.make<arith::AddIOp>(scalars[1], s.bits(scalars[1].getType(), getOffset()));
  Value counter = s.make<arith::ShRUIOp>(s.make<arith::AddIOp>(offset, first), s.bits(first.getType(), 2));
  auto type = VectorType::get({lanes}, builder.getI64Type());
  int64_t parts = kCounters / lanes;
  SmallVector<Value> result(4 * parts);
  for (int64_t part = 0; part < parts; ++part) {
    SmallVector<int64_t> steps(lanes);
    std::iota(steps.begin(), steps.end(), part * lanes);
    Value step = s.make<arith::ConstantOp>(DenseElementsAttr::get(type, ArrayRef(steps)));
    Value counters = s.make<arith::AddIOp>(s.make<vector::BroadcastOp>(type, counter), step);
    std::array<Value, 4> words = philoxWords(builder, getLoc(), counters, scalars[0]);
    for (int64_t word = 0; word < 4; ++word)
      result[word * parts + part] = fromWord(s, words[word], getType().getElementType());
  }
  return result;
}

// Box-Muller; 1 - u is in (0, 1], so that the logarithm is finite. The second draw has a state of its own, or
// follows the first.
SmallVector<Value> NormalOp::decompose(OpBuilder& builder) {
  DType dtype = *dtypeOf(getType().getElementType());
  Term state(builder, getLoc(), getState()), first = state, second = state;
  int64_t skip = (numel(getType().getShape()) + 63) / 64 * 64;
  if (state.shape()[0] == 4) {
    auto half = [&](int64_t start) {
      return state.make<SliceOp>(ValueRange{state}, {{"starts", std::vector<int64_t>{start}},
                                                     {"steps", std::vector<int64_t>{1}},
                                                     {"stops", std::vector<int64_t>{start + 2}}});
    };
    first = half(0), second = half(2), skip = 0;
  }
  Term radius = sqrt(log(1 - uniformLike(*this, first, dtype, 0)) * -2.0);
  Term angle = uniformLike(*this, second, dtype, skip) * (2 * std::numbers::pi);
  return {radius * cos(angle)};
}

// The mask is drawn in f32 for every element type, so that all of them drop the same elements.
SmallVector<Value> DropoutOp::decompose(OpBuilder& builder) {
  Term x(builder, getLoc(), getX());
  double p = getP().convertToDouble();
  if (p >= 1) return {x.constant(0, x.shape())};
  Term kept = ge(uniformLike(*this, x.at(getState()), DType::Float32, 0), p);
  return {where(kept, x * (1 / (1 - p)), 0)};
}

// The same mask and scale, drawn again from the counter.
Gradients DropoutOp::vjp(OpBuilder& builder, ValueRange grads) {
  if (!grads[0]) return noGradients(*this);
  Term g(builder, getLoc(), grads[0]);
  return {g.make<DropoutOp>(ValueRange{g, getState()},
                            {{"offset", static_cast<int64_t>(getOffset())}, {"p", getP().convertToDouble()}}),
          Value()};
}

} // namespace kiln::ir
