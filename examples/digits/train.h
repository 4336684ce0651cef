// Trains the perceptron of the digits example, eagerly or compiled, and says what it took.
#pragma once

#include <kiln/data.h>
#include <kiln/kiln.h>

#include <cstdint>
#include <string>
#include <vector>

struct Settings {
  std::string data = "digits-data", svg = "digits-loss.svg", dump;
  int epochs = 3, threads = 0;
  std::int64_t batch = 64;
  std::uint64_t seed = 1;
};

struct Outcome {
  std::vector<double> losses; ///< of every step
  double first_step_ms = 0;   ///< compiled: capture, compilation and the step itself
  double step_ms = 0;         ///< median of the others
  double seconds = 0;         ///< of the whole training
  double accuracy = 0;        ///< on the test set
  std::string explain;        ///< compiled: what was captured, compiled and reused
  std::vector<kiln::jit::Kernel> kernels;
  kiln::jit::Memory memory;
};

/// Both modes start from the same seed and see the same batches in the same order.
Outcome train(const Settings& settings, const kiln::data::datasets::MNIST& training,
              const kiln::data::datasets::MNIST& test, bool compiled);
