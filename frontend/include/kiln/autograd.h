// Gradient modes, random seeds, autograd::grad, and threads.
#pragma once

#include "kiln/tensor.h"

namespace kiln {

/// Whether ops are recorded for backward() on this thread.
struct GradMode {
  static bool is_enabled();
  static void set_enabled(bool enabled);
};
class AutoGradMode {
public:
  explicit AutoGradMode(bool enabled) : previous_(GradMode::is_enabled()) { GradMode::set_enabled(enabled); }
  ~AutoGradMode() { GradMode::set_enabled(previous_); }
  AutoGradMode(const AutoGradMode&) = delete;

private:
  bool previous_;
};
class NoGradGuard : public AutoGradMode {
public:
  NoGradGuard() : AutoGradMode(false) {}
};

/// Seeds the random state that every draw uses. The same seed gives the same numbers eagerly and compiled.
void manual_seed(std::uint64_t seed);

void set_num_threads(int threads);
int get_num_threads();

/// Tensors made while one lives record nothing for backward(), as under NoGradGuard: ours cost no more
/// without it.
class InferenceMode : public AutoGradMode {
public:
  explicit InferenceMode(bool enabled = true) : AutoGradMode(!enabled && GradMode::is_enabled()) {}
  static bool is_enabled() { return !GradMode::is_enabled(); }
};

namespace autograd {
using kiln::Node;
/// Where a gradient goes next: input `input_nr` of `function`, which is null where none is wanted.
struct Edge {
  std::shared_ptr<Node> function;
  std::uint32_t input_nr = 0;
  bool is_valid() const { return function != nullptr; }
};
using edge_list = std::vector<Edge>;
using Variable = Tensor;
using variable_list = std::vector<Tensor>;

/// Accumulates the gradients of `tensors`, each weighted by its entry of grad_tensors (may be empty for
/// tensors of one element), into the leaves, or into `inputs` alone where those are given.
void backward(const variable_list& tensors, const variable_list& grad_tensors = {},
              std::optional<bool> retain_graph = {}, bool create_graph = false,
              const variable_list& inputs = {});

/// Gradients of `outputs` by `inputs`, returned and not accumulated. An input that the outputs do not depend
/// on is an Error unless allow_unused, then an undefined tensor.
std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const std::vector<Tensor>& grad_outputs = {}, std::optional<bool> retain_graph = {},
                         bool create_graph = false, bool allow_unused = false);
} // namespace autograd

/// An entry of the tape, as seen by users.
class Node {
public:
  virtual ~Node() = default;
  virtual std::string name() const = 0;               ///< "MulBackward0"
  virtual autograd::edge_list next_edges() const = 0; ///< by input
};

namespace cuda {
bool is_available();
int device_count();
} // namespace cuda

} // namespace kiln
