// einsum: sums of products, said in letters. Operands are taken from left to right; each step is one matrix
// product of what is there and the next one, its dimensions sorted into batch, rows, columns and inner ones.
#include "core/apply.h"
#include "core/shapes.h"
#include "kiln/ops.h"

#include <algorithm>
#include <cctype>

namespace kiln {

using namespace internal;

namespace {

using Dims = std::vector<std::int64_t>;

/// A dimension's name: a letter, or for those of "..." kEllipsis + the distance from the last of them.
using Label = int;
using Labels = std::vector<Label>;
constexpr Label kEllipsis = 256;

std::int64_t place_of(const Labels& labels, Label label) {
  return std::find(labels.begin(), labels.end(), label) - labels.begin();
}
bool holds(const Labels& labels, Label label) {
  return place_of(labels, label) < static_cast<std::int64_t>(labels.size());
}

/// One operand's letters, or the result's; '.' stands for "...".
std::string letters_of(std::string_view term) {
  std::string letters;
  for (std::size_t i = 0; i < term.size(); ++i) {
    if (term[i] == ' ') continue;
    if (term.substr(i).starts_with("...")) {
      if (letters.find('.') != letters.npos)
        fail("einsum: found \"...\" more than once in \"" + std::string(term) + "\"");
      letters += '.', i += 2;
    } else if (std::isalpha(static_cast<unsigned char>(term[i]))) {
      letters += term[i];
    } else {
      fail("einsum: invalid subscript '" + std::string(1, term[i]) + "' in \"" + std::string(term) +
           "\", subscripts are letters");
    }
  }
  return letters;
}

/// Labels of the letters, where "..." is of `ellipsis` dimensions.
Labels labels_of(const std::string& letters, std::int64_t ellipsis) {
  Labels labels;
  for (char letter : letters)
    if (letter != '.')
      labels.push_back(letter);
    else
      for (std::int64_t i = ellipsis; i-- > 0;)
        labels.push_back(kEllipsis + static_cast<Label>(i));
  return labels;
}

struct Operand {
  Tensor x;
  Labels labels;

  /// A letter that comes twice names a diagonal.
  void take_diagonals() {
    for (std::size_t i = 0; i < labels.size(); ++i)
      for (std::size_t j = i + 1; j < labels.size();) {
        if (labels[i] != labels[j]) {
          ++j;
          continue;
        }
        const auto first = static_cast<std::int64_t>(i), second = static_cast<std::int64_t>(j);
        if (x.size(first) != x.size(second))
          fail("einsum: subscript " + std::string(1, static_cast<char>(labels[i])) +
               " is repeated for dimensions of sizes " + std::to_string(x.size(first)) + " and " +
               std::to_string(x.size(second)));
        x = x.diagonal(0, first, second).movedim(-1, first);
        labels.erase(labels.begin() + second);
      }
  }

  /// x with dimensions as in `order`, those that it lacks of size 1.
  Tensor in_order(const Labels& order) const {
    Dims permutation, sizes;
    for (Label label : order) {
      const std::int64_t place = place_of(labels, label);
      const bool present = place < x.dim();
      if (present) permutation.push_back(place);
      sizes.push_back(present ? x.size(place) : 1);
    }
    return x.permute(permutation).reshape(sizes);
  }
};

struct Equation {
  std::vector<Operand> operands;
  Labels order;         ///< the result's, then those that are summed
  std::size_t kept = 0; ///< how many are the result's

  Equation(std::string_view text, const TensorList& tensors) {
    const std::size_t arrow = text.find("->");
    std::vector<std::string> terms;
    const std::string_view left = text.substr(0, arrow);
    for (std::size_t from = 0, comma = 0; comma != left.npos; from = comma + 1) {
      comma = left.find(',', from);
      terms.push_back(letters_of(left.substr(from, comma - from)));
    }
    if (terms.size() != tensors.size())
      fail("einsum: \"" + std::string(text) + "\" names " + std::to_string(terms.size()) + " operands, got " +
           std::to_string(tensors.size()));
    std::int64_t ellipsis = 0;
    for (std::size_t i = 0; i < terms.size(); ++i) {
      operands.push_back({tensors[i], labels_of(terms[i], covered(terms[i], tensors[i], i))});
      ellipsis = std::max(ellipsis, covered(terms[i], tensors[i], i));
    }
    order = labels_of(arrow == text.npos ? implied(terms) : letters_of(text.substr(arrow + 2)), ellipsis);
    kept = order.size();
    check_result();
    for (const Operand& operand : operands)
      for (Label label : operand.labels)
        if (!holds(order, label)) order.push_back(label);
  }

private:
  /// How many dimensions the term's "..." stands for.
  static std::int64_t covered(const std::string& term, const Tensor& x, std::size_t operand) {
    const auto rank = static_cast<std::int64_t>(rank_of(x, "einsum"));
    const auto dots = std::count(term.begin(), term.end(), '.');
    const auto named = static_cast<std::int64_t>(term.size()) - dots;
    if (named > rank || (named < rank && dots == 0))
      fail("einsum: the number of subscripts in the equation (" + std::to_string(named) +
           ") does not match the number of dimensions (" + std::to_string(rank) + ") for operand " +
           std::to_string(operand) + (dots ? "" : " and no ellipsis was given"));
    return rank - named;
  }

  /// Without an arrow: letters that come once, in the alphabet's order, after "...".
  static std::string implied(const std::vector<std::string>& terms) {
    std::string all, result;
    for (const std::string& term : terms)
      all += term;
    std::sort(all.begin(), all.end()); // '.' comes before all letters
    for (char letter : all)
      if (letter == '.' ? result.empty() : std::count(all.begin(), all.end(), letter) == 1) result += letter;
    return result;
  }

  void check_result() const {
    for (std::size_t i = 0; i < kept; ++i) {
      const auto appears = [&](const Operand& operand) { return holds(operand.labels, order[i]); };
      const char* fault = place_of(order, order[i]) != static_cast<std::int64_t>(i)
                              ? " appears more than once in the output"
                          : std::none_of(operands.begin(), operands.end(), appears)
                              ? " does not appear in the equation for any input operand"
                              : nullptr;
      if (fault) fail("einsum: output subscript " + std::string(1, static_cast<char>(order[i])) + fault);
    }
  }
};

std::int64_t elements(const Tensor& x, const Dims& dims) {
  std::int64_t count = 1;
  for (std::int64_t dim : dims)
    count *= x.size(dim);
  return count;
}
Dims joined(std::initializer_list<const Dims*> parts) {
  Dims all;
  for (const Dims* part : parts)
    all.insert(all.end(), part->begin(), part->end());
  return all;
}

/// Sum of x y over the dimensions `summed`, which remain with size 1. x and y have the same dimensions, or 1.
Tensor sum_of_products(Tensor x, Tensor y, const std::vector<bool>& summed) {
  Dims batch, rows, columns, inner;
  for (std::int64_t dim = 0; dim < x.dim(); ++dim) {
    const bool in_x = x.size(dim) != 1, in_y = y.size(dim) != 1;
    if (!in_x && !in_y) continue;
    if (in_x && in_y)
      (summed[static_cast<std::size_t>(dim)] ? inner : batch).push_back(dim);
    else if (Tensor& only = in_x ? x : y; summed[static_cast<std::size_t>(dim)])
      only = only.sum(dim, /*keepdim=*/true);
    else
      (in_x ? rows : columns).push_back(dim);
  }
  if (inner.empty()) return x * y;
  if (rows.empty() && columns.empty()) return (x * y).sum(inner, /*keepdim=*/true);

  const auto matrices = [&](const Tensor& t, const Dims& first, const Dims& second) {
    Dims sizes{elements(t, first), elements(t, second)};
    const Dims others = other_dims(summed.size(), joined({&batch, &first, &second}));
    if (!batch.empty()) sizes.insert(sizes.begin(), elements(t, batch));
    return t.permute(joined({&batch, &first, &second, &others})).reshape(sizes);
  };
  const Tensor product = matmul(matrices(x, rows, inner), matrices(y, inner, columns));
  Dims sizes, back(summed.size(), -1);
  const auto place = [&](const Dims& dims, const Tensor& t) {
    for (std::int64_t dim : dims) {
      back[static_cast<std::size_t>(dim)] = static_cast<std::int64_t>(sizes.size());
      sizes.push_back(t.size(dim));
    }
  };
  place(batch, x), place(rows, x), place(columns, y);
  for (std::int64_t& dim : back)
    if (dim < 0) dim = static_cast<std::int64_t>(sizes.size()), sizes.push_back(1);
  return product.reshape(sizes).permute(back);
}

} // namespace

Tensor einsum(std::string_view text, const TensorList& tensors) {
  if (tensors.empty()) fail("einsum: must provide at least one operand");
  Equation equation(text, tensors);
  const std::size_t rank = equation.order.size();
  std::vector<Tensor> aligned;
  std::vector<std::size_t> last(rank); // by dimension: the operand after which it may be summed
  Dims sizes(rank, 1);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    Operand& operand = equation.operands[i];
    operand.take_diagonals();
    aligned.push_back(operand.in_order(equation.order));
    for (std::size_t dim = 0; dim < rank; ++dim) {
      if (holds(operand.labels, equation.order[dim])) last[dim] = i;
      const std::int64_t size = aligned[i].size(static_cast<std::int64_t>(dim));
      if (size != 1 && sizes[dim] != 1 && size != sizes[dim])
        fail("einsum: operands do not broadcast with remapped shapes: in \"" + std::string(text) +
             "\" a dimension of operand " + std::to_string(i) + " has size " + std::to_string(size) +
             ", before it was " + std::to_string(sizes[dim]));
      if (size != 1) sizes[dim] = size;
    }
  }
  const auto summed_after = [&](std::size_t operand) {
    std::vector<bool> summed(rank);
    for (std::size_t dim = equation.kept; dim < rank; ++dim)
      summed[dim] = last[dim] == operand;
    return summed;
  };
  Tensor value = aligned[0];
  Dims alone;
  for (std::size_t dim = equation.kept; dim < rank; ++dim)
    if (last[dim] == 0) alone.push_back(static_cast<std::int64_t>(dim));
  if (!alone.empty()) value = value.sum(alone, /*keepdim=*/true);
  for (std::size_t i = 1; i < aligned.size(); ++i)
    value = sum_of_products(value, aligned[i], summed_after(i));
  for (std::size_t dim = rank; dim-- > equation.kept;)
    value = value.squeeze(static_cast<std::int64_t>(dim));
  return value;
}

} // namespace kiln
