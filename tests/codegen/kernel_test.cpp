// Kernels from hand-written fused IR against plain loops.
#include "fused_text.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace kiln;
using namespace kiln::test;

TEST_CASE("loop: add and multiply, every tail length") {
  for (int n : {1, 7, 16, 17, 63, 64, 65, 1000}) {
    std::string text = sized(R"(
      func.func @main(%x: tensor<$nxf32>, %y: tensor<$nxf32>) -> tensor<$nxf32> {
        %0 = kiln.fusion loop "mul_add" (%a = %x : tensor<$nxf32>, %b = %y : tensor<$nxf32>) -> tensor<$nxf32> {
          %1 = kiln.mul %a, %b : (tensor<$nxf32>, tensor<$nxf32>) -> tensor<$nxf32>
          %2 = kiln.add %1, %a : (tensor<$nxf32>, tensor<$nxf32>) -> tensor<$nxf32>
          kiln.yield %2 : tensor<$nxf32>
        }
        return %0 : tensor<$nxf32>
      })",
                             {{'n', n}});
    TensorType type{DType::Float32, {n}};
    std::vector inputs{random(type, 1), random(type, 2)};
    auto out = runFused(text, inputs);
    for (int i = 0; i < n; ++i) {
      float a = inputs[0].as<float>()[i], b = inputs[1].as<float>()[i];
      REQUIRE(out[0].as<float>()[i] == Approx(a * b + a));
    }
  }
}

TEST_CASE("loop: bias over rows, and a transposed operand") {
  for (auto [m, n] : {std::pair{3, 10}, {5, 64}, {7, 100}, {2, 9000}}) {
    std::string text = sized(R"(
      func.func @main(%x: tensor<$mx$nxf32>, %t: tensor<$nx$mxf32>, %bias: tensor<$nxf32>) -> tensor<$mx$nxf32> {
        %0 = kiln.fusion loop "bias" (%a = %x : tensor<$mx$nxf32>, %b = %t : tensor<$nx$mxf32>, %c = %bias : tensor<$nxf32>) -> tensor<$mx$nxf32> {
          %1 = kiln.transpose %b {permutation = array<i64: 1, 0>} : (tensor<$nx$mxf32>) -> tensor<$mx$nxf32>
          %2 = kiln.broadcast %c {shape = array<i64: $m, $n>} : (tensor<$nxf32>) -> tensor<$mx$nxf32>
          %3 = kiln.add %a, %2 : (tensor<$mx$nxf32>, tensor<$mx$nxf32>) -> tensor<$mx$nxf32>
          %4 = kiln.mul %3, %1 : (tensor<$mx$nxf32>, tensor<$mx$nxf32>) -> tensor<$mx$nxf32>
          kiln.yield %4 : tensor<$mx$nxf32>
        }
        return %0 : tensor<$mx$nxf32>
      })",
                             {{'m', m}, {'n', n}});
    std::vector inputs{random({DType::Float32, {m, n}}, 1), random({DType::Float32, {n, m}}, 2),
                       random({DType::Float32, {n}}, 3)};
    auto out = runFused(text, inputs, 2);
    for (int i = 0; i < m; ++i)
      for (int j = 0; j < n; ++j) {
        float expected =
            (inputs[0].as<float>()[i * n + j] + inputs[2].as<float>()[j]) * inputs[1].as<float>()[j * m + i];
        REQUIRE(out[0].as<float>()[i * n + j] == Approx(expected).margin(1e-6));
      }
  }
}

TEST_CASE("loop: results that no cache holds are streamed where their memory allows it") {
  const std::string text = R"(
      func.func @main(%x: tensor<$mx$nxf32>, %bias: tensor<$nxf32>) -> tensor<$mx$nxf32> {
        %0 = kiln.fusion loop "bias" (%a = %x : tensor<$mx$nxf32>, %c = %bias : tensor<$nxf32>) -> tensor<$mx$nxf32> {
          %1 = kiln.broadcast %c {shape = array<i64: $m, $n>} : (tensor<$nxf32>) -> tensor<$mx$nxf32>
          %2 = kiln.mul %a, %1 : (tensor<$mx$nxf32>, tensor<$mx$nxf32>) -> tensor<$mx$nxf32>
          kiln.yield %2 : tensor<$mx$nxf32>
        }
        return %0 : tensor<$mx$nxf32>
      })";
  for (auto [m, n] : {std::pair{1, 64}, {1, 1003}, {300, 128}, {300, 100}, {2, 9000}}) {
    const std::string program = sized(text, {{'m', m}, {'n', n}});
    std::vector inputs{random({DType::Float32, {m, n}}, 1), random({DType::Float32, {n}}, 2)};
    INFO(m << " x " << n);
    // Rows begin at a multiple of 64 elements or not: then every other one would not be aligned.
    REQUIRE((kernelText(program, /*beyondCaches=*/true).find("nontemporal") != std::string::npos) ==
            (m == 1 || n % 64 == 0));
    REQUIRE(kernelText(program).find("nontemporal") == std::string::npos);
    for (int offset : {0, 4, 32}) {
      auto out = runFusedBeyondCaches(program, inputs, offset, 2);
      for (int i = 0; i < m; ++i)
        for (int j = 0; j < n; ++j)
          REQUIRE(out[0].as<float>()[i * n + j] ==
                  inputs[0].as<float>()[i * n + j] * inputs[1].as<float>()[j]);
    }
  }
}

TEST_CASE("row_reduce: softmax") {
  for (auto [m, n] : {std::pair{3, 10}, {5, 64}, {7, 100}, {2, 1000}, {1, 1}}) {
    std::string text = sized(R"(
      func.func @main(%x: tensor<$mx$nxf32>) -> tensor<$mx$nxf32> {
        %0 = kiln.fusion row_reduce "softmax" (%a = %x : tensor<$mx$nxf32>) -> tensor<$mx$nxf32> {
          %1 = kiln.max %a {dims = array<i64: 1>, keepdim = true} : (tensor<$mx$nxf32>) -> tensor<$mx1xf32>
          %2 = kiln.broadcast %1 {shape = array<i64: $m, $n>} : (tensor<$mx1xf32>) -> tensor<$mx$nxf32>
          %3 = kiln.sub %a, %2 : (tensor<$mx$nxf32>, tensor<$mx$nxf32>) -> tensor<$mx$nxf32>
          %4 = kiln.exp %3 : (tensor<$mx$nxf32>) -> tensor<$mx$nxf32>
          %5 = kiln.sum %4 {dims = array<i64: 1>, keepdim = true} : (tensor<$mx$nxf32>) -> tensor<$mx1xf32>
          %6 = kiln.broadcast %5 {shape = array<i64: $m, $n>} : (tensor<$mx1xf32>) -> tensor<$mx$nxf32>
          %7 = kiln.div %4, %6 : (tensor<$mx$nxf32>, tensor<$mx$nxf32>) -> tensor<$mx$nxf32>
          kiln.yield %7 : tensor<$mx$nxf32>
        }
        return %0 : tensor<$mx$nxf32>
      })",
                             {{'m', m}, {'n', n}});
    std::vector inputs{random({DType::Float32, {m, n}}, 1, -5, 5)};
    auto out = runFused(text, inputs, 2);
    for (int i = 0; i < m; ++i) {
      const float* row = inputs[0].as<float>().data() + i * n;
      double sum = 0;
      for (int j = 0; j < n; ++j)
        sum += std::exp(double(row[j]));
      for (int j = 0; j < n; ++j)
        REQUIRE(out[0].as<float>()[i * n + j] == Approx(std::exp(double(row[j])) / sum).epsilon(2e-6));
    }
  }
}

TEST_CASE(
    "sums over columns, rows and everything; long ones in chunks, the same bits on one and two threads") {
  for (auto [m, n] : {std::pair{3, 10}, {100, 7}, {33, 200}, {20000, 10}, {2, 100000}, {1, 1}}) {
    for (const char* dims : {"0", "1", "0, 1"}) {
      bool rows = dims[0] == '0', columns = std::string(dims) != "0";
      std::string result = rows && columns ? "tensor<f32>" : rows ? "tensor<$nxf32>" : "tensor<$mxf32>";
      std::string text = R"(
        func.func @main(%x: tensor<$mx$nxf32>) -> RESULT {
          %0 = kiln.fusion KIND "sum" (%a = %x : tensor<$mx$nxf32>) -> RESULT {
            %1 = kiln.mul %a, %a : (tensor<$mx$nxf32>, tensor<$mx$nxf32>) -> tensor<$mx$nxf32>
            %2 = kiln.sum %1 {dims = array<i64: DIMS>, keepdim = false} : (tensor<$mx$nxf32>) -> RESULT
            %3 = kiln.neg %2 : (RESULT) -> RESULT
            kiln.yield %3 : RESULT
          }
          return %0 : RESULT
        })";
      auto replace = [&](std::string from, std::string to) {
        for (std::size_t at; (at = text.find(from)) != std::string::npos;)
          text.replace(at, from.size(), to);
      };
      replace("RESULT", result);
      replace("DIMS", dims);
      replace("KIND", columns ? "row_reduce" : "column_reduce");
      text = sized(text, {{'m', m}, {'n', n}});
      std::vector inputs{random({DType::Float32, {m, n}}, 4)};
      auto out = runFused(text, inputs), two = runFused(text, inputs, 2);
      REQUIRE(out[0].bytes == two[0].bytes);
      std::vector<double> expected(out[0].as<float>().size());
      for (int i = 0; i < m; ++i)
        for (int j = 0; j < n; ++j) {
          double x = inputs[0].as<float>()[i * n + j];
          expected[rows && columns ? 0 : rows ? j : i] -= x * x;
        }
      for (std::size_t k = 0; k < expected.size(); ++k)
        REQUIRE(out[0].as<float>()[k] == Approx(expected[k]).epsilon(1e-5));
    }
  }
}
