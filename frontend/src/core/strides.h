// Where the elements of a view lie in its storage, for what looks at memory: data_ptr(), strides(),
// as_strided().
#pragma once

#include "core/tensor_impl.h"
#include "kiln/ir/infer.h"

#include <optional>

namespace kiln::internal {

bool is_row_major(const Shape& shape, const std::vector<std::int64_t>& strides);

/// Nothing for a view whose elements are not at equal distances in the storage: reading it copies them.
std::optional<ir::Strided> strided(const TensorImpl& impl);

} // namespace kiln::internal
