// Plan: a recording that was compiled and can be replayed: gathers the inputs, runs the program, hands out
// the results.
#pragma once

#include "core/programs.h"
#include "core/tape.h"
#include "core/trace.h"

namespace kiln::internal {

class Plan : public std::enable_shared_from_this<Plan> {
public:
  /// Compiles the recording (or finds it compiled). Throws Error and changes nothing.
  explicit Plan(Recording recording);
  ~Plan();
  Plan(const Plan&) = delete;

  /// Empty when the facts that the recording relies on still hold; else what changed.
  std::string stale();
  /// Runs the program on arguments of the recorded types. State and gradient slots are given their new
  /// values.
  std::vector<Tensor> run(std::span<const Tensor> arguments);

  const CompiledProgram& compiled() const { return compiled_; }
  const ir::Program& program() const {
    return program_;
  } ///< with its derivative, when results need gradients
  const Recording& recording() const { return recording_; }

private:
  friend class PlanNode;
  class Run;
  /// What lies behind results for a later backward().
  void attach(std::span<const Tensor> arguments, const std::vector<Tensor>& results) const;
  /// Puts the backward half behind the results.
  void record(std::span<const Tensor> arguments, std::vector<runtime::Buffer> inputs,
              std::vector<runtime::Buffer> residuals, const std::vector<Tensor>& results);
  void make_joint();
  void find_places();
  void find_reused();
  void hold(const StoragePtr& storage);

  Recording recording_;
  ir::Program program_;
  CompiledProgram compiled_;
  std::vector<StoragePtr> held_; ///< what `plans` counts; first those that are inputs, in order

  // Where values lie, sorted out once. Pointers are kept from run to run: nearly always all state is where it
  // was, and a look at each storage is all that it needs.
  struct StateInput {
    std::uint32_t input;
    bool donated; ///< written in its own buffer, which nobody else may hold
  };
  struct OwnOutput {
    std::uint32_t output; ///< of the program
    std::size_t bytes;
    Storage* reused; ///< gets it and nobody else does (a gradient): its old buffer is written again; or null
  };
  struct Donation {
    std::uint32_t output, input; ///< the output is written to the buffer of the input's storage
    Storage* storage;
  };
  std::vector<StateInput> state_inputs_; ///< by storage in held_
  std::vector<std::uint32_t> arguments_; ///< inputs that are arguments
  std::vector<std::uint32_t> numbers_;   ///< inputs that are numbers: where each is, in number_values_
  std::vector<double> number_values_;
  std::int64_t random_value_[2] = {};
  std::vector<void*> in_, out_; ///< by input and output: the pointer of this or the last run
  std::uint64_t ticket_ = 0;    ///< of frames of the forward program
  bool has_random_ = false;
  bool placed_ = false;      ///< in_ and out_ are right for all state, as it was last seen
  bool undisturbed_ = false; ///< and that is how it is now
  std::vector<Donation> donations_;
  std::vector<OwnOutput> own_outputs_; ///< what needs memory: not donated, and nobody else's by the plan
  /// By program output: its place in own_outputs_; else -1 - i when it is input i.
  std::vector<std::int64_t> place_of_output_;
  std::vector<Storage*> donated_targets_;     ///< state that was changed in its own buffer
  std::vector<std::uint32_t> new_targets_;    ///< targets that get another buffer
  std::vector<std::uint32_t> graph_targets_;  ///< targets that carry gradient, or did before
  std::vector<std::uint32_t> joint_inputs_;   ///< inputs that get a gradient
  std::vector<std::uint32_t> joint_results_;  ///< returned values that have one
  std::vector<std::uint32_t> passed_results_; ///< those that are inputs which have one
  std::shared_ptr<TapeNode> freed_;           ///< behind those whose graph is gone; null when there are none
  std::uint64_t epoch_ = 0;
};

} // namespace kiln::internal
