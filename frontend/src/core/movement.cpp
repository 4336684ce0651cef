#include "core/movement.h"

#include "kiln/ops.h"

#include <array>
#include <cstring>

namespace kiln::internal {

namespace {

// `count` pieces of `bytes` bytes, at equal distances on both sides.
template <std::size_t bytes>
void copy_pieces(std::byte* to, std::int64_t to_step, const std::byte* from, std::int64_t from_step,
                 std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i, to += to_step, from += from_step)
    std::memcpy(to, from, bytes);
}
void copy_pieces(std::byte* to, std::int64_t to_step, const std::byte* from, std::int64_t from_step,
                 std::int64_t count, std::int64_t bytes) {
  switch (bytes) { // one element a piece is the common case of a column
  case 1:
    return copy_pieces<1>(to, to_step, from, from_step, count);
  case 4:
    return copy_pieces<4>(to, to_step, from, from_step, count);
  case 8:
    return copy_pieces<8>(to, to_step, from, from_step, count);
  default:
    for (std::int64_t i = 0; i < count; ++i, to += to_step, from += from_step)
      std::memcpy(to, from, static_cast<std::size_t>(bytes));
  }
}

// A region of a row-major array as pieces of adjacent bytes: dimensions that the region covers wholly belong
// to the piece, and so does the one outside them when it is walked by ones.
struct Region {
  std::int64_t piece = 1;  // bytes
  std::int64_t offset = 0; // of the first piece, in bytes
  std::size_t rank = 0;    // dimensions walked piece by piece, innermost first
  std::array<std::int64_t, Shape::kMaxRank> counts{}, steps{};

  Region(const TensorType& whole, const Attributes& slice) {
    const ir::Attrs attrs("slice", slice);
    const auto &starts = attrs.integers("starts"), &stops = attrs.integers("stops"),
               &by = attrs.integers("steps");
    std::int64_t stride = static_cast<std::int64_t>(itemsize(whole.dtype));
    piece = stride;
    bool adjacent = true;
    for (std::size_t d = whole.shape.rank(); d-- > 0;) {
      const std::int64_t count = (stops[d] - starts[d] + by[d] - 1) / by[d];
      offset += starts[d] * stride;
      if (adjacent && (by[d] == 1 || count == 1)) {
        piece *= count;
      } else if (count != 1) {
        counts[rank] = count;
        steps[rank++] = by[d] * stride;
      }
      adjacent = adjacent && count == whole.shape[d];
      stride *= whole.shape[d];
    }
  }

  // Calls visit(offset in the whole array, offset in the block) for each run of pieces along the innermost
  // walk.
  template <class Visit> void walk(Visit visit) const {
    const std::int64_t run = rank == 0 ? 1 : counts[0];
    std::array<std::int64_t, Shape::kMaxRank> index{};
    for (std::int64_t at = offset, packed = 0;; packed += run * piece) {
      visit(at, packed);
      std::size_t d = 1;
      for (; d < rank; ++d) {
        at += steps[d];
        if (++index[d] < counts[d]) break;
        at -= counts[d] * steps[d];
        index[d] = 0;
      }
      if (d >= rank) return;
    }
  }
};

void read_region(std::byte* block, const std::byte* whole, const Region& region) {
  const std::int64_t run = region.rank == 0 ? 1 : region.counts[0], step = region.steps[0];
  region.walk([&](std::int64_t at, std::int64_t packed) {
    copy_pieces(block + packed, region.piece, whole + at, step, run, region.piece);
  });
}

class MovementNode : public TapeNode {
public:
  MovementNode(const ir::OpRecord& record, std::string name, Attributes attrs,
               std::span<const Tensor> operands)
      : record_(record), name_(std::move(name)), attrs_(std::move(attrs)) {
    for (const Tensor& x : operands) {
      types_.push_back(x.impl()->type);
      inputs.push_back(gradient_edge(x));
    }
  }
  std::string name() const override { return name_; }

  std::vector<Tensor> backward(const std::vector<Tensor>& gradients, bool create_graph) override {
    AutoGradMode mode(create_graph);
    const Tensor& g = gradients[0];
    auto nothing = [&](std::size_t i) { return zeros(types_[i].shape, TensorOptions(types_[i].dtype)); };
    switch (record_.movement) {
    case ir::Movement::Alias: {
      const auto dims = types_[0].shape.dims();
      return {apply("reshape", {g}, {{"shape", std::vector<std::int64_t>(dims.begin(), dims.end())}})};
    }
    case ir::Movement::Read:
      return {apply("slice_update", {nothing(0), g}, attrs_)};
    case ir::Movement::Replace:
      return {inputs[0].node ? apply("slice_update", {g, nothing(1)}, attrs_) : Tensor(),
              inputs[1].node ? apply("slice", {g}, attrs_) : Tensor()};
    case ir::Movement::None:
      break;
    }
    return {};
  }

private:
  const ir::OpRecord& record_;
  std::string name_;
  Attributes attrs_;
  std::vector<TensorType> types_;
};

} // namespace

void replace_region(std::byte* into, const TensorType& type, const Attributes& slice,
                    const std::byte* block) {
  const Region region(type, slice);
  const std::int64_t run = region.rank == 0 ? 1 : region.counts[0], step = region.steps[0];
  region.walk([&](std::int64_t at, std::int64_t packed) {
    copy_pieces(into + at, step, block + packed, region.piece, run, region.piece);
  });
}

runtime::Buffer move(const ir::OpRecord& record, const Attributes& attrs, std::span<const Tensor> operands,
                     const TensorType& result) {
  const TensorImpl& from = *operands[0].impl();
  const runtime::Buffer& source = from.storage->buffer;
  if (record.movement == ir::Movement::Alias) return source;
  runtime::Buffer output = runtime::Buffer::allocate(static_cast<std::size_t>(result.bytes()));
  if (record.movement == ir::Movement::Read) {
    if (result.shape.numel() > 0)
      read_region(output.as<std::byte>(), source.as<std::byte>(), Region(from.type, attrs));
    return output;
  }
  if (result.bytes() > 0) std::memcpy(output.data(), source.data(), static_cast<std::size_t>(result.bytes()));
  const TensorImpl& block = *operands[1].impl();
  if (block.type.shape.numel() > 0)
    replace_region(output.as<std::byte>(), result, attrs, block.storage->buffer.as<std::byte>());
  return output;
}

std::shared_ptr<TapeNode> movement_node(const ir::OpRecord& record, std::string name, Attributes attrs,
                                        std::span<const Tensor> operands) {
  return std::make_shared<MovementNode>(record, std::move(name), std::move(attrs), operands);
}

} // namespace kiln::internal
