// Buffers and their allocator: sharing, alignment, reuse, accounting, threads, and running out.
#include "kiln/runtime/buffer.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <thread>
#include <vector>

using namespace kiln::runtime;
using Catch::Contains;

TEST_CASE("buffers of every size are aligned, apart from each other and writable to the last byte") {
  std::vector<Buffer> buffers;
  for (std::size_t bytes = 0; bytes <= 200000; bytes += bytes < 2000 ? 1 : 777) {
    buffers.push_back(Buffer::allocate(bytes));
    REQUIRE(reinterpret_cast<std::uintptr_t>(buffers.back().data()) % 64 == 0);
    REQUIRE(buffers.back().size() == bytes);
    std::memset(buffers.back().data(), static_cast<int>(buffers.size() & 255), bytes);
  }
  std::size_t index = 0;
  for (const Buffer& buffer : buffers) {
    const auto expected = static_cast<unsigned char>(++index & 255);
    const auto* bytes = buffer.as<unsigned char>();
    REQUIRE(std::all_of(bytes, bytes + buffer.size(), [&](unsigned char b) { return b == expected; }));
  }
}

TEST_CASE("copies share memory; unique tells when nobody else holds it") {
  Buffer a = Buffer::allocate(100);
  CHECK(a.unique());
  Buffer b = a;
  CHECK(a == b);
  CHECK(a.data() == b.data());
  CHECK_FALSE(a.unique());
  b.reset();
  CHECK(a.unique());
  CHECK_FALSE(b);
  CHECK(b.data() == nullptr);
  const Buffer c = std::move(a);
  CHECK_FALSE(a); // NOLINT: a moved-from buffer is empty
  CHECK(c.unique());
}

TEST_CASE("freed memory is used again for the same size, small and large") {
  const std::size_t bytes = GENERATE(64u, 5000u, 3u << 20);
  void* first = Buffer::allocate(bytes).data();
  CHECK(Buffer::allocate(bytes).data() == first);
}

TEST_CASE("statistics count what buffers hold, and the peak can be reset") {
  const MemoryStats before = memory_stats();
  reset_peak_memory();
  {
    const Buffer a = Buffer::allocate(1000), b = Buffer::allocate(5 << 20);
    CHECK(memory_stats().current == before.current + 1000 + (5 << 20));
  }
  CHECK(memory_stats().current == before.current);
  CHECK(memory_stats().peak == before.current + 1000 + (5 << 20));
  CHECK(memory_stats().cached >= 5 << 20);
  reset_peak_memory();
  CHECK(memory_stats().peak == before.current);
}

TEST_CASE("what is kept of freed memory is bounded by the peak and can be given back") {
  release_cached_memory();
  CHECK(memory_stats().cached == 0);
  for (std::size_t size = 1 << 20; size < std::size_t{40} << 20; size += size / 3)
    Buffer::allocate(size); // no size fits another's place
  CHECK(memory_stats().cached <= (std::int64_t{40} << 20) * 5 / 4 + (std::int64_t{64} << 20));
  release_cached_memory();
  CHECK(memory_stats().cached == 0);
}

TEST_CASE("running out of memory names the size and leaves the allocator usable") {
  CHECK_THROWS_WITH(Buffer::allocate(std::size_t{1} << 60),
                    Contains("out of memory") && Contains("1152921504606846976 bytes"));
  CHECK_THROWS_AS(Buffer::allocate(SIZE_MAX), kiln::Error);
  CHECK(Buffer::allocate(1 << 20));
}

TEST_CASE("memory of a device that this build cannot reach is an error, not a null pointer") {
  CHECK_THROWS_WITH(Buffer::allocate(16, {Device::Type::CUDA, 1}), Contains("16 bytes on cuda:1"));
}

TEST_CASE("wrapped memory goes back to its owner with the last handle") {
  float values[4] = {1, 2, 3, 4};
  int released = 0;
  Buffer a = Buffer::wrap(values, sizeof values, [&] { ++released; });
  Buffer b = a;
  CHECK(b.as<float>() == values);
  a.reset();
  CHECK(released == 0);
  b.reset();
  CHECK(released == 1);
}

TEST_CASE("threads allocate, pass on and free at the same time without sharing bytes") {
  const std::int64_t before = memory_stats().current;
  std::vector<Buffer> passed(64); // made here, freed by the threads
  for (Buffer& buffer : passed)
    buffer = Buffer::allocate(256);
  std::atomic<int> clashes{0};
  const auto work = [&](unsigned thread) {
    for (unsigned i = thread; i < 64; i += 4)
      passed[i].reset();
    std::vector<Buffer> held(50);
    for (unsigned i = 0; i < 20000; ++i) {
      Buffer& place = held[i * 7 % held.size()];
      if (place && *place.as<unsigned>() != thread) ++clashes;
      place = Buffer::allocate(4 + i * 37 % 3000);
      *place.as<unsigned>() = thread;
    }
  };
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t)
    threads.emplace_back(work, t);
  for (std::thread& thread : threads)
    thread.join();
  CHECK(clashes == 0);
  CHECK(memory_stats().current == before);
}
