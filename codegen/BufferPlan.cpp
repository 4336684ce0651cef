// See BufferPlan.h.
#include "BufferPlan.h"

#include "KilnDialect.h"

using namespace mlir;

namespace kiln::codegen {
namespace {
std::optional<runtime::Slot::Kind> kindOf(StringRef text) {
  using Kind = runtime::Slot::Kind;
  if (text == "input") return Kind::Input;
  if (text == "output") return Kind::Output;
  if (text == "temp") return Kind::Temp;
  return std::nullopt;
}
} // namespace

FailureOr<runtime::Artifact> readPlan(func::FuncOp main) {
  auto plan = main->getAttrOfType<DictionaryAttr>("kiln.plan");
  auto slots = plan ? plan.getAs<ArrayAttr>("slots") : nullptr;
  if (!slots) return main.emitError("code generation wants the planned stage: no kiln.plan");
  auto number = [](DictionaryAttr from, StringRef name, std::int64_t fallback) {
    auto attr = from.getAs<IntegerAttr>(name);
    return attr ? attr.getInt() : fallback;
  };
  runtime::Artifact artifact;
  artifact.name = main.getName().str();
  for (auto entry : slots.getAsRange<DictionaryAttr>()) {
    auto kind = kindOf(entry.getAs<StringAttr>("kind").getValue());
    auto type = entry.getAs<TypeAttr>("type");
    if (!kind || !type) return main.emitError("kiln.plan holds a slot without kind or type");
    runtime::Slot slot;
    slot.kind = *kind;
    slot.type = ir::toRecord(type.getValue());
    slot.offset = number(entry, "offset", 0);
    slot.alias = number(entry, "alias", -1);
    artifact.inputs += slot.kind == runtime::Slot::Kind::Input;
    artifact.outputs += slot.kind == runtime::Slot::Kind::Output;
    artifact.slots.push_back(slot);
  }
  artifact.arenaBytes = number(plan, "arena", 0);
  artifact.peakBytes = number(plan, "peak", 0);
  artifact.lowerBoundBytes = number(plan, "lower_bound", 0);
  return artifact;
}

} // namespace kiln::codegen
