// Multi kernels of many parts: values against slow loops, and code that grows with the structures alone.
#include "fused_text.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <map>

using namespace kiln;
using namespace kiln::test;

namespace {

/// One loop of a multi: parameters p and g, a number of its own shape's size.
struct Part {
  enum Form { Subtract, SquareAndAdd, Transposed } form;
  int rows, columns; ///< columns = 0: of one dimension

  int size() const { return rows * std::max(columns, 1); }
  TensorType type() const { return {DType::Float32, columns ? Shape{rows, columns} : Shape{rows}}; }
  std::string sizes(bool swapped = false) const {
    std::string a = std::to_string(rows), b = std::to_string(columns);
    return columns ? (swapped ? b + "x" + a : a + "x" + b) : a;
  }
  float value(const Buffer& p, const Buffer& g, int i, float rate) const {
    float a = p.as<float>()[i];
    if (form == Subtract) return a - g.as<float>()[i] * rate;
    if (form == SquareAndAdd) return a * a + g.as<float>()[i];
    return a + g.as<float>()[i % columns * rows + i / columns];
  }
};

/// A multi of these parts, all of which read one rate.
std::string multiOf(const std::vector<Part>& parts) {
  std::string parameters, arguments, body, yields, types, results;
  std::map<std::string, std::string> rates; // by type: parts of one shape share the repeated number
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const Part& part = parts[k];
    std::string n = std::to_string(k), t = "tensor<" + part.sizes() + "xf32>", s = k ? ", " : "";
    std::string u = part.form == Part::Transposed ? "tensor<" + part.sizes(true) + "xf32>" : t;
    auto op = [&](const std::string& result, const std::string& name, const std::string& a,
                  const std::string& b) {
      body += "%" + result + n + " = kiln." + name + " " + a + ", " + b + " : (" + t + ", " + t + ") -> " +
              t + "\n";
      return "%" + result + n;
    };
    std::string a = "%a" + n, b = "%b" + n;
    parameters += s + "%p" + n + ": " + t + ", %g" + n + ": " + u;
    arguments += s + a + " = %p" + n + " : " + t + ", " + b + " = %g" + n + " : " + u;
    if (part.form == Part::Subtract) {
      std::string& rate = rates[t];
      if (rate.empty()) {
        rate = "%r" + n;
        body += rate + " = kiln.broadcast %rate {shape = array<i64: " + std::to_string(part.rows) +
                ">} : (tensor<f32>) -> " + t + "\n";
      }
      yields += s + op("y", "sub", a, op("m", "mul", b, rate));
    } else if (part.form == Part::SquareAndAdd) {
      yields += s + op("y", "add", op("m", "mul", a, a), b);
    } else {
      body += "%t" + n + " = kiln.transpose " + b + " {permutation = array<i64: 1, 0>} : (" + u + ") -> " +
              t + "\n";
      yields += s + op("y", "add", a, "%t" + n);
    }
    types += s + t;
    results += s + "%0#" + n;
  }
  return "func.func @main(" + parameters + ", %lr: tensor<f32>) -> (" + types +
         ") {\n%0:" + std::to_string(parts.size()) + " = kiln.fusion multi \"update\" (" + arguments +
         ", %rate = %lr : tensor<f32>) -> (" + types + ") {\n" + body + "kiln.yield " + yields + " : " +
         types + "\n}\nreturn " + results + " : " + types + "\n}";
}

int partFunctions(const std::string& kernels) {
  int count = 0;
  for (std::size_t at = 0; (at = kernels.find("sym_visibility = \"private\"", at)) != std::string::npos; ++at)
    ++count;
  return count;
}

} // namespace

TEST_CASE("multi: a hundred parts of many sizes and three structures") {
  std::vector<Part> parts;
  std::vector<Buffer> inputs;
  for (int k = 0; k < 100; ++k) {
    parts.push_back(k % 10 == 9 ? Part{Part::Transposed, 3, 5}
                                : Part{k % 2 ? Part::Subtract : Part::SquareAndAdd, 1 + k * k * 3, 0});
    TensorType type = parts.back().type();
    inputs.push_back(random(type, 2 * k));
    if (type.shape.rank() == 2) type.shape = Shape{type.shape[1], type.shape[0]};
    inputs.push_back(random(type, 2 * k + 1));
  }
  inputs.push_back(random({DType::Float32, {}}, 1000));
  const float rate = inputs.back().as<float>()[0];
  const std::string text = multiOf(parts);
  REQUIRE(partFunctions(kernelText(text)) == 4); // and one for the part of one element, which has no stride
  for (int threads : {1, 2, 7}) {
    auto out = runFused(text, inputs, threads);
    for (std::size_t k = 0; k < parts.size(); ++k) {
      int wrong = 0;
      for (int i = 0; i < parts[k].size(); ++i) {
        float expected = parts[k].value(inputs[2 * k], inputs[2 * k + 1], i, rate);
        wrong += !(std::abs(out[k].as<float>()[i] - expected) <= 1e-6F);
      }
      INFO("part " << k << ", " << threads << " threads");
      REQUIRE(wrong == 0);
    }
  }
}

TEST_CASE("multi: parts of one shape that read one number are loops of their own") {
  std::vector<Part> parts(30, Part{Part::Subtract, 320, 0});
  const std::string kernels = kernelText(multiOf(parts));
  REQUIRE(partFunctions(kernels) == 1);
}
