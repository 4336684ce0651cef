// The variables through which compiled kernels and the scheduler talk. No standard headers: kernel text
// includes it too.
#pragma once

struct EmulatedIndex {
  unsigned x, y, z;
};

extern "C" {
// Set by the scheduler before it resumes a thread; everything runs on one thread of the system.
struct EmulatedState {
  EmulatedIndex threadIndex, blockIndex, blockSize, gridSize;
  void (*wait)(int kind);                                 // 1: block barrier, 2: warp exchange
  unsigned long long* (*lane)(unsigned lane, int parity); // exchange slot of a lane of this thread's warp
  unsigned laneNumber;
  int parity;
};
}
