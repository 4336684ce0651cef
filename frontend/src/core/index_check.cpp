// Looking at indices: all of a tensor at once, or those of an input at each run.
#include "core/index_check.h"

#include "core/trace.h"

#include <array>

namespace kiln::internal {

namespace {

// The first of `count` indices at distance `step` that is outside, or null.
const std::int64_t* find_outside(const std::int64_t* at, std::int64_t count, std::int64_t step,
                                 const IndexRange& range) {
  const auto size = static_cast<std::uint64_t>(range.end - range.first);
  for (std::int64_t i = 0; i < count; ++i, at += step)
    if (static_cast<std::uint64_t>(*at - range.first) >= size && *at != range.ignored) return at;
  return nullptr;
}

std::string message(const std::string& text, std::int64_t got, const IndexRange& range) {
  return text + ": got " + std::to_string(got) + ", wanted " + std::to_string(range.first) + " to " +
         std::to_string(range.end - 1);
}

} // namespace

void check_indices(const char* op, const char* phrase, const Tensor& indices, const IndexRange& range) {
  if (indices.is_cuda()) return;
  auto text = [&] { return std::string(op) + ": " + phrase; };
  if (Trace* trace = Trace::current()) return trace->check_indices(indices, range, text());
  const runtime::Buffer values = host_value(indices);
  if (const auto* outside = find_outside(values.as<std::int64_t>(), indices.numel(), 1, range))
    fail(message(text(), *outside, range));
}

void IndexCheck::run(const std::int64_t* input) const {
  if (shape.numel() == 0) return;
  const std::size_t rank = shape.rank();
  const std::int64_t count = rank == 0 ? 1 : shape[rank - 1], step = rank == 0 ? 1 : place.strides[rank - 1];
  std::array<std::int64_t, Shape::kMaxRank> index{};
  for (const std::int64_t* at = input + place.offset;;) {
    if (const auto* outside = find_outside(at, count, step, range))
      fail_at(where, message(text, *outside, range));
    std::size_t d = rank == 0 ? 0 : rank - 1;
    for (; d > 0; --d) {
      at += place.strides[d - 1];
      if (++index[d - 1] < shape[d - 1]) break;
      at -= shape[d - 1] * place.strides[d - 1];
      index[d - 1] = 0;
    }
    if (d == 0) return;
  }
}

} // namespace kiln::internal
