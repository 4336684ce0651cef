// Address of a call in the user's binary -> the user's own file and line, from DWARF. Frames of inline
// functions, ours and the standard library's, are passed over, so that `x + y` names the line that adds.
#include "llvm/DebugInfo/Symbolize/Symbolize.h"

#include <cstdint>
#include <mutex>
#include <string>

/// Whether code of this file only passes a call on.
static bool isHeaderOfLibrary(llvm::StringRef file) {
  return file.contains("include/kiln/") || file.contains("/c++/");
}

/// Returns whether the line is the user's own; otherwise `file` is the header that passed the call on, or
/// empty when nothing is known.
extern "C" bool kiln_symbolize(const char* binary, std::uint64_t address, std::string* file,
                               std::uint32_t* line) {
  file->clear();
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  static llvm::symbolize::LLVMSymbolizer symbolizer;
  auto frames =
      symbolizer.symbolizeInlinedCode(binary, {address, llvm::object::SectionedAddress::UndefSection});
  if (!frames) {
    llvm::consumeError(frames.takeError());
    return false;
  }
  for (std::uint32_t i = 0; i < frames->getNumberOfFrames(); ++i) {
    const llvm::DILineInfo& frame = frames->getFrame(i);
    if (!frame || frame.FileName == llvm::DILineInfo::BadString || frame.Line == 0) continue;
    *file = frame.FileName;
    *line = frame.Line;
    if (!isHeaderOfLibrary(frame.FileName)) return true;
  }
  return false;
}
