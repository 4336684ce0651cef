// kiln-bench: times one workload and reports it beside the least time that this machine could take.
//
// compile_cold_ms: the first compiled step of a process whose cache is empty.
// compile_warm_ms: from main to the end of the first compiled step, in a second process with that cache.
// call_overhead_us: a compiled step over as many state tensors, of one element each.
// Compile times come from processes of their own, since this one has loaded and compiled things already.
#include "kiln_workloads.h"
#include "roofline.h"
#include "timing.h"
#include "workloads.h"

#include <kiln/kiln.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <spawn.h>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

struct Options {
  std::string workload, mode = "compiled";
  int threads = 1;
  bool json = false, kernels = false, first_step = false;
};

/// Runs this program with `arguments` and a cache of its own; returns what it printed.
std::string run_self(std::vector<std::string> arguments, const fs::path& cache) {
  std::string program = fs::read_symlink("/proc/self/exe").string(),
              variable = "KILN_CACHE_DIR=" + cache.string();
  arguments.insert(arguments.begin(), program);
  std::vector<char*> argv, environment;
  for (auto& argument : arguments)
    argv.push_back(argument.data());
  argv.push_back(nullptr);
  for (char** entry = environ; *entry; ++entry)
    if (!std::string_view(*entry).starts_with("KILN_CACHE")) environment.push_back(*entry);
  environment.push_back(variable.data());
  environment.push_back(nullptr);

  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("kiln-bench: cannot make a pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  pid_t child = 0;
  int failed = posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string text;
  char piece[512];
  for (ssize_t n = 0; !failed && (n = read(ends[0], piece, sizeof piece)) > 0;)
    text.append(piece, static_cast<std::size_t>(n));
  close(ends[0]);
  int status = 0;
  if (failed || waitpid(child, &status, 0) < 0 || status != 0)
    throw std::runtime_error("kiln-bench: the process that measures compile times failed");
  return text;
}

/// A directory for a cache, private as the cache demands, and gone with this object.
struct PrivateDirectory {
  PrivateDirectory() {
    std::string name = (fs::temp_directory_path() / "kiln-bench-XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("kiln-bench: cannot make " + name);
    path = name;
  }
  ~PrivateDirectory() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  PrivateDirectory(const PrivateDirectory&) = delete;
  fs::path path;
};

void print_first_step(const Options& options, Clock::time_point main_start) {
  auto workload = bench::make(options.workload, true);
  auto start = Clock::now();
  workload.step();
  double step = bench::milliseconds_since(start);
  std::cout << Json{{"step_ms", step}, {"since_main_ms", bench::milliseconds_since(main_start)}} << std::endl;
}

void add_compile_times(const Options& options, Json& result) {
  PrivateDirectory cache;
  std::vector<std::string> arguments = {"--workload", options.workload, "--threads",
                                        std::to_string(options.threads), "--first-step"};
  result["compile_cold_ms"] = Json::parse(run_self(arguments, cache.path))["step_ms"];
  result["compile_warm_ms"] = Json::parse(run_self(arguments, cache.path))["since_main_ms"];
}

Json run(const Options& options) {
  bool compiled = options.mode == "compiled";
  auto work = bench::work_of(options.workload);
  auto roofline = bench::measure_roofline(options.threads);
  auto workload = bench::make(options.workload, compiled);
  auto times = bench::measure(workload.step);
  Json result = {{"workload", options.workload},
                 {"mode", options.mode},
                 {"threads", options.threads},
                 {"median_ms", times.median_ms},
                 {"min_ms", times.min_ms},
                 {"gflops", work.flops / times.median_ms / 1e6},
                 {"bytes", static_cast<std::int64_t>(work.bytes)},
                 {"floor_ms", bench::floor_ms(roofline, work.flops, work.bytes)}};
  // Eager mode has no program to report on.
  for (const char* name : {"compile_cold_ms", "compile_warm_ms", "call_overhead_us", "kernels", "peak_bytes",
                           "lower_bound_bytes"})
    result[name] = nullptr;
  if (!compiled) return result;
  auto report = workload.report();
  result["kernels"] = report.kernels;
  result["peak_bytes"] = report.peak_bytes;
  result["lower_bound_bytes"] = report.lower_bound_bytes;
  result["call_overhead_us"] = bench::measure(bench::make_empty_step(workload.state), 0.3).median_ms * 1000;
  add_compile_times(options, result);
  return result;
}

void print(const Json& result) {
  for (const auto& [name, value] : result.items())
    std::printf("%-18s %s\n", name.c_str(), value.dump().c_str());
}

/// The kernels of the compiled program, the slowest first.
void print_kernels(const Options& options) {
  auto workload = bench::make(options.workload, true);
  workload.step();
  auto kernels = workload.kernels();
  std::sort(kernels.begin(), kernels.end(),
            [](const auto& a, const auto& b) { return a.microseconds > b.microseconds; });
  std::printf("%10s %9s %9s %-13s %-40s %s\n", "us", "GFLOP/s", "GB/s", "kind", "name", "fused ops, place");
  for (const auto& kernel : kernels) {
    constexpr std::size_t kShown = 16; // an optimizer's one kernel holds hundreds
    std::string ops;
    for (std::size_t i = 0; i < std::min(kernel.ops.size(), kShown); ++i)
      ops += kernel.ops[i] + " ";
    if (kernel.ops.size() > kShown) ops += "… (" + std::to_string(kernel.ops.size()) + " ops) ";
    double ns = kernel.microseconds * 1000;
    std::printf("%10.1f %9.1f %9.1f %-13s %-40s %s%s\n", kernel.microseconds,
                static_cast<double>(kernel.flops) / ns, static_cast<double>(kernel.bytes) / ns,
                kernel.kind.c_str(), kernel.name.c_str(), ops.c_str(), kernel.location.c_str());
  }
}

} // namespace

int main(int argc, char** argv) {
  auto start = Clock::now();
  Options options;
  CLI::App app("Times a workload on Kiln, beside the least time that this machine could take.");
  app.add_option("--workload", options.workload, "what to run")
      ->required()
      ->check(CLI::IsMember(bench::workloads()));
  app.add_option("--mode", options.mode, "eager or compiled")->check(CLI::IsMember({"eager", "compiled"}));
  app.add_option("--threads", options.threads, "threads to run on")->check(CLI::Range(1, 1024));
  app.add_flag("--json", options.json, "one JSON object on one line");
  app.add_flag("--kernels", options.kernels, "the compiled program's kernels, each with its time, instead");
  app.add_flag("--first-step", options.first_step)->group(""); // for this program's own use
  CLI11_PARSE(app, argc, argv);
  try {
    kiln::set_num_threads(options.threads);
    kiln::manual_seed(1);
    if (options.first_step) return print_first_step(options, start), 0;
    if (options.kernels) return print_kernels(options), 0;
    Json result = run(options);
    if (options.json)
      std::cout << result << std::endl;
    else
      print(result);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
