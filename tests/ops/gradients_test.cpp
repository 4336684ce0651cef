// Each op's gradient in float64, eager and compiled, against finite differences of the slow loops. Every
// example whose operands are differentiable is checked with random weights on the result, so that no
// transposed or summed part can hide.
#include "core/apply.h"
#include "ops/cases.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <random>

using namespace kiln;
using namespace kiln::tests;

namespace {

double weighted(const reference::Array& result, const std::vector<double>& weights) {
  double total = 0;
  for (std::size_t i = 0; i < result.values.size(); ++i)
    total += result[i] * weights[i];
  return total;
}

std::vector<double> finite_differences(const Case& example, std::vector<reference::Array> arrays,
                                       std::size_t operand, const std::vector<double>& weights) {
  constexpr double kStep = 1e-5;
  std::vector<double> gradient;
  for (std::size_t i = 0; i < arrays[operand].values.size(); ++i) {
    const double at = arrays[operand][i];
    arrays[operand][i] = at + kStep;
    const double above = weighted(reference::evaluate(example.op, example.attrs, arrays), weights);
    arrays[operand][i] = at - kStep;
    const double below = weighted(reference::evaluate(example.op, example.attrs, arrays), weights);
    arrays[operand][i] = at;
    gradient.push_back((above - below) / (2 * kStep));
  }
  return gradient;
}

void check(const Tensor& got, const std::vector<double>& want) {
  const reference::Array values = to_array(got);
  double scale = 1;
  for (double value : want)
    scale = std::max(scale, std::abs(value));
  for (std::size_t i = 0; i < want.size(); ++i) {
    INFO("element " << i << ": got " << values[i] << ", want " << want[i]);
    REQUIRE(std::abs(values[i] - want[i]) <= 2e-7 * scale);
  }
}

} // namespace

TEST_CASE("every op has the gradient that finite differences give") {
  int number = 0; // sections of one name would be run once
  for (const Case& example : cases()) {
    DYNAMIC_SECTION("case " << ++number << ", " << describe(example)) {
      const auto arrays = make_operands(example, kFloat64, 11);
      std::vector<std::size_t> differentiable;
      for (std::size_t i = 0; i < arrays.size(); ++i)
        if (is_floating(arrays[i].type.dtype)) differentiable.push_back(i);
      const reference::Array value = reference::evaluate(example.op, example.attrs, arrays);
      // detach cuts the gradient on purpose; a cast to f32 cannot be differenced with steps of 1e-5.
      if (differentiable.empty() || !is_floating(value.type.dtype) || example.op == "detach") continue;
      // Steps: zero almost everywhere, wherever differences may be taken; f32 results round the differences
      // away.
      if (value.type.dtype != kFloat64) continue;
      if (example.op == "round" && example.operands[0].values == Values::Fixed) continue; // on the jumps
      std::mt19937 random(3);
      std::normal_distribution<double> normal;
      std::vector<double> weights(value.values.size());
      for (double& weight : weights)
        weight = normal(random);
      const Tensor seed = to_tensor({value.type, weights});

      std::vector<Tensor> operands;
      for (const auto& array : arrays)
        operands.push_back(to_tensor(array));
      for (std::size_t i : differentiable)
        operands[i].requires_grad_();
      internal::apply(example.op, operands, example.attrs).backward(seed);
      auto step = jit::compile([&](const std::vector<Tensor>& x) {
        std::vector<Tensor> leaves;
        for (const Tensor& t : x)
          leaves.push_back(t);
        const Tensor y = internal::apply(example.op, leaves, example.attrs);
        std::vector<Tensor> wanted;
        for (std::size_t i : differentiable)
          wanted.push_back(leaves[i]);
        return autograd::grad({y}, wanted, {seed});
      });
      const std::vector<Tensor> compiled = step(operands);
      for (std::size_t n = 0; n < differentiable.size(); ++n) {
        INFO("operand " << differentiable[n]);
        const auto want = finite_differences(example, arrays, differentiable[n], weights);
        check(operands[differentiable[n]].grad(), want);
        check(compiled[n], want);
      }
    }
  }
}
