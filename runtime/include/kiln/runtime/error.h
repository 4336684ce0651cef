// The one exception that users see. Broken invariants of our own assert instead.
#pragma once

#include <stdexcept>
#include <string>

namespace kiln {

/// A user's mistake or a failed resource: names the op or file, what was got and what was wanted, and where.
class Error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
  /// what(), which never holds a backtrace of ours: c10::Error's name for it.
  const char* what_without_backtrace() const noexcept { return what(); }
};

} // namespace kiln
