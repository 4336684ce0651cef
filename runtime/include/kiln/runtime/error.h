// The one exception that users see. Broken invariants of our own assert instead.
#pragma once

#include <stdexcept>
#include <string>

namespace kiln {

/// A user's mistake or a failed resource: names the op or file, what was got and what was wanted, and where.
class Error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

} // namespace kiln
