// Checks of an artifact's plan: every index, offset and size is in range, aliases end, nothing overflows.
#include "validate.h"

#include "kiln/runtime/error.h"

#include <limits>

namespace kiln::runtime::detail {
namespace {

[[noreturn]] void fail(const Artifact& artifact, const std::string& why) {
  throw Error("artifact '" + artifact.name + "': " + why);
}

/// Bytes of a type, or -1 when a dimension is dynamic or the product overflows.
std::int64_t checked_bytes(const TensorType& type) {
  std::int64_t bytes = static_cast<std::int64_t>(itemsize(type.dtype));
  for (std::int64_t dim : type.shape)
    if (dim < 0 || __builtin_mul_overflow(bytes, dim, &bytes)) return -1;
  return bytes;
}

bool dynamic(const TensorType& type) {
  for (std::int64_t dim : type.shape)
    if (dim == Shape::kDynamic) return true;
  return false;
}

void check_slot(const Artifact& artifact, std::size_t i) {
  const Slot& slot = artifact.slots[i];
  const std::string what = "slot " + std::to_string(i);
  const auto slots = static_cast<std::int64_t>(artifact.slots.size());
  const auto inputs = static_cast<std::size_t>(artifact.inputs);
  const bool isInput = i < inputs,
             isOutput = !isInput && i < inputs + static_cast<std::size_t>(artifact.outputs);
  if (isInput != (slot.kind == Slot::Kind::Input) || isOutput != (slot.kind == Slot::Kind::Output))
    fail(artifact, what + " is not of the kind that its place asks for");
  if (slot.alias < -1 || slot.alias >= slots)
    fail(artifact, what + " shares the memory of a slot that does not exist");
  if (slot.alias >= 0) {
    std::size_t root = i;
    for (std::int64_t steps = 0; artifact.slots[root].alias >= 0; ++steps) {
      if (steps == slots || artifact.slots[root].alias >= slots || artifact.slots[root].alias < -1)
        fail(artifact, what + " has no memory: its aliases form a circle");
      root = static_cast<std::size_t>(artifact.slots[root].alias);
    }
    const Slot::Kind kind = artifact.slots[root].kind;
    if (isOutput && kind != Slot::Kind::Input && kind != Slot::Kind::Output)
      fail(artifact, what + " is an output in memory that the caller does not see");
    return;
  }
  if (slot.kind == Slot::Kind::Input || slot.kind == Slot::Kind::Output) {
    if (!dynamic(slot.type) && checked_bytes(slot.type) < 0)
      fail(artifact, what + " has an impossible shape");
    return;
  }
  const std::int64_t bytes = checked_bytes(slot.type);
  const std::int64_t limit = slot.kind == Slot::Kind::Temp
                                 ? artifact.arenaBytes
                                 : static_cast<std::int64_t>(artifact.constants.size());
  if (bytes < 0 || slot.offset < 0 || slot.offset > limit || bytes > limit - slot.offset)
    fail(artifact, what + " lies outside its memory");
}

} // namespace

void validate(const Artifact& artifact) {
  const auto slots = static_cast<std::int64_t>(artifact.slots.size());
  if (artifact.inputs < 0 || artifact.outputs < 0 || std::int64_t{artifact.inputs} + artifact.outputs > slots)
    fail(artifact, "fewer slots than inputs and outputs");
  if (artifact.arenaBytes < 0 || artifact.scratchBytes < 0) fail(artifact, "a negative size");
  for (std::size_t i = 0; i < artifact.slots.size(); ++i)
    check_slot(artifact, i);
  for (const Launch& launch : artifact.launches) {
    for (std::int32_t slot : launch.slots)
      if (slot < 0 || slot >= slots)
        fail(artifact, "launch of " + launch.symbol + " uses a slot that does not exist");
    if (launch.items < -1 || launch.grain < 0 || launch.kernel < -1 ||
        launch.kernel >= static_cast<std::int64_t>(artifact.kernels.size()))
      fail(artifact, "launch of " + launch.symbol + " has numbers out of range");
  }
}

std::size_t root_of(const Artifact& artifact, std::size_t slot) {
  while (artifact.slots[slot].alias >= 0)
    slot = static_cast<std::size_t>(artifact.slots[slot].alias);
  return slot;
}

} // namespace kiln::runtime::detail
