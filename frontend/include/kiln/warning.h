// Warnings: what a program should know and need not stop for. They go to the thread's handler; without one,
// each text is printed to stderr once.
#pragma once

#include <cstdint>
#include <string>

namespace kiln {

struct SourceLocation {
  const char* function = "";
  const char* file = "";
  std::uint32_t line = 0; ///< 0: unknown
};

/// Derive and set one to count, log or silence warnings.
class WarningHandler {
public:
  virtual ~WarningHandler() = default;
  /// The default prints to stderr. `verbatim`: the text needs no decoration.
  virtual void process(const SourceLocation& where, const std::string& text, bool verbatim);
};

struct Warning {
  static void warn(const SourceLocation& where, const std::string& text, bool verbatim = false);
  /// Of this thread; nullptr means the default.
  static void set_warning_handler(WarningHandler* handler) noexcept;
  static WarningHandler* get_warning_handler() noexcept;
};

/// Warns, naming the op or method first: "index: masks of dtype uint8 …".
void warn(const std::string& text);

} // namespace kiln
