// Slices, views and writes through them move bytes and need no compiled program: this process could not make
// one.
#include <catch2/catch.hpp>
#include <kiln/kiln.h>

#include <cstdlib>

using namespace kiln;

namespace {

struct NoCompiler {
  NoCompiler() {
    setenv("KILN_COMPILER_PATH", "/nonexistent/libkiln-compiler.so", 1);
    setenv("KILN_CACHE", "off", 1);
  }
} const no_compiler;

Tensor counting(IntArrayRef sizes, DType dtype = kFloat32) {
  std::int64_t count = 1;
  for (std::int64_t size : sizes)
    count *= size;
  return arange(count, dtype).reshape(sizes);
}
std::vector<float> values(const Tensor& x) {
  const Tensor whole = x.contiguous();
  const float* data = whole.data_ptr<float>();
  return {data, data + x.numel()};
}

} // namespace

TEST_CASE("without a compiler an op that computes is an error") {
  CHECK_THROWS_AS(counting({2}) + counting({2}), Error);
}

TEST_CASE("a slice reads its region") {
  const Tensor x = counting({4, 5, 6});
  for (std::int64_t dim = 0; dim < 3; ++dim)
    for (std::int64_t start = 0; start < x.size(dim); ++start)
      for (std::int64_t step = 1; step < 4; ++step) {
        const Tensor part = x.slice(dim, start, {}, step);
        std::vector<float> expected;
        for (std::int64_t i = 0; i < 4; ++i)
          for (std::int64_t j = 0; j < 5; ++j)
            for (std::int64_t k = 0; k < 6; ++k) {
              const std::int64_t at = dim == 0 ? i : dim == 1 ? j : k;
              if (at >= start && (at - start) % step == 0)
                expected.push_back(static_cast<float>(30 * i + 6 * j + k));
            }
        REQUIRE(values(part) == expected);
      }
}

TEST_CASE("slices of slices, of other widths and of nothing") {
  CHECK(values(counting({4, 5, 6}).slice(0, 1, 3).slice(1, 0, 5, 2).select(2, 5)) ==
        std::vector<float>{35, 47, 59, 65, 77, 89});
  CHECK(counting({3, 4}, kInt64).select(1, 2).contiguous().data_ptr<std::int64_t>()[2] == 10);
  CHECK(counting({3, 4}).slice(0, 2, 2).numel() == 0);
}

TEST_CASE("writing to a slice replaces its region and nothing else") {
  const Tensor x = zeros({3, 4, 2});
  x.slice(0, 0, 3, 2).select(1, 3).copy_(counting({2, 2}));
  std::vector<float> expected(24);
  expected[6] = 0, expected[7] = 1, expected[22] = 2, expected[23] = 3;
  CHECK(values(x) == expected);
}

TEST_CASE("a write through a view of a shared value leaves the other alone") {
  Tensor x = counting({2, 3}), y = x.reshape({3, 2}), kept = x.clone();
  y[0].copy_(full({2}, 7.0f));
  CHECK(values(x) == std::vector<float>{7, 7, 2, 3, 4, 5});
  CHECK(values(kept) == std::vector<float>{0, 1, 2, 3, 4, 5});
}

TEST_CASE("gradients of slices are movements") {
  Tensor x = counting({2, 3});
  x.requires_grad_();
  x.select(1, 1).backward(counting({2}));
  CHECK(values(x.grad()) == std::vector<float>{0, 0, 0, 0, 1, 0});
}

TEST_CASE("gradients of a write flow to what was written and around it") {
  Tensor x = counting({2, 3}), y = counting({2});
  x.requires_grad_();
  y.requires_grad_();
  Tensor base = zeros({2, 3});
  base.copy_(x);
  base.select(1, 2).copy_(y);
  base.reshape({6}).backward(counting({6}));
  CHECK(values(x.grad()) == std::vector<float>{0, 1, 0, 3, 4, 0});
  CHECK(values(y.grad()) == std::vector<float>{2, 5});
}
