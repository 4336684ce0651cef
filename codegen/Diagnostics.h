// MLIR's locations and diagnostics as text for users.
#pragma once

#include "mlir/IR/Diagnostics.h"

#include <mutex>
#include <string>

namespace kiln::codegen {

/// "in encoder.fc1, at train.cpp:41"; empty when unknown. A fused location names each place once.
std::string describe(mlir::Location loc);

/// Collects the context's errors, from any thread, so that they can be thrown as one Error.
class ErrorCollector {
public:
  explicit ErrorCollector(mlir::MLIRContext& context);
  /// Throws Error: the collected text, or `fallback` if nobody said anything.
  [[noreturn]] void raise(const std::string& fallback) const;

private:
  mutable std::mutex mutex_;
  std::string text_;
  mlir::ScopedDiagnosticHandler handler_;
};

} // namespace kiln::codegen
