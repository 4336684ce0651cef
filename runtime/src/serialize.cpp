// Artifact to bytes and back: "KILNART\n", version, length and XXH64 of the body, then the body, field by
// field. Any change of a field's layout raises kVersion; other versions are refused, since a cache can always
// be rebuilt.
#include "byte_stream.h"
#include "kiln/runtime/artifact.h"
#include "kiln/runtime/hash.h"
#include "validate.h"

#include <utility>

namespace kiln::runtime {
namespace {

using detail::ByteReader;
using detail::ByteWriter;

constexpr std::string_view kMagic = "KILNART\n";
constexpr std::uint32_t kVersion = 3;

void write(ByteWriter& out, const TensorType& type) {
  out.number(static_cast<std::uint8_t>(type.dtype));
  out.number(static_cast<std::uint8_t>(type.shape.rank()));
  for (std::int64_t dim : type.shape)
    out.number(dim);
}
TensorType read_type(ByteReader& in) {
  TensorType type;
  const auto dtype = in.number<std::uint8_t>(), rank = in.number<std::uint8_t>();
  if (dtype > static_cast<std::uint8_t>(DType::Bool))
    in.fail("unknown element type " + std::to_string(dtype));
  if (rank > Shape::kMaxRank) in.fail("a shape of rank " + std::to_string(rank));
  type.dtype = static_cast<DType>(dtype);
  for (int i = 0; i < rank; ++i)
    type.shape.push_back(in.number<std::int64_t>());
  return type;
}

void write(ByteWriter& out, const Slot& slot) {
  out.number(static_cast<std::uint8_t>(slot.kind));
  write(out, slot.type);
  out.number(slot.offset), out.number(slot.alias);
}
Slot read_slot(ByteReader& in) {
  Slot slot;
  const auto kind = in.number<std::uint8_t>();
  if (kind > static_cast<std::uint8_t>(Slot::Kind::Constant)) in.fail("unknown kind of slot");
  slot.kind = static_cast<Slot::Kind>(kind);
  slot.type = read_type(in);
  slot.offset = in.number<std::int64_t>(), slot.alias = in.number<std::int64_t>();
  return slot;
}

void write(ByteWriter& out, const Launch& launch) {
  out.text(launch.symbol);
  out.number<std::uint64_t>(launch.slots.size());
  for (std::int32_t slot : launch.slots)
    out.number(slot);
  out.number(launch.items), out.number(launch.grain), out.number(launch.kernel);
}
Launch read_launch(ByteReader& in) {
  Launch launch;
  launch.symbol = in.text();
  launch.slots.resize(in.count(sizeof(std::int32_t)));
  for (std::int32_t& slot : launch.slots)
    slot = in.number<std::int32_t>();
  launch.items = in.number<std::int64_t>(), launch.grain = in.number<std::int64_t>();
  launch.kernel = in.number<std::int32_t>();
  return launch;
}

void write(ByteWriter& out, const KernelInfo& kernel) {
  out.text(kernel.name), out.text(kernel.kind);
  out.number<std::uint64_t>(kernel.ops.size());
  for (const std::string& op : kernel.ops)
    out.text(op);
  out.text(kernel.location);
  out.number(kernel.bytes), out.number(kernel.flops);
  out.text(kernel.source);
  for (std::int32_t size : kernel.cuda.grid)
    out.number(size);
  for (std::int32_t size : kernel.cuda.block)
    out.number(size);
  out.number(kernel.cuda.sharedBytes);
}
KernelInfo read_kernel(ByteReader& in) {
  KernelInfo kernel;
  kernel.name = in.text(), kernel.kind = in.text();
  kernel.ops.resize(in.count(sizeof(std::uint64_t)));
  for (std::string& op : kernel.ops)
    op = in.text();
  kernel.location = in.text();
  kernel.bytes = in.number<std::int64_t>(), kernel.flops = in.number<std::int64_t>();
  kernel.source = in.text();
  for (std::int32_t& size : kernel.cuda.grid)
    size = in.number<std::int32_t>();
  for (std::int32_t& size : kernel.cuda.block)
    size = in.number<std::int32_t>();
  kernel.cuda.sharedBytes = in.number<std::int32_t>();
  return kernel;
}

void write_body(ByteWriter& out, const Artifact& artifact) {
  out.text(artifact.name), out.text(artifact.target);
  out.number(artifact.inputs), out.number(artifact.outputs);
  out.number(artifact.arenaBytes), out.number(artifact.scratchBytes);
  out.number(artifact.peakBytes), out.number(artifact.lowerBoundBytes);
  const auto list = [&](const auto& values) {
    out.number<std::uint64_t>(values.size());
    for (const auto& value : values)
      write(out, value);
  };
  list(artifact.slots), list(artifact.launches), list(artifact.kernels);
  out.block(artifact.constants), out.block(artifact.image);
}

Artifact read_body(ByteReader& in) {
  Artifact artifact;
  artifact.name = in.text(), artifact.target = in.text();
  artifact.inputs = in.number<std::int32_t>(), artifact.outputs = in.number<std::int32_t>();
  artifact.arenaBytes = in.number<std::int64_t>(), artifact.scratchBytes = in.number<std::int64_t>();
  artifact.peakBytes = in.number<std::int64_t>(), artifact.lowerBoundBytes = in.number<std::int64_t>();
  // Elements are appended one by one: memory grows with what was read, never with what a length claims.
  const auto list = [&](auto& values, std::size_t least, auto read) {
    for (std::size_t left = in.count(least); left > 0; --left)
      values.push_back(read(in));
  };
  list(artifact.slots, 18, read_slot);
  list(artifact.launches, 36, read_launch);
  list(artifact.kernels, 68, read_kernel);
  const auto constants = in.block();
  artifact.constants.assign(constants.begin(), constants.end());
  const auto image = in.block();
  artifact.image.assign(image.begin(), image.end());
  return artifact;
}

} // namespace

std::vector<std::byte> Artifact::serialize() const {
  ByteWriter body;
  write_body(body, *this);
  ByteWriter out;
  out.raw(std::as_bytes(std::span(kMagic)));
  out.number(kVersion);
  out.number<std::uint64_t>(body.bytes().size());
  out.number(hash64(body.bytes(), kVersion));
  out.raw(body.bytes());
  return out.take();
}

Artifact Artifact::deserialize(const std::vector<std::byte>& bytes) {
  ByteReader in("artifact", bytes);
  const auto magic = in.raw(kMagic.size());
  if (std::memcmp(magic.data(), kMagic.data(), kMagic.size()) != 0)
    in.fail("these bytes are not a Kiln artifact");
  const auto version = in.number<std::uint32_t>();
  if (version != kVersion)
    in.fail("written in format " + std::to_string(version) + ", this library reads format " +
            std::to_string(kVersion));
  const auto size = in.number<std::uint64_t>();
  const auto checksum = in.number<std::uint64_t>();
  if (size > in.left()) in.raw(size); // reports what is missing
  if (size < in.left()) in.fail("damaged: " + std::to_string(in.left() - size) + " bytes follow its end");
  if (hash64(std::span(bytes).last(size), kVersion) != checksum)
    in.fail("damaged: its checksum does not match");
  Artifact artifact = read_body(in);
  if (in.left() > 0) in.fail("damaged: " + std::to_string(in.left()) + " bytes are left over");
  detail::validate(artifact);
  return artifact;
}

} // namespace kiln::runtime
