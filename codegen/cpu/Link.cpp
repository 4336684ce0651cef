// lld is a program turned library: it reads and writes files and keeps global state. Inputs are anonymous
// memory files (/proc/self/fd/N); the output, which lld insists on creating, goes to a private directory. A
// mutex lets one link run at a time.
#include "cpu/Link.h"

#include "kiln/runtime/error.h"

#include "lld/Common/CommonLinkerContext.h"
#include "lld/Common/Driver.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <link.h>
#include <mutex>
#include <sys/mman.h>
#include <unistd.h>

LLD_HAS_DRIVER(elf)

namespace kiln::codegen::cpu {
namespace {

/// An anonymous file that has a path while it lives.
class MemoryFile {
public:
  explicit MemoryFile(const char* name) : fd(memfd_create(name, MFD_CLOEXEC)) {
    if (fd < 0) throw Error("link: no memory file: " + std::string(std::strerror(errno)));
  }
  ~MemoryFile() { close(fd); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(fd); }

  void write(llvm::StringRef bytes) {
    while (!bytes.empty()) {
      ssize_t written = ::write(fd, bytes.data(), bytes.size());
      if (written < 0) throw Error("link: cannot write a memory file: " + std::string(std::strerror(errno)));
      bytes = bytes.drop_front(written);
    }
  }

private:
  int fd;
};

/// A directory that only this user can enter, removed with the one file in it.
class OutputDirectory {
public:
  OutputDirectory() {
    const char* base = std::getenv("TMPDIR");
    directory = std::string(base && *base ? base : "/tmp") + "/kiln-link-XXXXXX";
    if (!mkdtemp(directory.data()))
      throw Error("link: cannot make " + directory + ": " + std::strerror(errno));
  }
  ~OutputDirectory() {
    unlink(file().c_str());
    rmdir(directory.c_str());
  }
  OutputDirectory(const OutputDirectory&) = delete;
  OutputDirectory& operator=(const OutputDirectory&) = delete;

  std::string file() const { return directory + "/image.so"; }

  std::vector<std::byte> read() const {
    auto buffer = llvm::MemoryBuffer::getFile(file(), /*IsText=*/false, /*RequiresNullTerminator=*/false);
    if (!buffer) throw Error("link: cannot read " + file() + ": " + buffer.getError().message());
    auto* bytes = reinterpret_cast<const std::byte*>((*buffer)->getBufferStart());
    return {bytes, bytes + (*buffer)->getBufferSize()};
  }

private:
  std::string directory;
};

/// Whether an object calls anything outside: other kernels, or libm.
bool hasUndefinedSymbols(llvm::StringRef bytes) {
  auto object = llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(bytes, "kernel"));
  if (!object) {
    llvm::consumeError(object.takeError());
    return true;
  }
  for (const llvm::object::SymbolRef& symbol : (*object)->symbols()) {
    llvm::Expected<std::uint32_t> flags = symbol.getFlags();
    llvm::Expected<llvm::StringRef> name = symbol.getName();
    bool undefined = flags && (*flags & llvm::object::SymbolRef::SF_Undefined) && name && !name->empty();
    if (!flags) llvm::consumeError(flags.takeError());
    if (!name) llvm::consumeError(name.takeError());
    if (undefined) return true;
  }
  return false;
}

/// The libm that this process runs with: the one that kernels will call.
std::string libmPath() {
  void* handle = dlopen("libm.so.6", RTLD_LAZY | RTLD_NOLOAD);
  link_map* map = nullptr;
  if (!handle || dlinfo(handle, RTLD_DI_LINKMAP, static_cast<void*>(&map)) != 0) return {};
  return map->l_name;
}

} // namespace

LinkedImage linkSharedObject(const std::vector<std::string>& objects) {
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  auto start = std::chrono::steady_clock::now();

  std::vector<std::unique_ptr<MemoryFile>> inputs;
  bool undefined = false;
  for (const std::string& object : objects) {
    inputs.push_back(std::make_unique<MemoryFile>("kiln-object"));
    inputs.back()->write(object);
    undefined |= hasUndefinedSymbols(object);
  }
  OutputDirectory output;

  // One thread: starting a pool takes longer than the link.
  std::vector<std::string> text = {"ld.lld",          "-shared", "--threads=1", "-O0", "--hash-style=gnu",
                                   "--build-id=none", "-z",      "noexecstack", "-o",  output.file()};
  for (const auto& input : inputs)
    text.push_back(input->path());
  if (undefined)
    if (std::string libm = libmPath(); !libm.empty()) text.insert(text.end(), {"--as-needed", libm});
  std::vector<const char*> args;
  for (const std::string& arg : text)
    args.push_back(arg.c_str());

  std::string messages;
  llvm::raw_string_ostream errors(messages);
  bool linked = lld::elf::link(args, llvm::nulls(), errors, /*exitEarly=*/false, /*disableOutput=*/false);
  lld::CommonLinkerContext::destroy();
  if (!linked) throw Error("link: " + messages);

  LinkedImage image;
  image.bytes = output.read();
  std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
  image.milliseconds = elapsed.count();
  return image;
}

} // namespace kiln::codegen::cpu
