// See Fibers.h. The switch is x86-64 System V code: it saves the callee-saved registers and the stack
// pointer.
#include "emulation/Fibers.h"

#include "emulation/cuda_state.h"
#include "kiln/runtime/error.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>

#ifndef __x86_64__
#error "the emulation's context switch is written for x86-64"
#endif

asm(R"(
.text
.globl kiln_emulation_switch
kiln_emulation_switch:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
)");
extern "C" void kiln_emulation_switch(void** saveTo, void* resumeAt);

namespace kiln::testing {
namespace {
constexpr std::size_t kStackBytes = 64 << 10;
BlockScheduler* active = nullptr; // the emulation runs on one thread
} // namespace

BlockScheduler::BlockScheduler(EmulatedState& state, const runtime::CudaLaunch& launch, Schedule schedule)
    : state_(state), schedule_(schedule), width_(launch.block[0]), height_(launch.block[1]),
      threads_(std::size_t(launch.block[0]) * launch.block[1] * launch.block[2]) {
  state_.wait = wait;
  state_.lane = lane;
}

BlockScheduler::~BlockScheduler() {
  for (char* stack : stacks_)
    delete[] stack;
}

char* BlockScheduler::takeStack() {
  if (freeStacks_.empty()) return stacks_.emplace_back(new char[kStackBytes]);
  char* stack = freeStacks_.back();
  freeStacks_.pop_back();
  return stack;
}

void BlockScheduler::enter() {
  (*active->kernel_)();
  BlockScheduler& self = *active;
  Thread& thread = self.threads_[self.current_];
  thread.status = Status::Done;
  kiln_emulation_switch(&thread.stackPointer, self.schedulerStack_);
}

void BlockScheduler::wait(int kind) {
  Thread& thread = active->threads_[active->current_];
  thread.status = kind == 1 ? Status::AtBarrier : Status::InExchange;
  kiln_emulation_switch(&thread.stackPointer, active->schedulerStack_);
}

unsigned long long* BlockScheduler::lane(unsigned lane, int parity) {
  std::size_t thread = active->current_ / 32 * 32 + lane;
  if (thread >= active->threads_.size()) thread = active->current_;
  return &active->threads_[thread].slots[parity];
}

void BlockScheduler::resume(unsigned index) {
  Thread& thread = threads_[index];
  if (!thread.stack) { // a thread that never waits gives its stack to the next: a plain loop, nearly
    thread.stack = takeStack();
    void** top = reinterpret_cast<void**>(thread.stack + kStackBytes - 64);
    top = reinterpret_cast<void**>(reinterpret_cast<std::uintptr_t>(top) & ~std::uintptr_t{15});
    *--top = nullptr; // so that enter() finds the stack aligned as after a call
    *--top = reinterpret_cast<void*>(&BlockScheduler::enter);
    top -= 6;
    std::memset(top, 0, 6 * sizeof(void*));
    thread.stackPointer = top;
  }
  current_ = index;
  state_.threadIndex = {index % width_, index / width_ % height_, index / (width_ * height_)};
  state_.laneNumber = index % 32;
  state_.parity = thread.parity;
  kiln_emulation_switch(&schedulerStack_, thread.stackPointer);
  thread.parity = state_.parity;
  if (thread.status == Status::Done) {
    freeStacks_.push_back(thread.stack);
    thread.stack = nullptr;
  }
}

std::vector<unsigned> BlockScheduler::order(unsigned first, unsigned last) {
  std::vector<unsigned> numbers(last - first);
  std::iota(numbers.begin(), numbers.end(), first);
  if (schedule_ == Schedule::Reverse) std::reverse(numbers.begin(), numbers.end());
  if (schedule_ == Schedule::Shuffled) std::shuffle(numbers.begin(), numbers.end(), random_);
  return numbers;
}

/// Runs a warp until all of its lanes are at the block's barrier or done.
void BlockScheduler::runWarp(unsigned first, unsigned last) {
  for (;;) {
    for (unsigned i : order(first, last))
      if (threads_[i].status == Status::Ready) resume(i);
    auto count = [&](Status status) {
      return std::count_if(threads_.begin() + first, threads_.begin() + last,
                           [&](const Thread& t) { return t.status == status; });
    };
    auto exchanging = count(Status::InExchange);
    if (exchanging == 0) return;
    if (exchanging != last - first)
      throw Error("divergence at a shuffle: " + std::to_string(exchanging) + " of " +
                  std::to_string(last - first) + " lanes reach it");
    for (unsigned i = first; i < last; ++i)
      threads_[i].status = Status::Ready;
  }
}

void BlockScheduler::run(const std::function<void()>& kernel) {
  active = this;
  kernel_ = &kernel;
  unsigned count = threads_.size(), warps = (count + 31) / 32;
  for (Thread& thread : threads_) {
    if (thread.stack) freeStacks_.push_back(thread.stack);
    thread = Thread();
  }
  for (;;) {
    for (unsigned warp : order(0, warps))
      runWarp(warp * 32, std::min(count, warp * 32 + 32));
    auto waiting = std::count_if(threads_.begin(), threads_.end(),
                                 [](const Thread& t) { return t.status == Status::AtBarrier; });
    if (waiting == 0) return;
    if (waiting != count)
      throw Error("divergence at a barrier: " + std::to_string(waiting) + " of " + std::to_string(count) +
                  " threads reach it");
    for (Thread& thread : threads_)
      thread.status = Status::Ready;
  }
}

} // namespace kiln::testing
