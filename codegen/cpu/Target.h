// The CPU that code is made for: this machine's, unless KILN_CPU names another level.
#pragma once

#include <cstdint>
#include <string>

namespace kiln::codegen::cpu {

struct Target {
  std::string triple;
  std::string cpu;      ///< LLVM's name, for scheduling: "znver4"
  std::string features; ///< LLVM's list: "+avx512f,+fma,…"
  int vectorBits = 128; ///< width that vectors are built for: 512 AVX-512, 256 AVX2, 128 SSE2
  bool fma = false;
  bool bfloat16 = false;           ///< rounds f32 to bf16 by itself
  std::int64_t l1Bytes = 32 << 10; ///< data cache of one core
  std::int64_t l2Bytes = 1 << 20;
  std::int64_t lastCacheBytes = 32 << 20; ///< what does not fit in here is in memory

  /// Lanes of a vector register of elements of that many bytes: 16 floats for AVX-512.
  int lanes(int elementBytes = 4) const { return vectorBits / 8 / elementBytes; }
  /// Number of architectural vector registers: 32 with AVX-512, else 16.
  int vectorRegisters() const { return vectorBits == 512 ? 32 : 16; }
  /// What an artifact says it needs: "x86_64 avx512".
  std::string name() const;
};

/// This machine. The environment variable KILN_CPU=avx512|avx2|sse2 lowers the level (for tests); read once
/// per call.
Target hostTarget();

} // namespace kiln::codegen::cpu
