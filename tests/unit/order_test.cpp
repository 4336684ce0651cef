// Sorting and what is chosen by rank, against the standard library's sort, ties by place; places in sorted
// lists and draws by weight, which are built on them; running products.
#include "kiln/composed.h"
#include "kiln/jit.h"
#include "kiln/kiln.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

using namespace kiln;

namespace {

using Doubles = std::vector<double>;
Doubles values(const Tensor& x) {
  const Tensor wide = x.detach().to(kFloat64).contiguous();
  if (x.numel() == 0) return {};
  return {wide.data_ptr<double>(), wide.data_ptr<double>() + x.numel()};
}

/// Places of a row in order; NaN counts as the largest.
std::vector<std::int64_t> sorted_places(const Doubles& row, bool descending) {
  std::vector<std::int64_t> places(row.size());
  std::iota(places.begin(), places.end(), 0);
  auto less = [](double a, double b) { return a < b || (std::isnan(b) && !std::isnan(a)); };
  std::ranges::sort(places, [&](std::int64_t i, std::int64_t j) {
    const double a = row[static_cast<std::size_t>(i)], b = row[static_cast<std::size_t>(j)];
    if (descending ? less(b, a) : less(a, b)) return true;
    return !(descending ? less(a, b) : less(b, a)) && i < j;
  });
  return places;
}

/// That `places` [rows, count] are those number `first` and on of each row of x [rows, n].
void check_places(const Tensor& x, const Tensor& places, bool descending, std::int64_t first = 0) {
  REQUIRE(places.dtype() == kInt64);
  for (std::int64_t r = 0; r < x.size(0); ++r) {
    const auto expected = sorted_places(values(x[r]), descending);
    const Doubles found = values(places[r]);
    for (std::size_t i = 0; i < found.size(); ++i)
      if (found[i] != static_cast<double>(expected[static_cast<std::size_t>(first) + i]))
        FAIL("row " << r << ", place " << i << ": " << found[i] << " for "
                    << expected[static_cast<std::size_t>(first) + i]);
  }
}

/// Rows of few different values, so that there are many ties; of floats some are NaN, infinite or -0.
Tensor rows_with_ties(std::int64_t rows, std::int64_t n, DType dtype) {
  Tensor x = randint(0, 50, {rows, n}, kInt64);
  if (dtype == kUInt8) return (x * 5).to(dtype);
  x = x - 25;
  if (dtype == kInt64 || dtype == kInt32) return x.to(dtype);
  Tensor y = x.to(kFloat64) / 8;
  y = where(x == 20, std::nan(""), y);
  y = where(x == -25, -INFINITY, y);
  return where(logical_and(x == 0, rand_like(y) < 0.5), -0.0, y).to(dtype);
}

} // namespace

TEST_CASE("sort, topk and kthvalue of every type are those of a stable sort") {
  manual_seed(3);
  const DType dtype = GENERATE(kFloat32, kFloat64, kBFloat16, kInt64, kUInt8);
  const std::int64_t n = GENERATE(7, 257, 2000);
  const bool descending = GENERATE(false, true);
  CAPTURE(dtype, n, descending);
  const Tensor x = rows_with_ties(3, n, dtype);
  check_places(x, x.argsort(1, descending), descending);
  for (std::int64_t k : {std::int64_t{1}, (n + 1) / 2, n})
    check_places(x, std::get<1>(x.topk(k, 1, descending)), descending);
  if (!descending) {
    check_places(x, std::get<1>(x.kthvalue((n + 2) / 3, 1, true)), false, (n + 2) / 3 - 1);
    const Tensor wide = x.to(kFloat64), numbers = where(isnan(wide), 1, wide).to(dtype);
    check_places(numbers, std::get<1>(numbers.median(1, true)), false, (n + 1) / 2 - 1);
    if (!numbers.equal(x)) { // NaN is the largest: the first of them
      const Tensor found = std::get<1>(x.median(1, true)), first = std::get<1>(x.topk(1));
      for (std::int64_t r = 0; r < 3; ++r)
        if (isnan(wide[r]).any().item<bool>()) REQUIRE(found[r].equal(first[r]));
    }
  }
}

TEST_CASE("the top of a long row is found in pieces") {
  manual_seed(4);
  const DType dtype = GENERATE(kFloat32, kInt64);
  const std::int64_t n = GENERATE(32768, 40001);
  const bool largest = GENERATE(false, true);
  const Tensor x = rows_with_ties(2, n, dtype);
  check_places(x, std::get<1>(x.topk(200, 1, largest)), largest);
  check_places(x, std::get<1>(x.t().contiguous().topk(3, 0, largest)).t(), largest);
  auto compiled = jit::compile([=](Tensor y) { return std::get<1>(y.topk(3, 1, largest)); });
  check_places(x, compiled(x), largest);
}

TEST_CASE("gradients of topk of a long row go to what was chosen") {
  manual_seed(5);
  const Tensor x = rand({40001}).requires_grad_();
  const auto [top, places] = x.topk(4);
  (top * tensor({1.f, 2.f, 3.f, 4.f})).sum().backward();
  REQUIRE(values(x.grad().gather(0, places)) == Doubles{1, 2, 3, 4});
  REQUIRE(x.grad().sum().item<float>() == 10);
}

TEST_CASE("nothing of a row may be asked for") {
  const auto [top, places] = ones({3, 5}).topk(0);
  REQUIRE(top.sizes() == IntArrayRef({3, 0}));
  REQUIRE(places.sizes() == IntArrayRef({3, 0}));
}

TEST_CASE("searchsorted and bucketize are the standard library's bounds") {
  manual_seed(6);
  const std::int64_t n = GENERATE(0, 1, 2, 3, 8, 13, 100);
  const bool right = GENERATE(false, true);
  CAPTURE(n, right);
  const Tensor bounds = std::get<0>(randint(0, 20, {2, n}, kInt64).to(kFloat32).sort(1));
  const Tensor x = randint(-1, 22, {2, 30}, kInt64).to(kFloat32);
  auto expected = [&](const Doubles& row, double each) {
    const auto at = right ? std::ranges::upper_bound(row, each) : std::ranges::lower_bound(row, each);
    return static_cast<double>(at - row.begin());
  };
  const Doubles wanted = values(x), own = values(searchsorted(bounds, x, false, right)),
                shared = values(bucketize(x, bounds[0], false, right));
  const std::array<Doubles, 2> rows = {values(bounds[0]), values(bounds[1])};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    REQUIRE(own[i] == expected(rows[i / 30], wanted[i]));
    REQUIRE(shared[i] == expected(rows[0], wanted[i]));
  }
  if (n > 0) REQUIRE(values(bucketize(tensor(NAN), bounds[0])) == Doubles{static_cast<double>(n)});
}

TEST_CASE("multinomial draws places in proportion to their weights") {
  manual_seed(7);
  const Tensor weights = tensor({{0.f, 1.f, 0.f, 3.f, 0.f}, {2.f, 2.f, 0.f, 0.f, 4.f}});
  constexpr std::int64_t kDraws = 20000;
  const Tensor drawn = multinomial(weights, kDraws, true);
  REQUIRE(drawn.sizes() == IntArrayRef({2, kDraws}));
  for (std::int64_t r = 0; r < 2; ++r) {
    const Doubles shares = values(bincount(drawn[r], {}, 5).to(kFloat64) / kDraws);
    const Doubles expected = values(weights[r] / weights[r].sum());
    for (std::size_t i = 0; i < 5; ++i) {
      if (expected[i] == 0) REQUIRE(shares[i] == 0);
      REQUIRE(shares[i] == Approx(expected[i]).margin(0.02)); // five deviations
    }
  }
  REQUIRE(multinomial(weights[0], 9, true).sizes() == IntArrayRef(9));
  const Doubles all = values(multinomial(weights[0], 2, false));
  REQUIRE((all == Doubles{1, 3} || all == Doubles{3, 1}));
}

TEST_CASE("cumprod and its gradient are those of a slow loop, at zeros too") {
  manual_seed(8);
  const std::int64_t n = GENERATE(5, 33, 70, 131), zeros_in_row = GENERATE(0, 1, 2);
  CAPTURE(n, zeros_in_row);
  Tensor x = rand({2, n}, kFloat64) + 0.5;
  for (std::int64_t z = 0; z < zeros_in_row; ++z)
    x.index_put_({1, n / 2 + z * (n / 4)}, 0.0);
  x.requires_grad_();
  const Tensor y = x.cumprod(1), g = rand({2, n}, kFloat64);
  (y * g).sum().backward();
  const Doubles in = values(x), out = values(y), weight = values(g), slope = values(x.grad());
  for (std::int64_t r = 0; r < 2; ++r)
    for (std::int64_t k = 0; k < n; ++k) {
      double product = 1, sum = 0, others = 1;
      for (std::int64_t i = 0; i < n; ++i) {
        const auto at = static_cast<std::size_t>(r * n + i);
        if (i <= k) product *= in[at];
        if (i != k) others *= in[at];
        if (i >= k) sum += weight[at] * others;
      }
      REQUIRE(out[static_cast<std::size_t>(r * n + k)] == Approx(product).margin(1e-12));
      REQUIRE(slope[static_cast<std::size_t>(r * n + k)] == Approx(sum).margin(1e-12));
    }
  REQUIRE(allclose(x.detach().t().contiguous().cumprod(0).t(), y.detach(), 1e-12, 1e-14));
}
