// Artifacts around runtime_kernels.c, and a folder that goes away with its test.
#pragma once

#include "../support/temporary_folder.h"

#include "kiln/runtime/artifact.h"
#include "kiln/runtime/cpu_features.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

namespace kiln::test {
using namespace runtime;

inline const std::string kKey = "0123456789abcdef0123456789abcdef"; ///< of a cache entry

inline std::vector<std::byte> bytes(std::size_t size, int value) {
  return std::vector<std::byte>(size, static_cast<std::byte>(value));
}

inline std::vector<std::byte> read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

inline void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

/// out = 2 * (a + b) + 0.5, element by element over 1000 floats. Slots: 0 a, 1 b, 2 out, 3 a temporary, 4 the
/// constant, 5 another name of 3.
inline Artifact program() {
  Artifact artifact;
  artifact.name = "sum";
  artifact.target = "x86_64";
  const TensorType type{DType::Float32, {1000}};
  artifact.slots = {
      {Slot::Kind::Input, type, 0, -1},    {Slot::Kind::Input, type, 0, -1},
      {Slot::Kind::Output, type, 0, -1},   {Slot::Kind::Temp, type, 64, -1},
      {Slot::Kind::Constant, type, 0, -1}, {Slot::Kind::Temp, {DType::Float32, {10, 100}}, 0, 3}};
  artifact.inputs = 2, artifact.outputs = 1;
  artifact.launches = {
      {"add", {0, 1, 3}, 1000, 64, 0}, {"twice", {5, 5}, 1000, 64, 1}, {"add", {3, 4, 2}, 1000, 64, 0}};
  artifact.kernels.resize(2);
  artifact.kernels[0] = {"add_0", "loop", {"add"}, "fc1 at net.cpp:12", 12000, 1000, "module {}", {}};
  artifact.kernels[1] = {"twice_1", "loop", {"multiply", "constant"}, "", 8000, 1000, "", {}};
  artifact.arenaBytes = 4064, artifact.scratchBytes = 4096;
  artifact.peakBytes = 16064, artifact.lowerBoundBytes = 16000;
  const std::vector<float> halves(1000, 0.5f);
  artifact.constants.resize(4000);
  std::memcpy(artifact.constants.data(), halves.data(), 4000);
#ifdef KILN_TEST_KERNELS
  artifact.image = read_file(KILN_TEST_KERNELS);
#endif
  return artifact;
}

} // namespace kiln::test
