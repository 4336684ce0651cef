// c10::irange: `for (const auto i : c10::irange(n))`.
#pragma once

#include <ranges>
#include <type_traits>

namespace c10 {

/// [0, end); empty for a negative end.
template <class Integer>
  requires std::is_integral_v<Integer>
auto irange(Integer end) {
  return std::views::iota(Integer{0}, end < Integer{0} ? Integer{0} : end);
}
/// [begin, end), of end's type; empty when end is below begin.
template <class Begin, class End>
  requires(std::is_integral_v<Begin> && std::is_integral_v<End>)
auto irange(Begin begin, End end) {
  const End start = static_cast<End>(begin);
  return std::views::iota(start, end < start ? start : end);
}

} // namespace c10
