// Elementwise functions of operands that lie across their result, in whole squares and at edges.
#include "kiln/kiln.h"

#include <catch2/catch.hpp>

#include <string>

using namespace kiln;

namespace {

/// 0, 1, 2, ... of this shape.
Tensor counted(std::vector<std::int64_t> sizes, DType dtype) {
  std::int64_t count = 1;
  for (std::int64_t size : sizes)
    count *= size;
  return arange(count, kInt64).to(dtype).view(sizes);
}

template <class T> void check_matrices(DType dtype) {
  for (std::int64_t rows : {16, 33, 64})
    for (std::int64_t columns : {31, 32, 101}) {
      INFO(rows << " x " << columns);
      const Tensor x = counted({columns, rows}, dtype);
      const Tensor y = counted({rows, columns}, dtype), z = counted({columns}, dtype);
      const Tensor copy = x.t().contiguous(), sum = x.t() + y;
      // The row's number is constant along a square's vectors, the column's from row to row.
      const Tensor mixed = jit::compile([](const Tensor& a, const Tensor& b, const Tensor& c) {
        return a.t() * 2 + b + c + b.select(1, 0).unsqueeze(1);
      })(x, y, z);
      bool right = true;
      for (std::int64_t i = 0; i < rows; ++i)
        for (std::int64_t j = 0; j < columns; ++j) {
          const T across = static_cast<T>(j * rows + i), along = static_cast<T>(i * columns + j);
          const std::int64_t at = i * columns + j;
          right = right && copy.data_ptr<T>()[at] == across && sum.data_ptr<T>()[at] == across + along &&
                  mixed.data_ptr<T>()[at] == across * 2 + along + static_cast<T>(j + i * columns);
        }
      CHECK(right);
    }
}

} // namespace

TEST_CASE("a transposed operand") {
  SECTION("f32") {
    check_matrices<float>(kFloat32);
  }
  SECTION("f64") {
    check_matrices<double>(kFloat64);
  }
  SECTION("i64") {
    check_matrices<std::int64_t>(kInt64);
  }
}

TEST_CASE("permuted dimensions around a square") {
  const std::int64_t n = 3, h = 20, w = 37;
  const Tensor x = counted({n, w, h}, kFloat32), y = counted({w, n, h}, kFloat32);
  const Tensor inner = x.permute({0, 2, 1}).contiguous(), outer = y.permute({2, 1, 0}).contiguous();
  bool right = true;
  for (std::int64_t a = 0; a < n; ++a)
    for (std::int64_t i = 0; i < h; ++i)
      for (std::int64_t j = 0; j < w; ++j) {
        right =
            right && inner.data_ptr<float>()[(a * h + i) * w + j] == static_cast<float>((a * w + j) * h + i);
        right =
            right && outer.data_ptr<float>()[(i * n + a) * w + j] == static_cast<float>((j * n + a) * h + i);
      }
  CHECK(right);
}

TEST_CASE("transposed in place") {
  Tensor x = counted({64, 64}, kFloat32);
  x.add_(x.t());
  bool right = true;
  for (std::int64_t i = 0; i < 64; ++i)
    for (std::int64_t j = 0; j < 64; ++j)
      right = right && x.data_ptr<float>()[i * 64 + j] == static_cast<float>(65 * (i + j));
  CHECK(right);
}
