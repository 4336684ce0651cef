// Multi-head attention composed of linear layers, batched products and a softmax.
#include "kiln/nn/attention.h"

#include "core/apply.h"
#include "core/shapes.h"
#include "kiln/ops.h"
#include "nn/checks.h"

#include <cmath>
#include <limits>

namespace kiln::nn::functional {

namespace {

using Options = MultiheadAttentionForwardFuncOptions;
constexpr const char* kOp = "multi_head_attention_forward";

using internal::sizes_of;

/// Sizes, checked.
struct Sizes {
  std::int64_t length, batch, features, heads, head_features;

  Sizes(const Tensor& query, const Tensor& key, const Tensor& value, const Options& options) {
    for (const Tensor* x : {&query, &key, &value})
      if (!x->defined() || x->dim() != 3)
        internal::fail(std::string(kOp) + ": wanted query, key and value [length, batch, features], got " +
                       (x->defined() ? sizes_of(*x) : "an undefined tensor"));
    length = query.size(0), batch = query.size(1), features = query.size(2);
    heads = options.num_heads();
    if (features != options.embed_dim_to_check())
      internal::fail(std::string(kOp) + ": got query " + sizes_of(query) + ", wanted embed_dim " +
                     std::to_string(options.embed_dim_to_check()));
    if (key.size(0) != value.size(0) || key.size(1) != batch || value.size(1) != batch)
      internal::fail(std::string(kOp) + ": lengths or batches differ: query " + sizes_of(query) + ", key " +
                     sizes_of(key) + ", value " + sizes_of(value));
    head_features = features / heads;
    if (head_features * heads != features)
      internal::fail(std::string(kOp) + ": embed_dim must be divisible by num_heads: got " +
                     std::to_string(features) + " and " + std::to_string(heads));
  }
};

/// Rows first to first + count of a weight or bias; an undefined one stays so.
Tensor part(const Tensor& x, std::int64_t first, std::int64_t count) {
  return x.defined() ? x.narrow(0, first, count) : Tensor();
}

struct Projected {
  Tensor query, key, value;
};

Projected project(const Tensor& query, const Tensor& key, const Tensor& value, const Options& options) {
  const std::int64_t e = options.embed_dim_to_check();
  const Tensor& bias = options.in_proj_bias();
  if (options.use_separate_proj_weight())
    return {kiln::linear(query, options.q_proj_weight(), part(bias, 0, e)),
            kiln::linear(key, options.k_proj_weight(), part(bias, e, e)),
            kiln::linear(value, options.v_proj_weight(), part(bias, 2 * e, e))};
  const Tensor& weight = options.in_proj_weight();
  if (query.is_same(key) && key.is_same(value)) { // one product for the three
    const Tensor all = kiln::linear(query, weight, bias);
    return {all.narrow(2, 0, e), all.narrow(2, e, e), all.narrow(2, 2 * e, e)};
  }
  return {kiln::linear(query, weight.narrow(0, 0, e), part(bias, 0, e)),
          kiln::linear(key, weight.narrow(0, e, e), part(bias, e, e)),
          kiln::linear(value, weight.narrow(0, 2 * e, e), part(bias, 2 * e, e))};
}

/// [length, batch, heads * d] -> [batch, heads, length, d]
Tensor split_heads(const Tensor& x, const Sizes& sizes) {
  return x.reshape({x.size(0), sizes.batch, sizes.heads, sizes.head_features}).permute({1, 2, 0, 3});
}

/// What is added to scores: a bool mask's true is minus infinity.
Tensor additive(const Tensor& mask, DType dtype) {
  if (mask.dtype() != kBool && mask.dtype() != kUInt8) return mask.to(dtype);
  return where(mask.to(kBool), full({}, -std::numeric_limits<double>::infinity(), dtype), zeros({}, dtype));
}

/// The two masks over `sources` keys, of which the last `extra` are never masked; undefined without masks.
Tensor join_masks(const Options& options, const Sizes& sizes, std::int64_t sources, std::int64_t extra,
                  DType dtype) {
  Tensor total;
  auto add = [&](const Tensor& mask) { total = total.defined() ? total + mask : mask; };
  auto extend = [&](Tensor mask) {
    if (extra == 0) return mask;
    std::vector<std::int64_t> shape = mask.sizes().vec();
    shape.back() = extra;
    return cat({mask, zeros(shape, dtype)}, -1);
  };
  const std::int64_t given = sources - extra;
  if (const Tensor& mask = options.attn_mask(); mask.defined()) {
    const bool is_flat = mask.dim() == 2;
    const std::vector<std::int64_t> wanted =
        is_flat ? std::vector<std::int64_t>{sizes.length, given}
                : std::vector<std::int64_t>{sizes.batch * sizes.heads, sizes.length, given};
    if (!(mask.sizes() == IntArrayRef(wanted)))
      internal::fail(std::string(kOp) + ": The size of the attn_mask is not correct: got " + sizes_of(mask) +
                     ", wanted " + to_string(IntArrayRef(wanted).shape()));
    Tensor scores = extend(additive(mask, dtype));
    add(is_flat ? scores : scores.reshape({sizes.batch, sizes.heads, sizes.length, sources}));
  }
  if (const Tensor& mask = options.key_padding_mask(); mask.defined()) {
    const std::vector<std::int64_t> wanted{sizes.batch, given};
    if (!(mask.sizes() == IntArrayRef(wanted)))
      internal::fail(std::string(kOp) + ": got key_padding_mask " + sizes_of(mask) + ", wanted " +
                     to_string(IntArrayRef(wanted).shape()));
    add(extend(additive(mask, dtype)).reshape({sizes.batch, 1, 1, sources}));
  }
  return total;
}

} // namespace

std::tuple<Tensor, Tensor> multi_head_attention_forward(const Tensor& query, const Tensor& key,
                                                        const Tensor& value, const Options& options) {
  const Sizes sizes(query, key, value, options);
  auto [q, k, v] = project(query, key, value, options);
  std::int64_t extra = 0;
  if (options.bias_k().defined() && options.bias_v().defined()) {
    const std::vector<std::int64_t> one{1, sizes.batch, sizes.features};
    k = cat({k, options.bias_k().expand(one)});
    v = cat({v, options.bias_v().expand(one)});
    ++extra;
  }
  auto given_or_split = [&](const Tensor& given, const Tensor& projected) {
    if (!given.defined()) return split_heads(projected, sizes);
    return given.reshape({sizes.batch, sizes.heads, given.size(1), sizes.head_features});
  };
  q = split_heads(q, sizes);
  k = given_or_split(options.static_k(), k);
  v = given_or_split(options.static_v(), v);
  if (options.add_zero_attn()) {
    const Tensor zero = zeros({sizes.batch, sizes.heads, 1, sizes.head_features}, q.dtype());
    k = cat({k, zero}, 2);
    v = cat({v, zero}, 2);
    ++extra;
  }

  const std::int64_t sources = k.size(2);
  const double scale = 1 / std::sqrt(static_cast<double>(sizes.head_features));
  Tensor scores = matmul(q * scale, k.transpose(-2, -1));
  const Tensor mask = join_masks(options, sizes, sources, extra, scores.dtype());
  if (mask.defined()) scores = scores + mask;
  Tensor weights = softmax(scores, -1);
  if (options.training() && options.dropout_p() > 0)
    weights = kiln::dropout(weights, options.dropout_p(), true);
  Tensor out = matmul(weights, v).permute({2, 0, 1, 3}).reshape({sizes.length, sizes.batch, sizes.features});
  out = kiln::linear(out, options.out_proj_weight(), options.out_proj_bias());
  if (!options.need_weights()) return {out, Tensor()};
  return {out, options.average_attn_weights() ? mean(weights, 1) : weights};
}

} // namespace kiln::nn::functional
