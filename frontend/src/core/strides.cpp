// From a lens to strides, op by op.
#include "core/strides.h"

#include "kiln/ir/infer.h"

#include <algorithm>

namespace kiln::internal {

std::vector<std::int64_t> row_major(const Shape& shape) {
  std::vector<std::int64_t> strides(shape.rank(), 1);
  for (std::size_t d = shape.rank(); d-- > 1;)
    strides[d - 1] = strides[d] * std::max<std::int64_t>(shape[d], 1);
  return strides;
}

bool is_row_major(const Shape& shape, const std::vector<std::int64_t>& strides) {
  std::int64_t expected = 1;
  for (std::size_t d = shape.rank(); d-- > 0; expected *= shape[d])
    if (shape[d] != 1 && strides[d] != expected) return shape.numel() == 0;
  return true;
}

namespace {

// Dimensions of `from` that lie in memory as one are cut anew; nothing where `to` would join others.
std::optional<std::vector<std::int64_t>>
reshape_strides(const Shape& from, const std::vector<std::int64_t>& strides, const Shape& to) {
  if (from == to) return strides;
  std::vector<std::int64_t> result = row_major(to);
  if (from.numel() == 0 || from.rank() == 0) return result;
  std::size_t made = to.rank();
  for (std::size_t d = from.rank(); d > 0;) {
    const std::int64_t step = strides[d - 1];
    std::int64_t block = from[--d];
    while (d > 0 && (from[d - 1] == 1 || strides[d - 1] == block * step))
      block *= from[--d];
    std::int64_t covered = 1;
    for (; made > 0 && (covered < block || to[made - 1] == 1); --made) {
      result[made - 1] = covered * step;
      covered *= to[made - 1];
    }
    if (covered != block) return std::nullopt;
  }
  return made == 0 ? std::optional(result) : std::nullopt;
}

std::vector<std::int64_t> broadcast_strides(const Shape& from, const std::vector<std::int64_t>& strides,
                                            const Shape& to) {
  std::vector<std::int64_t> result(to.rank(), 0);
  const std::size_t added = to.rank() - from.rank();
  for (std::size_t d = 0; d < from.rank(); ++d)
    if (from[d] == to[added + d]) result[added + d] = strides[d];
  return result;
}

} // namespace

std::optional<Strided> strided(const TensorImpl& impl) {
  Strided place{row_major(impl.storage->type.shape)};
  for (std::size_t i = 0; i < impl.lens.size(); ++i) {
    const ViewOp& view = impl.lens[i];
    const Shape &from = view.before.shape,
                &to = i + 1 < impl.lens.size() ? impl.lens[i + 1].before.shape : impl.type.shape;
    const ir::Attrs attrs(view.op, view.attrs);
    if (view.op == "reshape") {
      auto strides = reshape_strides(from, place.strides, to);
      if (!strides) return std::nullopt;
      place.strides = std::move(*strides);
    } else if (view.op == "transpose") {
      const std::vector<std::int64_t> before = place.strides;
      const auto& permutation = attrs.integers("permutation");
      for (std::size_t d = 0; d < permutation.size(); ++d)
        place.strides[d] = before[static_cast<std::size_t>(permutation[d])];
    } else if (view.op == "broadcast") {
      place.strides = broadcast_strides(from, place.strides, to);
    } else if (view.op == "slice") {
      const auto &starts = attrs.integers("starts"), &steps = attrs.integers("steps");
      for (std::size_t d = 0; d < starts.size(); ++d) {
        place.offset += starts[d] * place.strides[d];
        place.strides[d] *= steps[d];
      }
    } else if (view.op != "detach") {
      return std::nullopt;
    }
  }
  return place;
}

} // namespace kiln::internal
