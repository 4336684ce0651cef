// Losses composed of primitive ops; the plain forms of nll_loss and cross_entropy stay one op.
#include "core/shapes.h"
#include "nn/loss_support.h"

#include <cstdio>

namespace kiln {

namespace internal {

Tensor reduce_loss(const Tensor& loss, std::int64_t reduction) {
  switch (reduction) {
  case Reduction::None:
    return loss;
  case Reduction::Mean:
    return mean(loss);
  case Reduction::Sum:
    return sum(loss);
  default:
    throw Error("reduction: got " + std::to_string(reduction) + ", wanted Reduction::None, Mean or Sum");
  }
}

const char* reduction_name(std::int64_t reduction) {
  switch (reduction) {
  case Reduction::None:
    return "none";
  case Reduction::Mean:
    return "mean";
  case Reduction::Sum:
    return "sum";
  default:
    throw Error("reduction: got " + std::to_string(reduction) + ", wanted Reduction::None, Mean or Sum");
  }
}

void check_defined(const char* op, std::initializer_list<std::pair<const char*, const Tensor*>> arguments) {
  for (const auto& [name, tensor] : arguments)
    if (!tensor->defined()) fail(std::string(op) + ": " + name + " is undefined");
}
void check_defined(const char* op, const Tensor& input, const Tensor& target) {
  check_defined(op, {{"input", &input}, {"target", &target}});
}

} // namespace internal

using internal::check_defined;
using internal::reduction_name;
using internal::sizes_of;

namespace {

Tensor reduce(const Tensor& loss, std::int64_t reduction) {
  return internal::reduce_loss(loss, reduction);
}

// Broadcasting a target is nearly always a mistake ([N, 1] against [N]), but LibTorch allows it.
void warn_shapes(const char* op, const Tensor& input, const Tensor& target) {
  check_defined(op, input, target);
  if (input.sizes() == target.sizes()) return;
  static bool warned = false;
  if (!std::exchange(warned, true))
    std::fprintf(
        stderr,
        "kiln warning: %s: Using a target size (%s) that is different to the input size (%s). This will "
        "likely lead to incorrect results due to broadcasting. Please ensure they have the same size.\n",
        op, sizes_of(target).c_str(), sizes_of(input).c_str());
}

} // namespace

Tensor mse_loss(const Tensor& input, const Tensor& target, std::int64_t reduction) {
  warn_shapes("mse_loss", input, target);
  return reduce(square(input - target), reduction);
}

Tensor l1_loss(const Tensor& input, const Tensor& target, std::int64_t reduction) {
  warn_shapes("l1_loss", input, target);
  return reduce(abs(input - target), reduction);
}

Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, std::int64_t reduction, double beta) {
  if (beta < 0)
    internal::fail("smooth_l1_loss: does not support negative values for beta, got " + std::to_string(beta));
  if (beta == 0) return l1_loss(input, target, reduction);
  warn_shapes("smooth_l1_loss", input, target);
  const Tensor difference = input - target, distance = abs(difference);
  return reduce(where(distance < beta, square(difference) * (0.5 / beta), distance - 0.5 * beta), reduction);
}

Tensor huber_loss(const Tensor& input, const Tensor& target, std::int64_t reduction, double delta) {
  if (delta <= 0)
    internal::fail("huber_loss: does not support non-positive values for delta, got " +
                   std::to_string(delta));
  warn_shapes("huber_loss", input, target);
  const Tensor difference = input - target, distance = abs(difference);
  return reduce(where(distance <= delta, square(difference) * 0.5, (distance - 0.5 * delta) * delta),
                reduction);
}

namespace {
[[noreturn]] void fail_sizes(const Tensor& input, const Tensor& target) {
  internal::fail("binary_cross_entropy: Using a target size (" + sizes_of(target) +
                 ") that is different to the input size (" + sizes_of(input) +
                 ") is deprecated. Please ensure they have the same size.");
}
} // namespace

// LibTorch's modules and functional forms are stricter than ATen's function.
Tensor internal::strict_binary_cross_entropy(const Tensor& input, const Tensor& target, const Tensor& weight,
                                             std::int64_t reduction) {
  check_defined("binary_cross_entropy", input, target);
  if (input.sizes() != target.sizes()) fail_sizes(input, target);
  return binary_cross_entropy(input, target, weight, reduction);
}

Tensor binary_cross_entropy(const Tensor& input, const Tensor& labels, const Tensor& weight,
                            std::int64_t reduction) {
  check_defined("binary_cross_entropy", input, labels);
  Tensor target = labels;
  if (input.sizes() != labels.sizes()) {
    if (input.squeeze().sizes() != labels.squeeze().sizes()) fail_sizes(input, labels);
    target = labels.reshape(input.sizes());
  }
  const Tensor x = input.detach();
  Tensor loss = -(target * clamp_min(log(x), -100) + (1 - target) * clamp_min(log1p(-x), -100));
  // d loss / d input, kept finite at 0 and 1 where the logarithms' own is not. `input - x` is zero.
  if (input.requires_grad()) {
    const Tensor slope = (x - target.detach()) / clamp_min(x * (1 - x), 1e-12);
    loss = loss + (input - x) * slope;
  }
  if (weight.defined()) loss = loss * weight;
  return reduce(loss, reduction);
}

Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& target, const Tensor& weight,
                                        const Tensor& pos_weight, std::int64_t reduction) {
  check_defined("binary_cross_entropy_with_logits", input, target);
  if (input.sizes() != target.sizes())
    internal::fail("binary_cross_entropy_with_logits: Target size (" + sizes_of(target) +
                   ") must be the same as input size (" + sizes_of(input) + ")");
  Tensor negative = softplus(-input); // -log(sigmoid(x))
  if (pos_weight.defined()) negative = negative * ((pos_weight - 1) * target + 1);
  Tensor loss = (1 - target) * input + negative;
  if (weight.defined()) loss = loss * weight;
  return reduce(loss, reduction);
}

namespace {

/// Scores and targets as [M, C] and [M], whatever the dimensions after C were.
struct ClassLoss {
  Tensor scores, target, weight;
  Shape shape; ///< of the target, as given

  ClassLoss(const char* op, const Tensor& input, const Tensor& given_target, const Tensor& given_weight,
            std::int64_t ignore_index);
  Tensor unreduced(const Tensor& loss) const { return loss.reshape(shape); }
};

ClassLoss::ClassLoss(const char* op, const Tensor& input, const Tensor& given_target,
                     const Tensor& given_weight, std::int64_t ignore_index)
    : scores(input), target(given_target), weight(given_weight), shape(given_target.sizes().shape()) {
  const std::string name(op);
  if (input.dim() < 1) internal::fail(name + ": Expected 1 or more dimensions, got input " + sizes_of(input));
  const std::int64_t classes = input.size(input.dim() == 1 ? 0 : 1);
  Shape wanted;
  for (std::int64_t d = 0; d < input.dim(); ++d)
    if (d != (input.dim() == 1 ? 0 : 1)) wanted.push_back(input.size(d));
  if (target.dtype() != kInt64)
    internal::fail(name + ": expected scalar type Long but found " + std::string(kiln::name(target.dtype())) +
                   " for target");
  if (!(target.sizes() == IntArrayRef(wanted))) {
    std::string text = name + ": got target " + sizes_of(target) + ", wanted " + to_string(wanted) +
                       " for input " + sizes_of(input);
    if (target.dim() >= 1 && input.dim() >= 1 && target.size(0) != input.size(0) && input.dim() > 1)
      text += ": Expected input batch_size (" + std::to_string(input.size(0)) +
              ") to match target batch_size (" + std::to_string(target.size(0)) + ")";
    internal::fail(text);
  }
  if (weight.defined() && (weight.dim() != 1 || weight.size(0) != classes))
    internal::fail(name + ": weight tensor should be defined either for all " + std::to_string(classes) +
                   " classes or no classes but got weight tensor of shape: " + sizes_of(weight));
  internal::check_indices(op, "Target is out of bounds", target, {0, classes, ignore_index});
  if (input.dim() == 1) {
    scores = input.reshape({1, classes});
    target = target.reshape(1);
  } else if (input.dim() > 2) {
    std::vector<std::int64_t> order{0};
    for (std::int64_t d = 2; d < input.dim(); ++d)
      order.push_back(d);
    order.push_back(1);
    scores = input.permute(order).reshape({-1, classes});
    target = target.reshape(-1);
  }
}

/// Sums the loss of each row weighted by the weight of its class; mean divides by the weights' sum.
Tensor weighted_nll(const ClassLoss& rows, const Tensor& log_probabilities, std::int64_t reduction,
                    std::int64_t ignore_index) {
  const Tensor counts = rows.target != ignore_index;
  const Tensor safe = where(counts, rows.target, 0);
  Tensor row_weight = rows.weight.index_select(0, safe);
  row_weight = where(counts, row_weight, 0);
  const Tensor picked = log_probabilities.gather(1, safe.unsqueeze(1)).squeeze(1);
  const Tensor loss = where(counts, -picked * row_weight, 0);
  if (reduction == Reduction::None) return rows.unreduced(loss);
  return reduction == Reduction::Sum ? sum(loss) : sum(loss) / sum(row_weight);
}

/// The part of label smoothing: minus the mean over classes of the (weighted) log-probabilities.
Tensor smooth_nll(const ClassLoss& rows, const Tensor& log_probabilities, std::int64_t reduction,
                  std::int64_t ignore_index) {
  const Tensor counts = rows.target != ignore_index;
  Tensor loss = rows.weight.defined() ? -sum(log_probabilities * rows.weight, 1) : -sum(log_probabilities, 1);
  loss = where(counts, loss, 0);
  if (reduction == Reduction::None) return rows.unreduced(loss);
  if (reduction == Reduction::Sum) return sum(loss);
  if (!rows.weight.defined()) return sum(loss) / sum(counts.to(loss.dtype()));
  const Tensor row_weight = where(counts, rows.weight.index_select(0, where(counts, rows.target, 0)), 0);
  return sum(loss) / sum(row_weight);
}

Tensor probability_cross_entropy(const Tensor& input, Tensor target, const Tensor& weight,
                                 std::int64_t reduction, double label_smoothing) {
  if (!(target.sizes() == input.sizes()))
    internal::fail(
        "cross_entropy: Expected floating point target with class probabilities of the input's shape " +
        sizes_of(input) + ", got " + sizes_of(target));
  const std::int64_t class_dim = input.dim() == 1 ? 0 : 1, classes = input.size(class_dim);
  if (label_smoothing > 0)
    target = target * (1 - label_smoothing) + label_smoothing / static_cast<double>(classes);
  Tensor loss = -(log_softmax(input, class_dim) * target);
  if (weight.defined()) {
    std::vector<std::int64_t> shape(static_cast<std::size_t>(input.dim()), 1);
    shape[static_cast<std::size_t>(class_dim)] = classes;
    loss = loss * weight.reshape(shape);
  }
  if (reduction == Reduction::None) return sum(loss, class_dim);
  if (reduction == Reduction::Sum) return sum(loss);
  return sum(loss) / (static_cast<double>(input.numel()) / static_cast<double>(classes));
}

} // namespace

Tensor nll_loss(const Tensor& input, const Tensor& target, const Tensor& weight, std::int64_t reduction,
                std::int64_t ignore_index) {
  check_defined("nll_loss", input, target);
  const ClassLoss rows("nll_loss", input, target, weight, ignore_index);
  if (weight.defined()) return weighted_nll(rows, rows.scores, reduction, ignore_index);
  Tensor loss = nll_loss(rows.scores, rows.target, std::string(reduction_name(reduction)), ignore_index);
  return reduction == Reduction::None ? rows.unreduced(loss) : loss;
}

Tensor cross_entropy_loss(const Tensor& input, const Tensor& target, const Tensor& weight,
                          std::int64_t reduction, std::int64_t ignore_index, double label_smoothing) {
  check_defined("cross_entropy", input, target);
  if (label_smoothing < 0 || label_smoothing > 1)
    internal::fail("cross_entropy: label_smoothing must be between 0.0 and 1.0. Got: " +
                   std::to_string(label_smoothing));
  if (target.is_floating_point())
    return probability_cross_entropy(input, target, weight, reduction, label_smoothing);
  const ClassLoss rows("cross_entropy", input, target, weight, ignore_index);
  if (!weight.defined() && label_smoothing == 0) {
    Tensor loss =
        cross_entropy_loss(rows.scores, rows.target, std::string(reduction_name(reduction)), ignore_index);
    return reduction == Reduction::None ? rows.unreduced(loss) : loss;
  }
  const Tensor log_probabilities = log_softmax(rows.scores, 1);
  const Tensor picked = weight.defined() ? weighted_nll(rows, log_probabilities, reduction, ignore_index)
                                         : nll_loss(log_probabilities, rows.target,
                                                    std::string(reduction_name(reduction)), ignore_index);
  Tensor plain = reduction == Reduction::None ? rows.unreduced(picked) : picked;
  if (label_smoothing == 0) return plain;
  const Tensor smooth = smooth_nll(rows, log_probabilities, reduction, ignore_index);
  return plain * (1 - label_smoothing) +
         smooth * (label_smoothing / static_cast<double>(rows.scores.size(1)));
}

} // namespace kiln
