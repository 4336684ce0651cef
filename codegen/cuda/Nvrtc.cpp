// See Nvrtc.h. The few entry points that are needed are declared here: no CUDA header is.
#include "cuda/Nvrtc.h"

#include "kiln/runtime/error.h"

#include <cstdlib>

#include <dlfcn.h>

namespace kiln::codegen::cuda {
namespace {

using Program = void*;

struct Api {
  NvrtcStatus status;
  int (*version)(int*, int*) = nullptr;
  int (*create)(Program*, const char*, const char*, int, const char* const*, const char* const*) = nullptr;
  int (*compile)(Program, int, const char* const*) = nullptr;
  int (*logSize)(Program, std::size_t*) = nullptr;
  int (*log)(Program, char*) = nullptr;
  int (*cubinSize)(Program, std::size_t*) = nullptr;
  int (*cubin)(Program, char*) = nullptr;
  int (*ptxSize)(Program, std::size_t*) = nullptr;
  int (*ptx)(Program, char*) = nullptr;
  int (*destroy)(Program*) = nullptr;
  const char* (*errorString)(int) = nullptr;
};

void* openLibrary(std::string& detail) {
  std::vector<std::string> folders;
  auto folder = [&](const char* variable, const char* below) {
    if (const char* value = std::getenv(variable)) folders.push_back(std::string(value) + below);
  };
  folder("KILN_NVRTC_PATH", "/");
  folders.push_back("");
  folder("CUDA_HOME", "/lib64/");
  folders.push_back("/usr/local/cuda/lib64/");
  for (const std::string& at : folders)
    for (const char* major : {"13", "12"}) {
      // NVRTC opens its built-ins by bare name, which fails outside the loader's folders: open them first.
      for (const char* minor : {".0", ".1", ".2", ".3", ".4", ".5", ".6", ".8", ".9"})
        if (!at.empty())
          dlopen((at + "libnvrtc-builtins.so." + major + minor).c_str(), RTLD_NOW | RTLD_GLOBAL);
      std::string file = at + "libnvrtc.so." + major;
      if (void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) {
        detail = file;
        return handle;
      }
    }
  detail =
      "libnvrtc.so.13 or .12 is not where the loader looks, in KILN_NVRTC_PATH, CUDA_HOME or /usr/local/cuda";
  return nullptr;
}

Api load() {
  Api api;
  void* handle = openLibrary(api.status.detail);
  if (!handle) return api;
  bool complete = true;
  auto symbol = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(handle, name));
    complete &= function != nullptr;
  };
  symbol(api.version, "nvrtcVersion");
  symbol(api.create, "nvrtcCreateProgram");
  symbol(api.compile, "nvrtcCompileProgram");
  symbol(api.logSize, "nvrtcGetProgramLogSize");
  symbol(api.log, "nvrtcGetProgramLog");
  symbol(api.cubinSize, "nvrtcGetCUBINSize");
  symbol(api.cubin, "nvrtcGetCUBIN");
  symbol(api.ptxSize, "nvrtcGetPTXSize");
  symbol(api.ptx, "nvrtcGetPTX");
  symbol(api.destroy, "nvrtcDestroyProgram");
  symbol(api.errorString, "nvrtcGetErrorString");
  if (!complete) {
    api.status.detail += " lacks an entry point that is needed";
    return api;
  }
  api.version(&api.status.major, &api.status.minor);
  if (api.status.major == 12 && api.status.minor < 1) {
    api.status.detail += " is of CUDA 12.0: kernels with more than 4 KB of parameters need 12.1";
    return api;
  }
  api.status.available = true;
  return api;
}

const Api& api() {
  static const Api loaded = load();
  return loaded;
}

/// A compiled program; destroys it when it goes.
class Compilation {
public:
  Compilation(const std::string& source, const std::string& architecture, bool verbose) {
    if (!api().status.available) throw Error("NVRTC is not available: " + api().status.detail);
    check(api().create(&program_, source.c_str(), "kernels.cu", 0, nullptr, nullptr));
    std::string target = "--gpu-architecture=" + architecture;
    std::vector<const char*> options = {target.c_str(), "--std=c++17"};
    if (verbose) options.push_back("--ptxas-options=-v");
    failed = api().compile(program_, static_cast<int>(options.size()), options.data()) != 0;
    log = text(api().logSize, api().log);
  }
  ~Compilation() {
    if (program_) api().destroy(&program_);
  }
  std::string text(int (*size)(Program, std::size_t*), int (*get)(Program, char*)) const {
    std::size_t bytes = 0;
    check(size(program_, &bytes));
    std::string result(bytes, '\0');
    check(get(program_, result.data()));
    return result;
  }

  bool failed = false;
  std::string log;

private:
  static void check(int code) {
    if (code != 0) throw Error(std::string("NVRTC: ") + api().errorString(code));
  }
  Program program_ = nullptr;
};

} // namespace

const NvrtcStatus& nvrtc() {
  return api().status;
}

CubinResult compileCubin(const std::string& source, const std::string& architecture, bool verbose) {
  Compilation compilation(source, architecture, verbose);
  CubinResult result{{}, compilation.log};
  if (compilation.failed) return result;
  std::string image = compilation.text(api().cubinSize, api().cubin);
  auto* bytes = reinterpret_cast<const std::byte*>(image.data());
  result.cubin.assign(bytes, bytes + image.size());
  return result;
}

std::string compilePtx(const std::string& source, const std::string& architecture) {
  Compilation compilation(source, architecture, false);
  if (compilation.failed) throw Error("NVRTC: " + compilation.log);
  return compilation.text(api().ptxSize, api().ptx);
}

} // namespace kiln::codegen::cuda
