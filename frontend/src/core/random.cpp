// One random state for the process, as LibTorch's default CPU generator.
#include "core/random.h"

#include "kiln/autograd.h"
#include "kiln/internal/random_scope.h"
#include "kiln/runtime/philox.h"

#include <mutex>
#include <random>

namespace kiln {
namespace internal {
namespace {
std::mutex mutex;
RandomState state{std::random_device{}(), 0};
thread_local RandomState* own = nullptr; // of the innermost RandomScope
} // namespace

RandomState random_state() {
  if (own) return *own;
  std::lock_guard lock(mutex);
  return state;
}
void set_random_state(RandomState next) {
  if (own) {
    *own = next;
    return;
  }
  std::lock_guard lock(mutex);
  state = next;
}
RandomState advance_random_state(std::uint64_t count) {
  std::unique_lock lock(mutex, std::defer_lock);
  if (!own) lock.lock();
  RandomState& now = own ? *own : state;
  const RandomState present = now;
  now.offset += runtime::random_advance(count);
  return present;
}

std::uint64_t draw_seed() {
  const RandomState at = advance_random_state(2);
  return std::uint64_t{runtime::random_bits(at.seed, at.offset, 0)} << 32 |
         runtime::random_bits(at.seed, at.offset, 1);
}

// Streams of one seed lie 2^40 numbers apart.
RandomScope::RandomScope(std::uint64_t seed, std::uint64_t stream)
    : state_(std::make_unique<RandomState>(RandomState{seed, stream << 40})), outer_(own) {
  own = state_.get();
}
RandomScope::~RandomScope() {
  own = outer_;
}
} // namespace internal

void manual_seed(std::uint64_t seed) {
  internal::set_random_state({seed, 0});
}

} // namespace kiln
