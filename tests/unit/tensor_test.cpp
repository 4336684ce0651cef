// Tensors as users meet them: aliasing, views, in-place writes, promotion, printing, errors.
#include "kiln/kiln.h"
#include "kiln/runtime/philox.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <sstream>

using namespace kiln;

namespace {
template <class T> std::vector<T> values(const Tensor& x) {
  const Tensor whole = x.contiguous();
  const T* data = whole.data_ptr<T>();
  return {data, data + x.numel()};
}
using F = std::vector<float>;
using L = std::vector<std::int64_t>;
} // namespace

TEST_CASE("a default tensor is undefined and says so") {
  Tensor x;
  REQUIRE_FALSE(x.defined());
  REQUIRE_THROWS_WITH(x.sizes(), Catch::Contains("undefined"));
  REQUIRE_THROWS_WITH(x + ones({2}), Catch::Contains("add") && Catch::Contains("undefined"));
}

TEST_CASE("copies alias, clones do not") {
  Tensor x = tensor({1.0f, 2.0f, 3.0f});
  Tensor alias = x, copy = x.clone();
  x.add_(1);
  REQUIRE(values<float>(alias) == F{2, 3, 4});
  REQUIRE(values<float>(copy) == F{1, 2, 3});
}

TEST_CASE("views read and write through") {
  Tensor x = arange(12).view({3, 4});
  SECTION("a row") {
    x[1].fill_(0);
    REQUIRE(values<std::int64_t>(x) == L{0, 1, 2, 3, 0, 0, 0, 0, 8, 9, 10, 11});
  }
  SECTION("a column of a transposed view") {
    x.t()[3].mul_(10);
    REQUIRE(values<std::int64_t>(x) == L{0, 1, 2, 30, 4, 5, 6, 70, 8, 9, 10, 110});
  }
  SECTION("a strided slice") {
    x.slice(1, 0, 4, 2).add_(100);
    REQUIRE(values<std::int64_t>(x) == L{100, 1, 102, 3, 104, 5, 106, 7, 108, 9, 110, 11});
  }
  SECTION("a view of a view sees a write to the base") {
    Tensor corner = x.narrow(0, 1, 2).narrow(1, 2, 2);
    x.fill_(7);
    REQUIRE(values<std::int64_t>(corner) == L{7, 7, 7, 7});
  }
  SECTION("assigning to a temporary view") {
    x[0] = tensor({9, 9, 9, 9});
    x.index({Slice(1, None), 0}) = Scalar(-1);
    REQUIRE(values<std::int64_t>(x) == L{9, 9, 9, 9, -1, 5, 6, 7, -1, 9, 10, 11});
  }
  SECTION("an expanded view cannot be written") {
    REQUIRE_THROWS_WITH(ones({1, 4}).expand({3, 4}).fill_(1), Catch::Contains("single memory location"));
  }
}

TEST_CASE("data_ptr stays valid through in-place writes, and belongs to one tensor") {
  Tensor x = ones({4}), y = x.clone();
  float* p = x.data_ptr<float>();
  x.mul_(3);
  REQUIRE(p[2] == 3);
  p[0] = 5;
  REQUIRE(x[0].item<float>() == 5);
  REQUIRE(y[0].item<float>() == 1);
  REQUIRE_THROWS_WITH(x.data_ptr<double>(), Catch::Contains("expected scalar type f64 but found f32"));
}

TEST_CASE("dtypes promote as PyTorch's") {
  REQUIRE((arange(3) + 1).dtype() == kInt64);
  REQUIRE((arange(3) + 1.5).dtype() == kFloat32);
  REQUIRE((arange(3) / 2).dtype() == kFloat32);
  REQUIRE((ones({3}) + ones({3}, kFloat64)).dtype() == kFloat64);
  REQUIRE((ones({3}) + ones({}, kFloat64)).dtype() == kFloat32);
  REQUIRE((ones({3}) * arange(3)).dtype() == kFloat32);
  REQUIRE((ones({3}) > 0).dtype() == kBool);
  REQUIRE((ones({3}, kBool) + 1).dtype() == kInt64);
}

TEST_CASE("broadcasting follows NumPy") {
  const Tensor a = arange(3).view({3, 1}), b = arange(4);
  const Tensor sum = a + b;
  REQUIRE(sum.sizes() == IntArrayRef({3, 4}));
  REQUIRE(values<std::int64_t>(sum) == L{0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5});
  REQUIRE_THROWS_WITH(ones({2, 3}) + ones({4}),
                      Catch::Contains("add") && Catch::Contains("[2, 3]") && Catch::Contains("[4]"));
}

TEST_CASE("errors name the op, what was got, and the user's line") {
  REQUIRE_THROWS_WITH(ones({2, 3}).matmul(ones({4, 5})),
                      Catch::Contains("matmul: inner dimensions differ: [2, 3] x [4, 5]"));
  REQUIRE_THROWS_WITH(ones({2, 3}).view({4, 2}),
                      Catch::Contains("view: shape '[4, 2]' is invalid for input of size 6"));
  REQUIRE_THROWS_WITH(ones({2}).to(Device("cuda")), Catch::Contains("cuda"));
  REQUIRE_THROWS_WITH(Device("tpu"), Catch::Contains("tpu"));
  REQUIRE_THROWS_WITH(ones({3}).item(), Catch::Contains("3 elements"));
  REQUIRE_THROWS_WITH(tensor({{1, 2}, {3}}), Catch::Contains("sub-list"));
  REQUIRE_THROWS_WITH(ones({2, -3}), Catch::Contains("negative dimension"));
  // One line: where it starts and ends is the same.
  REQUIRE_THROWS_WITH(ones({2}) + ones({3}), Catch::Contains("tensor_test.cpp:" + std::to_string(__LINE__)));
}

TEST_CASE("errors name the function that was called, not the op beneath it") {
  using Catch::StartsWith;
  const Tensor x = ones({2, 3});
  CHECK_THROWS_WITH(cat({x, ones({4, 5})}),
                    StartsWith("cat: shapes differ outside dimension 0: [2, 3] and [4, 5]"));
  CHECK_THROWS_WITH(x.expand({5, 5}), StartsWith("expand: [2, 3] does not broadcast to [5, 5]"));
  CHECK_THROWS_WITH(x.permute({0, 0}), StartsWith("permute: [0, 0] is not a permutation"));
  CHECK_THROWS_WITH(x.masked_fill(ones({7}, kBool), 0),
                    StartsWith("masked_fill: shapes do not broadcast: [7] and [2, 3]"));
  CHECK_THROWS_WITH(Tensor().item(), StartsWith("item: the tensor is undefined"));
  CHECK_THROWS_WITH(zeros({-1}), StartsWith("zeros: Trying to create tensor with negative dimension -1"));
  CHECK_THROWS_WITH(randn({2}, kCUDA), StartsWith("randn: device cuda is not available"));
  CHECK_THROWS_WITH(ones({2}, requires_grad()).add_(1),
                    StartsWith("add_: a leaf Variable that requires grad"));
}

TEST_CASE("sizes that no memory holds are errors, also where their product comes back round to a small one") {
  constexpr std::int64_t kLarge = std::int64_t{1} << 32;
  CHECK_THROWS_WITH(
      zeros({kLarge, kLarge}),
      Catch::StartsWith("zeros: a tensor of [4294967296, 4294967296] is larger than any memory"));
  CHECK_THROWS_WITH(empty({kLarge, kLarge}), Catch::StartsWith("empty: "));
  CHECK_THROWS_WITH(zeros({1}).expand({kLarge, kLarge}),
                    Catch::StartsWith("expand: a tensor of [4294967296, 4294967296] is larger"));
  CHECK_THROWS_WITH(zeros({0}).view({kLarge, kLarge}), Catch::StartsWith("view: a tensor of [4294967296"));
  CHECK_THROWS_WITH(arange(1e300), Catch::StartsWith("arange: "));
  CHECK_THROWS_WITH(ones({4}).narrow(0, 1, INT64_MAX), Catch::StartsWith("narrow: start (1) + length"));
}

TEST_CASE("numbers print in PyTorch's layout") {
  auto text = [](const Tensor& x) {
    std::ostringstream out;
    out << x;
    return out.str();
  };
  REQUIRE(text(tensor({{1, 2}, {3, 4}})) == " 1  2\n 3  4\n[ CPULongType{2,2} ]");
  REQUIRE(text(tensor({0.5f, -1.25f})) == " 0.5000\n-1.2500\n[ CPUFloatType{2} ]");
  REQUIRE(text(scalar_tensor(3.0)) == "3\n[ CPUFloatType{} ]");
  REQUIRE(text(ones({2, 1, 2})) == "(1,.,.) = \n  1  1\n\n(2,.,.) = \n  1  1\n[ CPUFloatType{2,1,2} ]");
  REQUIRE(text(Tensor()) == "[ Tensor (undefined) ]");
}

TEST_CASE("the same seed draws the same numbers, another seed others") {
  manual_seed(5);
  const Tensor a = rand({100}), b = randn({100});
  manual_seed(5);
  REQUIRE(equal(rand({100}), a));
  REQUIRE(equal(randn({100}), b));
  manual_seed(6);
  REQUIRE_FALSE(equal(rand({100}), a));
  manual_seed(1);
  const Tensor many = randn({100000});
  REQUIRE(std::abs(many.mean().item<double>()) < 0.02);
  REQUIRE(std::abs(many.std().item<double>() - 1) < 0.02);
  REQUIRE(std::abs((many * many * many * many).mean().item<double>() - 3) < 0.2);
  auto order = values<std::int64_t>(randperm(1000));
  REQUIRE_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  REQUIRE(order == values<std::int64_t>(arange(1000)));
}

TEST_CASE("a draw's numbers are its counters', whatever its size and type") {
  for (const std::int64_t count : {1, 63, 1023, 1024, 1025, 50000}) {
    CAPTURE(count);
    manual_seed(9);
    const F first = values<float>(rand({count}));
    const auto second = values<double>(rand({count, 2}, kFloat64));
    const std::uint64_t offset = runtime::random_advance(static_cast<std::uint64_t>(count));
    std::int64_t wrong = 0;
    for (std::size_t i = 0; i < first.size(); ++i)
      wrong += first[i] != runtime::random_uniform(9, 0, i);
    for (std::size_t i = 0; i < second.size(); ++i)
      wrong += second[i] != static_cast<double>(runtime::random_uniform(9, offset, i));
    REQUIRE(wrong == 0);
  }
}

TEST_CASE("normal numbers are the compiled program's, whatever their number, and the next draw shares none "
          "of theirs") {
  auto compiled = jit::compile([](const Tensor& like) { return randn_like(like); });
  for (const std::int64_t count : {5, 64, 1025, 40000}) {
    CAPTURE(count);
    const Tensor like = zeros({count});
    manual_seed(9);
    const Tensor x = randn({count});
    REQUIRE(rand({1}).item<float>() ==
            runtime::random_uniform(9, 2 * runtime::random_advance(static_cast<std::uint64_t>(count)), 0));
    manual_seed(9);
    REQUIRE(equal(compiled(like), x));
  }
}

TEST_CASE("casts to half precision round as PyTorch's") {
  for (DType half : {kHalf, kBFloat16}) {
    Tensor wide = tensor({1.0, -2.5, 1e-3, 3.14159265358979, 65504.0}, kFloat64);
    Tensor narrow = wide.to(half);
    REQUIRE(equal(narrow, wide.to(kFloat32).to(half))); // through float32, whatever the source
    REQUIRE(allclose(narrow.to(kFloat64), wide, half == kHalf ? 1e-3 : 8e-3, 0));
    REQUIRE(equal(arange(200).to(half).to(kInt64), arange(200)));
    REQUIRE(equal(tensor({true, false}).to(half).to(kFloat32), tensor({1.0f, 0.0f})));
  }
  REQUIRE(tensor({1.0 + 0x1p-8}, kFloat64).to(kBFloat16).to(kFloat64).item<double>() ==
          1.0); // a tie goes to even
  REQUIRE(tensor({1.0 + 0x1p-10}, kFloat64).to(kHalf).to(kFloat64).item<double>() == 1.0 + 0x1p-10);
}

TEST_CASE("the default dtype is what floating numbers become") {
  struct Restore {
    ~Restore() { set_default_dtype(kFloat32); }
  } restore;
  set_default_dtype(kFloat64);
  REQUIRE(ones({2}).dtype() == kFloat64);
  REQUIRE(tensor({1.5f}).dtype() == kFloat64);
  REQUIRE(tensor({1, 2}).dtype() == kInt64);
  REQUIRE(arange(0.0, 3.0).dtype() == kFloat64);
  REQUIRE((arange(3) / 2).dtype() == kFloat64);
  REQUIRE((arange(3) * 1.5).dtype() == kFloat64);
  REQUIRE(arange(3).sqrt().dtype() == kFloat64);
  REQUIRE((ones({2}, kFloat32) * 1.5).dtype() == kFloat32);
  REQUIRE_THROWS_WITH(set_default_dtype(kInt64), Catch::Contains("floating-point"));
}

TEST_CASE("nested braces keep their depth, even empty, and are of one type") {
  REQUIRE(tensor({{}, {}}).sizes() == IntArrayRef({2, 0}));
  REQUIRE(tensor({{{}}}).sizes() == IntArrayRef({1, 1, 0}));
  REQUIRE(tensor({}).dtype() == kFloat32);
  REQUIRE(tensor(ArrayRef<int>({1, 2, 3})).equal(tensor(std::vector<std::int64_t>{1, 2, 3})));
  REQUIRE(tensor(std::vector<bool>{true, false}).dtype() == kBool);
  REQUIRE(tensor({1.9, -1.9}, kInt32).equal(tensor({1, -1}, kInt32)));
  std::ostringstream out;
  out << TensorData({{1, 2}, {3, 4}}) << TensorData({1.5, 2.0}) << TensorData({true});
  REQUIRE(out.str() == "{{1, 2}, {3, 4}}{1.5, 2}{true}");
  REQUIRE_THROWS_WITH(tensor({{1, 2}, {3}}),
                      Catch::Contains("sizes: 2 (e.g. {1, 2}), but got sub-list {3} with sizes: 1"));
  REQUIRE_THROWS_WITH(tensor({1, 2.0}),
                      Catch::Contains("same scalar type: Int, but got element of scalar type: Double"));
  REQUIRE_THROWS_WITH(TensorData(1).init_list(), Catch::Contains("is_init_list()"));
}

TEST_CASE("var and std of a dimension given as a plain number") {
  const Tensor x = tensor({{1.0f, 2.0f}, {3.0f, 6.0f}});
  REQUIRE(values<float>(x.var(0)) == F{2, 8});
  REQUIRE(values<float>(kiln::std(x, 0).square()).size() == 2);
}
