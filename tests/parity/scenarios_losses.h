// Losses and distances, with their options: see scenarios.h, which includes this.
#pragma once

namespace parity {

/// A loss module on inputs; its weights become the session's dtype.
template <class Loss, class Call>
Scenario loss(const std::string& name, Inputs inputs, std::function<Loss()> make, Call call) {
  return {"loss_" + name, [=](Session& session) {
            Loss criterion = make();
            session.load(criterion);
            many(name, inputs, [=](const std::vector<Tensor>& in) mutable {
              return call(criterion, in);
            }).run(session);
          }};
}
template <class Loss> Scenario loss(const std::string& name, Inputs inputs, std::function<Loss()> make) {
  return loss<Loss>(name, inputs, make,
                    [](Loss& criterion, const std::vector<Tensor>& in) { return criterion(in[0], in[1]); });
}
template <class Loss> Scenario loss3(const std::string& name, Inputs inputs, std::function<Loss()> make) {
  return loss<Loss>(name, inputs, make, [](Loss& criterion, const std::vector<Tensor>& in) {
    return criterion(in[0], in[1], in[2]);
  });
}

// What losses start from. Targets that PyTorch differentiates by are leaves, too.
inline std::vector<Input> two_matrices() {
  return {{"x", lib::randn({12, 7})}, {"target", lib::rand({12, 7})}};
}
inline std::vector<Input> scores_and_values() {
  return {{"x", lib::randn({12, 7})}, {"target", lib::rand({12, 7}), true}};
}
inline std::vector<Input> probabilities() {
  return {{"x", lib::rand({12, 7}) * 0.9 + 0.05}, {"target", lib::rand({12, 7}), true}};
}
inline std::vector<Input> scores_and_classes() {
  return {{"x", lib::randn({12, 7})}, {"target", lib::randint(7, {12}, lib::kInt64)}};
}
inline std::vector<Input> images_and_classes() {
  return {{"x", lib::randn({3, 5, 4, 2})}, {"target", lib::randint(5, {3, 4, 2}, lib::kInt64)}};
}
inline std::vector<Input> one_row_and_class() {
  return {{"x", lib::randn({7})}, {"target", lib::randint(7, {}, lib::kInt64)}};
}
inline Tensor signs(std::vector<std::int64_t> sizes) {
  return lib::randint(2, sizes, lib::kFloat) * 2 - 1;
}
inline std::vector<Input> scores_and_signs() {
  return {{"x", lib::randn({12, 7})}, {"target", signs({12, 7}), true}};
}
inline std::vector<Input> pairs_and_signs() {
  return {{"a", lib::randn({12, 7})}, {"b", lib::randn({12, 7})}, {"target", signs({12}), true}};
}
inline std::vector<Input> triples() {
  return {{"a", lib::randn({12, 7})}, {"b", lib::randn({12, 7})}, {"c", lib::randn({12, 7})}};
}

inline void add_elementwise_losses(std::vector<Scenario>& all) {
  auto add = [&](Scenario scenario) { all.push_back(std::move(scenario)); };
  using nn::MSELoss;
  add(loss<MSELoss>("mse", two_matrices, [] { return MSELoss(); }));
  add(loss<MSELoss>("mse_sum", two_matrices, [] { return MSELoss(nn::MSELossOptions(lib::kSum)); }));
  add(loss<MSELoss>("mse_none", two_matrices, [] { return MSELoss(lib::kNone); }));
  add(loss<nn::L1Loss>("l1", two_matrices, [] { return nn::L1Loss(); }));
  add(loss<nn::SmoothL1Loss>("smooth_l1", two_matrices, [] { return nn::SmoothL1Loss(); }));
  add(loss<nn::SmoothL1Loss>("smooth_l1_beta", two_matrices,
                             [] { return nn::SmoothL1Loss(nn::SmoothL1LossOptions(lib::kSum).beta(0.4)); }));
  add(loss<nn::HuberLoss>("huber", two_matrices,
                          [] { return nn::HuberLoss(nn::HuberLossOptions().delta(0.7)); }));
  using nn::BCELoss;
  add(loss<BCELoss>("bce", probabilities, [] { return BCELoss(); }));
  add(loss<BCELoss>("bce_weight", probabilities, [] {
    return BCELoss(nn::BCELossOptions().weight(lib::linspace(0.5, 2.0, 7)).reduction(lib::kSum));
  }));
  using nn::BCEWithLogitsLoss;
  add(loss<BCEWithLogitsLoss>("bce_logits", scores_and_values, [] { return BCEWithLogitsLoss(); }));
  add(loss<BCEWithLogitsLoss>("bce_logits_pos_weight", scores_and_values, [] {
    return BCEWithLogitsLoss(nn::BCEWithLogitsLossOptions()
                                 .pos_weight(lib::linspace(0.5, 3.0, 7))
                                 .weight(lib::linspace(2.0, 0.5, 7)));
  }));
  add(loss<nn::SoftMarginLoss>("soft_margin", scores_and_signs, [] { return nn::SoftMarginLoss(); }));
  add(loss<nn::HingeEmbeddingLoss>("hinge_embedding", scores_and_signs, [] {
    return nn::HingeEmbeddingLoss(nn::HingeEmbeddingLossOptions().margin(0.6));
  }));
}

inline void add_class_losses(std::vector<Scenario>& all) {
  auto add = [&](Scenario scenario) { all.push_back(std::move(scenario)); };
  using nn::CrossEntropyLoss;
  auto cross_entropy = [&](const std::string& name, Inputs inputs,
                           std::function<nn::CrossEntropyLossOptions()> options) {
    add(loss<CrossEntropyLoss>("cross_entropy" + name, inputs, [=] { return CrossEntropyLoss(options()); }));
  };
  using Options = nn::CrossEntropyLossOptions;
  cross_entropy("", scores_and_classes, [] { return Options(); });
  cross_entropy("_sum", scores_and_classes, [] { return Options().reduction(lib::kSum); });
  cross_entropy("_none", scores_and_classes, [] { return Options().reduction(lib::kNone); });
  cross_entropy("_smooth", scores_and_classes, [] { return Options().label_smoothing(0.1); });
  cross_entropy("_ignore", scores_and_classes, [] { return Options().ignore_index(3); });
  cross_entropy("_weighted", scores_and_classes, [] { return Options().weight(lib::linspace(0.5, 2.0, 7)); });
  cross_entropy("_everything", scores_and_classes, [] {
    return Options().weight(lib::linspace(0.5, 2.0, 7)).label_smoothing(0.2).ignore_index(2);
  });
  cross_entropy("_images", images_and_classes, [] { return Options().weight(lib::linspace(0.5, 2.0, 5)); });
  cross_entropy("_images_none", images_and_classes, [] { return Options().reduction(lib::kNone); });
  cross_entropy("_one_row", one_row_and_class, [] { return Options(); });
  cross_entropy(
      "_probabilities",
      [] {
        return std::vector<Input>{{"x", lib::randn({4, 5, 3})},
                                  {"target", lib::softmax(lib::randn({4, 5, 3}), 1), true}};
      },
      [] { return Options().weight(lib::linspace(0.5, 2.0, 5)).label_smoothing(0.1); });

  using nn::NLLLoss;
  add(loss<NLLLoss>("nll", scores_and_classes, [] { return NLLLoss(); }));
  add(loss<NLLLoss>("nll_ignore", scores_and_classes,
                    [] { return NLLLoss(nn::NLLLossOptions().ignore_index(2)); }));
  add(loss<NLLLoss>("nll_images", images_and_classes, [] {
    return NLLLoss(nn::NLLLossOptions().weight(lib::linspace(0.5, 2.0, 5)).reduction(lib::kSum));
  }));
  using nn::MultiMarginLoss;
  add(loss<MultiMarginLoss>("multi_margin", scores_and_classes, [] { return MultiMarginLoss(); }));
  add(loss<MultiMarginLoss>("multi_margin_options", scores_and_classes, [] {
    return MultiMarginLoss(nn::MultiMarginLossOptions()
                               .p(2)
                               .margin(0.7)
                               .weight(lib::linspace(0.5, 2.0, 7))
                               .reduction(lib::kNone));
  }));
  auto labels = [] {
    Tensor target = lib::tensor({{3, 0, -1, 1}, {0, 1, 2, 3}, {-1, 2, 2, 2}, {2, 2, -1, -1}}, lib::kInt64);
    return std::vector<Input>{{"x", lib::randn({4, 4})}, {"target", target}};
  };
  add(loss<nn::MultiLabelMarginLoss>("multilabel_margin", labels, [] { return nn::MultiLabelMarginLoss(); }));
  add(loss<nn::MultiLabelMarginLoss>("multilabel_margin_none", labels,
                                     [] { return nn::MultiLabelMarginLoss(lib::kNone); }));
  add(loss<nn::MultiLabelSoftMarginLoss>("multilabel_soft_margin", scores_and_values, [] {
    return nn::MultiLabelSoftMarginLoss(
        nn::MultiLabelSoftMarginLossOptions().weight(lib::linspace(0.5, 2.0, 7)));
  }));
}

inline void add_likelihoods(std::vector<Scenario>& all) {
  auto add = [&](Scenario scenario) { all.push_back(std::move(scenario)); };
  using nn::KLDivLoss;
  auto logs = [] {
    return std::vector<Input>{{"x", lib::randn({5, 7}) - 2}, {"target", lib::rand({5, 7}) + 0.05}};
  };
  add(loss<KLDivLoss>("kl_div", logs, [] { return KLDivLoss(); }));
  add(loss<KLDivLoss>("kl_div_batchmean", logs,
                      [] { return KLDivLoss(nn::KLDivLossOptions(lib::kBatchMean)); }));
  add(loss<KLDivLoss>("kl_div_log_target", logs, [] {
    return KLDivLoss(nn::KLDivLossOptions().log_target(true).reduction(lib::kNone));
  }));
  using nn::PoissonNLLLoss;
  auto counts = [] {
    return std::vector<Input>{{"x", lib::rand({12, 7}) + 0.1},
                              {"target", lib::randint(6, {12, 7}, lib::kFloat), true}};
  };
  add(loss<PoissonNLLLoss>("poisson_nll", counts, [] { return PoissonNLLLoss(); }));
  add(loss<PoissonNLLLoss>("poisson_nll_full", counts, [] {
    return PoissonNLLLoss(nn::PoissonNLLLossOptions().log_input(false).full(true).reduction(lib::kSum));
  }));
}

inline void add_pair_losses(std::vector<Scenario>& all) {
  auto add = [&](Scenario scenario) { all.push_back(std::move(scenario)); };
  add(loss3<nn::CosineEmbeddingLoss>("cosine_embedding", pairs_and_signs, [] {
    return nn::CosineEmbeddingLoss(nn::CosineEmbeddingLossOptions().margin(-0.2));
  }));
  auto ranks = [] {
    return std::vector<Input>{
        {"a", lib::randn({12})}, {"b", lib::randn({12})}, {"target", signs({12}), true}};
  };
  add(loss3<nn::MarginRankingLoss>("margin_ranking", ranks, [] {
    return nn::MarginRankingLoss(nn::MarginRankingLossOptions().margin(0.3));
  }));
  using nn::TripletMarginLoss;
  add(loss3<TripletMarginLoss>("triplet", triples, [] { return TripletMarginLoss(); }));
  add(loss3<TripletMarginLoss>("triplet_options", triples, [] {
    return TripletMarginLoss(
        nn::TripletMarginLossOptions().margin(1.7).p(3).swap(true).reduction(lib::kNone));
  }));
  add(loss3<nn::TripletMarginWithDistanceLoss>("triplet_distance", triples, [] {
    return nn::TripletMarginWithDistanceLoss(
        nn::TripletMarginWithDistanceLossOptions()
            .distance_function([](const Tensor& a, const Tensor& b) { return (a - b).abs().sum(-1); })
            .swap(true)
            .margin(2.0));
  }));
  auto pair = [] { return std::vector<Input>{{"a", lib::randn({6, 5, 4})}, {"b", lib::randn({6, 5, 4})}}; };
  add(loss<nn::CosineSimilarity>("cosine_similarity", pair, [] { return nn::CosineSimilarity(); }));
  add(loss<nn::PairwiseDistance>("pairwise_distance", pair, [] {
    return nn::PairwiseDistance(nn::PairwiseDistanceOptions().p(1.5).keepdim(true));
  }));
}

inline void add_losses(std::vector<Scenario>& all) {
  add_elementwise_losses(all);
  add_class_losses(all);
  add_likelihoods(all);
  add_pair_losses(all);
}

} // namespace parity
