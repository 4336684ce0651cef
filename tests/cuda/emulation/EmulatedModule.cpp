// See EmulatedModule.h. The kernel text becomes a shared object beside a `call_NAME` for each kernel.
#include "emulation/EmulatedModule.h"

#include "emulation/Fibers.h"
#include "emulation/cuda_state.h"
#include "kiln/runtime/error.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include <dlfcn.h>

namespace kiln::testing {
namespace {

std::string readFile(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The text with what makes it callable: CUDA's words before it, a trampoline for each kernel after it.
std::string hosted(const std::string& source) {
  std::ostringstream text;
  text << "#include \"" KILN_EMULATION_DIR "/cuda_on_cpu.h\"\n#line 1 \"kernels.cu\"\n" << source;
  text << "\nextern \"C\" EmulatedState emulated_state{};\n"
          "__shared__ char emulated_shared_anchor[16];\n" // so that the section exists
          "extern \"C\" char __start_kiln_shared[] __attribute__((visibility(\"hidden\")));\n"
          "extern \"C\" char __stop_kiln_shared[] __attribute__((visibility(\"hidden\")));\n"
          "extern \"C\" void emulated_fill(int byte) {\n"
          "  emulated_shared_anchor[0] = 0;\n"
          "  __builtin_memset(__start_kiln_shared, byte, __stop_kiln_shared - __start_kiln_shared);\n}\n";
  static const std::regex kernel(R"(__global__ void (?:__launch_bounds__\(\d+\) )?(\w+)\()");
  for (std::sregex_iterator it(source.begin(), source.end(), kernel), end; it != end; ++it)
    text << "extern \"C\" void call_" << (*it)[1] << "(const unsigned long long* words) { emulated_call("
         << (*it)[1] << ", words); }\nextern \"C\" unsigned words_" << (*it)[1]
         << "() { return emulated_words(" << (*it)[1] << "); }\n";
  return text.str();
}

} // namespace

struct EmulatedModule::Library {
  std::filesystem::path directory;
  void* handle = nullptr;
  EmulatedState* state = nullptr;
  void (*fill)(int) = nullptr;

  ~Library() {
    if (handle) dlclose(handle);
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
  }
  template <class T> T symbol(const std::string& name) const {
    void* address = dlsym(handle, name.c_str());
    if (!address) throw Error("emulation: no symbol " + name);
    return reinterpret_cast<T>(address);
  }
};

EmulatedModule::EmulatedModule(const std::string& source) : library_(std::make_unique<Library>()) {
  std::string pattern = (std::filesystem::temp_directory_path() / "kiln-emulation-XXXXXX").string();
  if (!mkdtemp(pattern.data())) throw Error("emulation: cannot make a directory like " + pattern);
  std::filesystem::path directory = library_->directory = pattern;
  std::ofstream(directory / "kernels.cpp") << hosted(source);
  // -fwrapv: integers wrap as on a device. No contraction: the device's is checked by its own rounding
  // bounds.
  std::string command = KILN_HOST_COMPILER " -std=c++17 -O1 -w -shared -fPIC -fwrapv -fno-builtin-nan "
                                           "-ffp-contract=off -o '" +
                        (directory / "kernels.so").string() + "' '" + (directory / "kernels.cpp").string() +
                        "' > '" + (directory / "log").string() + "' 2>&1";
  if (std::system(command.c_str()) != 0)
    throw Error("emulation: the kernels do not compile:\n" + readFile(directory / "log"));
  library_->handle = dlopen((directory / "kernels.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library_->handle) throw Error(std::string("emulation: ") + dlerror());
  library_->state = library_->symbol<EmulatedState*>("emulated_state");
  library_->fill = library_->symbol<void (*)(int)>("emulated_fill");
}

EmulatedModule::~EmulatedModule() = default;

void EmulatedModule::launch(const std::string& kernel, const runtime::CudaLaunch& launch,
                            std::span<const std::uint64_t> parameters, Schedule schedule) const {
  auto call = library_->symbol<void (*)(const std::uint64_t*)>("call_" + kernel);
  unsigned wanted = library_->symbol<unsigned (*)()>("words_" + kernel)();
  if (parameters.size() != wanted)
    throw Error("emulation: " + kernel + " got " + std::to_string(parameters.size()) +
                " words of parameters, wanted " + std::to_string(wanted));
  EmulatedState& state = *library_->state;
  auto index = [](const std::int32_t (&v)[3]) {
    return EmulatedIndex{unsigned(v[0]), unsigned(v[1]), unsigned(v[2])};
  };
  state.gridSize = index(launch.grid);
  state.blockSize = index(launch.block);
  BlockScheduler scheduler(state, launch, schedule);
  unsigned blocks = state.gridSize.x * state.gridSize.y * state.gridSize.z;
  for (unsigned n = 0; n < blocks; ++n) {
    unsigned block = schedule == Schedule::Forward ? n : blocks - 1 - n;
    state.blockIndex = {block % state.gridSize.x, block / state.gridSize.x % state.gridSize.y,
                        block / (state.gridSize.x * state.gridSize.y)};
    library_->fill(0xff); // every byte 0xff: NaN in each floating-point type
    scheduler.run([&] { call(parameters.data()); });
  }
}

} // namespace kiln::testing
