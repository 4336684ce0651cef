// What tests of layers check alike: numbers, and what a module prints of itself.
#pragma once

#include "doubles.h"

#include "kiln/module.h"

#include <catch2/catch.hpp>

#include <sstream>
#include <string>

namespace kiln::test {

/// Each element within `tolerance` of what is wanted, absolutely or relatively.
inline void check_close(const Tensor& x, const Doubles& wanted, double tolerance = 1e-9) {
  const Doubles got = values(x);
  REQUIRE(got.size() == wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    INFO("element " << i);
    CHECK(got[i] == Approx(wanted[i]).epsilon(tolerance).margin(tolerance));
  }
}

inline std::string printed(const nn::Module& module) {
  std::ostringstream out;
  module.pretty_print(out);
  return out.str();
}

} // namespace kiln::test
