// Programs made at random, compiled as wholes: what no single rule's test thinks of, since passes meet each
// other's work. Values against the slow loops op by op, with state that is overwritten, so that a kernel that
// reads too late shows; gradients against differences of those values.
#include "../support/run_program.h"
#include "random_program.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

using namespace kiln;
using namespace kiln::test;
using reference::Array;

namespace {

double at(const Buffer& buffer, std::size_t i) {
  return buffer.type.dtype == DType::Float32 ? buffer.as<float>()[i] : buffer.as<double>()[i];
}

void checkValues(unsigned seed, DType floating, double tolerance) {
  RandomProgram made(seed, floating);
  made.returnValues();
  INFO("seed " << seed << '\n' << to_string(made.program));
  auto outputs = run(made.program, made.inputs, 1 + static_cast<int>(seed % 2));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Array& want = made.arrays[made.program.outputs[i]];
    double farthest = 0;
    for (std::size_t e = 0; e < want.values.size(); ++e) {
      double distance = std::abs(at(outputs[i], e) - want[e]) / std::max(1.0, std::abs(want[e]));
      farthest = distance <= farthest ? farthest : distance; // a NaN too
    }
    INFO("output " << i);
    REQUIRE(farthest <= tolerance);
  }
}

/// Sum of the values of which the program takes gradients, with each input moved by `step` times its
/// direction.
double total(const RandomProgram& made, const std::vector<Array>& directions, double step) {
  std::vector<Array> values(made.arrays.begin(), made.arrays.begin() + made.program.inputs);
  for (std::size_t i = 0; i < directions.size(); ++i)
    for (std::size_t e = 0; e < values[i].values.size(); ++e)
      values[i][e] += step * directions[i][e];
  for (const ir::OpCall& call : made.program.calls) {
    if (call.op == "gradient") break;
    std::vector<Array> operands;
    for (ir::ValueId operand : call.operands)
      operands.push_back(values[operand]);
    values.push_back(reference::evaluate(call.op, call.attrs, operands));
  }
  double sum = 0;
  for (std::size_t i = 0; i + made.floatingInputs().size() < made.program.outputs.size(); ++i)
    for (double value : values[made.program.outputs[i]].values)
      sum += value;
  return sum;
}

/// All gradients at once: along a direction of all inputs, the sum changes as they say.
void checkGradients(unsigned seed) {
  RandomProgram made(seed, DType::Float64);
  made.returnGradients();
  INFO("seed " << seed << '\n' << to_string(made.program));
  auto outputs = run(made.program, made.inputs, 1 + static_cast<int>(seed % 2));
  auto inputs = made.floatingInputs();
  std::vector<Array> directions;
  for (ir::ValueId x = 0; x < made.program.inputs; ++x)
    directions.push_back({made.arrays[x].type, std::vector<double>(made.arrays[x].values.size())});
  double slope = 0, scale = 1;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Buffer along = random(made.program.values[inputs[i]], seed + static_cast<unsigned>(i));
    const Buffer& gradient = outputs[outputs.size() - inputs.size() + i];
    for (std::size_t e = 0; e < directions[inputs[i]].values.size(); ++e) {
      directions[inputs[i]][e] = at(along, e);
      slope += at(gradient, e) * at(along, e);
      scale += std::abs(at(gradient, e));
    }
  }
  constexpr double kStep = 1e-5;
  double difference = (total(made, directions, kStep) - total(made, directions, -kStep)) / (2 * kStep);
  REQUIRE(slope == Approx(difference).margin(1e-6 * scale));
}

} // namespace

TEST_CASE("programs made at random, in f32") {
  for (unsigned seed = 0; seed < 80; ++seed)
    checkValues(seed, DType::Float32, 1e-3);
}

TEST_CASE("programs made at random, in f64") {
  for (unsigned seed = 1000; seed < 1030; ++seed)
    checkValues(seed, DType::Float64, 1e-8);
}

TEST_CASE("gradients of programs made at random") {
  for (unsigned seed = 2000; seed < 2040; ++seed)
    checkGradients(seed);
}
