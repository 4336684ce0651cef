// Looking at indices: all of a tensor at once, or those of an input at each run.
#include "core/index_check.h"

#include "core/element_type.h"
#include "core/trace.h"

#include <array>

namespace kiln::internal {

namespace {

// The first of `count` indices at distance `step` that is outside, or null.
template <class T>
const T* find_outside(const T* at, std::int64_t count, std::int64_t step, const IndexRange& range) {
  const auto size = static_cast<std::uint64_t>(range.end - range.first);
  for (std::int64_t i = 0; i < count; ++i, at += step)
    if (const auto index = static_cast<std::int64_t>(*at);
        static_cast<std::uint64_t>(index - range.first) >= size && index != range.ignored)
      return at;
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

namespace {

template <class T> void check_elements(const IndexCheck& check, const T* input) {
  const Shape& shape = check.shape;
  const std::vector<std::int64_t>& strides = check.place.strides;
  const std::size_t rank = shape.rank();
  const std::int64_t count = rank == 0 ? 1 : shape[rank - 1], step = rank == 0 ? 1 : strides[rank - 1];
  std::array<std::int64_t, Shape::kMaxRank> index{};
  for (const T* at = input + check.place.offset;;) {
    if (const auto* outside = find_outside(at, count, step, check.range))
      fail_at(check.where, message(check.text, static_cast<std::int64_t>(*outside), check.range));
    std::size_t d = rank == 0 ? 0 : rank - 1;
    for (; d > 0; --d) {
      at += strides[d - 1];
      if (++index[d - 1] < shape[d - 1]) break;
      at -= shape[d - 1] * strides[d - 1];
      index[d - 1] = 0;
    }
    if (d == 0) return;
  }
}

} // namespace

void IndexCheck::run(const void* input) const {
  if (shape.numel() == 0) return;
  with_element_type("index check", dtype,
                    [&]<class T>() { check_elements(*this, static_cast<const T*>(input)); });
}

} // namespace kiln::internal
