// A new op is complete when it has a reference, an example, and so a tested value and gradient. The dialect's
// side (derivative or NoGradient, lowering) is walked by tests/lit.
#include "ops/cases.h"

#include <catch2/catch.hpp>

#include <set>

using namespace kiln;

TEST_CASE("every op has a reference and an example") {
  std::set<std::string> examples;
  for (const auto& example : tests::cases())
    examples.insert(example.op);
  for (const ir::OpRecord* op : ir::all_ops()) {
    const std::string name(op->name);
    if (name == "gradient") continue; // tested by every gradient
    INFO(name);
    if (name == "normal")
      continue; // a composite of uniform: its distribution is tested in unit/random_test.cpp
    CHECK(reference::has(name));
    CHECK(examples.contains(name));
  }
}
