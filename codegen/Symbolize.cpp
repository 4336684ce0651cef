// Address of a call in the user's binary -> the user's own file and line, from DWARF. Frames of our own
// inline functions are passed over, so that `x + y` names the line that adds.
#include "llvm/DebugInfo/Symbolize/Symbolize.h"

#include <cstdint>
#include <mutex>
#include <string>

extern "C" bool kiln_symbolize(const char* binary, std::uint64_t address, std::string* file,
                               std::uint32_t* line) {
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
    const bool last = i + 1 == frames->getNumberOfFrames();
    if (!last && frame.FileName.find("include/kiln/") != std::string::npos) continue;
    *file = frame.FileName;
    *line = frame.Line;
    return true;
  }
  return false;
}
