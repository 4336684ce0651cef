// Models and optimizers: see scenarios.h, which includes this.
#pragma once

namespace parity {

// ---- Models: forward, every gradient, and twenty optimizer steps from given weights.

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
    // No bias: softmax does not see it, so its gradient is rounding noise, which AdamW would turn into full
    // steps.
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

/// Sequences of 16 features through a causal encoder. No dropout: the two libraries draw different numbers.
struct EncoderImpl : nn::Module {
  EncoderImpl() {
    auto layer = nn::TransformerEncoderLayerOptions(16, 4).dim_feedforward(24).dropout(0.0);
    encoder = register_module(
        "encoder",
        nn::TransformerEncoder(nn::TransformerEncoderOptions(layer.activation(lib::kGELU), 2)
                                   .norm(nn::AnyModule(nn::LayerNorm(nn::LayerNormOptions({16}))))));
  }
  Tensor forward(Tensor x) {
    return encoder->forward(x, nn::TransformerImpl::generate_square_subsequent_mask(x.size(0)).to(x.dtype()));
  }
  nn::TransformerEncoder encoder{nullptr};
};
PARITY_MODULE(Encoder);

struct TranslatorImpl : nn::Module {
  TranslatorImpl() {
    transformer = register_module(
        "transformer", nn::Transformer(nn::TransformerOptions(8, 2, 1, 2).dim_feedforward(12).dropout(0.0)));
  }
  Tensor forward(Tensor x) { return transformer->forward(x, x.narrow(0, 0, 4) * 0.5); }
  nn::Transformer transformer{nullptr};
};
PARITY_MODULE(Translator);

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
            for (int i = 1; i <= 20; ++i) {
              session.result("loss" + std::to_string(i), step(x, y));
              if (i > 1 && i < 20) continue;
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

/// L-BFGS evaluates its closure several times in a step. The loss is strongly convex: elsewhere a rounding
/// error may decide which way a line search goes.
inline Scenario lbfgs(const std::string& name, optim::LBFGSOptions options) {
  return {"lbfgs_" + name, [=](Session& session) {
            Tensor x = session.input("x", lib::randn({40, 6}));
            Tensor y = session.input("y", lib::randint(3, {40}, lib::kInt64));
            nn::Linear model(6, 3);
            session.load(model);
            optim::LBFGS optimizer(model->parameters(), options);
            Step evaluate = session.step([=](Tensor input, Tensor target) mutable {
              model->zero_grad();
              Tensor loss = nn::functional::cross_entropy(model->forward(input), target);
              for (auto& parameter : model->parameters())
                loss = loss + 0.05 * parameter.square().sum();
              loss.backward();
              return loss;
            });
            for (int i = 1; i <= 20; ++i) {
              session.result("loss" + std::to_string(i), optimizer.step([&] { return evaluate(x, y); }));
              // At the minimum the loss's rounding hides its slope: in float32 parameters are not known to
              // more than the root of that.
              if (i != 1 && (i != 20 || session.dtype() != lib::kFloat64)) continue;
              for (auto& item : model->named_parameters())
                session.result("step" + std::to_string(i) + "." + item.key(), item.value());
            }
          }};
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

  all.push_back(lbfgs("fixed_rate", optim::LBFGSOptions(0.3).max_iter(4).history_size(5)));
  all.push_back(lbfgs("strong_wolfe", optim::LBFGSOptions(1).max_iter(4).line_search_fn("strong_wolfe")));

  auto square = [](Tensor out, Tensor y) { return nn::functional::mse_loss(out, y); };
  auto sequence = [] { return lib::randn({3, 9, 24}); };
  all.push_back(training<AttentionBlock>("block_sgd", sequence, sequence, square,
                                         sgd(optim::SGDOptions(0.05).momentum(0.9))));
  all.push_back(
      training<AttentionBlock>("block_adamw", sequence, sequence, square, adamw(optim::AdamWOptions(0.003))));
  all.push_back(training<Encoder>(
      "transformer_encoder", [] { return lib::randn({6, 3, 16}); }, [] { return lib::randn({6, 3, 16}); },
      square, sgd(optim::SGDOptions(0.05).momentum(0.9))));
  all.push_back(training<Translator>(
      "transformer", [] { return lib::randn({5, 3, 8}); }, [] { return lib::randn({4, 3, 8}); }, square,
      sgd(optim::SGDOptions(0.05))));
  all.push_back(training<Words>(
      "embedding", [] { return lib::randint(11, {4, 7}, lib::kInt64); },
      [] { return lib::randint(5, {4}, lib::kInt64); },
      [](Tensor out, Tensor y) { return nn::functional::cross_entropy(out, y); },
      sgd(optim::SGDOptions(0.5))));
}

} // namespace parity
