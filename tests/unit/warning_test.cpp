// Warnings reach the thread's handler, whole and in order.
#include "kiln/warning.h"

#include <catch2/catch.hpp>

#include <thread>
#include <vector>

namespace {

struct Listener : kiln::WarningHandler {
  Listener() : previous(kiln::Warning::get_warning_handler()) { kiln::Warning::set_warning_handler(this); }
  ~Listener() override { kiln::Warning::set_warning_handler(previous); }
  void process(const kiln::SourceLocation&, const std::string& text, bool) override { texts.push_back(text); }
  kiln::WarningHandler* previous;
  std::vector<std::string> texts;
};

} // namespace

TEST_CASE("a handler gets every warning, repeated ones too") {
  Listener listener;
  kiln::warn("one");
  kiln::warn("one");
  kiln::warn("two");
  CHECK(listener.texts == std::vector<std::string>{"one", "one", "two"});
}

TEST_CASE("a handler hears its own thread alone") {
  Listener listener;
  std::thread([] {
    Listener other;
    kiln::warn("elsewhere");
    CHECK(other.texts.size() == 1);
  }).join();
  CHECK(listener.texts.empty());
}

TEST_CASE("the former handler is back when one goes") {
  Listener outer;
  {
    Listener inner;
  }
  kiln::warn("heard");
  CHECK(outer.texts.size() == 1);
}
