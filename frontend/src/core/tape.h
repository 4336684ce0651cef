// The autograd tape: each entry remembers the program it ran and the values it ran on; its derivative is
// built by the compiler from the same rules that the autodiff pass uses.
#pragma once

#include "core/tensor_impl.h"
#include "kiln/autograd.h"

namespace kiln::internal {

struct Edge {
  std::shared_ptr<TapeNode> node; ///< null: no gradient wanted
  std::uint32_t output = 0;
};

/// Functions called with a tensor's gradient; each may return another in its place.
struct Hooks {
  std::vector<std::pair<unsigned, std::function<Tensor(Tensor)>>> list;
  unsigned next = 0;
  /// Runs them in order. Throws Error when one returns a tensor of another type.
  Tensor run(Tensor gradient) const;
};

struct TapeNode : Node, std::enable_shared_from_this<TapeNode> {
  TapeNode();
  ~TapeNode() override;
  std::uint64_t sequence; ///< creation order: consumers come after producers
  std::vector<Edge> inputs;
  std::vector<TensorType> outputs;              ///< types of the results
  std::vector<std::weak_ptr<Storage>> retained; ///< by output: storages that keep their gradient
  std::vector<std::shared_ptr<Hooks>> hooks;    ///< by output; may be shorter than the outputs, and hold null
  autograd::edge_list next_edges() const override;
  virtual const Hooks* hooks_of(std::uint32_t output) const {
    return output < hooks.size() ? hooks[output].get() : nullptr;
  }
  /// Gradients of the inputs (undefined where not wanted) from those of the outputs (undefined: zero).
  virtual std::vector<Tensor> backward(const std::vector<Tensor>& gradients, bool create_graph) = 0;
  virtual void release() {} ///< forgets the saved values
};

/// Whether the backward() that this thread runs wants the gradient that would flow along the edge: of all
/// that reaches a leaf, or, when gradients by certain tensors were asked for, of what leads to them.
bool is_wanted(const Edge& edge);

/// The edge along which x's gradient flows.
Edge gradient_edge(const Tensor& x);

/// x's present value under a handle of its own: a later write to x does not change it. Its gradient flows
/// along `edge`, x's own, which the caller keeps: that alone keeps a leaf's accumulator alive.
Tensor snapshot(const Tensor& whole, const Edge& edge);

/// Runs a recorded program's derivative. One op, a compiled model or another node's derivative are all
/// programs.
class ProgramNode : public TapeNode {
public:
  /// `saved`: the program's inputs; their values are kept, and gradients flow to where they came from.
  ProgramNode(std::string name, std::shared_ptr<const ir::Program> program, std::vector<Tensor> saved);
  std::string name() const override { return name_; }
  std::vector<Tensor> backward(const std::vector<Tensor>& gradients, bool create_graph) override;
  void release() override;

private:
  std::string name_;
  std::shared_ptr<const ir::Program> program_;
  std::vector<Tensor> saved_;
  bool released_ = false;
};

/// Behind results whose graph a backward() within the capture has freed: a second one is an error, as in
/// eager mode.
struct FreedNode : TapeNode {
  std::string name() const override { return "CompiledBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& gradients, bool create_graph) override;
};

/// The node of a call of autograd::Function.
struct FunctionNode : TapeNode {
  using Backward =
      std::function<std::vector<Tensor>(const std::vector<Tensor>&, const std::vector<TensorType>&)>;
  std::string function;
  Backward call;
  std::function<void()> forget;
  std::string name() const override { return function; }
  std::vector<Tensor> backward(const std::vector<Tensor>& gradients, bool) override {
    return call(gradients, outputs);
  }
  void release() override { forget(); }
};

/// Puts a node, whose inputs are set, behind results.
void record_on_tape(std::shared_ptr<TapeNode> node, std::span<Tensor> results);
bool wants_gradient(std::span<const Tensor> operands);

/// backward() and autograd::grad(): walks the tape. With `wanted`, returns their gradients; else accumulates
/// in leaves.
std::vector<Tensor> run_backward(const std::vector<Tensor>& outputs, const std::vector<Tensor>& gradients,
                                 const std::vector<Tensor>* wanted, bool retain_graph, bool create_graph);
void accumulate_grad(Storage& leaf, const Tensor& gradient);

/// The outputs of a program on tensors: runs it, or records its calls in the trace.
std::vector<Tensor> run_program(const ir::Program& program, std::span<const Tensor> inputs);

} // namespace kiln::internal
