// Where a call comes from: the running modules' names, and the first caller outside this library. Addresses
// become files and lines through the compiler library's DWARF reader, which is only opened for an error or a
// compilation.
#include "core/trace.h"

#include "kiln/internal/capture.h"
#include "kiln/runtime/compiler_loader.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <unwind.h>

#include <algorithm>
#include <array>

namespace kiln::internal {

namespace {

thread_local ModuleScope* innermost = nullptr;
constexpr std::size_t kMostCallers = 64;
constexpr int kMaxDepth = 48; // of this library's own frames

// Addresses of this library's own code.
struct Range {
  std::uintptr_t begin = 0, end = 0;
  bool holds(std::uintptr_t address) const { return address >= begin && address < end; }
};
const Range& own_code() {
  static const Range range = [] {
    Range found;
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* result) {
          const auto own = reinterpret_cast<std::uintptr_t>(&caller_location);
          for (int i = 0; i < info->dlpi_phnum; ++i) {
            const auto& segment = info->dlpi_phdr[i];
            const Range code{info->dlpi_addr + segment.p_vaddr,
                             info->dlpi_addr + segment.p_vaddr + segment.p_memsz};
            if (segment.p_type != PT_LOAD || !code.holds(own)) continue;
            *static_cast<Range*>(result) = code;
            return 1;
          }
          return 0;
        },
        &found);
    return found;
  }();
  return range;
}

// Return addresses outside this library, innermost first. Stops at the last one wanted: unwinding is what
// capture spends its time on.
struct Callers {
  explicit Callers(std::size_t most) : wanted(std::min(most, kMostCallers)) {}
  std::array<std::uintptr_t, kMostCallers> addresses; // header-only frames, ours and std's, and the user's
  std::size_t count = 0, wanted;
  int depth = 0;
};
_Unwind_Reason_Code note_frame(_Unwind_Context* context, void* argument) {
  auto& callers = *static_cast<Callers*>(argument);
  const std::uintptr_t address = _Unwind_GetIP(context);
  if (own_code().holds(address))
    ++callers.depth;
  else
    callers.addresses[callers.count++] = address;
  return callers.count == callers.wanted || callers.depth == kMaxDepth ? _URC_END_OF_STACK : _URC_NO_REASON;
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

ir::Location caller_location(std::size_t most_callers) {
  ir::Location location;
  location.module = ModuleScope::path();
  Callers callers(most_callers);
  _Unwind_Backtrace(note_frame, &callers);
  const void* binary = nullptr;
  for (std::size_t i = 0; i < callers.count; ++i) {
    Dl_info info{};
    if (!dladdr(reinterpret_cast<void*>(callers.addresses[i]), &info) || !info.dli_fname) continue;
    if (!binary) {
      binary = info.dli_fbase;
      location.file = "@" + std::string(info.dli_fname);
    }
    if (info.dli_fbase != binary) break;
    // The return address is behind the call: one byte back lies inside it.
    location.callers.push_back(callers.addresses[i] - 1 - load_bias(binary));
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
    // Code of headers (a ModuleHolder's call, std::invoke) is passed over when a caller of it is known.
    for (std::uint64_t caller : location.callers) {
      std::string file;
      std::uint32_t line = 0;
      const bool own = symbolize(binary.c_str(), caller, &file, &line);
      if (!file.empty() && (own || location.file.empty())) location.file = file, location.line = line;
      if (own) break;
    }
  } catch (const Error&) { // a deployed program may ship no compiler
  }
  return location;
}

} // namespace kiln::internal
