// Runs this folder's Python programs, which read what we wrote with the packages that others read it with.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace python {

inline std::string output_of(const std::string& command) {
  std::string text;
  std::FILE* pipe = popen(command.c_str(), "r");
  char piece[4096];
  for (std::size_t n; pipe && (n = std::fread(piece, 1, sizeof piece, pipe)) > 0;)
    text.append(piece, n);
  if (!pipe || pclose(pipe) != 0) throw std::runtime_error("failed: " + command + "\n" + text);
  return text;
}

/// Whether a package can be imported; says so, for ctest to report, where it cannot.
inline bool has(const std::string& package) {
  static const bool found = [&] {
    const std::string command = "'" KILN_TEST_PYTHON "' -c 'import " + package + "' 2>/dev/null";
    return std::system(command.c_str()) == 0;
  }();
  if (!found)
    std::printf("skipped: %s has no Python package %s; scripts/setup.sh installs it\n", KILN_TEST_PYTHON,
                package.c_str());
  return found;
}

/// The JSON that this folder's `program` prints. Throws when it fails.
inline nlohmann::json run(const std::string& program, const std::filesystem::path& argument) {
  return nlohmann::json::parse(output_of("'" KILN_TEST_PYTHON "' '" KILN_PYTHON_PROGRAMS "/" + program +
                                         "' '" + argument.string() + "'"));
}

struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("kiln-python-" + std::to_string(getpid()));
  Folder() { std::filesystem::remove_all(path), std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
};

} // namespace python
