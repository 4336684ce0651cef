// See Transpose.h. First squares within 128 bits, by interleaving, then the 128-bit parts of rows that are
// such a part's height apart.
#include "cpu/Transpose.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace kiln::codegen::cpu {

void transpose(OpBuilder& builder, Location loc, SmallVectorImpl<Value>& rows, std::int64_t elementBytes) {
  std::int64_t lanes = rows.size(), part = std::min(16 / elementBytes, lanes), parts = lanes / part;
  auto shuffle = [&](Value a, Value b, ArrayRef<std::int64_t> pattern) -> Value {
    return vector::ShuffleOp::create(builder, loc, a, b, pattern);
  };
  for (std::int64_t run = 1; run < part; run *= 2) { // runs of elements of a and b alternate
    SmallVector<std::int64_t> low, high;
    for (std::int64_t at = 0; at < lanes; at += part)
      for (std::int64_t i = 0; i < part; ++i) {
        std::int64_t from = at + i / (2 * run) * run + i % run + (i / run % 2 ? lanes : 0);
        low.push_back(from), high.push_back(from + part / 2);
      }
    SmallVector<Value> next;
    for (std::int64_t first = 0; first < lanes; first += 2 * run)
      for (std::int64_t i = first; i < first + run; ++i)
        for (ArrayRef<std::int64_t> half : {ArrayRef(low), ArrayRef(high)})
          next.push_back(shuffle(rows[i], rows[i + run], half));
    rows.assign(next.begin(), next.end());
  }
  SmallVector<std::int64_t> even, odd;
  for (std::int64_t i = 0; i < lanes; ++i) {
    std::int64_t from = i / part * 2 * part + i % part; // beyond `lanes` it is b's
    even.push_back(from), odd.push_back(from + part);
  }
  for (std::int64_t column = 0; column < part; ++column) {
    SmallVector<Value> same;
    for (std::int64_t i = 0; i < parts; ++i)
      same.push_back(rows[i * part + column]);
    for (std::int64_t round = 1; round < parts; round *= 2) {
      SmallVector<Value> next;
      for (ArrayRef<std::int64_t> half : {ArrayRef(even), ArrayRef(odd)})
        for (std::int64_t i = 0; i < parts; i += 2)
          next.push_back(shuffle(same[i], same[i + 1], half));
      same = next;
    }
    for (std::int64_t i = 0; i < parts; ++i)
      rows[i * part + column] = same[i];
  }
}

} // namespace kiln::codegen::cpu
