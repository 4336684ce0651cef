// The check of indices in eager mode.
#include "core/index_check.h"

#include "kiln/internal/capture.h"

namespace kiln::internal {

void check_indices(const char* op, const char* phrase, const Tensor& indices, std::int64_t limit,
                   std::optional<std::int64_t> ignored) {
  if (is_capturing() || indices.is_cuda()) return;
  const runtime::Buffer values = host_value(indices);
  const auto* data = static_cast<const std::int64_t*>(values.data());
  for (std::int64_t i = 0, count = indices.numel(); i < count; ++i)
    if ((data[i] < 0 || data[i] >= limit) && data[i] != ignored)
      fail(std::string(op) + ": " + phrase + ": got " + std::to_string(data[i]) + ", wanted 0 to " +
           std::to_string(limit - 1));
}

} // namespace kiln::internal
