// Padding, resampling and embeddings, with their options: see scenarios.h, which includes this.
#pragma once

namespace parity {

namespace F = nn::functional;

/// A function of one random tensor of these sizes.
inline Scenario of_image(const std::string& name, std::vector<std::int64_t> sizes, Unary function) {
  return many(
      name, [=] { return std::vector<Input>{{"x", lib::randn(sizes)}}; },
      [=](const std::vector<Tensor>& in) { return function(in[0]); });
}

inline void add_paddings(std::vector<Scenario>& all) {
  auto add = [&](Scenario scenario) { all.push_back(std::move(scenario)); };
  const std::vector<std::int64_t> line = {2, 3, 7}, image = {2, 3, 5, 6}, volume = {2, 2, 3, 4, 5};
  add(of_image("pad_constant", image,
               [](Tensor x) { return F::pad(x, F::PadFuncOptions({1, 2, -1, 3, 0, 1}).value(1.5)); }));
  add(of_image("pad_circular", image,
               [](Tensor x) { return F::pad(x, F::PadFuncOptions({1, 2, 5, 0}).mode(lib::kCircular)); }));
  add(of_image("reflection_pad1d", line,
               [](Tensor x) { return nn::ReflectionPad1d(nn::ReflectionPad1dOptions({3, 6}))(x); }));
  add(of_image("reflection_pad2d", image,
               [](Tensor x) { return nn::ReflectionPad2d(nn::ReflectionPad2dOptions({3, 1, 0, 4}))(x); }));
  add(of_image("reflection_pad3d", volume, [](Tensor x) { return nn::ReflectionPad3d(2)(x); }));
  add(of_image("replication_pad1d", line, [](Tensor x) { return nn::ReplicationPad1d(8)(x); }));
  add(of_image("replication_pad2d", image,
               [](Tensor x) { return nn::ReplicationPad2d(nn::ReplicationPad2dOptions({3, 1, 0, 4}))(x); }));
  add(of_image("replication_pad3d", volume, [](Tensor x) { return nn::ReplicationPad3d(1)(x); }));
  add(of_image("zero_pad2d", image, [](Tensor x) { return nn::ZeroPad2d(2)(x); }));
  add(of_image("constant_pad3d", volume, [](Tensor x) { return nn::ConstantPad3d(1, -2.5)(x); }));
}

inline void add_resampling(std::vector<Scenario>& all) {
  using Options = F::InterpolateFuncOptions;
  using Sizes = std::vector<std::int64_t>;
  const Sizes line = {2, 3, 7}, image = {2, 3, 5, 6}, volume = {2, 2, 3, 4, 5};
  auto add = [&](const std::string& name, const Sizes& sizes, Options options) {
    all.push_back(
        of_image("interpolate_" + name, sizes, [=](Tensor x) { return F::interpolate(x, options); }));
  };
  auto to = [](const Sizes& size) { return Options().size(size); };
  auto by = [](const std::vector<double>& factors) { return Options().scale_factor(factors); };
  add("nearest1d", line, to({15}));
  add("nearest2d", image, to({10, 18}));
  add("nearest2d_scale", image, by({1.7, 0.6}));
  add("nearest3d", volume, to({7, 4, 2}));
  add("nearest_exact2d", image, to({7, 4}).mode(lib::kNearestExact));
  add("linear", line, to({15}).mode(lib::kLinear).align_corners(false));
  add("linear_corners", line, to({4}).mode(lib::kLinear).align_corners(true));
  add("bilinear", image, to({11, 4}).mode(lib::kBilinear).align_corners(false));
  add("bilinear_corners", image, to({11, 6}).mode(lib::kBilinear).align_corners(true));
  add("bilinear_scale", image, by({1.7, 2.3}).mode(lib::kBilinear).align_corners(false));
  add("bilinear_recomputed", image,
      by({1.7, 2.3}).mode(lib::kBilinear).align_corners(false).recompute_scale_factor(true));
  add("bicubic", image, to({11, 4}).mode(lib::kBicubic).align_corners(false));
  add("bicubic_corners", image, to({3, 9}).mode(lib::kBicubic).align_corners(true));
  add("trilinear", volume, to({7, 4, 2}).mode(lib::kTrilinear).align_corners(false));
  add("trilinear_corners", volume, to({7, 4, 2}).mode(lib::kTrilinear).align_corners(true));
  add("area2d", image, to({3, 4}).mode(lib::kArea));
  add("bilinear_smooth", {1, 2, 11, 14},
      to({4, 5}).mode(lib::kBilinear).align_corners(false).antialias(true));
  add("bicubic_smooth", {1, 2, 11, 14}, to({4, 5}).mode(lib::kBicubic).align_corners(false).antialias(true));
  all.push_back(of_image("pixel_shuffle", {2, 12, 3, 4}, [](Tensor x) { return nn::PixelShuffle(2)(x); }));
  all.push_back(of_image("pixel_unshuffle", {2, 3, 4, 6}, [](Tensor x) { return nn::PixelUnshuffle(2)(x); }));
}

inline void add_embeddings(std::vector<Scenario>& all) {
  using Options = F::EmbeddingBagFuncOptions;
  auto table = [] { return Input{"weight", lib::randn({9, 4})}; };
  auto rows = [=] { return std::vector<Input>{table(), {"input", lib::randint(9, {5, 3}, lib::kInt64)}}; };
  auto bags = [=] {
    return std::vector<Input>{table(),
                              {"input", lib::randint(9, {12}, lib::kInt64)},
                              {"offsets", lib::tensor({0, 4, 4, 5, 11}, lib::kInt64)},
                              {"samples", lib::randn({12})}};
  };
  auto fixed = [&](const std::string& name, Options options) {
    all.push_back(many("embedding_bag_" + name, rows, [=](const std::vector<Tensor>& in) {
      return F::embedding_bag(in[1], in[0], options);
    }));
  };
  auto between = [&](const std::string& name, Options options, bool weighted) {
    all.push_back(many("embedding_bag_" + name, bags, [=](const std::vector<Tensor>& in) {
      Options with = options;
      with.offsets(in[2]);
      if (weighted) with.per_sample_weights(in[3]);
      const Tensor out = F::embedding_bag(in[1], in[0], with);
      return weighted ? out : out + 0 * in[3].sum();
    }));
  };
  fixed("mean", Options());
  fixed("sum_padding", Options().mode(lib::kSum).padding_idx(3));
  fixed("max", Options().mode(lib::kMax));
  between("offsets_mean", Options(), false);
  between("offsets_mean_padding", Options().padding_idx(2), false);
  between("offsets_sum_samples", Options().mode(lib::kSum), true);
  between("offsets_max", Options().mode(lib::kMax), false);
  all.push_back(many("embedding_max_norm", rows, [](const std::vector<Tensor>& in) {
    return F::embedding(in[1], in[0], F::EmbeddingFuncOptions().max_norm(1.5).norm_type(2.5).padding_idx(1));
  }));
  all.push_back(many("embedding_freq", rows, [](const std::vector<Tensor>& in) {
    return F::embedding(in[1], in[0], F::EmbeddingFuncOptions().scale_grad_by_freq(true));
  }));
}

inline void add_layers(std::vector<Scenario>& all) {
  add_paddings(all);
  add_resampling(all);
  add_embeddings(all);
}

} // namespace parity
