// See Diagnostics.h.
#include "Diagnostics.h"

#include "kiln/runtime/error.h"

#include "mlir/IR/Location.h"
#include "llvm/ADT/SmallVector.h"

using namespace mlir;

namespace kiln::codegen {
namespace {

using Places = llvm::SmallVector<std::pair<StringRef, std::string>, 4>; // module path, file:line

void collectPlaces(Location loc, llvm::StringRef module, Places& places) {
  if (auto named = dyn_cast<NameLoc>(loc))
    return collectPlaces(named.getChildLoc(), named.getName().getValue(), places);
  if (auto fused = dyn_cast<FusedLoc>(loc)) {
    for (Location part : fused.getLocations())
      collectPlaces(part, module, places);
    return;
  }
  if (auto call = dyn_cast<CallSiteLoc>(loc)) return collectPlaces(call.getCallee(), module, places);
  std::string line;
  if (auto file = dyn_cast<FileLineColLoc>(loc))
    line = (file.getFilename().getValue() + ":" + llvm::Twine(file.getLine())).str();
  std::pair<StringRef, std::string> place{module, line};
  if ((!module.empty() || !line.empty()) && !llvm::is_contained(places, place)) places.push_back(place);
}

} // namespace

std::string describe(Location loc) {
  Places places;
  collectPlaces(loc, "", places);
  std::string text;
  for (auto& [module, line] : places) {
    if (!text.empty()) text += "; ";
    if (!module.empty()) text += "in " + module.str() + (line.empty() ? "" : ", ");
    if (!line.empty()) text += "at " + line;
  }
  return text;
}

ErrorCollector::ErrorCollector(MLIRContext& context)
    : handler_(&context, [this](Diagnostic& diagnostic) {
        if (diagnostic.getSeverity() != DiagnosticSeverity::Error) return success();
        std::lock_guard lock(mutex_);
        std::string place = describe(diagnostic.getLocation());
        text_ += (text_.empty() ? "" : "\n") + diagnostic.str() + (place.empty() ? "" : " (" + place + ")");
        return success();
      }) {}

void ErrorCollector::raise(const std::string& fallback) const {
  std::lock_guard lock(mutex_);
  throw Error(text_.empty() ? fallback : text_);
}

} // namespace kiln::codegen
