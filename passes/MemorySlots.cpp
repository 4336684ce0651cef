// Slots and arena: inputs and outputs have buffers of their own, temporaries share one arena. Offsets by best
// fit: the largest first, each in the smallest gap between those that are alive with it.
#include "MemoryPlan.h"

using namespace mlir;

namespace kiln::passes {
namespace {

struct Buffer {
  Value value;
  int slot;
  int first, last; ///< steps at which it is alive
  int64_t bytes, offset = 0;
};

constexpr int64_t kAlignment = 64;
int64_t aligned(int64_t bytes) {
  return llvm::alignTo(bytes, kAlignment);
}

/// Sets the offsets; returns the arena's size.
int64_t placeBuffers(std::vector<Buffer>& buffers) {
  std::vector<Buffer*> bySize;
  for (Buffer& buffer : buffers)
    bySize.push_back(&buffer);
  llvm::sort(bySize, [](const Buffer* a, const Buffer* b) {
    return std::pair(b->bytes, a->slot) < std::pair(a->bytes, b->slot);
  });
  std::vector<Buffer*> placed; // by offset
  int64_t arena = 0;
  for (Buffer* buffer : bySize) {
    int64_t size = aligned(buffer->bytes), end = 0, best = -1, bestGap = INT64_MAX;
    for (Buffer* other : placed) {
      if (other->first > buffer->last || other->last < buffer->first) continue;
      int64_t gap = other->offset - end;
      if (gap >= size && gap < bestGap) {
        best = end;
        bestGap = gap;
      }
      end = std::max(end, other->offset + aligned(other->bytes));
    }
    buffer->offset = best >= 0 ? best : end;
    arena = std::max(arena, buffer->offset + size);
    placed.insert(llvm::upper_bound(placed, buffer, [](auto* a, auto* b) { return a->offset < b->offset; }),
                  buffer);
  }
  return arena;
}

int64_t mostAlive(const std::vector<Buffer>& buffers, int steps) {
  std::vector<int64_t> change(steps + 2);
  for (const Buffer& buffer : buffers) {
    change[buffer.first] += buffer.bytes;
    change[buffer.last + 1] -= buffer.bytes;
  }
  int64_t live = 0, most = 0;
  for (int64_t delta : change)
    most = std::max(most, live += delta);
  return most;
}

Attribute slotAttr(Builder& builder, StringRef kind, Type type, int64_t offset, int64_t alias) {
  return builder.getDictionaryAttr({builder.getNamedAttr("alias", builder.getI64IntegerAttr(alias)),
                                    builder.getNamedAttr("kind", builder.getStringAttr(kind)),
                                    builder.getNamedAttr("offset", builder.getI64IntegerAttr(offset)),
                                    builder.getNamedAttr("type", TypeAttr::get(type))});
}

} // namespace

void assignMemory(func::FuncOp func, const Donations& donations) {
  Block& block = func.getBody().front();
  Operation* terminator = block.getTerminator();
  Builder builder(func.getContext());
  SmallVector<Attribute> slots;
  llvm::DenseMap<Value, int> slotOf;
  int64_t held = 0;
  for (BlockArgument argument : func.getArguments()) {
    slotOf[argument] = slots.size();
    slots.push_back(slotAttr(builder, "input", argument.getType(), 0, -1));
    held += bytesOf(argument);
  }
  for (auto [output, value] : llvm::enumerate(terminator->getOperands())) {
    if (isa<OpResult>(rootOf(value))) slotOf[rootOf(value)] = slots.size();
    slots.push_back(slotAttr(builder, "output", value.getType(), 0, donations[output]));
    held += donations[output] >= 0 ? 0 : bytesOf(value);
  }

  std::vector<Buffer> buffers;
  llvm::DenseMap<Value, int> bufferOf;
  int step = 0;
  for (auto fusion : block.getOps<ir::FusionOp>()) {
    for (Value input : fusion.getInputs())
      if (auto found = bufferOf.find(rootOf(input)); found != bufferOf.end())
        buffers[found->second].last = step;
    for (Value result : fusion.getResults())
      if (!slotOf.contains(result)) {
        bufferOf[result] = buffers.size();
        slotOf[result] = slots.size() + buffers.size();
        buffers.push_back({result, slotOf[result], step, step, bytesOf(result)});
      }
    ++step;
  }
  int64_t arena = placeBuffers(buffers);
  for (const Buffer& buffer : buffers)
    slots.push_back(slotAttr(builder, "temp", buffer.value.getType(), buffer.offset, -1));

  for (auto fusion : block.getOps<ir::FusionOp>()) {
    SmallVector<int64_t> used;
    for (Value input : fusion.getInputs())
      used.push_back(slotOf.lookup(rootOf(input)));
    for (Value result : fusion.getResults())
      used.push_back(slotOf.lookup(result));
    fusion.setSlots(used);
  }
  auto number = [&](StringRef name, int64_t value) {
    return builder.getNamedAttr(name, builder.getI64IntegerAttr(value));
  };
  func->setAttr(
      kPlan, builder.getDictionaryAttr(
                 {number("arena", arena), number("lower_bound", held + mostAlive(buffers, step)),
                  number("peak", held + arena), builder.getNamedAttr("slots", builder.getArrayAttr(slots))}));
}

} // namespace kiln::passes
