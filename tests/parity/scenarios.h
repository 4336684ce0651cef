// What is compared, written once and compiled twice: against LibTorch (C++17) to make the reference results,
// and against Kiln to be judged by them. That the same text compiles against both is itself part of the test.
//
// The including file defines, before this one:
//   namespace lib                 an alias of torch or kiln
//   PARITY_MODULE(Name)           TORCH_MODULE or KILN_MODULE
//   class Session                 lib::Tensor input(name, tensor): the reference's own input
//                                 void load(model): gives the model the reference's weights
//                                 void result(name, tensor): records or compares
//                                 dtype(): float32 or float64; inputs and loaded modules are of it
//                                 Step step(body): the body as it is, or compiled
//                                 Sessions throw or report in their own way.
#pragma once

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace parity {

using lib::Tensor;
namespace nn = lib::nn;
namespace optim = lib::optim;
using Step = std::function<Tensor(Tensor, Tensor)>;
using Unary = std::function<Tensor(Tensor)>;
using Binary = std::function<Tensor(Tensor, Tensor)>;

struct Scenario {
  std::string name;
  std::function<void(Session&)> run;
  bool float64_only = false;
};

/// A leaf of its own that wants a gradient.
inline Tensor leaf(const Tensor& x) {
  Tensor copy = x.detach().clone();
  copy.requires_grad_(true);
  return copy;
}

/// A tensor that a scenario starts from. Floating ones are leaves whose gradients are compared, unless
/// `constant`.
struct Input {
  std::string name;
  Tensor made;
  bool constant = false;
};
using Inputs = std::function<std::vector<Input>()>;
using Many = std::function<Tensor(const std::vector<Tensor>&)>;

/// Any function of tensors: value, and the gradients under a random weighting of the output.
inline Scenario many(const std::string& name, Inputs inputs, Many function) {
  return {name, [=](Session& session) {
            std::vector<Tensor> tensors;
            std::vector<std::string> names;
            for (const Input& one : inputs()) {
              Tensor tensor = session.input(one.name, one.made);
              const bool wants = tensor.is_floating_point() && !one.constant;
              tensors.push_back(wants ? leaf(tensor) : tensor);
              names.push_back(wants ? one.name : "");
            }
            // Those after the first are captured, as a program's own tensors would be.
            Step step = session.step([=](Tensor first, Tensor weight) {
              std::vector<Tensor> all = tensors;
              all[0] = first;
              Tensor out = function(all);
              (out * weight).sum().backward();
              return out;
            });
            Tensor weight = session.input("weight_of_out", lib::randn_like(function(tensors)));
            session.result("loss", step(tensors[0], weight));
            for (std::size_t i = 0; i < tensors.size(); ++i)
              if (!names[i].empty()) session.result("grad." + names[i], tensors[i].grad());
          }};
}

// ---- Functions: value, and the gradient of every float input under a random weighting of the output.

inline Scenario unary(const std::string& name, std::vector<std::int64_t> sizes, Unary function,
                      bool positive = false) {
  return {name, [=](Session& session) {
            Tensor start = positive ? lib::rand(sizes) + 0.1 : lib::randn(sizes) * 2;
            Tensor x = leaf(session.input("x", start));
            Step step = session.step([=](Tensor input, Tensor weight) {
              Tensor out = function(input);
              (out * weight).sum().backward();
              return out;
            });
            Tensor shape = function(x.detach());
            Tensor weight = session.input("weight", lib::randn_like(shape));
            session.result("out", step(x, weight));
            session.result("grad.x", x.grad());
          }};
}

inline Scenario binary(const std::string& name, std::vector<std::int64_t> a, std::vector<std::int64_t> b,
                       Binary function) {
  return {name, [=](Session& session) {
            Tensor x = leaf(session.input("x", lib::randn(a)));
            Tensor y = leaf(session.input("y", lib::rand(b) + 0.5));
            Step step = session.step([=](Tensor p, Tensor q) {
              Tensor out = function(p, q);
              (out * out).sum().backward();
              return out;
            });
            session.result("out", step(x, y));
            session.result("grad.x", x.grad());
            session.result("grad.y", y.grad());
          }};
}

inline void add_functions(std::vector<Scenario>& all) {
  auto add = [&](Scenario scenario) { all.push_back(std::move(scenario)); };
  std::vector<std::int64_t> m = {7, 19};
  add(unary("exp", m, [](Tensor x) { return lib::exp(x); }));
  add(unary("log", m, [](Tensor x) { return lib::log(x); }, true));
  add(unary("sqrt", m, [](Tensor x) { return lib::sqrt(x); }, true));
  add(unary("rsqrt", m, [](Tensor x) { return lib::rsqrt(x); }, true));
  add(unary("tanh", m, [](Tensor x) { return lib::tanh(x); }));
  add(unary("erf", m, [](Tensor x) { return lib::erf(x); }));
  add(unary("sigmoid", m, [](Tensor x) { return lib::sigmoid(x); }));
  add(unary("relu", m, [](Tensor x) { return lib::relu(x); }));
  add(unary("gelu", m, [](Tensor x) { return lib::gelu(x); }));
  add(unary("gelu_tanh", m, [](Tensor x) { return lib::gelu(x, "tanh"); }));
  add(unary("silu", m, [](Tensor x) { return lib::silu(x); }));
  add(unary("softplus", m, [](Tensor x) { return lib::softplus(x); }));
  add(unary("leaky_relu", m, [](Tensor x) { return lib::leaky_relu(x, 0.1); }));
  add(unary("elu", m, [](Tensor x) { return lib::elu(x); }));
  add(unary("clamp", m, [](Tensor x) { return lib::clamp(x, -1, 1.5); }));
  add(unary("pow", m, [](Tensor x) { return lib::pow(x, 3); }));
  add(unary("softmax_last", m, [](Tensor x) { return lib::softmax(x, 1); }));
  add(unary("softmax_first", m, [](Tensor x) { return lib::softmax(x, 0); }));
  add(unary("log_softmax", m, [](Tensor x) { return lib::log_softmax(x, -1); }));
  add(unary("sum_rows", m, [](Tensor x) { return x.sum({1}); }));
  add(unary("sum_columns", m, [](Tensor x) { return x.sum({0}, true); }));
  add(unary("mean_all", m, [](Tensor x) { return x.mean(); }));
  add(unary("var", m, [](Tensor x) { return x.var(std::vector<std::int64_t>{1}, true, false); }));
  add(unary("amax", m, [](Tensor x) { return x.amax({1}); }));
  add(unary("transpose", {3, 4, 5}, [](Tensor x) { return x.transpose(0, 2) * 2; }));
  add(unary("views", {6, 8},
            [](Tensor x) { return x.view({2, 3, 8}).narrow(2, 1, 4).select(1, 2).t() + 1; }));
  add(binary("add_row", {5, 9}, {9}, [](Tensor x, Tensor y) { return x + y; }));
  add(binary("mul_column", {5, 9}, {5, 1}, [](Tensor x, Tensor y) { return x * y; }));
  add(binary("div_outer", {5, 1}, {1, 9}, [](Tensor x, Tensor y) { return x / y; }));
  add(binary("maximum", {5, 9}, {5, 9}, [](Tensor x, Tensor y) { return lib::maximum(x, y); }));
  add(binary("matmul", {37, 21}, {21, 45}, [](Tensor x, Tensor y) { return lib::matmul(x, y); }));
  add(binary("matmul_transposed", {37, 21}, {45, 21},
             [](Tensor x, Tensor y) { return lib::matmul(x, y.t()); }));
  add(binary("matmul_batched", {3, 17, 8}, {3, 8, 20}, [](Tensor x, Tensor y) { return lib::matmul(x, y); }));
  add(binary("matmul_broadcast", {2, 3, 17, 8}, {8, 20},
             [](Tensor x, Tensor y) { return lib::matmul(x, y); }));
  add(binary("matmul_vector", {17, 8}, {8}, [](Tensor x, Tensor y) { return lib::matmul(x, y); }));
}

} // namespace parity

#include "scenarios_composed.h"
#include "scenarios_corners.h"
#include "scenarios_layers.h"
#include "scenarios_losses.h"
#include "scenarios_models.h"
#include "scenarios_random.h"

namespace parity {

inline std::vector<Scenario> scenarios() {
  std::vector<Scenario> all;
  add_functions(all);
  add_losses(all);
  add_models(all);
  add_layers(all);
  add_corners(all);
  add_random(all);
  add_composed(all);
  return all;
}

} // namespace parity
