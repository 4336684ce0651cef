// Where the elements of a view lie in its storage, for what looks at memory: data_ptr(), strides(),
// as_strided().
#pragma once

#include "core/tensor_impl.h"

#include <optional>

namespace kiln::internal {

/// In elements of the storage.
struct Strided {
  std::vector<std::int64_t> strides;
  std::int64_t offset = 0;
};

std::vector<std::int64_t> row_major(const Shape& shape);
bool is_row_major(const Shape& shape, const std::vector<std::int64_t>& strides);

/// Nothing for a view whose elements are not at equal distances in the storage: reading it copies them.
std::optional<Strided> strided(const TensorImpl& impl);

} // namespace kiln::internal
