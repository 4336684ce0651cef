// Asks the CPU (CPUID, through the compiler's run-time library, which also checks that the system saves the
// wide registers).
#include "kiln/runtime/cpu_features.h"

#include <cstdlib>
#include <sstream>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace kiln::runtime {
namespace {

struct Feature {
  std::string_view name;
  bool present;
};

#if defined(__x86_64__)
constexpr std::string_view kArchitecture = "x86_64";

std::vector<Feature> detect() {
  __builtin_cpu_init();
#define KILN_FEATURE(llvm, gcc) Feature{llvm, __builtin_cpu_supports(gcc) != 0}
  return {
      KILN_FEATURE("sse3", "sse3"), KILN_FEATURE("ssse3", "ssse3"), KILN_FEATURE("sse4.1", "sse4.1"),
      KILN_FEATURE("sse4.2", "sse4.2"), KILN_FEATURE("popcnt", "popcnt"), KILN_FEATURE("avx", "avx"),
      KILN_FEATURE("avx2", "avx2"), KILN_FEATURE("fma", "fma"), KILN_FEATURE("bmi", "bmi"),
      KILN_FEATURE("bmi2", "bmi2"), KILN_FEATURE("avx512f", "avx512f"), KILN_FEATURE("avx512bw", "avx512bw"),
      KILN_FEATURE("avx512cd", "avx512cd"), KILN_FEATURE("avx512dq", "avx512dq"),
      KILN_FEATURE("avx512vl", "avx512vl"), KILN_FEATURE("avx512ifma", "avx512ifma"),
      KILN_FEATURE("avx512vbmi", "avx512vbmi"), KILN_FEATURE("avx512vbmi2", "avx512vbmi2"),
      KILN_FEATURE("avx512vnni", "avx512vnni"), KILN_FEATURE("avx512bitalg", "avx512bitalg"),
      KILN_FEATURE("avx512vpopcntdq", "avx512vpopcntdq"), KILN_FEATURE("avx512bf16", "avx512bf16"),
      // the level that the code generator means by this word
      Feature{"avx512", __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")},
      KILN_FEATURE("gfni", "gfni"), KILN_FEATURE("vaes", "vaes"), KILN_FEATURE("vpclmulqdq", "vpclmulqdq")};
#undef KILN_FEATURE
}

/// "AuthenticAMD-26-17": code is also tuned for a model, which may change what is generated.
std::string model() {
  unsigned eax = 0, words[3] = {};
  if (!__get_cpuid(0, &eax, &words[0], &words[2], &words[1])) return "unknown";
  std::string text(reinterpret_cast<const char*>(words), sizeof words);
  unsigned b, c, d;
  __get_cpuid(1, &eax, &b, &c, &d);
  unsigned family = eax >> 8 & 15, model = eax >> 4 & 15;
  if (family == 6 || family == 15) model += (eax >> 16 & 15) << 4;
  if (family == 15) family += eax >> 20 & 255;
  return text + "-" + std::to_string(family) + "-" + std::to_string(model);
}
#else
#if defined(__aarch64__)
constexpr std::string_view kArchitecture = "aarch64";
#else
constexpr std::string_view kArchitecture = "unknown";
#endif
std::vector<Feature> detect() {
  return {};
}
std::string model() {
  return "generic";
}
#endif

const std::vector<Feature>& features() {
  static const std::vector<Feature> detected = detect();
  return detected;
}

} // namespace

std::string cpu_features() {
  static const std::string machine = [] {
    std::string result = std::string(kArchitecture) + " " + model();
    for (const Feature& feature : features())
      if (feature.present) result += " " + std::string(feature.name);
    return result;
  }();
  const char* level = std::getenv("KILN_CPU");
  return level ? machine + " KILN_CPU=" + level : machine;
}

std::string missing_cpu_features(std::string_view target) {
  std::string missing;
  std::istringstream words{std::string(target)};
  for (std::string word; words >> word;) {
    const bool otherMachine = (word == "x86_64" || word == "aarch64") && word != kArchitecture;
    bool absent = otherMachine;
    for (const Feature& feature : features())
      absent |= feature.name == word && !feature.present;
    if (absent) missing += " " + word;
  }
  return missing;
}

} // namespace kiln::runtime
