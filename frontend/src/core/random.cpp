// One random state for the process, as LibTorch's default CPU generator.
#include "core/random.h"

#include "kiln/autograd.h"

#include <mutex>
#include <random>

namespace kiln {
namespace internal {
namespace {
std::mutex mutex;
RandomState state{std::random_device{}(), 0};
} // namespace

RandomState random_state() {
  std::lock_guard lock(mutex);
  return state;
}
void set_random_state(RandomState next) {
  std::lock_guard lock(mutex);
  state = next;
}
RandomState advance_random_state(std::uint64_t count) {
  std::lock_guard lock(mutex);
  const RandomState present = state;
  state.offset += (count + 63) / 64 * 64;
  return present;
}
} // namespace internal

void manual_seed(std::uint64_t seed) {
  internal::set_random_state({seed, 0});
}

} // namespace kiln
