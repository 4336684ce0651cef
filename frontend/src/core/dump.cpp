// See dump.h.
#include "core/dump.h"

#include "core/programs.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>

namespace kiln::internal {

namespace {

namespace fs = std::filesystem;

void put(const fs::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::trunc);
  out << text;
  if (!out.flush()) throw Error("dump: could not write " + file.string());
}

void put_kernels(const fs::path& directory, const std::string& prefix, const runtime::Artifact& artifact) {
  for (std::size_t i = 0; i < artifact.kernels.size(); ++i)
    put(directory / (prefix + std::to_string(i) + "-" + artifact.kernels[i].name + ".mlir"),
        artifact.kernels[i].source);
}

} // namespace

void write_dump(const ir::Program& program, const std::string& directory) {
  const ir::CompileResult result = compile_verbose(program);
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) throw Error("dump: could not create " + directory + ": " + error.message());
  for (std::size_t i = 0; i < result.stages.size(); ++i)
    put(fs::path(directory) / (std::to_string(i) + "-" + std::string(ir::name(ir::kStages[i])) + ".mlir"),
        result.stages[i]);
  put_kernels(directory, "kernel-", result.artifact);
  if (result.backward) put_kernels(directory, "kernel-backward-", *result.backward);
}

void dump_if_asked(const ir::Program& program) {
  const char* directory = std::getenv("KILN_DUMP");
  if (!directory || !*directory) return;
  static std::mutex mutex;
  static std::set<std::string> written;
  const std::string name = program.name + "-" + ir::hash(program).hex().substr(0, 8);
  std::lock_guard lock(mutex);
  if (!written.insert(name).second) return;
  write_dump(program, (fs::path(directory) / name).string());
}

} // namespace kiln::internal
