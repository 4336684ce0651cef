// The random state: a seed and how many numbers were drawn. Every draw names its place in the sequence, so
// eager and compiled programs draw the same numbers.
#pragma once

#include <cstdint>

namespace kiln::internal {

struct RandomState {
  std::uint64_t seed = 0, offset = 0;
};
RandomState random_state();
void set_random_state(RandomState state);
/// The present state; advances the offset by `count` rounded up to 64.
RandomState advance_random_state(std::uint64_t count);

} // namespace kiln::internal
