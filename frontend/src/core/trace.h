// Trace: records the op calls of one capture as an ir::Program, with where each input comes from and what
// each output becomes. One capture at a time in a process: storages remember their value in the trace that is
// open.
#pragma once

#include "core/apply.h"
#include "core/index_check.h"
#include "core/tape.h"
#include "kiln/internal/capture.h"

#include <functional>
#include <map>
#include <mutex>
#include <unordered_map>

namespace kiln::internal {

/// Where a program's input is found at each call.
struct InputSource {
  enum class Kind : std::uint8_t { Argument, State, Number, Random };
  Kind kind = Kind::State;
  std::uint32_t argument = 0;
  StoragePtr storage = {}; ///< State: parameters, buffers, optimizer state, anything the function refers to
  const double* number = nullptr; ///< Number: read anew at every call
  std::shared_ptr<const void> keepalive = {};
  TensorType type = {};
  std::string name = {};
  bool needs_grad = false;
};

/// Where a value is found after a run: a program output, or an input that passed through unchanged.
struct ValueSource {
  bool is_input = false;
  std::uint32_t index = 0;
};

/// A storage that a run gives another value.
struct Target {
  ValueSource source = {};
  StoragePtr storage = {}; ///< null: the argument's storage
  std::uint32_t argument = 0;
  bool donated = false;       ///< updated in its own buffer
  bool has_graph = false;     ///< its value carries gradient, and is among those that `returned` lists
  std::uint32_t returned = 0; ///< there
};

/// Gradient slot of a leaf: what was there when the function started reading it, and what is there after a
/// run.
struct GradSlot {
  StoragePtr leaf;
  bool read_first = false;   ///< its value before the call matters
  StoragePtr before = {};    ///< storage of the gradient before the call; null: undefined
  Tensor before_tensor = {}; ///< to restore on failure
  Tensor after = {};         ///< undefined: none
};

/// A tensor from outside the program whose elements the function read on the host: what it then recorded
/// holds while they stand.
struct HostRead {
  StoragePtr storage;
  std::uint32_t version = 0;
  runtime::Buffer buffer; ///< kept, so that no other tensor's comes to lie there
};

/// What the function changed on the host, such as a module's mode: each run does so again.
struct HostChange {
  const void* subject;
  std::function<void()> change;
};

/// A finished recording.
struct Recording {
  ir::Program program;
  std::vector<InputSource> inputs;
  std::vector<ValueSource> returned; ///< by the function, then values of targets that carry gradient
  std::uint32_t results = 0;         ///< how many the function returned
  std::vector<TensorType> returned_types;
  std::vector<bool> returned_needs_grad;
  std::vector<bool> returned_freed; ///< would need a graph that a backward() of the capture has freed
  std::vector<Target> targets;
  std::vector<GradSlot> grads;
  std::uint64_t random_draws = 0; ///< how far a run advances the random state
  std::vector<std::shared_ptr<const Guard>> guards;
  std::vector<IndexCheck> checks; ///< of inputs, before each run
  std::vector<HostRead> reads;
  std::vector<HostChange> changes;
};

class Trace {
public:
  Trace();
  ~Trace(); ///< forgets the recording: storages have the values they had before
  Trace(const Trace&) = delete;

  static Trace* current(); ///< the trace recording on this thread; null when none, or suspended
  std::uint64_t serial() const { return serial_; }

  void argument(const Tensor& value,
                std::uint32_t index); ///< a whole tensor: an argument of the compiled function
  Tensor record(std::string_view op, std::span<const Tensor> operands, Attributes attrs,
                const TensorType& result);
  std::vector<Tensor> record_many(std::string_view op, std::span<const Tensor> operands, Attributes attrs);
  Tensor number(const double* value, std::shared_ptr<const void> keepalive, DType dtype);
  Tensor random_state();
  std::uint64_t draw(std::uint64_t count); ///< offset of a draw within this program; advances it
  /// Has a run check the indices first, when they are elements of an input.
  void check_indices(const Tensor& indices, const IndexRange& range, const std::string& text);
  void guard(std::shared_ptr<const Guard> guard) { guards_.push_back(std::move(guard)); }
  /// The function looks at elements of a tensor that this recording has not met.
  void read_on_host(const StoragePtr& storage);
  /// `change` was made to `subject`, and is to be made by each run. Guards on it are needed no longer.
  void repeat(const void* subject, std::function<void()> change);
  bool has_changed(const void* subject) const;

  bool needs_grad(const Storage& storage) const;
  /// Another handle on the value that x has now.
  Tensor snapshot(const Tensor& whole) { return tensor_of(value_of(whole)); }
  /// Gives results, where they are differentiable, values whose gradient the node turns into the arguments'.
  void record_function(std::shared_ptr<FunctionNode> node, const std::vector<Tensor>& arguments,
                       const std::vector<Tensor>& results, const std::vector<bool>& differentiable);
  /// Runs hooks on the gradient of x, or keeps it in x.grad(), in each backward() of this capture. False for
  /// values from outside, whose node does it.
  bool hook(const Tensor& whole, std::shared_ptr<Hooks> hooks);
  bool retain(const Tensor& whole);
  /// Whether a call of autograd::Function is run by itself, between two programs.
  bool functions_split() const { return functions_split_; }
  void split_functions() { functions_split_ = true; }
  /// By value: whether a backward() has freed its graph, or some of what lies behind it.
  std::vector<bool> freed_values() const;
  /// Whether gradients of these, or of what else was written, would go through a function or hook, which only
  /// a backward() within this capture can.
  bool needs_host_backward(const std::vector<Tensor>& results);
  void assign(Storage& storage, const Tensor& value); ///< storage's value is from now on that of `value`
  /// The leaves and values of an outer tape that the capture has met.
  std::vector<StoragePtr> leaves() const;
  bool knows(const Storage& storage) const { return storage.trace == serial_; }
  void note_grad_read(const StoragePtr& leaf);   ///< before leaf.grad is looked at
  void note_grad_change(const StoragePtr& leaf); ///< before leaf.grad is given another tensor
  /// Records `gradient` and accumulates into leaves, or returns the gradients of `wanted`.
  std::vector<Tensor> backward(const std::vector<Tensor>& outputs, const std::vector<Tensor>& gradients,
                               const std::vector<Tensor>* wanted, bool retain_graph, bool create_graph);

  /// Everything recorded since the start or the last flush, ready to compile. `returned`: the function's
  /// results. `graphs`: what lies behind other tensors that it leaves is wanted as well.
  Recording finish(const std::vector<Tensor>& returned, bool graphs = false);
  /// Runs what was recorded so far, gives every living storage its value, and starts over with an empty
  /// recording.
  void flush(const std::string& reason);
  const std::vector<std::string>& splits() const { return splits_; } ///< why and where it was flushed
  bool compiled() const { return compiled_; } ///< a flush has met a program for the first time
  void commit(); ///< the recording stands: the destructor restores no gradient slots

private:
  friend class TraceSuspend;
  struct Value {
    TensorType type;
    bool needs_grad = false;
    bool tainted = false;       ///< computed without gradient from values that have one
    std::int64_t detached = -1; ///< its `detach`, once made
    std::int64_t call = -1;     ///< that produced it
    StoragePtr leaf = {};       ///< the leaf, or value of an outer tape, that this is
    std::int64_t function = -1; ///< the call of autograd::Function whose result this is
    std::shared_ptr<Hooks> hooks = {};
    std::weak_ptr<Storage> retained = {};
    bool is_special() const { return function >= 0 || hooks || !retained.expired(); }
  };
  struct FunctionRecord {
    std::shared_ptr<FunctionNode> node;
    std::vector<ir::ValueId> arguments, results;
    bool freed = false;
  };
  class Backward; ///< one walk, in trace_backward.cpp
  ir::ValueId new_value(const TensorType& type);
  ir::ValueId value_of(const Tensor& whole);
  ir::ValueId add_input(InputSource source);
  std::vector<ir::ValueId> add_call(std::string_view op, std::vector<ir::ValueId> operands, Attributes attrs,
                                    std::span<const TensorType> results);
  std::vector<Tensor> record_typed(std::string_view op, std::span<const Tensor> operands, Attributes attrs,
                                   std::span<const TensorType> results);
  Tensor tensor_of(ir::ValueId value);
  GradSlot& grad_slot(const StoragePtr& leaf);
  /// Storages, but for leaves, whose values were made in this recording and to which somebody still refers.
  std::vector<StoragePtr> written() const;
  bool is_created(const Storage& storage) const;
  void forget_own_leaves();
  void restart();
  void note_split(const std::string& reason);

  static thread_local Trace* current_;
  std::unique_lock<std::recursive_mutex> exclusive_;
  Trace* outer_;
  std::uint64_t serial_ = 0;
  std::vector<Value> values_;
  std::vector<ir::OpCall> calls_;
  std::vector<bool> freed_; ///< by call: a backward went through it
  std::vector<ir::Location> locations_;
  std::vector<Tensor> arguments_; ///< of the compiled function
  std::vector<InputSource> inputs_;
  std::vector<ir::ValueId> input_values_;
  std::vector<std::pair<StoragePtr, std::uint32_t>> captured_; ///< storages that are inputs, and which
  std::vector<std::weak_ptr<Storage>> created_;
  std::map<std::pair<const double*, DType>, ir::ValueId> numbers_;
  std::int64_t random_value_ = -1;
  std::uint64_t draws_ = 0;
  std::vector<std::shared_ptr<const Guard>> guards_;
  std::vector<IndexCheck> checks_;
  std::vector<HostRead> reads_;
  std::vector<HostChange> changes_;
  std::vector<GradSlot> grads_;
  std::vector<std::string> splits_;
  std::vector<FunctionRecord> functions_;
  bool functions_split_ = false;
  bool committed_ = false;
  bool compiled_ = false;
};

/// Thrown where what was captured so far needs functions and hooks to be run between programs: the capture,
/// none of which has run yet, is made anew. No std::exception, so that no user's handler takes it for an
/// error.
struct RestartCapture {};

/// Module path and caller's address of the call being recorded or failing; `resolve_location` finds file and
/// line. most_callers: how many frames outside this library to look at; headers' own come before the user's.
ir::Location caller_location(std::size_t most_callers = 10);
ir::Location resolve_location(ir::Location location);

} // namespace kiln::internal
