// What a captured program relies on about the modules that were called in it.
#include "nn/module_guards.h"

#include "core/trace.h"

#include <utility>

namespace kiln::internal {

namespace {

std::string called(const ModuleState& state) {
  return state.path.empty() ? "the model" : state.path;
}

class TrainingGuard : public Guard {
public:
  explicit TrainingGuard(ModuleStatePtr state) : state_(std::move(state)), training_(state_->training) {}
  bool holds() const override { return state_->training == training_; }
  std::string describe() const override {
    return called(*state_) + ".is_training() was " + (training_ ? "true" : "false");
  }

private:
  ModuleStatePtr state_;
  bool training_;
};

class StructureGuard : public Guard {
public:
  explicit StructureGuard(ModuleStatePtr state) : state_(std::move(state)), version_(state_->version) {}
  bool holds() const override { return state_->version == version_; }
  std::string describe() const override {
    return called(*state_) + " had other parameters, submodules or hooks";
  }

private:
  ModuleStatePtr state_;
  std::uint64_t version_;
};

} // namespace

void guard_training(const ModuleStatePtr& state) {
  const Trace* trace = Trace::current();
  if (trace && !trace->has_changed(state.get())) record_guard(std::make_shared<TrainingGuard>(state));
}

void set_training(const ModuleStatePtr& state, bool on) {
  if (Trace* trace = Trace::current())
    trace->repeat(state.get(), [state, on] {
      if (std::exchange(state->training, on) != on) bump_structure_epoch();
    });
  if (std::exchange(state->training, on) != on) bump_structure_epoch();
}
void guard_structure(const ModuleStatePtr& state) {
  record_guard(std::make_shared<StructureGuard>(state));
}

} // namespace kiln::internal
