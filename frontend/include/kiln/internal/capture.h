// What modules and optimizers tell the tracer. Not for users.
#pragma once

#include "kiln/tensor.h"

#include <memory>
#include <string>

namespace kiln::internal {

bool is_capturing(); ///< a trace is recording on this thread

/// 0-d tensor of *value. Eager: a copy of the present value. Under capture: an input that every replay reads
/// anew, so that changing the number never recompiles. `keepalive` owns the number.
Tensor host_scalar(const double* value, std::shared_ptr<const void> keepalive, DType dtype = DType::Float32);

/// While one lives, ops run eagerly although a capture is recording: state made in it exists outside the
/// program.
class TraceSuspend {
public:
  TraceSuspend();
  ~TraceSuspend();
  TraceSuspend(const TraceSuspend&) = delete;

private:
  void* trace_;
};

/// "encoder.fc1.weight": what dumps and explain() call this tensor from now on. Does nothing when it is
/// undefined.
void name_tensor(const Tensor& tensor, std::string name);

/// Bumped by every change that a compiled program may depend on: train/eval, requires_grad, registered or
/// replaced parameters, buffers and submodules. A replay checks this one number before its guards.
std::uint64_t structure_epoch();
void bump_structure_epoch();

/// A fact that the recorded program relies on. `holds` is asked again when the epoch has changed.
class Guard {
public:
  virtual ~Guard() = default;
  virtual bool holds() const = 0;
  virtual std::string describe() const = 0; ///< "fc1.training was true"
};
void record_guard(std::shared_ptr<const Guard> guard); ///< no-op when not capturing

/// Names the module whose forward is running, for locations and errors. One lives in each call of a module,
/// in each forward of a layer of ours (users also write `fc->forward(x)`), and may be nested. A module knows
/// its whole path from its registration, so the innermost scope is all that counts.
class ModuleScope {
public:
  explicit ModuleScope(const std::string* path); ///< path must outlive the scope; may be empty
  ~ModuleScope();
  ModuleScope(const ModuleScope&) = delete;
  static std::string path(); ///< "encoder.block1.attn"

private:
  const std::string* path_;
  ModuleScope* parent_;
};

} // namespace kiln::internal
