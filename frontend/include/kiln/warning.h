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
  /// Whether the default handler prints a text again and again.
  static void set_warnAlways(bool always) noexcept;
  static bool get_warnAlways() noexcept;
  /// For the life of the object.
  class WarnAlways {
  public:
    explicit WarnAlways(bool always = true) : previous_(get_warnAlways()) { set_warnAlways(always); }
    ~WarnAlways() { set_warnAlways(previous_); }
    WarnAlways(const WarnAlways&) = delete;

  private:
    bool previous_;
  };
};

/// Warns, naming the op or method first: "index: masks of dtype uint8 …".
void warn(const std::string& text);

} // namespace kiln
