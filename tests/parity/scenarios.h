// What is compared, written once and compiled twice: against LibTorch (C++17) to make the reference results,
// and against Kiln to be judged by them. That the same text compiles against both is itself part of the test.
//
// The including file defines, before this one:
//   namespace lib                 an alias of torch or kiln
//   PARITY_MODULE(Name)           TORCH_MODULE or KILN_MODULE
//   class Session                 lib::Tensor input(name, tensor): the reference's own input
//                                 void load(model): gives the model the reference's weights
//                                 void result(name, tensor): records or compares
//                                 Step step(body): the body as it is, or compiled
//                                 Sessions throw or report in their own way.
#pragma once

#include <cmath>
#include <functional>
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
};

/// A leaf of its own that wants a gradient.
inline Tensor leaf(const Tensor& x) {
  Tensor copy = x.detach().clone();
  copy.requires_grad_(true);
  return copy;
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

// ---- Losses: value and gradient.

enum class Target { Values, Probabilities, Classes };

template <class Loss> Scenario loss(const std::string& name, Target kind, std::function<Loss()> make) {
  return {"loss_" + name, [=](Session& session) {
            bool probabilities = kind == Target::Probabilities;
            Tensor x = leaf(
                session.input("x", probabilities ? lib::rand({12, 7}) * 0.9 + 0.05 : lib::randn({12, 7})));
            Tensor target = session.input(
                "target", kind == Target::Classes ? lib::randint(7, {12}, lib::kInt64) : lib::rand({12, 7}));
            Loss criterion = make();
            Step step = session.step([=](Tensor input, Tensor y) mutable {
              Tensor out = criterion(input, y);
              out.sum().backward();
              return out;
            });
            session.result("loss", step(x, target));
            session.result("grad.x", x.grad());
          }};
}

inline void add_losses(std::vector<Scenario>& all) {
  using nn::BCELoss;
  using nn::BCEWithLogitsLoss;
  using nn::CrossEntropyLoss;
  using nn::MSELoss;
  using nn::NLLLoss;
  auto add = [&](Scenario scenario) { all.push_back(std::move(scenario)); };
  auto values = Target::Values, classes = Target::Classes;
  add(loss<MSELoss>("mse", values, [] { return MSELoss(); }));
  add(loss<MSELoss>("mse_sum", values, [] { return MSELoss(nn::MSELossOptions(lib::kSum)); }));
  add(loss<MSELoss>("mse_none", values, [] { return MSELoss(nn::MSELossOptions(lib::kNone)); }));
  add(loss<nn::L1Loss>("l1", values, [] { return nn::L1Loss(); }));
  add(loss<nn::SmoothL1Loss>("smooth_l1", values, [] { return nn::SmoothL1Loss(); }));
  add(loss<nn::HuberLoss>("huber", values, [] { return nn::HuberLoss(nn::HuberLossOptions().delta(0.7)); }));
  add(loss<BCELoss>("bce", Target::Probabilities, [] { return BCELoss(); }));
  add(loss<BCEWithLogitsLoss>("bce_logits", values, [] { return BCEWithLogitsLoss(); }));
  add(loss<BCEWithLogitsLoss>("bce_logits_pos_weight", values, [] {
    return BCEWithLogitsLoss(nn::BCEWithLogitsLossOptions().pos_weight(lib::full({7}, 2.5)));
  }));
  add(loss<CrossEntropyLoss>("cross_entropy", classes, [] { return CrossEntropyLoss(); }));
  add(loss<CrossEntropyLoss>("cross_entropy_sum", classes, [] {
    return CrossEntropyLoss(nn::CrossEntropyLossOptions().reduction(lib::kSum));
  }));
  add(loss<CrossEntropyLoss>("cross_entropy_none", classes, [] {
    return CrossEntropyLoss(nn::CrossEntropyLossOptions().reduction(lib::kNone));
  }));
  add(loss<CrossEntropyLoss>("cross_entropy_smooth", classes, [] {
    return CrossEntropyLoss(nn::CrossEntropyLossOptions().label_smoothing(0.1));
  }));
  add(loss<CrossEntropyLoss>("cross_entropy_ignore", classes,
                             [] { return CrossEntropyLoss(nn::CrossEntropyLossOptions().ignore_index(3)); }));
  add(loss<CrossEntropyLoss>("cross_entropy_weighted", classes, [] {
    return CrossEntropyLoss(nn::CrossEntropyLossOptions().weight(lib::linspace(0.5, 2.0, 7)));
  }));
  add(loss<NLLLoss>("nll", classes, [] { return NLLLoss(); }));
  add(loss<NLLLoss>("nll_ignore", classes, [] { return NLLLoss(nn::NLLLossOptions().ignore_index(2)); }));
}

// ---- Models: forward, every gradient, and five optimizer steps from given weights.

struct MlpImpl : nn::Module {
  MlpImpl() {
    layers = register_module("layers", nn::Sequential(nn::Linear(20, 33), nn::ReLU(), nn::Linear(33, 16),
                                                      nn::Tanh(), nn::Linear(16, 10)));
  }
  Tensor forward(Tensor x) { return layers->forward(x); }
  nn::Sequential layers{nullptr};
};
PARITY_MODULE(Mlp);

struct AttentionBlockImpl : nn::Module {
  AttentionBlockImpl() {
    norm1 = register_module("norm1", nn::LayerNorm(nn::LayerNormOptions({24})));
    query = register_module("query", nn::Linear(24, 24));
    // No bias: softmax does not see it, so its gradient is rounding noise, which AdamW would turn into full steps.
    key = register_module("key", nn::Linear(nn::LinearOptions(24, 24).bias(false)));
    value = register_module("value", nn::Linear(24, 24));
    out = register_module("out", nn::Linear(24, 24));
    norm2 = register_module("norm2", nn::LayerNorm(nn::LayerNormOptions({24})));
    up = register_module("up", nn::Linear(24, 40));
    down = register_module("down", nn::Linear(40, 24));
  }
  Tensor forward(Tensor x) {
    Tensor h = norm1(x);
    Tensor scores = lib::matmul(query(h), key(h).transpose(-2, -1)) / std::sqrt(24.0);
    x = x + out(lib::matmul(lib::softmax(scores, -1), value(h)));
    return x + down(lib::gelu(up(norm2(x))));
  }
  nn::LayerNorm norm1{nullptr}, norm2{nullptr};
  nn::Linear query{nullptr}, key{nullptr}, value{nullptr}, out{nullptr}, up{nullptr}, down{nullptr};
};
PARITY_MODULE(AttentionBlock);

struct WordsImpl : nn::Module {
  WordsImpl() {
    embedding = register_module("embedding", nn::Embedding(11, 6));
    out = register_module("out", nn::Linear(6, 5));
  }
  Tensor forward(Tensor x) { return out(embedding(x).mean(1)); }
  nn::Embedding embedding{nullptr};
  nn::Linear out{nullptr};
};
PARITY_MODULE(Words);

using Criterion = std::function<Tensor(Tensor, Tensor)>;

/// The optimizer's kind and options are the caller's: make(parameters) returns a shared pointer to it.
template <class Model, class MakeOptimizer>
Scenario training(const std::string& name, std::function<Tensor()> make_x, std::function<Tensor()> make_y,
                  Criterion criterion, MakeOptimizer make_optimizer) {
  return {name, [=](Session& session) {
            Tensor x = session.input("x", make_x()), y = session.input("y", make_y());
            Model model;
            session.load(model);
            auto optimizer = make_optimizer(model->parameters());
            session.result("out", model->forward(x));
            Step step = session.step([=](Tensor input, Tensor target) mutable {
              optimizer->zero_grad();
              Tensor loss = criterion(model->forward(input), target);
              loss.backward();
              optimizer->step();
              return loss;
            });
            for (int i = 1; i <= 5; ++i) {
              session.result("loss" + std::to_string(i), step(x, y));
              if (i > 1 && i < 5) continue;
              for (auto& item : model->named_parameters()) {
                if (i == 1) session.result("grad." + item.key(), item.value().grad());
                session.result("step" + std::to_string(i) + "." + item.key(), item.value());
              }
            }
          }};
}

template <class MakeOptimizer> Scenario mlp(const std::string& name, MakeOptimizer make_optimizer) {
  return training<Mlp>(
      "mlp_" + name, [] { return lib::randn({13, 20}); }, [] { return lib::randint(10, {13}, lib::kInt64); },
      [](Tensor out, Tensor y) { return nn::functional::cross_entropy(out, y); }, make_optimizer);
}

inline void add_models(std::vector<Scenario>& all) {
  using Parameters = std::vector<Tensor>;
  auto sgd = [](optim::SGDOptions options) {
    return [=](Parameters p) { return std::make_shared<optim::SGD>(p, options); };
  };
  auto adam = [](optim::AdamOptions options) {
    return [=](Parameters p) { return std::make_shared<optim::Adam>(p, options); };
  };
  auto adamw = [](optim::AdamWOptions options) {
    return [=](Parameters p) { return std::make_shared<optim::AdamW>(p, options); };
  };
  all.push_back(mlp("sgd", sgd(optim::SGDOptions(0.1))));
  all.push_back(mlp("sgd_momentum", sgd(optim::SGDOptions(0.1).momentum(0.9))));
  all.push_back(mlp("sgd_dampening", sgd(optim::SGDOptions(0.1).momentum(0.9).dampening(0.3))));
  all.push_back(mlp("sgd_nesterov", sgd(optim::SGDOptions(0.1).momentum(0.9).nesterov(true))));
  all.push_back(mlp("sgd_weight_decay", sgd(optim::SGDOptions(0.1).momentum(0.9).weight_decay(0.01))));
  all.push_back(mlp("adam", adam(optim::AdamOptions(0.01).weight_decay(0.02))));
  all.push_back(mlp("adam_amsgrad", adam(optim::AdamOptions(0.01).amsgrad(true))));
  all.push_back(mlp("adamw", adamw(optim::AdamWOptions(0.01).weight_decay(0.1))));
  all.push_back(mlp("rmsprop", [](Parameters p) {
    return std::make_shared<optim::RMSprop>(p, optim::RMSpropOptions(0.01).momentum(0.5).centered(true));
  }));
  all.push_back(mlp("adagrad", [](Parameters p) {
    return std::make_shared<optim::Adagrad>(p, optim::AdagradOptions(0.05).lr_decay(0.1));
  }));

  auto square = [](Tensor out, Tensor y) { return nn::functional::mse_loss(out, y); };
  auto sequence = [] { return lib::randn({3, 9, 24}); };
  all.push_back(training<AttentionBlock>("block_sgd", sequence, sequence, square,
                                         sgd(optim::SGDOptions(0.05).momentum(0.9))));
  all.push_back(
      training<AttentionBlock>("block_adamw", sequence, sequence, square, adamw(optim::AdamWOptions(0.003))));
  all.push_back(training<Words>(
      "embedding", [] { return lib::randint(11, {4, 7}, lib::kInt64); },
      [] { return lib::randint(5, {4}, lib::kInt64); },
      [](Tensor out, Tensor y) { return nn::functional::cross_entropy(out, y); },
      sgd(optim::SGDOptions(0.5))));
}

inline std::vector<Scenario> scenarios() {
  std::vector<Scenario> all;
  add_functions(all);
  add_losses(all);
  add_models(all);
  return all;
}

} // namespace parity
