// The threads of one emulated block: stacks, a switch between them, and the order in which they run.
#pragma once

#include "emulation/EmulatedModule.h"

#include <functional>
#include <random>
#include <vector>

struct EmulatedState;

namespace kiln::testing {

class BlockScheduler {
public:
  BlockScheduler(EmulatedState& state, const runtime::CudaLaunch& launch, Schedule schedule);
  ~BlockScheduler();
  BlockScheduler(const BlockScheduler&) = delete;

  /// Runs `kernel` once for each thread of the block. Throws Error on divergence at a barrier or shuffle.
  void run(const std::function<void()>& kernel);

private:
  enum class Status { Ready, AtBarrier, InExchange, Done };
  struct Thread {
    void* stackPointer = nullptr;
    char* stack = nullptr;
    Status status = Status::Ready;
    int parity = 0;
    unsigned long long slots[2] = {};
  };

  static void wait(int kind);
  static unsigned long long* lane(unsigned lane, int parity);
  static void enter();

  std::vector<unsigned> order(unsigned first, unsigned last);
  void resume(unsigned thread);
  void runWarp(unsigned first, unsigned last);
  char* takeStack();

  EmulatedState& state_;
  Schedule schedule_;
  unsigned width_, height_;
  std::vector<Thread> threads_;
  std::vector<char*> stacks_, freeStacks_;
  std::mt19937 random_{12345};
  const std::function<void()>* kernel_ = nullptr;
  unsigned current_ = 0;
  void* schedulerStack_ = nullptr;
};

} // namespace kiln::testing
