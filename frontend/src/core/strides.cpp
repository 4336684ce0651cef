// From a lens to strides, op by op.
#include "core/strides.h"

namespace kiln::internal {

bool is_row_major(const Shape& shape, const std::vector<std::int64_t>& strides) {
  std::int64_t expected = 1;
  for (std::size_t d = shape.rank(); d-- > 0; expected *= shape[d])
    if (shape[d] != 1 && strides[d] != expected) return shape.numel() == 0;
  return true;
}

std::optional<ir::Strided> strided(const TensorImpl& impl) {
  ir::Strided place{ir::row_major(impl.storage->type.shape)};
  for (std::size_t i = 0; i < impl.lens.size(); ++i) {
    const ViewOp& view = impl.lens[i];
    const Shape& to = i + 1 < impl.lens.size() ? impl.lens[i + 1].before.shape : impl.type.shape;
    const auto restride = ir::find_op(view.op)->restride;
    if (!restride || !restride(ir::Attrs(view.op, view.attrs), view.before.shape, to, place))
      return std::nullopt;
  }
  return place;
}

} // namespace kiln::internal
