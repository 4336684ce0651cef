// Finds and opens libkiln-compiler: where the user says, beside this library, then wherever the loader looks.
#include "kiln/runtime/compiler_loader.h"

#include "kiln/runtime/error.h"

#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <map>
#include <mutex>
#include <vector>

namespace kiln::runtime {
namespace {

namespace fs = std::filesystem;

/// Folder of the file that this code is in: libkiln, or a program that holds the runtime itself.
fs::path own_directory() {
  static const char here = 0;
  Dl_info info{};
  if (!dladdr(&here, &info) || !info.dli_fname) return {};
  std::error_code ignored;
  return fs::weakly_canonical(info.dli_fname, ignored).parent_path();
}

/// Files to try, in order. A place that the user named is the only one: another compiler must not step in
/// silently.
std::vector<fs::path> candidates(const std::string& library, const char* environment) {
  const std::vector<std::string> names = {"lib" + library + ".so.0", "lib" + library + ".so"};
  std::vector<fs::path> files;
  const char* given = std::getenv(environment);
  if (given && *given) {
    std::error_code ignored;
    if (!fs::is_directory(given, ignored)) return {fs::absolute(given)};
    for (const auto& name : names)
      files.push_back(fs::absolute(given) / name);
    return files;
  }
  const fs::path own = own_directory(), lib = own.parent_path() / "lib";
  for (const auto& name : names)
    if (!own.empty()) files.push_back(own / name);
  for (const auto& name : names)
    if (!own.empty() && lib != own) files.push_back(lib / name);
  for (const auto& name : names)
    files.emplace_back(name);
  return files;
}

void* open(const std::string& library, const char* environment) {
  std::string tried;
  for (const fs::path& file : candidates(library, environment)) {
    std::error_code ignored;
    if (file.has_parent_path() && !fs::exists(file, ignored)) {
      tried += "\n  " + file.string() + ": no such file";
      continue;
    }
    if (void* handle = dlopen(file.c_str(), RTLD_LAZY | RTLD_LOCAL)) return handle;
    tried += "\n  " + file.string() + ": " + dlerror();
  }
  throw Error("cannot open lib" + library + " (" + environment +
              " names its file or folder); tried:" + tried);
}

} // namespace

void* load_symbol(const std::string& library, const std::string& symbol, const char* environment) {
  static std::mutex mutex;
  static auto* const handles =
      new std::map<std::string, void*>; // never closed: its code may run until the end
  std::lock_guard lock(mutex);
  void*& handle = (*handles)[library];
  if (!handle) handle = open(library, environment);
  if (void* address = dlsym(handle, symbol.c_str())) return address;
  throw Error("lib" + library + " has no symbol '" + symbol + "': it is of another version");
}

} // namespace kiln::runtime
