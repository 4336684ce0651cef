// Losses that ask for a margin: ranking, embeddings, triplets, and classes against each other.
#include "core/shapes.h"
#include "nn/loss_support.h"

#include <cmath>

namespace kiln {

using internal::check_defined;
using internal::reduce_loss;
using internal::sizes_of;

Tensor hinge_embedding_loss(const Tensor& input, const Tensor& target, double margin,
                            std::int64_t reduction) {
  check_defined("hinge_embedding_loss", input, target);
  const Tensor apart = where(target != 1, clamp_min(margin - input, 0), 0);
  const Tensor together = where(target != -1, input, 0);
  return reduce_loss(apart + together, reduction);
}

Tensor cosine_embedding_loss(const Tensor& input1, const Tensor& input2, const Tensor& target, double margin,
                             std::int64_t reduction) {
  constexpr const char* op = "cosine_embedding_loss";
  check_defined(op, {{"input1", &input1}, {"input2", &input2}, {"target", &target}});
  if (target.dim() > 1)
    internal::fail(std::string(op) + ": 0D or 1D target tensor expected, got " + sizes_of(target));
  if (input1.dim() != target.dim() + 1 || input2.dim() != input1.dim())
    internal::fail(std::string(op) + ": " +
                   (target.dim() == 1 ? "1D target tensor expects 2D input tensors"
                                      : "0D target tensor expects 1D input tensors") +
                   ", but found inputs with sizes " + sizes_of(input1) + " and " + sizes_of(input2));
  constexpr double tiny = 1e-12;
  const Tensor product = sum(input1 * input2, -1);
  const Tensor squares1 = sum(input1 * input1, -1) + tiny, squares2 = sum(input2 * input2, -1) + tiny;
  const Tensor cosine = product / sqrt(squares1 * squares2);
  const Tensor alike = where(target == 1, 1 - cosine, 0);
  const Tensor unlike = where(target == -1, clamp_min(cosine - margin, 0), 0);
  return reduce_loss(alike + unlike, reduction);
}

Tensor margin_ranking_loss(const Tensor& input1, const Tensor& input2, const Tensor& target, double margin,
                           std::int64_t reduction) {
  check_defined("margin_ranking_loss", {{"input1", &input1}, {"input2", &input2}, {"target", &target}});
  if (input1.dim() != input2.dim() || input1.dim() != target.dim())
    internal::fail("margin_ranking_loss : All input tensors should have same dimension but got sizes: "
                   "input1: " +
                   sizes_of(input1) + ", input2: " + sizes_of(input2) + ", target: " + sizes_of(target));
  return reduce_loss(clamp_min(margin - target * (input1 - input2), 0), reduction);
}

Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           double margin, double p, double eps, bool swap, std::int64_t reduction) {
  check_defined("triplet_margin_loss",
                {{"anchor", &anchor}, {"positive", &positive}, {"negative", &negative}});
  if (anchor.dim() != positive.dim() || anchor.dim() != negative.dim())
    internal::fail("triplet_margin_loss: The anchor, positive, and negative tensors are expected to have the "
                   "same number of dimensions, but got: anchor " +
                   sizes_of(anchor) + ", positive " + sizes_of(positive) + ", negative " +
                   sizes_of(negative));
  const Tensor near = pairwise_distance(anchor, positive, p, eps);
  Tensor far = pairwise_distance(anchor, negative, p, eps);
  if (swap) far = minimum(far, pairwise_distance(positive, negative, p, eps));
  return reduce_loss(clamp_min(margin + near - far, 0), reduction);
}

Tensor multi_margin_loss(const Tensor& input, const Tensor& target, Scalar p, Scalar margin,
                         const Tensor& weight, std::int64_t reduction) {
  constexpr const char* op = "multi_margin_loss";
  check_defined(op, input, target);
  const auto power = p.to<double>();
  if (power != 1 && power != 2)
    internal::fail(std::string(op) + ": only p == 1 and p == 2 supported, got " + std::to_string(power));
  if (input.dim() < 1 || input.dim() > 2)
    internal::fail(std::string(op) + ": Expected non-empty vector or matrix, got input " + sizes_of(input));
  const std::int64_t rows = input.dim() == 2 ? input.size(0) : 1, classes = input.size(-1);
  if (target.numel() != rows || target.dim() > 1)
    internal::fail(std::string(op) + ": inconsistent target size, expected [" + std::to_string(rows) +
                   "] but got " + sizes_of(target));
  if (weight.defined() && (weight.dim() != 1 || weight.size(0) != classes))
    internal::fail(std::string(op) + ": inconsistent weight size, expected [" + std::to_string(classes) +
                   "] but got " + sizes_of(weight));
  internal::check_indices(op, "target out of range", target, {0, classes});

  const Tensor scores = input.reshape({rows, classes}), picks = target.reshape({rows, 1});
  Tensor excess = clamp_min(scores - scores.gather(1, picks) + margin, 0);
  if (power == 2) excess = square(excess);
  if (weight.defined()) excess = excess * weight.index_select(0, picks.reshape(-1)).unsqueeze(1);
  excess = where(picks == arange(classes), 0, excess);
  const Tensor loss = sum(excess, 1) / static_cast<double>(classes);
  return reduce_loss(input.dim() == 2 ? loss : loss.reshape(target.sizes()), reduction);
}

Tensor multilabel_margin_loss(const Tensor& input, const Tensor& target, std::int64_t reduction) {
  constexpr const char* op = "multilabel_margin_loss";
  check_defined(op, input, target);
  if (input.dim() < 1 || input.dim() > 2)
    internal::fail(std::string(op) + ": Expected non-empty vector or matrix, got input " + sizes_of(input));
  if (!(input.sizes() == target.sizes()))
    internal::fail(std::string(op) + ": inconsistent target size " + sizes_of(target) + " for input " +
                   sizes_of(input));
  const std::int64_t classes = input.size(-1);
  internal::check_indices(op, "target is out of range", target, {0, classes, -1});
  const Tensor scores = input.reshape({-1, classes}), labels = target.reshape({-1, classes});

  // A row's labels are what stands before its first negative number.
  const Tensor position = arange(classes), up_to = position.unsqueeze(1) <= position;
  const Tensor ended = matmul((labels < 0).to(input.dtype()), up_to.to(input.dtype())); // how many so far
  const Tensor listed = ended == 0;
  const Tensor safe = where(listed, labels, 0);
  const Tensor hits = logical_and(safe.unsqueeze(2) == position, listed.unsqueeze(2)); // [N, label, class]
  const Tensor is_label = sum(hits.to(input.dtype()), 1) > 0;
  const Tensor counts = logical_and(listed.unsqueeze(2), logical_not(is_label).unsqueeze(1));
  const Tensor excess = clamp_min(1 - scores.gather(1, safe).unsqueeze(2) + scores.unsqueeze(1), 0);
  const Tensor loss = sum(where(counts, excess, 0), {1, 2}) / static_cast<double>(classes);
  return reduce_loss(input.dim() == 2 ? loss : loss.reshape({}), reduction);
}

Tensor soft_margin_loss(const Tensor& input, const Tensor& target, std::int64_t reduction) {
  check_defined("soft_margin_loss", input, target);
  return reduce_loss(softplus(-(target * input)), reduction);
}

Tensor multilabel_soft_margin_loss(const Tensor& input, const Tensor& target, const Tensor& weight,
                                   std::int64_t reduction) {
  check_defined("multilabel_soft_margin_loss", input, target);
  // -(y log sigmoid(x) + (1 - y) log sigmoid(-x))
  Tensor loss = target * softplus(-input) + (1 - target) * softplus(input);
  if (weight.defined()) loss = loss * weight;
  return reduce_loss(mean(loss, -1), reduction);
}

} // namespace kiln
