// Executable: an Artifact loaded into this process and ready to run, many times and from many threads.
#pragma once

#include "kiln/runtime/artifact.h"
#include "kiln/runtime/buffer.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace kiln::runtime {

class Executable {
  struct State;
  struct Context;

public:
  /// Opens the code: `imageFile` when given (the cache's copy of artifact.image), else artifact.image from
  /// memory. Throws Error when the artifact is not for this process (CUDA, damaged, a symbol is missing).
  explicit Executable(Artifact artifact, const std::filesystem::path& imageFile = {});
  ~Executable();
  Executable(const Executable&) = delete;
  Executable& operator=(const Executable&) = delete;

  const Artifact& artifact() const;

  /// Where output `i` ends up: the slot whose memory it shares (an input's number, or inputs + j for output
  /// j), or -1 for memory of its own. An output that shares memory is not written to outputs[i], which may be
  /// null.
  std::int64_t output_alias(std::size_t i) const;

  /// Runs the program. inputs: artifact().inputs pointers, outputs: artifact().outputs pointers, to
  /// contiguous memory of the slots' types that does not overlap (beyond what the plan says). Safe from
  /// several threads at once.
  void run(std::span<void* const> inputs, std::span<void* const> outputs) const;

  /// A run in the making, for callers that run again and again with mostly the same pointers: only those that
  /// changed need to be given.
  class Frame {
  public:
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;
    ~Frame();
    /// Whether the pointers that the last frame of this ticket was given still stand; else all are to be
    /// given.
    bool kept() const { return kept_; }
    void input(std::size_t i, void* data);
    void output(std::size_t i, void* data); ///< nothing for one that shares memory
    void run();

  private:
    friend class Executable;
    Frame(const State& state, std::uint64_t* ticket);
    void give(std::span<void* const> inputs, std::span<void* const> outputs);
    const State& state_;
    std::unique_ptr<Context> context_;
    bool kept_ = false;
  };
  /// ticket: the caller's, 0 at first; it tells the caller's frames from others'. One frame of a ticket at a
  /// time.
  Frame frame(std::uint64_t& ticket) const;

  /// A one-op elementwise program over `items` elements; args: inputs, then outputs.
  void run_elementwise(void* const* args, std::int64_t items) const;

  /// Runs the program `runs` times; the median microseconds of each launch, in artifact().launches' order.
  std::vector<double> profile(std::span<void* const> inputs, std::span<void* const> outputs,
                              int runs = 1) const;

private:
  std::unique_ptr<State> state_;
};

} // namespace kiln::runtime
