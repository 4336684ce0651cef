// Asks LLVM and the system what this machine is.
#include "cpu/Target.h"

#include "kiln/runtime/error.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"

#include <cstdlib>
#include <fstream>
#include <unistd.h>

namespace kiln::codegen::cpu {

std::string Target::name() const {
  return std::string("x86_64 ") + (vectorBits == 512 ? "avx512" : vectorBits == 256 ? "avx2" : "sse2");
}

namespace {
std::int64_t cacheBytes(int name, std::int64_t fallback) {
  long bytes = sysconf(name);
  return bytes > 0 ? bytes : fallback;
}

/// The third level as one core sees it. sysconf adds up a socket's on some CPUs: 256 MiB where a core has 32.
std::int64_t lastCacheBytes(std::int64_t fallback) {
  std::int64_t kibibytes = 0; // the file says "32768K"
  std::ifstream("/sys/devices/system/cpu/cpu0/cache/index3/size") >> kibibytes;
  return kibibytes > 0 ? kibibytes << 10 : fallback;
}

/// Best level that the machine has; `wanted` (KILN_CPU) may lower it.
int chooseVectorBits(const llvm::StringMap<bool>& has, llvm::StringRef wanted) {
  int best = 128;
  if (has.lookup("avx2") && has.lookup("fma")) best = 256;
  if (best == 256 && has.lookup("avx512f") && has.lookup("avx512dq") && has.lookup("avx512bw") &&
      has.lookup("avx512vl"))
    best = 512;
  if (wanted.empty()) return best;
  int bits = wanted == "avx512" ? 512 : wanted == "avx2" ? 256 : wanted == "sse2" ? 128 : 0;
  if (bits == 0) throw Error("KILN_CPU: got '" + wanted.str() + "', wanted avx512, avx2 or sse2");
  return std::min(bits, best);
}
} // namespace

Target hostTarget() {
  Target target;
  const char* wanted = std::getenv("KILN_CPU");
  llvm::StringMap<bool> has = llvm::sys::getHostCPUFeatures();
  target.triple = "x86_64-unknown-linux-gnu";
  target.vectorBits = chooseVectorBits(has, wanted ? wanted : "");
  target.fma = target.vectorBits >= 256;
  bool lowered = wanted && *wanted;
  target.bfloat16 = !lowered && (has.lookup("avx512bf16") || has.lookup("avxneconvert"));
  if (lowered) {
    target.cpu = target.vectorBits == 512 ? "x86-64-v4" : target.vectorBits == 256 ? "x86-64-v3" : "x86-64";
  } else {
    target.cpu = llvm::sys::getHostCPUName().str();
    for (const auto& feature : has)
      if (feature.second) // only what is there: absent ones are absent by default
        target.features += (target.features.empty() ? "+" : ",+") + feature.first().str();
  }
  // LLVM prefers 256-bit vectors on some AVX-512 machines; ours are chosen on purpose.
  if (target.vectorBits == 512)
    target.features += std::string(target.features.empty() ? "" : ",") + "-prefer-256-bit";
  target.l1Bytes = cacheBytes(_SC_LEVEL1_DCACHE_SIZE, target.l1Bytes);
  target.l2Bytes = cacheBytes(_SC_LEVEL2_CACHE_SIZE, target.l2Bytes);
  target.lastCacheBytes = lastCacheBytes(target.lastCacheBytes);
  return target;
}

} // namespace kiln::codegen::cpu
