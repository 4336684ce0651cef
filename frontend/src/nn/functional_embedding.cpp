// nn::functional: embedding and embedding_bag. Bags of a batch have one length and are reduced along it; bags
// that offsets divide are added up by the bag each index is in. Neither looks at a value on the host, but for
// the maximum of bags of different lengths, which are brought to the longest.
#include "core/apply.h"
#include "core/shapes.h"
#include "kiln/internal/capture.h"
#include "kiln/nn/functional/layer.h"
#include "nn/checks.h"

#include <algorithm>
#include <limits>

namespace kiln::nn::functional {

using internal::fail, internal::sizes_of;

namespace {

/// 0 to rows - 1, or -1 when there is none.
std::int64_t padding_row(const char* op, std::optional<std::int64_t> padding, std::int64_t rows) {
  if (!padding) return -1;
  if (*padding >= rows || *padding < -rows)
    fail(std::string(op) + ": Padding_idx must be within num_embeddings (" + std::to_string(rows) +
         "), got " + std::to_string(*padding));
  return *padding < 0 ? *padding + rows : *padding;
}

/// Shortens the rows of weight that are looked up to max_norm, in place. A row that is looked up twice is
/// written twice, with the same numbers.
void shorten(const Tensor& weight, const Tensor& indices, double max_norm, double norm_type) {
  const NoGradGuard no_grad;
  const Tensor flat = indices.flatten(), rows = kiln::embedding(weight, flat);
  const Tensor length = norm(rows, norm_type, 1, true);
  weight.index_copy_(0, flat, where(length > max_norm, rows * (max_norm / (length + 1e-7)), rows));
}

/// Rows [indices..., columns]; each one's gradient is divided by how often it occurs when asked to.
Tensor look_up(const Tensor& indices, const Tensor& weight, bool scale_grad_by_freq) {
  Tensor rows = kiln::embedding(weight, indices);
  if (!scale_grad_by_freq || indices.numel() == 0) return rows;
  const Tensor flat = indices.flatten().to(kInt64);
  const Tensor counts =
      zeros({weight.size(0)}, weight.dtype()).index_add(0, flat, ones({flat.numel()}, weight.dtype()));
  const Tensor count = kiln::embedding(counts, indices).unsqueeze(-1);
  return rows.detach() + (rows - rows.detach()) / count; // the value is rows': what is divided is 0
}

struct Bags {
  Tensor indices;        ///< i64 [n]
  Tensor begins;         ///< i64 [bags]
  Tensor sample_weights; ///< undefined or [n]
  std::int64_t padding;  ///< an index that is in no bag, or -1
};

/// The bag that each index is in: i64 [n]. 1s where bags begin, added up.
Tensor bag_of_each(const Bags& bags) {
  const std::int64_t count = bags.indices.numel();
  const Tensor marks = zeros({count + 1}, kInt64).index_add(0, bags.begins, ones_like(bags.begins));
  return cumsum(marks, 0).slice(0, 0, count) - 1;
}

/// Sum or mean.
Tensor added_up(const Bags& bags, const Tensor& weight, const EmbeddingBagFuncOptions& options) {
  const Tensor bag = bag_of_each(bags);
  Tensor rows = look_up(bags.indices, weight, options.scale_grad_by_freq());
  Tensor present = ones({bags.indices.numel()}, weight.dtype());
  if (bags.padding >= 0) {
    const Tensor kept = bags.indices != bags.padding;
    rows = where(kept.unsqueeze(1), rows, 0);
    present = kept.to(weight.dtype());
  }
  if (bags.sample_weights.defined()) rows = rows * bags.sample_weights.unsqueeze(1);
  const std::int64_t count = bags.begins.numel();
  Tensor sums = zeros({count, weight.size(1)}, weight.dtype()).index_add(0, bag, rows);
  if (options.mode() == kSum) return sums;
  const Tensor sizes = zeros({count}, weight.dtype()).index_add(0, bag, present);
  return sums / clamp_min(sizes, 1).unsqueeze(1);
}

/// Of bags that are rows of a matrix. indices: i64 [bags, length]; present: bool, of the same shape.
Tensor reduced(const Tensor& indices, const Tensor& present, const Tensor& sample_weights,
               const Tensor& weight, const EmbeddingBagFuncOptions& options) {
  Tensor rows = look_up(indices, weight, options.scale_grad_by_freq());
  if (options.mode() == kMax) {
    constexpr double kLowest = -std::numeric_limits<double>::infinity();
    if (!present.defined()) return std::get<0>(max(rows, 1));
    const Tensor most = std::get<0>(max(where(present.unsqueeze(2), rows, kLowest), 1));
    return where(any(present, 1).unsqueeze(1), most, 0);
  }
  if (present.defined()) rows = where(present.unsqueeze(2), rows, 0);
  if (sample_weights.defined()) rows = rows * sample_weights.unsqueeze(2);
  Tensor sums = sum(rows, 1);
  if (options.mode() == kSum) return sums;
  if (!present.defined()) return sums / static_cast<double>(indices.size(1));
  return sums / clamp_min(sum(present.to(weight.dtype()), 1), 1).unsqueeze(1);
}

/// The maximum needs the bags side by side: as long as the longest, which is read from the offsets.
Tensor greatest(const Bags& bags, const Tensor& weight, const EmbeddingBagFuncOptions& options) {
  const std::int64_t count = bags.indices.numel();
  const Tensor ends = cat({bags.begins.slice(0, 1), full({1}, count, kInt64)});
  const auto longest = count == 0 ? 0 : max(ends - bags.begins).item<std::int64_t>();
  if (longest <= 0) return zeros({bags.begins.numel(), weight.size(1)}, weight.dtype());
  const Tensor places = bags.begins.unsqueeze(1) + arange(longest);
  const Tensor indices = kiln::take(bags.indices, clamp_max(places, count - 1));
  Tensor present = places < ends.unsqueeze(1);
  if (bags.padding >= 0) present = present & (indices != bags.padding);
  return reduced(indices, present, {}, weight, options);
}

void check_sample_weights(const Tensor& input, const EmbeddingBagFuncOptions& options) {
  const Tensor& sample_weights = options.per_sample_weights();
  if (!sample_weights.defined()) return;
  if (sample_weights.sizes() != input.sizes())
    fail("embedding_bag: If per_sample_weights (" + sizes_of(sample_weights) +
         ") is not null, then it must have the same shape as the input (" + sizes_of(input) + ")");
  if (options.mode() != kSum)
    fail("embedding_bag: per_sample_weights was not null. per_sample_weights is only supported for "
         "mode='kSum' (got mode='" +
         std::string(options.mode().name()) + "')");
}

/// Where bags begin: offsets, without the last where that is the end. Their values are looked at in eager
/// mode alone.
Tensor begins_of(const Tensor& input, const EmbeddingBagFuncOptions& options) {
  if (!options.offsets().defined()) fail("embedding_bag: offsets has to be a 1D Tensor but got null");
  const Tensor offsets = options.offsets().to(kInt64);
  if (offsets.dim() != 1) fail("embedding_bag: offsets has to be a 1D Tensor, got " + sizes_of(offsets));
  if (options.include_last_offset() && offsets.numel() == 0)
    fail("embedding_bag: include_last_offset: number of offsets should be at least 1");
  if (!internal::is_capturing() && offsets.numel() > 0) {
    const Tensor on_host = offsets.cpu().contiguous();
    const std::int64_t* data = on_host.data_ptr<std::int64_t>();
    const std::int64_t* end = data + on_host.numel();
    if (data[0] != 0)
      fail("embedding_bag: offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start "
           "from position 0. However, got " +
           std::to_string(data[0]));
    if (end[-1] > input.size(0))
      fail("embedding_bag: offsets[-1] can not be greater than input's length (" +
           std::to_string(input.size(0)) + "), but got offsets[-1] of " + std::to_string(end[-1]));
    if (!std::is_sorted(data, end)) fail("embedding_bag: offsets must not decrease");
  }
  return options.include_last_offset() ? offsets.slice(0, 0, offsets.numel() - 1) : offsets;
}

} // namespace

Tensor embedding(const Tensor& x, const Tensor& weight, const EmbeddingFuncOptions& options) {
  internal::checked(weight, "embedding");
  const std::int64_t padding = padding_row("embedding", options.padding_idx(), weight.size(0));
  if (options.max_norm()) shorten(weight, x, *options.max_norm(), options.norm_type());
  Tensor rows = look_up(x, weight, options.scale_grad_by_freq());
  if (padding < 0) return rows;
  return where((x == padding).unsqueeze(-1), rows.detach(), rows); // no gradient for the padding row
}

Tensor embedding_bag(const Tensor& input, const Tensor& weight, const EmbeddingBagFuncOptions& options) {
  internal::checked(input, "embedding_bag");
  if (internal::checked(weight, "embedding_bag").type.shape.rank() != 2)
    fail("embedding_bag: weight has to be a 2D Tensor, got " + sizes_of(weight));
  check_sample_weights(input, options);
  if (options.mode() == kMax && options.scale_grad_by_freq())
    fail("embedding_bag: max mode does not support scaling the gradient by the frequency");
  if (options.mode() == kMax && options.sparse())
    fail("embedding_bag: max mode does not support sparse weights");
  const std::int64_t padding = padding_row("embedding_bag", options.padding_idx(), weight.size(0));
  const Tensor indices = input.to(kInt64);
  if (options.max_norm()) shorten(weight, indices, *options.max_norm(), options.norm_type());
  if (input.dim() == 2) {
    if (options.offsets().defined())
      fail("embedding_bag: If input is 2D, then offsets has to be null, as input is treated is a mini-batch "
           "of "
           "fixed length sequences. However, found offsets of type Tensor");
    if (input.size(1) == 0) return zeros({input.size(0), weight.size(1)}, weight.dtype());
    return reduced(indices, padding < 0 ? Tensor() : indices != padding, options.per_sample_weights(), weight,
                   options);
  }
  if (input.dim() != 1)
    fail("embedding_bag: input has to be 1D or 2D Tensor, but got Tensor of dimension " +
         std::to_string(input.dim()));
  const Bags bags{indices, begins_of(input, options), options.per_sample_weights(), padding};
  return options.mode() == kMax ? greatest(bags, weight, options) : added_up(bags, weight, options);
}

} // namespace kiln::nn::functional
