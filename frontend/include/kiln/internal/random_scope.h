// Random streams of their own, for work that runs beside the program's own sequence of draws. Not for users.
#pragma once

#include <cstdint>
#include <memory>

namespace kiln::internal {

struct RandomState;

/// A seed out of the process's generator, which moves on by one draw.
std::uint64_t draw_seed();

/// While one lives, draws on this thread come from stream `stream` of `seed` and leave the process's
/// generator alone: what a loader's batch draws depends on neither the thread that makes it nor on when.
class RandomScope {
public:
  RandomScope(std::uint64_t seed, std::uint64_t stream);
  ~RandomScope();
  RandomScope(const RandomScope&) = delete;

private:
  std::unique_ptr<RandomState> state_;
  RandomState* outer_;
};

} // namespace kiln::internal
