// Where a call comes from: the running modules' names, and the first caller outside this library. Addresses
// become files and lines through the compiler library's DWARF reader, which is only opened for an error or a
// compilation.
#include "core/trace.h"

#include "kiln/internal/capture.h"
#include "kiln/runtime/compiler_loader.h"

#include <dlfcn.h>
#include <elf.h>
#include <execinfo.h>

namespace kiln::internal {

namespace {

thread_local ModuleScope* innermost = nullptr;
constexpr std::size_t kCallers = 6;

const void* own_base() {
  static const void* base = [] {
    Dl_info info{};
    dladdr(reinterpret_cast<const void*>(&caller_location), &info);
    return static_cast<const void*>(info.dli_fbase);
  }();
  return base;
}

// What the loader added to the addresses in the file: nothing for a program that is not position independent.
std::uint64_t load_bias(const void* base) {
  const auto& header = *static_cast<const Elf64_Ehdr*>(base);
  return header.e_type == ET_EXEC ? 0 : reinterpret_cast<std::uint64_t>(base);
}

} // namespace

ModuleScope::ModuleScope(const std::string* path) : path_(path), parent_(innermost) {
  innermost = this;
}
ModuleScope::~ModuleScope() {
  innermost = parent_;
}

std::string ModuleScope::path() {
  return innermost && innermost->path_ ? *innermost->path_ : std::string();
}

ir::Location caller_location() {
  ir::Location location;
  location.module = ModuleScope::path();
  void* frames[48];
  const int count = backtrace(frames, 48);
  const void* binary = nullptr;
  for (int i = 0; i < count && location.callers.size() < kCallers; ++i) {
    Dl_info info{};
    if (!dladdr(frames[i], &info) || info.dli_fbase == own_base() || !info.dli_fname) continue;
    if (!binary) {
      binary = info.dli_fbase;
      location.file = "@" + std::string(info.dli_fname);
    }
    if (info.dli_fbase != binary) break;
    // The return address is behind the call: one byte back lies inside it.
    location.callers.push_back(reinterpret_cast<std::uint64_t>(frames[i]) - 1 - load_bias(binary));
  }
  return location;
}

// The compiler library reads DWARF; without it, or without debug information, there is no line to give.
ir::Location resolve_location(ir::Location location) {
  if (location.file.empty() || location.file.front() != '@') return location;
  const std::string binary = location.file.substr(1);
  location.file.clear();
  using Symbolize =
      bool (*)(const char* binary, std::uint64_t address, std::string* file, std::uint32_t* line);
  try {
    static const auto symbolize =
        reinterpret_cast<Symbolize>(runtime::load_symbol("kiln-compiler", "kiln_symbolize"));
    // Our own header-only code (a ModuleHolder's call) is passed over when a caller of it is known.
    for (std::uint64_t caller : location.callers) {
      std::string file;
      std::uint32_t line = 0;
      if (!symbolize(binary.c_str(), caller, &file, &line)) continue;
      const bool ours = file.find("include/kiln/") != std::string::npos;
      if (location.file.empty() || !ours) location.file = file, location.line = line;
      if (!ours) break;
    }
  } catch (const Error&) { // a deployed program may ship no compiler
  }
  return location;
}

} // namespace kiln::internal
