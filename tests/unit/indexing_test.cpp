// index() and index_put_(): integers, slices, tensors and masks, reading and writing, through views, with
// gradients.
#include "kiln/kiln.h"

#include <catch2/catch.hpp>

using namespace kiln;
using namespace kiln::indexing;

namespace {
using F = std::vector<double>;
F values(const Tensor& x) {
  const Tensor wide = x.detach().to(kFloat64).contiguous();
  if (x.numel() == 0) return {};
  const double* data = wide.data_ptr<double>();
  return {data, data + x.numel()};
}
using Sizes = std::vector<std::int64_t>;
Sizes sizes(const Tensor& x) {
  return x.sizes().vec();
}
Tensor grid(std::int64_t rows, std::int64_t columns) {
  return arange(rows * columns, kFloat32).view({rows, columns});
}
} // namespace

TEST_CASE("integers, slices, None and ellipsis") {
  const Tensor x = arange(24, kFloat32).view({2, 3, 4});
  REQUIRE(values(x.index({1, 2, 3})) == F{23});
  REQUIRE(values(x.index({1, Slice(None, None, 2), -1})) == F{15, 23});
  REQUIRE(values(x.index({"...", 0})) == F{0, 4, 8, 12, 16, 20});
  REQUIRE(sizes(x.index({None, 0, Ellipsis, None})) == Sizes{1, 3, 4, 1});
  REQUIRE(sizes(x.index({Slice(), Slice(1)})) == Sizes{2, 2, 4});
  REQUIRE_THROWS_WITH(x.index({0, 0, 0, 0}), Catch::Contains("too many indices"));
}

TEST_CASE("integer tensors read at their positions") {
  const Tensor x = grid(3, 4);
  const Tensor rows = tensor({2, 0}), columns = tensor({1, -1});
  REQUIRE(values(x.index({rows})) == F{8, 9, 10, 11, 0, 1, 2, 3});
  REQUIRE(values(x.index({Slice(), columns})) == F{1, 3, 5, 7, 9, 11});
  REQUIRE(values(x.index({rows, columns})) == F{9, 3});
  REQUIRE(values(x[rows]) == values(x.index({rows})));
  // Apart, the indexed dimensions come first.
  const Tensor y = arange(24, kFloat32).view({2, 3, 4});
  REQUIRE(sizes(y.index({tensor({0, 1, 1}), Slice(), tensor({0, 1, 2})})) == Sizes{3, 3});
  REQUIRE(values(y.index({tensor({1}), Slice(), tensor({2})})) == F{14, 18, 22});
  REQUIRE(sizes(y.index({0, tensor({{0, 1}, {2, 0}})})) == Sizes{2, 2, 4});
  REQUIRE_THROWS_WITH(x.index({tensor({3})}), Catch::Contains("out of bounds for dimension 0 with size 3"));
  REQUIRE_THROWS_WITH(x.index({tensor({0, 1}), tensor({0, 1, 2})}),
                      Catch::Contains("could not be broadcast together"));
}

TEST_CASE("masks read where they hold") {
  const Tensor x = grid(2, 3);
  REQUIRE(values(x.index({x > 2})) == F{3, 4, 5});
  REQUIRE(values(x.index({tensor({true, false})})) == F{0, 1, 2});
  REQUIRE(values(x.index({Slice(), tensor({true, false, true})})) == F{0, 2, 3, 5});
  REQUIRE(sizes(x.index({x > 10})) == Sizes{0});
  REQUIRE(values(x.masked_select(tensor({true, false, true}))) == F{0, 2, 3, 5});
  REQUIRE_THROWS_WITH(x.index({tensor({true, false, true})}), Catch::Contains("shape of the mask"));
  REQUIRE(values((x > 3).nonzero()) == F{1, 1, 1, 2});
  REQUIRE(values(where(x > 3)[1]) == F{1, 2});
}

TEST_CASE("writing at positions, through views") {
  Tensor x = zeros({3, 4});
  x.index_put_({tensor({0, 2}), tensor({1, 3})}, tensor({5.0f, 6.0f}));
  REQUIRE(values(x) == F{0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6});
  x.index_put_({x > 5}, 1);
  x.index_put_({Slice(), tensor({0})}, 9);
  REQUIRE(values(x) == F{9, 5, 0, 0, 9, 0, 0, 0, 9, 0, 0, 1});
  x.zero_();
  x.t().index_put_({tensor({3, 0})}, tensor({1.0f, 2.0f, 3.0f})); // columns 3 and 0
  REQUIRE(values(x) == F{1, 0, 0, 1, 2, 0, 0, 2, 3, 0, 0, 3});
  x[1].index_put_({x[1] == 0}, tensor({7.0f, 8.0f}));
  REQUIRE(values(x[1]) == F{2, 7, 8, 2});
  x.index({Slice(), 0}) = 4;
  REQUIRE(values(x.select(1, 0)) == F{4, 4, 4});
  REQUIRE_THROWS_WITH(x.index_put_({tensor({0, 1})}, ones({3})), Catch::Contains("shape mismatch"));
  REQUIRE(values(index_put(zeros({3}), {tensor({1, 1})}, tensor({2.0f, 3.0f}), true)) == F{0, 5, 0});
}

TEST_CASE("gradients of indexing, eager and compiled") {
  const Tensor rows = tensor({2, 0, 2}), mask = tensor({true, false, true, true});
  auto body = [&](Tensor x) {
    Tensor y = x * 2;
    y.index_put_({Slice(), tensor({1})}, 3);
    y[0].index_put_({mask}, x[1].index({tensor({0})}) * 5);
    return (y.index({rows}) * y.index({rows})).sum();
  };
  Tensor x = grid(3, 4).requires_grad_();
  body(x).backward();
  // Of y's rows 2 (twice) and 0 (its element 1 is 3; the others are 5 x[1][0]).
  const double first = 2 * 5 * 5 * 4 * 3;
  REQUIRE(values(x.grad()) == F{0, 0, 0, 0, first, 0, 0, 0, 2 * 8 * 8.0, 0, 2 * 8 * 10.0, 2 * 8 * 11.0});
  Tensor z = grid(3, 4).requires_grad_();
  auto step = jit::compile([&](Tensor w) {
    body(w).backward();
    return w * 1;
  });
  step(z);
  REQUIRE(values(z.grad()) == values(x.grad()));
}

TEST_CASE("a mask's result splits a capture and stays right") {
  auto positive = jit::compile([](Tensor x) { return x.index({x > 0}).sum(); });
  REQUIRE(values(positive(tensor({1.0f, -1.0f, 2.0f}))) == F{3});
  REQUIRE(values(positive(tensor({1.0f, 5.0f, 2.0f}))) == F{8});
}

TEST_CASE("gather's relatives") {
  const Tensor x = grid(2, 3), index = tensor({{0, 2}, {1, 1}});
  REQUIRE(values(x.gather(1, index)) == F{0, 2, 4, 4});
  REQUIRE(values(zeros({2, 3}).scatter_(1, index, tensor({{1.0f, 2.0f}, {3.0f, 4.0f}}))) ==
          F{1, 0, 2, 0, 4, 0});
  REQUIRE(values(zeros({2, 3}).scatter(1, index, 7)) == F{7, 0, 7, 0, 7, 0});
  REQUIRE(values(zeros({2, 3}).scatter_add_(1, index, ones({2, 2}))) == F{1, 0, 1, 0, 2, 0});
  REQUIRE(values(zeros({3}).index_add_(0, tensor({1, 1}), tensor({2.0f, 3.0f}))) == F{0, 5, 0});
  REQUIRE(values(zeros({2, 2}).index_fill_(1, tensor({0}), 3)) == F{3, 0, 3, 0});
  REQUIRE(values(zeros({3}).index_copy_(0, tensor({2, 0}), tensor({1.0f, 2.0f}))) == F{2, 0, 1});
  REQUIRE(values(x.take(tensor({5, -6}))) == F{5, 0});
  REQUIRE_THROWS_WITH(x.gather(1, tensor({{3}})), Catch::Contains("out of bounds"));
  REQUIRE_THROWS_WITH(zeros({2}).scatter_(0, tensor({0}), ones({1}, kInt64)), Catch::Contains("dtype"));
}

TEST_CASE("sorting") {
  const Tensor x = tensor({{3.0f, 1.0f, 2.0f}, {0.0f, 5.0f, 5.0f}});
  auto [sorted, places] = x.sort();
  REQUIRE(values(sorted) == F{1, 2, 3, 0, 5, 5});
  REQUIRE(values(places) == F{1, 2, 0, 0, 1, 2});
  auto [top, where] = x.topk(2);
  REQUIRE(values(top) == F{3, 2, 5, 5});
  REQUIRE(values(where) == F{0, 2, 1, 2});
  REQUIRE(values(std::get<0>(x.sort(0, true))) == F{3, 5, 5, 0, 1, 2});
  REQUIRE(values(std::get<0>(x.topk(1, 1, false))) == F{1, 0});
  REQUIRE(values(x.median()) == F{2});
  REQUIRE(values(std::get<0>(x.kthvalue(2, 1))) == F{2, 5});
  REQUIRE(values(x.argsort(1, true)) == F{0, 2, 1, 1, 2, 0});
  REQUIRE_THROWS_WITH(x.topk(4), Catch::Contains("out of range"));
  const Tensor many = randperm(3000).to(kFloat32);
  REQUIRE(std::get<0>(many.sort()).equal(arange(3000, kFloat32)));
  REQUIRE(many.index({std::get<1>(many.sort())}).equal(arange(3000, kFloat32)));
}

TEST_CASE("truth values and unsigned bytes index as PyTorch's") {
  const Tensor x = grid(2, 3);
  REQUIRE(sizes(x.index({true})) == Sizes{1, 2, 3});
  REQUIRE(sizes(x.index({false})) == Sizes{0, 2, 3});
  REQUIRE(sizes(x.index({true, true})) == Sizes{1, 2, 3}); // they broadcast together
  REQUIRE(sizes(x.index({false, true, "..."})) == Sizes{0, 2, 3});
  REQUIRE_THROWS_WITH(x.index({false, tensor({0, 1})}), Catch::Contains("broadcast"));
  x.index({true}).zero_(); // a copy
  REQUIRE(values(x) == F{0, 1, 2, 3, 4, 5});

  struct Count : WarningHandler {
    void process(const SourceLocation&, const std::string& text, bool) override {
      warnings += text.find("uint8 is now deprecated") != std::string::npos;
    }
    int warnings = 0;
  } count;
  WarningHandler* before = Warning::get_warning_handler();
  Warning::set_warning_handler(&count);
  const F rows = values(x.index({tensor({0, 1}, kUInt8)}));
  Warning::set_warning_handler(before);
  REQUIRE(rows == F{3, 4, 5});
  REQUIRE(count.warnings == 1);
}

TEST_CASE("errors of indexing name the dimension of the tensor and the method") {
  const Tensor x = zeros({2, 5, 10});
  REQUIRE_THROWS_WITH(x.index({0, 5}),
                      Catch::Contains("index 5 is out of bounds for dimension 1 with size 5"));
  REQUIRE_THROWS_WITH(x.index({"...", -11}), Catch::Contains("index -11 is out of bounds for dimension 2"));
  REQUIRE_THROWS_WITH(x.index_put_({}, 1), Catch::Contains("Tensor::index_put_()"));
}

TEST_CASE("values are added where asked to, and lose their leading ones") {
  Tensor x = zeros({3});
  x.index_put_({tensor({1, 1, 2})}, tensor({1.0f, 2.0f, 4.0f}), true);
  x.index_put_({Slice(0, 1)}, tensor({8.0f}), true);
  REQUIRE(values(x) == F{8, 3, 4});
  x.index_put_({"..."}, ones({1, 1, 3}));
  REQUIRE(values(x) == F{1, 1, 1});
  Tensor y = zeros({2, 2});
  index_put_(y, {tensor({1}), tensor({0})}, tensor({5.0f}));
  REQUIRE(values(y) == F{0, 0, 5, 0});
}
