// The handlers of warnings: one for each thread, so that a test or a worker can listen to its own.
#include "kiln/warning.h"

#include <atomic>
#include <iostream>
#include <mutex>
#include <set>

namespace kiln {

namespace {

thread_local WarningHandler* handler = nullptr;
std::atomic<bool> warn_always{false};

/// Prints a text the first time only: a warning inside a training loop would drown the rest.
class PrintOnce : public WarningHandler {
public:
  void process(const SourceLocation& where, const std::string& text, bool verbatim) override {
    const std::lock_guard lock(mutex_);
    if (seen_.insert(text).second || warn_always) WarningHandler::process(where, text, verbatim);
  }

private:
  std::mutex mutex_;
  std::set<std::string> seen_;
};

WarningHandler* print_once() {
  static auto* once = new PrintOnce; // never destroyed: destructors of other statics may still warn
  return once;
}

} // namespace

void WarningHandler::process(const SourceLocation& where, const std::string& text, bool verbatim) {
  std::string line = verbatim ? text : "[kiln] warning: " + text;
  if (where.line) line += " (" + std::string(where.file) + ":" + std::to_string(where.line) + ")";
  std::cerr << line + "\n";
}

void Warning::warn(const SourceLocation& where, const std::string& text, bool verbatim) {
  get_warning_handler()->process(where, text, verbatim);
}
void Warning::set_warning_handler(WarningHandler* chosen) noexcept {
  handler = chosen;
}
WarningHandler* Warning::get_warning_handler() noexcept {
  return handler ? handler : print_once();
}

void Warning::set_warnAlways(bool always) noexcept {
  warn_always = always;
}
bool Warning::get_warnAlways() noexcept {
  return warn_always;
}

void warn(const std::string& text) {
  Warning::warn({}, text);
}

} // namespace kiln
