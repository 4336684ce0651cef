// Artifact: everything a fresh process needs to run a compiled program. Plain data, serialisable, no
// pointers.
//
// The calling convention between compiled code and this runtime is defined here and nowhere else:
//   kernel:  void kernel(void* const* args, int64_t begin, int64_t end, void* scratch)
//            does the work items [begin, end) of one launch; `args` are buffer pointers in the launch's slot
//            order; `scratch` is Artifact::scratchBytes of 64-byte aligned memory private to the calling
//            thread: eight zero bytes and undefined ones at the thread's first call of a launch, then as the
//            call before left it. For any split of [0, items) into multiples of `grain` the results are the
//            same bits.
// A run of the program is its launches, one after the other.
#pragma once

#include "kiln/runtime/types.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace kiln::runtime {

using Kernel = void (*)(void* const* args, std::int64_t begin, std::int64_t end, void* scratch);

/// One buffer of the program. Slots are numbered: inputs first, then outputs, then the rest.
struct Slot {
  enum class Kind : std::uint8_t { Input, Output, Temp, Constant };
  Kind kind = Kind::Temp;
  TensorType type;
  std::int64_t offset = 0; ///< Temp: bytes from the arena's start. Constant: bytes from `constants`' start.
  std::int64_t alias =
      -1; ///< this slot is another view of that slot's memory (a free reshape, a donated input)
};

/// One kernel call. `items` is -1 in a one-op elementwise program whose size the caller gives.
struct Launch {
  std::string symbol;
  std::vector<std::int32_t> slots;
  std::int64_t items = 0;
  std::int64_t grain = 0;
  std::int32_t kernel = -1; ///< index into Artifact::kernels
};

/// CUDA only: how a kernel is mapped.
struct CudaLaunch {
  std::int32_t grid[3] = {1, 1, 1};
  std::int32_t block[3] = {1, 1, 1};
  std::int32_t sharedBytes = 0;
};

/// What `compiled.kernels()` tells of one kernel.
struct KernelInfo {
  std::string name;             ///< "matmul_bias_relu_dropout_3"
  std::string kind;             ///< loop, row_reduce, column_reduce, contraction, multi
  std::vector<std::string> ops; ///< the fused ops, in order
  std::string location;         ///< module paths and user lines
  std::int64_t bytes = 0;       ///< read and written, each buffer once
  std::int64_t flops = 0;
  std::string source; ///< CPU: the kernel's MLIR at vector level. CUDA: CUDA C++.
  CudaLaunch cuda;
};

struct Artifact {
  std::string name;
  std::string target; ///< "x86_64 avx512f …" or "cuda sm_90a"
  std::vector<Slot> slots;
  std::int32_t inputs = 0;
  std::int32_t outputs = 0;
  std::vector<Launch> launches;
  std::vector<KernelInfo> kernels;
  std::int64_t arenaBytes = 0;      ///< temporaries
  std::int64_t scratchBytes = 0;    ///< per thread
  std::int64_t peakBytes = 0;       ///< inputs, outputs and arena: what a run of the program holds at most
  std::int64_t lowerBoundBytes = 0; ///< the least any order-preserving plan of the same kernels could hold
  std::vector<std::byte> constants;
  std::vector<std::byte> image; ///< ELF shared object, or cubin

  std::vector<std::byte> serialize() const;
  /// Throws Error for bytes that `serialize` of this version did not write (cut, flipped, foreign).
  static Artifact deserialize(const std::vector<std::byte>& bytes);
};

} // namespace kiln::runtime
