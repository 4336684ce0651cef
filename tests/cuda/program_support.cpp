// See program_support.h.
#include "program_support.h"

#include "cuda/Nvrtc.h"
#include "kiln/runtime/error.h"

#include "KilnOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <regex>

using namespace mlir;

namespace kiln::testing {
namespace {

struct Parsed {
  MLIRContext context{MLIRContext::Threading::DISABLED};
  OwningOpRef<ModuleOp> module;
  std::string diagnostics;

  explicit Parsed(const std::string& text) {
    context.loadDialect<ir::KilnDialect, func::FuncDialect>();
    context.getDiagEngine().registerHandler([this](Diagnostic& d) {
      diagnostics += d.str() + "\n";
      return success();
    });
    module = parseSourceString<ModuleOp>(text, &context);
    if (!module) throw Error("the test's module does not parse: " + diagnostics);
  }
};

/// Bytes of each buffer of an unplanned program by number: arguments, results of fusions, temps.
std::vector<std::size_t> bufferSizes(const std::string& text, const codegen::cuda::CudaProgram& program,
                                     std::size_t& arguments) {
  Parsed parsed(text);
  auto main = parsed.module->lookupSymbol<func::FuncOp>("main");
  std::vector<std::size_t> sizes;
  auto add = [&](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    std::size_t bits = tensor.getElementTypeBitWidth();
    sizes.push_back(tensor.hasStaticShape() ? tensor.getNumElements() * std::max<std::size_t>(1, bits / 8)
                                            : 0);
  };
  for (Value argument : main.getArguments())
    add(argument.getType());
  arguments = sizes.size();
  for (auto fusion : main.getOps<ir::FusionOp>())
    for (Value result : fusion->getResults())
      add(result.getType());
  for (const runtime::Slot& temp : program.temps)
    sizes.push_back(temp.type.bytes());
  return sizes;
}

/// A buffer between two strips that must not change.
class Guarded {
public:
  explicit Guarded(std::size_t bytes) : bytes_(bytes), memory_(bytes + 2 * kStrip + 64, std::byte{0xab}) {
    std::memset(data(), 0xff, bytes); // NaN: what is read before it is written shows
  }
  std::byte* data() {
    auto address = reinterpret_cast<std::uintptr_t>(memory_.data()) + kStrip;
    return reinterpret_cast<std::byte*>((address + 63) / 64 * 64);
  }
  Buffer contents() { return {{data(), data() + bytes_}}; }
  bool intact() {
    auto untouched = [](std::byte b) { return b == std::byte{0xab}; };
    return std::all_of(memory_.data(), data(), untouched) &&
           std::all_of(data() + bytes_, memory_.data() + memory_.size(), untouched);
  }

private:
  static constexpr std::size_t kStrip = 128;
  std::size_t bytes_;
  std::vector<std::byte> memory_;
};

} // namespace

codegen::cuda::CudaProgram emitText(const std::string& text) {
  Parsed parsed(text);
  auto program = codegen::cuda::emitCuda(parsed.module->lookupSymbol<func::FuncOp>("main"));
  if (failed(program)) throw Error(parsed.diagnostics);
  if (const char* folder = std::getenv("KILN_DUMP"); folder && !program->kernels.empty()) // to read them
    std::ofstream(std::string(folder) + "/" + program->kernels.front().name + ".cu") << program->source;
  return std::move(*program);
}

std::vector<Buffer> runProgram(const std::string& text, const codegen::cuda::CudaProgram& program,
                               const std::string& source, const std::vector<Buffer>& inputs) {
  EmulatedModule module(source);
  std::size_t arguments = 0;
  auto sizes = bufferSizes(text, program, arguments);
  std::size_t results = sizes.size() - program.temps.size() - arguments;
  if (inputs.size() != arguments) throw Error("the test gives a wrong number of inputs");
  // A dynamic program's results are as long as its longest input.
  std::size_t longest = 0;
  for (const Buffer& input : inputs)
    longest = std::max(longest, input.bytes.size());
  std::vector<Buffer> first;
  for (Schedule schedule : kSchedules) {
    std::vector<Guarded> buffers;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      std::size_t bytes = sizes[i] ? sizes[i] : longest;
      buffers.emplace_back(bytes);
      if (i >= arguments) continue;
      if (sizes[i] && inputs[i].bytes.size() != bytes) throw Error("the test gives an input of a wrong size");
      std::memcpy(buffers.back().data(), inputs[i].bytes.data(), bytes);
    }
    for (const runtime::Launch& launch : program.launches) {
      std::vector<std::uint64_t> parameters;
      for (std::int32_t slot : launch.slots)
        parameters.push_back(reinterpret_cast<std::uintptr_t>(buffers[slot].data()));
      runtime::CudaLaunch cuda = program.kernels[launch.kernel].cuda;
      std::int64_t elements = static_cast<std::int64_t>(longest / sizeof(float));
      if (launch.items < 0) {
        parameters.push_back(static_cast<std::uint64_t>(elements));
        cuda.grid[0] = static_cast<std::int32_t>((elements + launch.grain - 1) / launch.grain);
      }
      module.launch(launch.symbol, cuda, parameters, schedule);
      for (std::size_t i = 0; i < buffers.size(); ++i)
        if (!buffers[i].intact())
          throw Error(launch.symbol + " writes outside of buffer " + std::to_string(i));
    }
    std::vector<Buffer> now;
    for (std::size_t i = arguments; i < arguments + results; ++i)
      now.push_back(buffers[i].contents());
    if (first.empty())
      first = std::move(now);
    else
      for (std::size_t i = 0; i < results; ++i)
        if (first[i].bytes != now[i].bytes)
          throw Error("result " + std::to_string(i) + " depends on the order in which threads run");
  }
  return first;
}

CudaRun runText(const std::string& text, const std::vector<Buffer>& inputs) {
  CudaRun run{emitText(text), {}};
  run.results = runProgram(text, run.program, run.program.source, inputs);
  return run;
}

std::string nvrtcProblems(const codegen::cuda::CudaProgram& program) {
  return nvrtcProblems(program.source, program.kernels.size());
}

std::string nvrtcProblems(const std::string& source, std::size_t kernels) {
  if (!codegen::cuda::nvrtc().available) {
    static bool said = false;
    if (!said)
      std::fprintf(stderr, "skipped compilation by NVRTC: %s\n", codegen::cuda::nvrtc().detail.c_str());
    said = true;
    return "";
  }
  std::string problems;
  for (const char* architecture : {"sm_80", "sm_90a"}) {
    auto result = codegen::cuda::compileCubin(source, architecture, true);
    if (result.cubin.empty()) return std::string(architecture) + ": " + result.log;
    static const std::regex usage(
        R"((\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads)");
    std::size_t reports = 0;
    for (std::sregex_iterator it(result.log.begin(), result.log.end(), usage), end; it != end;
         ++it, ++reports)
      if ((*it)[1] != "0" || (*it)[2] != "0" || (*it)[3] != "0")
        problems += std::string(architecture) + ": " + (*it).str() + "\n";
    if (reports < kernels)
      problems += std::string(architecture) + ": fewer resource reports than kernels\n" + result.log;
    if (!problems.empty()) problems += result.log;
  }
  return problems;
}

std::vector<Buffer> runArtifact(const runtime::Artifact& artifact, const std::vector<Buffer>& inputs) {
  std::string source(reinterpret_cast<const char*>(artifact.image.data()), artifact.image.size());
  EmulatedModule module(source);
  std::vector<Buffer> first;
  for (Schedule schedule : kSchedules) {
    Guarded arena(artifact.arenaBytes);
    std::vector<Guarded> memory;
    memory.reserve(inputs.size() + artifact.outputs);
    std::vector<std::byte*> addresses;
    for (const runtime::Slot& slot : artifact.slots) {
      if (slot.alias >= 0) {
        addresses.push_back(addresses[slot.alias]);
      } else if (slot.kind == runtime::Slot::Kind::Temp) {
        addresses.push_back(arena.data() + slot.offset);
      } else {
        memory.emplace_back(slot.type.bytes());
        addresses.push_back(memory.back().data());
      }
    }
    for (std::size_t i = 0; i < inputs.size(); ++i)
      std::memcpy(addresses[i], inputs[i].bytes.data(), inputs[i].bytes.size());
    for (const runtime::Launch& launch : artifact.launches) {
      std::vector<std::uint64_t> parameters;
      for (std::int32_t slot : launch.slots)
        parameters.push_back(reinterpret_cast<std::uintptr_t>(addresses[slot]));
      module.launch(launch.symbol, artifact.kernels[launch.kernel].cuda, parameters, schedule);
      bool intact = arena.intact();
      for (Guarded& each : memory)
        intact &= each.intact();
      if (!intact) throw Error(launch.symbol + " writes outside of its buffers");
    }
    std::vector<Buffer> now;
    for (std::int32_t i = artifact.inputs; i < artifact.inputs + artifact.outputs; ++i)
      now.push_back({{addresses[i], addresses[i] + artifact.slots[i].type.bytes()}});
    if (first.empty())
      first = std::move(now);
    else
      for (std::size_t i = 0; i < now.size(); ++i)
        if (first[i].bytes != now[i].bytes)
          throw Error("output " + std::to_string(i) + " depends on the order in which threads run");
  }
  return first;
}

} // namespace kiln::testing
