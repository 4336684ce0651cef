// Where a call comes from: the running modules' names, and the first caller outside this library. Addresses become
// files and lines through the compiler library's DWARF reader, which is only opened for an error or a compilation.
#include "core/trace.h"

#include "kiln/internal/capture.h"
#include "kiln/runtime/compiler_loader.h"

#include <dlfcn.h>
#include <execinfo.h>

namespace kiln::internal {

namespace {

thread_local ModuleScope* innermost = nullptr;

const void* own_base() {
  static const void* base = [] {
    Dl_info info{};
    dladdr(reinterpret_cast<const void*>(&caller_location), &info);
    return static_cast<const void*>(info.dli_fbase);
  }();
  return base;
}

} // namespace

ModuleScope::ModuleScope(const std::string* name) : name_(name), parent_(innermost) { innermost = this; }
ModuleScope::~ModuleScope() { innermost = parent_; }

std::string ModuleScope::path() {
  std::string path;
  for (const ModuleScope* scope = innermost; scope; scope = scope->parent_) {
    if (!scope->name_ || scope->name_->empty()) continue;
    path = path.empty() ? *scope->name_ : *scope->name_ + "." + path;
  }
  return path;
}

ir::Location caller_location() {
  ir::Location location;
  location.module = ModuleScope::path();
  void* frames[48];
  const int count = backtrace(frames, 48);
  for (int i = 0; i < count; ++i) {
    Dl_info info{};
    if (!dladdr(frames[i], &info) || info.dli_fbase == own_base() || !info.dli_fname) continue;
    // The return address is behind the call: one byte back lies inside it. Resolved by `resolve_location`.
    location.file = "@" + std::string(info.dli_fname);
    location.address = reinterpret_cast<std::uint64_t>(frames[i]) - 1 - reinterpret_cast<std::uint64_t>(info.dli_fbase);
    break;
  }
  return location;
}

} // namespace kiln::internal
