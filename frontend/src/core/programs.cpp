// Where executables come from: memory, disk, compiler, in that order.
#include "core/programs.h"

#include "core/trace.h"
#include "kiln/runtime/cache.h"
#include "kiln/runtime/compiler_loader.h"
#include "kiln/runtime/cpu_features.h"
#include "kiln/runtime/hash.h"
#include "kiln/runtime/parallel.h"
#include "kiln_fingerprint.h"

#include <chrono>
#include <cstring>

namespace kiln::internal {

namespace {

// Part of every key: artifacts made by another build of the compiler must not be run.
constexpr std::string_view kFormat = "kiln 0.1.0 " KILN_FINGERPRINT " cpu ";

runtime::KeyMap<CompiledProgram>& loaded() {
  static auto* map = new runtime::KeyMap<CompiledProgram>; // never destroyed: programs may run during exit
  return *map;
}

ir::CompileOptions options(bool verbose) {
  return {.target = "cpu", .threads = runtime::get_num_threads(), .keepStages = verbose};
}

// Addresses of callers become files and lines only when there is something to compile.
ir::Program located(ir::Program program) {
  for (ir::Location& location : program.locations)
    location = resolve_location(std::move(location));
  return program;
}

std::string disk_key(const ir::Program& program) {
  const std::string target = std::string(kFormat) + runtime::cpu_features() + " threads " +
                             std::to_string(runtime::get_num_threads());
  return ir::hash(program).hex() + ir::Hash{0, runtime::hash64(target)}.hex().substr(16);
}

std::shared_ptr<runtime::Executable> executable(const std::string& key, runtime::Artifact artifact,
                                                std::string_view kind) {
  const auto file = runtime::DiskCache::global().put_artifact(key, artifact, kind);
  return std::make_shared<runtime::Executable>(std::move(artifact), file);
}

} // namespace

ir::Compiler& compiler() {
  using Factory = ir::Compiler* (*)();
  static ir::Compiler* instance =
      reinterpret_cast<Factory>(runtime::load_symbol("kiln-compiler", "kiln_compiler"))();
  return *instance;
}

CompiledProgram load_program(const ir::Program& program) {
  const ir::Hash content = ir::hash(program);
  const auto threads = static_cast<std::uint64_t>(runtime::get_num_threads());
  const runtime::Key key{content.hi ^ (threads * 0x9e3779b97f4a7c15u), content.lo};
  if (const CompiledProgram* found = loaded().find(key)) return *found;

  const auto start = std::chrono::steady_clock::now();
  CompiledProgram result;
  const std::string name = disk_key(program);
  auto& disk = runtime::DiskCache::global();
  const bool joint = program.forwardInputs > 0;
  if (auto forward = disk.get_artifact(name)) {
    auto backward = joint ? disk.get_artifact(name, "backward") : std::nullopt;
    auto residuals = joint ? disk.get(name, "residuals") : std::nullopt;
    if (!joint || (backward && residuals)) {
      result.forward =
          std::make_shared<runtime::Executable>(std::move(forward->artifact), forward->imageFile);
      if (joint) {
        result.backward =
            std::make_shared<runtime::Executable>(std::move(backward->artifact), backward->imageFile);
        result.residuals.resize(residuals->size() / sizeof(std::int32_t));
        if (!result.residuals.empty()) // else there is no address to copy to
          std::memcpy(result.residuals.data(), residuals->data(),
                      result.residuals.size() * sizeof(std::int32_t));
      }
    }
  }
  if (!result.forward) {
    ir::CompileResult compiled = compiler().compile(located(program), options(false));
    result.compiled = true;
    if (joint) {
      if (!compiled.backward) throw Error("jit: the compiler gave no backward program");
      disk.put(name, "residuals", std::as_bytes(std::span(compiled.residuals)));
      result.residuals = compiled.residuals;
      result.backward = executable(name, std::move(*compiled.backward), "backward");
    }
    result.forward = executable(name, std::move(compiled.artifact), "program");
  }
  result.milliseconds =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  auto stored = std::make_unique<CompiledProgram>(result);
  stored->compiled = false;
  stored->milliseconds = 0;
  loaded().insert(key, std::move(stored));
  return result;
}

ir::CompileResult compile_verbose(const ir::Program& program) {
  return compiler().compile(located(program), options(true));
}

} // namespace kiln::internal
