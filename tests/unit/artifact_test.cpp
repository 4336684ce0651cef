// Artifacts as bytes: what goes in comes out, and nothing damaged, cut or foreign gets in.
#include "runtime_fixture.h"

#include "kiln/runtime/error.h"
#include "kiln/runtime/hash.h"

#include <catch2/catch.hpp>
#include <random>

using namespace kiln;
using namespace kiln::runtime;
using Catch::Contains;

namespace {

/// The artifact of the fixture, with a small image, so that every byte can be tried.
Artifact small() {
  Artifact artifact = test::program();
  artifact.image.assign(100, std::byte{0x7f});
  artifact.constants.assign(4000, std::byte{1});
  return artifact;
}

} // namespace

TEST_CASE("every field survives the trip through bytes") {
  const Artifact in = small();
  const auto bytes = in.serialize();
  const Artifact out = Artifact::deserialize(bytes);
  CHECK(out.serialize() == bytes);
  CHECK(out.name == in.name);
  CHECK(out.slots.size() == 6);
  CHECK(out.slots[5].alias == 3);
  CHECK(out.slots[5].type == TensorType{DType::Float32, {10, 100}});
  CHECK(out.slots[3].offset == 64);
  CHECK(out.launches[1].symbol == "twice");
  CHECK(out.launches[1].slots == std::vector<std::int32_t>{5, 5});
  CHECK(out.launches[2].items == 1000);
  CHECK(out.kernels[1].ops == std::vector<std::string>{"multiply", "constant"});
  CHECK(out.kernels[0].source == "module {}");
  CHECK(out.constants == in.constants);
  CHECK(out.image == in.image);
  CHECK(out.lowerBoundBytes == 16000);
}

TEST_CASE("an artifact cut at any byte is an error") {
  const auto bytes = small().serialize();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    // A copy of exactly this length, so that AddressSanitizer sees a read beyond it.
    const std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
    REQUIRE_THROWS_AS(Artifact::deserialize(cut), Error);
  }
}

TEST_CASE("any flipped bit is an error") {
  const auto bytes = small().serialize();
  for (std::size_t bit = 0; bit < 8 * bytes.size(); bit += bit < 8 * 1500 ? 1 : 61) {
    auto flipped = bytes;
    flipped[bit / 8] ^= std::byte{1} << static_cast<int>(bit % 8);
    REQUIRE_THROWS_AS(Artifact::deserialize(flipped), Error);
  }
}

TEST_CASE(
    "bytes that are noise, with our own head and checksum, give an error or a valid artifact, never more") {
  // Damage that the checksum does not see: written so by a faulty program, say.
  std::mt19937 random(1);
  const auto bytes = small().serialize();
  constexpr std::size_t kHead = 28, kChecksumAt = 20, kFormatAt = 8;
  const auto format = std::to_integer<std::uint64_t>(bytes[kFormatAt]); // seeds the checksum
  int accepted = 0;
  for (int trial = 0; trial < 3000; ++trial) {
    auto damaged = bytes;
    for (int i = 0; i < 3; ++i)
      damaged[kHead + random() % 900] = static_cast<std::byte>(random());
    const std::uint64_t checksum = hash64(std::span(damaged).subspan(kHead), format);
    std::memcpy(damaged.data() + kChecksumAt, &checksum, sizeof checksum);
    try {
      Artifact::deserialize(damaged);
      ++accepted; // the damage hit a name or a size without consequence
    } catch (const Error&) {
    }
  }
  CHECK(accepted < 3000);
  CHECK(accepted > 0);
}

TEST_CASE("messages say what is wrong") {
  auto bytes = small().serialize();
  CHECK_THROWS_WITH(Artifact::deserialize({}), Contains("cut short"));
  CHECK_THROWS_WITH(Artifact::deserialize(std::vector<std::byte>(100)), Contains("not a Kiln artifact"));
  auto version = bytes;
  version[8] = std::byte{99};
  CHECK_THROWS_WITH(Artifact::deserialize(version), Contains("format 99, this library reads format"));
  auto longer = bytes;
  longer.push_back({});
  CHECK_THROWS_WITH(Artifact::deserialize(longer), Contains("1 bytes follow its end"));
  bytes.back() ^= std::byte{1};
  CHECK_THROWS_WITH(Artifact::deserialize(bytes), Contains("checksum"));
}

TEST_CASE("a plan that points outside its memory is refused") {
  Artifact artifact = small();
  SECTION("a temporary beyond the arena") {
    artifact.slots[3].offset = 128;
    CHECK_THROWS_WITH(Artifact::deserialize(artifact.serialize()),
                      Contains("slot 3 lies outside its memory"));
  }
  SECTION("an offset that overflows") {
    artifact.slots[3].offset = INT64_MAX - 10;
    CHECK_THROWS_WITH(Artifact::deserialize(artifact.serialize()), Contains("slot 3 lies outside"));
  }
  SECTION("a shape whose size overflows") {
    artifact.slots[3].type.shape = {INT64_MAX / 2, INT64_MAX / 2};
    CHECK_THROWS_WITH(Artifact::deserialize(artifact.serialize()), Contains("slot 3 lies outside"));
  }
  SECTION("a constant beyond the constants") {
    artifact.constants.resize(3996);
    CHECK_THROWS_WITH(Artifact::deserialize(artifact.serialize()), Contains("slot 4 lies outside"));
  }
  SECTION("a circle of aliases") {
    artifact.slots[3].alias = 5;
    CHECK_THROWS_WITH(Artifact::deserialize(artifact.serialize()), Contains("circle"));
  }
  SECTION("an alias of nothing") {
    artifact.slots[5].alias = 77;
    CHECK_THROWS_WITH(Artifact::deserialize(artifact.serialize()), Contains("does not exist"));
  }
  SECTION("an output in temporary memory") {
    artifact.slots[2].alias = 3;
    CHECK_THROWS_WITH(Artifact::deserialize(artifact.serialize()), Contains("caller does not see"));
  }
  SECTION("a launch of a slot that is not there") {
    artifact.launches[0].slots[1] = 6;
    CHECK_THROWS_WITH(Artifact::deserialize(artifact.serialize()), Contains("launch of add"));
  }
  SECTION("more inputs than slots") {
    artifact.inputs = 100;
    CHECK_THROWS_WITH(Artifact::deserialize(artifact.serialize()), Contains("fewer slots"));
  }
}
