// Slow loops, one function for each op.
#include "reference/reference.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <numbers>

namespace kiln::reference {

namespace {

using Index = std::vector<std::int64_t>;
using Attributes = std::vector<ir::NamedAttr>;
using Evaluate = std::function<Array(const ir::Attrs&, const std::vector<Array>&, const TensorType&)>;

Index unravel(std::int64_t linear, const Shape& shape) {
  Index index(shape.rank());
  for (std::size_t d = shape.rank(); d-- > 0;) {
    index[d] = linear % shape[d];
    linear /= shape[d];
  }
  return index;
}

std::size_t ravel(const Index& index, const Shape& shape) {
  std::int64_t linear = 0;
  for (std::size_t d = 0; d < shape.rank(); ++d)
    linear = linear * shape[d] + index[d];
  return static_cast<std::size_t>(linear);
}

// The element that broadcasting puts at `index` of a larger shape.
double broadcast_at(const Array& x, const Index& index) {
  const Shape& shape = x.type.shape;
  Index own(shape.rank());
  for (std::size_t d = 0; d < shape.rank(); ++d)
    own[d] = shape[d] == 1 ? 0 : index[index.size() - shape.rank() + d];
  return x[ravel(own, shape)];
}

Array filled(const TensorType& type, const std::function<double(const Index&)>& value) {
  Array result{type, std::vector<double>(static_cast<std::size_t>(type.shape.numel()))};
  for (std::size_t i = 0; i < result.values.size(); ++i)
    result[i] = value(unravel(static_cast<std::int64_t>(i), type.shape));
  return result;
}

Evaluate unary(double (*f)(double)) {
  return [f](const ir::Attrs&, const std::vector<Array>& x, const TensorType& type) {
    return filled(type, [&](const Index& i) { return f(broadcast_at(x[0], i)); });
  };
}
Evaluate binary(double (*f)(double, double)) {
  return [f](const ir::Attrs&, const std::vector<Array>& x, const TensorType& type) {
    return filled(type, [&](const Index& i) { return f(broadcast_at(x[0], i), broadcast_at(x[1], i)); });
  };
}

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}
double propagate_nan(double a, double b, double chosen) {
  return std::isnan(a) || std::isnan(b) ? std::numeric_limits<double>::quiet_NaN() : chosen;
}
double round_half_even(double x) {
  const double down = std::floor(x), rest = x - down;
  if (rest < 0.5) return down;
  if (rest > 0.5) return down + 1;
  return std::fmod(down, 2) == 0 ? down : down + 1;
}

// For each result index, folds the elements of x that reduce to it.
Array reduce(const ir::Attrs& attrs, const Array& x, const TensorType& type, double start,
             const std::function<double(double, double)>& fold) {
  const auto& dims = attrs.integers("dims");
  Array result{type, std::vector<double>(static_cast<std::size_t>(type.shape.numel()), start)};
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    const Index index = unravel(static_cast<std::int64_t>(i), x.type.shape);
    Index kept;
    for (std::size_t d = 0; d < index.size(); ++d) {
      const bool reduced = std::count(dims.begin(), dims.end(), static_cast<std::int64_t>(d)) > 0;
      if (!reduced)
        kept.push_back(index[d]);
      else if (attrs.flag("keepdim"))
        kept.push_back(0);
    }
    double& into = result[ravel(kept, type.shape)];
    into = fold(into, x[i]);
  }
  return result;
}

Array arg_reduce(const ir::Attrs& attrs, const Array& x, const TensorType& type, bool largest) {
  const auto dim = static_cast<std::size_t>(attrs.integer("dim"));
  return filled(type, [&](const Index& at) {
    Index index = at;
    if (!attrs.flag("keepdim")) index.insert(index.begin() + static_cast<std::ptrdiff_t>(dim), 0);
    std::int64_t best = 0;
    double value = 0;
    for (std::int64_t k = 0; k < x.type.shape[dim]; ++k) {
      index[dim] = k;
      const double candidate = x[ravel(index, x.type.shape)];
      const bool beyond = largest ? candidate > value : candidate < value;
      if (k == 0 || beyond || (std::isnan(candidate) && !std::isnan(value))) best = k, value = candidate;
    }
    return static_cast<double>(best);
  });
}

Array softmax(const Array& x, std::size_t dim, bool logarithm) {
  return filled(x.type, [&](const Index& at) {
    Index index = at;
    double most = -std::numeric_limits<double>::infinity(), total = 0;
    for (index[dim] = 0; index[dim] < x.type.shape[dim]; ++index[dim])
      most = std::max(most, x[ravel(index, x.type.shape)]);
    for (index[dim] = 0; index[dim] < x.type.shape[dim]; ++index[dim])
      total += std::exp(x[ravel(index, x.type.shape)] - most);
    const double shifted = x[ravel(at, x.type.shape)] - most;
    return logarithm ? shifted - std::log(total) : std::exp(shifted) / total;
  });
}

Array layer_norm(const ir::Attrs& attrs, const std::vector<Array>& operands, const TensorType& type) {
  const Array& x = operands[0];
  const auto dims = static_cast<std::size_t>(attrs.integer("dims"));
  std::int64_t width = 1;
  for (std::size_t d = 0; d < dims; ++d)
    width *= type.shape[type.shape.rank() - 1 - d];
  Array result{type, x.values};
  for (std::int64_t row = 0; row < type.shape.numel() / width; ++row) {
    const auto first = static_cast<std::size_t>(row * width);
    double mean = 0, variance = 0;
    for (std::int64_t i = 0; i < width; ++i)
      mean += x[first + static_cast<std::size_t>(i)] / static_cast<double>(width);
    for (std::int64_t i = 0; i < width; ++i)
      variance += std::pow(x[first + static_cast<std::size_t>(i)] - mean, 2) / static_cast<double>(width);
    for (std::int64_t i = 0; i < width; ++i) {
      double& value = result[first + static_cast<std::size_t>(i)];
      value = (value - mean) / std::sqrt(variance + attrs.real("eps"));
      if (operands.size() > 1)
        value = value * operands[1][static_cast<std::size_t>(i)] + operands[2][static_cast<std::size_t>(i)];
    }
  }
  return result;
}

Array nll(const ir::Attrs& attrs, const Array& logp, const Array& target, const TensorType& type) {
  const std::int64_t rows = logp.type.shape[0], classes = logp.type.shape[1];
  const std::string& reduction = attrs.text("reduction");
  Array result{type, std::vector<double>(static_cast<std::size_t>(type.shape.numel()), 0)};
  double total = 0, count = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    const auto t = static_cast<std::int64_t>(target[static_cast<std::size_t>(i)]);
    if (t == attrs.integer("ignore_index")) continue;
    const double loss = -logp[static_cast<std::size_t>(i * classes + t)];
    if (reduction == "none") result[static_cast<std::size_t>(i)] = loss;
    total += loss;
    ++count;
  }
  if (reduction == "sum") result[0] = total;
  if (reduction == "mean") result[0] = total / count;
  return result;
}

Array matmul(const ir::Attrs& attrs, const std::vector<Array>& x, const TensorType& type) {
  const std::size_t rank = type.shape.rank();
  const bool ta = attrs.flag("transpose_lhs"), tb = attrs.flag("transpose_rhs");
  const std::int64_t depth = x[0].type.shape[ta ? rank - 2 : rank - 1];
  return filled(type, [&](const Index& at) {
    Index a = at, b = at;
    double total = 0;
    for (std::int64_t k = 0; k < depth; ++k) {
      (ta ? a[rank - 2] : a[rank - 1]) = k;
      (ta ? a[rank - 1] : a[rank - 2]) = at[rank - 2];
      (tb ? b[rank - 1] : b[rank - 2]) = k;
      (tb ? b[rank - 2] : b[rank - 1]) = at[rank - 1];
      total += x[0][ravel(a, x[0].type.shape)] * x[1][ravel(b, x[1].type.shape)];
    }
    return total;
  });
}

Array linear(const std::vector<Array>& x, const TensorType& type) {
  const std::int64_t in = x[1].type.shape[1], out = x[1].type.shape[0];
  return filled(type, [&](const Index& at) {
    Index row = at;
    double total = x.size() > 2 ? x[2][static_cast<std::size_t>(at.back())] : 0;
    for (std::int64_t k = 0; k < in; ++k) {
      row.back() = k;
      total += x[0][ravel(row, x[0].type.shape)] * x[1][static_cast<std::size_t>(at.back() * in + k)];
    }
    (void)out;
    return total;
  });
}

Index slice_source(const ir::Attrs& attrs, Index at) {
  for (std::size_t d = 0; d < at.size(); ++d)
    at[d] = attrs.integers("starts")[d] + at[d] * attrs.integers("steps")[d];
  return at;
}

// take and index_add: x's index for the index of the taken slices.
Index take_source(const Index& at, std::size_t dim, const Array& indices) {
  const std::size_t n = indices.type.shape.rank();
  const Index inner(at.begin() + static_cast<std::ptrdiff_t>(dim),
                    at.begin() + static_cast<std::ptrdiff_t>(dim + n));
  Index source(at.begin(), at.begin() + static_cast<std::ptrdiff_t>(dim));
  source.push_back(static_cast<std::int64_t>(indices[ravel(inner, indices.type.shape)]));
  source.insert(source.end(), at.begin() + static_cast<std::ptrdiff_t>(dim + n), at.end());
  return source;
}

// Philox 4x32-10 as Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011), and the element
// layout that RandomOps.td documents.
std::uint32_t philox_word(std::uint64_t seed, std::uint64_t g) {
  std::uint64_t counter = g / 64 * 16 + g % 16;
  std::uint32_t c[4] = {static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32), 0, 0};
  std::uint32_t k[2] = {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p = 0xD2511F53ull * c[0], q = 0xCD9E8D57ull * c[2];
    const std::uint32_t next[4] = {
        static_cast<std::uint32_t>(q >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(q),
        static_cast<std::uint32_t>(p >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(p)};
    std::copy(next, next + 4, c);
    k[0] += 0x9E3779B9u;
    k[1] += 0xBB67AE85u;
  }
  return c[g / 16 % 4];
}
double uniform(const Array& state, std::uint64_t offset, std::uint64_t element) {
  const std::uint64_t g = static_cast<std::uint64_t>(state[1]) + offset + element;
  return static_cast<double>(philox_word(static_cast<std::uint64_t>(state[0]), g) >> 8) * 0x1p-24;
}

const std::map<std::string_view, Evaluate>& table() {
  static const std::map<std::string_view, Evaluate> ops = {
      {"neg", unary([](double x) { return -x; })},
      {"abs", unary([](double x) { return std::abs(x); })},
      {"exp", unary([](double x) { return std::exp(x); })},
      {"expm1", unary([](double x) { return std::expm1(x); })},
      {"log", unary([](double x) { return std::log(x); })},
      {"log1p", unary([](double x) { return std::log1p(x); })},
      {"sqrt", unary([](double x) { return std::sqrt(x); })},
      {"rsqrt", unary([](double x) { return 1 / std::sqrt(x); })},
      {"sin", unary([](double x) { return std::sin(x); })},
      {"cos", unary([](double x) { return std::cos(x); })},
      {"tanh", unary([](double x) { return std::tanh(x); })},
      {"erf", unary([](double x) { return std::erf(x); })},
      {"atan", unary([](double x) { return std::atan(x); })},
      {"trunc", unary([](double x) { return std::trunc(x); })},
      {"sigmoid", unary(sigmoid)},
      {"relu", unary([](double x) { return std::isnan(x) ? x : std::max(x, 0.0); })},
      {"sign", unary([](double x) { return static_cast<double>((x > 0) - (x < 0)); })},
      {"floor", unary([](double x) { return std::floor(x); })},
      {"ceil", unary([](double x) { return std::ceil(x); })},
      {"round", unary(round_half_even)},
      {"not", unary([](double x) { return x == 0 ? 1.0 : 0.0; })},
      {"detach", unary([](double x) { return x; })},
      {"silu", unary([](double x) { return x * sigmoid(x); })},
      {"softplus", unary([](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); })},
      {"add", binary([](double a, double b) { return a + b; })},
      {"sub", binary([](double a, double b) { return a - b; })},
      {"mul", binary([](double a, double b) { return a * b; })},
      {"div", binary([](double a, double b) { return a / b; })},
      {"pow", binary([](double a, double b) { return std::pow(a, b); })},
      {"fmod", binary([](double a, double b) { return std::fmod(a, b); })},
      {"atan2", binary([](double a, double b) { return std::atan2(a, b); })},
      {"maximum", binary([](double a, double b) { return propagate_nan(a, b, std::max(a, b)); })},
      {"minimum", binary([](double a, double b) { return propagate_nan(a, b, std::min(a, b)); })},
      {"eq", binary([](double a, double b) { return a == b ? 1.0 : 0.0; })},
      {"ne", binary([](double a, double b) { return a != b ? 1.0 : 0.0; })},
      {"lt", binary([](double a, double b) { return a < b ? 1.0 : 0.0; })},
      {"le", binary([](double a, double b) { return a <= b ? 1.0 : 0.0; })},
      {"gt", binary([](double a, double b) { return a > b ? 1.0 : 0.0; })},
      {"ge", binary([](double a, double b) { return a >= b ? 1.0 : 0.0; })},
      {"and", binary([](double a, double b) { return a != 0 && b != 0 ? 1.0 : 0.0; })},
      {"or", binary([](double a, double b) { return a != 0 || b != 0 ? 1.0 : 0.0; })},
      {"xor", binary([](double a, double b) { return (a != 0) != (b != 0) ? 1.0 : 0.0; })},
      {"where", [](const ir::Attrs&, const std::vector<Array>& x, const TensorType& type) {
         return filled(type, [&](const Index& i) { return broadcast_at(x[broadcast_at(x[0], i) != 0 ? 1 : 2], i); });
       }},
      {"cast", [](const ir::Attrs& attrs, const std::vector<Array>& x, const TensorType& type) {
         return filled(type, [&](const Index& i) {
           const double value = broadcast_at(x[0], i);
           if (attrs.text("dtype") == "bool") return value != 0 ? 1.0 : 0.0;
           if (attrs.text("dtype") == "f32") return static_cast<double>(static_cast<float>(value));
           return is_floating(type.dtype) ? value : std::trunc(value);
         });
       }},
      {"gelu", [](const ir::Attrs& attrs, const std::vector<Array>& x, const TensorType& type) {
         return filled(type, [&](const Index& i) {
           const double v = broadcast_at(x[0], i);
           if (attrs.text("approximate") == "none") return v / 2 * (1 + std::erf(v / std::numbers::sqrt2));
           return v / 2 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (v + 0.044715 * v * v * v)));
         });
       }},
      {"reshape", [](const ir::Attrs&, const std::vector<Array>& x, const TensorType& type) { return Array{type, x[0].values}; }},
      {"transpose", [](const ir::Attrs& attrs, const std::vector<Array>& x, const TensorType& type) {
         return filled(type, [&](const Index& at) {
           Index source(at.size());
           for (std::size_t d = 0; d < at.size(); ++d) source[static_cast<std::size_t>(attrs.integers("permutation")[d])] = at[d];
           return x[0][ravel(source, x[0].type.shape)];
         });
       }},
      {"broadcast", [](const ir::Attrs&, const std::vector<Array>& x, const TensorType& type) {
         return filled(type, [&](const Index& i) { return broadcast_at(x[0], i); });
       }},
      {"slice", [](const ir::Attrs& attrs, const std::vector<Array>& x, const TensorType& type) {
         return filled(type, [&](const Index& at) { return x[0][ravel(slice_source(attrs, at), x[0].type.shape)]; });
       }},
      {"slice_update", [](const ir::Attrs& attrs, const std::vector<Array>& x, const TensorType& type) {
         Array result{type, x[0].values};
         for (std::size_t i = 0; i < x[1].values.size(); ++i)
           result[ravel(slice_source(attrs, unravel(static_cast<std::int64_t>(i), x[1].type.shape)), type.shape)] = x[1][i];
         return result;
       }},
      {"concat", [](const ir::Attrs& attrs, const std::vector<Array>& x, const TensorType& type) {
         const auto dim = static_cast<std::size_t>(attrs.integer("dim"));
         return filled(type, [&](Index at) {
           std::size_t part = 0;
           while (at[dim] >= x[part].type.shape[dim]) at[dim] -= x[part++].type.shape[dim];
           return x[part][ravel(at, x[part].type.shape)];
         });
       }},
      {"constant", [](const ir::Attrs& attrs, const std::vector<Array>&, const TensorType& type) {
         return filled(type, [&](const Index&) { return attrs.real("value"); });
       }},
      {"iota", [](const ir::Attrs& attrs, const std::vector<Array>&, const TensorType& type) {
         return filled(type, [&](const Index& at) { return static_cast<double>(at[static_cast<std::size_t>(attrs.integer("dim"))]); });
       }},
      {"sum", [](const ir::Attrs& attrs, const std::vector<Array>& x, const TensorType& type) {
         return reduce(attrs, x[0], type, 0, [](double a, double b) { return a + b; });
       }},
      {"prod", [](const ir::Attrs& attrs, const std::vector<Array>& x, const TensorType& type) {
         return reduce(attrs, x[0], type, 1, [](double a, double b) { return a * b; });
       }},
      {"cumsum", [](const ir::Attrs& attrs, const std::vector<Array>& x, const TensorType& type) {
         const auto dim = static_cast<std::size_t>(attrs.integer("dim"));
         return filled(type, [&](Index at) {
           const std::int64_t end = attrs.flag("reverse") ? type.shape[dim] : at[dim] + 1;
           double total = 0;
           for (at[dim] = attrs.flag("reverse") ? at[dim] : 0; at[dim] < end; ++at[dim]) total += x[0][ravel(at, type.shape)];
           return total;
         });
       }},
      {"argsort", [](const ir::Attrs& attrs, const std::vector<Array>& x, const TensorType& type) {
         const auto dim = static_cast<std::size_t>(attrs.integer("dim"));
         return filled(type, [&](Index at) { // the place of the element that has as many before it as this one's index says
           const std::int64_t wanted = at[dim] + attrs.integer("first");
           auto key = [&](std::int64_t place) { at[dim] = place; return x[0][ravel(at, x[0].type.shape)]; };
           const std::int64_t size = x[0].type.shape[dim];
           for (std::int64_t place = 0; place < size; ++place) {
             std::int64_t before = 0;
             for (std::int64_t other = 0; other < size; ++other) {
               const double a = key(other), b = key(place);
               const bool less = attrs.flag("descending") ? a > b || (std::isnan(a) && !std::isnan(b))
                                                          : a < b || (std::isnan(b) && !std::isnan(a));
               const bool same = a == b || (std::isnan(a) && std::isnan(b));
               before += less || (same && other < place);
             }
             if (before == wanted) return static_cast<double>(place);
           }
           return -1.0;
         });
       }},
      {"max", [](const ir::Attrs& attrs, const std::vector<Array>& x, const TensorType& type) {
         return reduce(attrs, x[0], type, -std::numeric_limits<double>::infinity(), [](double a, double b) { return propagate_nan(a, b, std::max(a, b)); });
       }},
      {"min", [](const ir::Attrs& attrs, const std::vector<Array>& x, const TensorType& type) {
         return reduce(attrs, x[0], type, std::numeric_limits<double>::infinity(), [](double a, double b) { return propagate_nan(a, b, std::min(a, b)); });
       }},
      {"mean", [](const ir::Attrs& attrs, const std::vector<Array>& x, const TensorType& type) {
         Array total = reduce(attrs, x[0], type, 0, [](double a, double b) { return a + b; });
         for (double& value : total.values) value *= static_cast<double>(total.values.size()) / static_cast<double>(x[0].values.size());
         return total;
       }},
      {"argmax", [](const ir::Attrs& a, const std::vector<Array>& x, const TensorType& t) { return arg_reduce(a, x[0], t, true); }},
      {"argmin", [](const ir::Attrs& a, const std::vector<Array>& x, const TensorType& t) { return arg_reduce(a, x[0], t, false); }},
      {"softmax", [](const ir::Attrs& a, const std::vector<Array>& x, const TensorType&) { return softmax(x[0], static_cast<std::size_t>(a.integer("dim")), false); }},
      {"log_softmax", [](const ir::Attrs& a, const std::vector<Array>& x, const TensorType&) { return softmax(x[0], static_cast<std::size_t>(a.integer("dim")), true); }},
      {"layer_norm", layer_norm},
      {"nll_loss", [](const ir::Attrs& a, const std::vector<Array>& x, const TensorType& t) { return nll(a, x[0], x[1], t); }},
      {"cross_entropy", [](const ir::Attrs& a, const std::vector<Array>& x, const TensorType& t) { return nll(a, softmax(x[0], 1, true), x[1], t); }},
      {"matmul", matmul},
      {"linear", [](const ir::Attrs&, const std::vector<Array>& x, const TensorType& type) { return linear(x, type); }},
      {"take", [](const ir::Attrs& attrs, const std::vector<Array>& x, const TensorType& type) {
         const auto dim = static_cast<std::size_t>(attrs.integer("dim"));
         return filled(type, [&](const Index& at) { return x[0][ravel(take_source(at, dim, x[1]), x[0].type.shape)]; });
       }},
      {"index_add", [](const ir::Attrs& attrs, const std::vector<Array>& x, const TensorType& type) {
         const auto dim = static_cast<std::size_t>(attrs.integer("dim"));
         Array result{type, x[0].values};
         for (std::size_t i = 0; i < x[2].values.size(); ++i)
           result[ravel(take_source(unravel(static_cast<std::int64_t>(i), x[2].type.shape), dim, x[1]), type.shape)] += x[2][i];
         return result;
       }},
      {"gather", [](const ir::Attrs& attrs, const std::vector<Array>& x, const TensorType& type) {
         return filled(type, [&](Index at) {
           at[static_cast<std::size_t>(attrs.integer("dim"))] = static_cast<std::int64_t>(x[1][ravel(at, type.shape)]);
           return x[0][ravel(at, x[0].type.shape)];
         });
       }},
      {"scatter_add", [](const ir::Attrs& attrs, const std::vector<Array>& x, const TensorType& type) {
         Array result{type, x[0].values};
         for (std::size_t i = 0; i < x[1].values.size(); ++i) {
           Index at = unravel(static_cast<std::int64_t>(i), x[1].type.shape);
           const double update = x[2][ravel(at, x[2].type.shape)];
           at[static_cast<std::size_t>(attrs.integer("dim"))] = static_cast<std::int64_t>(x[1][i]);
           result[ravel(at, type.shape)] += update;
         }
         return result;
       }},
      {"index_copy", [](const ir::Attrs& attrs, const std::vector<Array>& x, const TensorType& type) {
         const auto dim = static_cast<std::size_t>(attrs.integer("dim"));
         Array result{type, x[0].values};
         for (std::size_t i = 0; i < x[2].values.size(); ++i)
           result[ravel(take_source(unravel(static_cast<std::int64_t>(i), x[2].type.shape), dim, x[1]), type.shape)] = x[2][i];
         return result;
       }},
      {"scatter", [](const ir::Attrs& attrs, const std::vector<Array>& x, const TensorType& type) {
         Array result{type, x[0].values};
         for (std::size_t i = 0; i < x[1].values.size(); ++i) {
           Index at = unravel(static_cast<std::int64_t>(i), x[1].type.shape);
           const double update = x[2][ravel(at, x[2].type.shape)];
           at[static_cast<std::size_t>(attrs.integer("dim"))] = static_cast<std::int64_t>(x[1][i]);
           result[ravel(at, type.shape)] = update;
         }
         return result;
       }},
      {"uniform", [](const ir::Attrs& attrs, const std::vector<Array>& x, const TensorType& type) {
         Array result{type, std::vector<double>(static_cast<std::size_t>(type.shape.numel()))};
         for (std::size_t i = 0; i < result.values.size(); ++i)
           result[i] = uniform(x[0], static_cast<std::uint64_t>(attrs.integer("offset")), i);
         return result;
       }},
      {"dropout", [](const ir::Attrs& attrs, const std::vector<Array>& x, const TensorType& type) {
         Array result{type, x[0].values};
         const double p = attrs.real("p");
         for (std::size_t i = 0; i < result.values.size(); ++i)
           result[i] = uniform(x[1], static_cast<std::uint64_t>(attrs.integer("offset")), i) >= p ? result[i] / (1 - p) : 0;
         return result;
       }},
  };
  return ops;
}

} // namespace

Array evaluate(std::string_view op, const std::vector<ir::NamedAttr>& attrs,
               const std::vector<Array>& operands) {
  std::vector<TensorType> types;
  for (const Array& x : operands)
    types.push_back(x.type);
  const TensorType type = ir::infer(op, attrs, types).front();
  return table().at(op)(ir::Attrs(op, attrs), operands, type);
}

bool has(std::string_view op) {
  return table().contains(op);
}

} // namespace kiln::reference
