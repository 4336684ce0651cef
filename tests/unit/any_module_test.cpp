// AnyValue and AnyModule: values and modules of any class behind one type, default arguments, and errors.
#include "kiln/kiln.h"

#include <catch2/catch.hpp>

#include <string>

using namespace kiln;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;

namespace {

struct Count : nn::Module {
  explicit Count(int start) : nn::Module("Count"), start(start) {}
  double forward(int a, int b = 2, double c = 0.5) { return start + a + b + c; }
  int start;
};
struct Shout : nn::Module {
  std::string forward(const std::string& text) { return text + "!"; }
};

} // namespace

TEST_CASE("AnyValue gives back what it holds, and says what that is when asked for something else") {
  nn::AnyValue number(5), text("hello"), copy(number);
  CHECK(number.get<int>() == 5);
  CHECK(*copy.try_get<int>() == 5);
  CHECK(number.try_get<long>() == nullptr);
  CHECK(text.get<const char*>() == std::string("hello"));
  CHECK(text.type_info() == typeid(const char*));
  CHECK_THROWS_WITH(number.get<float>(),
                    "AnyValue: Attempted to cast AnyValue to float, but its actual type is int");
  number = std::move(text);
  CHECK(number.try_get<int>() == nullptr);
  CHECK(nn::AnyValue().type_info() == typeid(void));
}

TEST_CASE("AnyModule passes default arguments, and counts the others") {
  nn::AnyModule any(Count(100));
  CHECK(any.forward<double>(1) == 103.5);
  CHECK(any.forward<double>(1, 3, 4.0) == 108);
  CHECK_THROWS_WITH(any.forward<double>(), "Count's forward() method expects at least 1 argument(s) and at "
                                           "most 3 argument(s), but received 0.");
  CHECK_THROWS_WITH(any.forward<double>(1, 2, 3.0, 4), EndsWith("but received 4."));
  CHECK_THROWS_WITH(any.forward<double>(1.5), "Count.forward: Expected argument #0 to be of type int, but "
                                              "received value of type double");
  CHECK_THROWS_WITH(nn::AnyModule(Shout{}).forward<int>(1, 2),
                    EndsWith("Shout's forward() method expects 1 argument(s), but received 2."));
}

TEST_CASE("an AnyModule may hold another module later; an empty one says which call it cannot serve") {
  nn::AnyModule any;
  CHECK_THROWS_WITH(any.get<Count>(), "AnyModule: Cannot call get() on an empty AnyModule");
  CHECK_THROWS_WITH(any.get<nn::Linear>(), "AnyModule: Cannot call get() on an empty AnyModule");
  CHECK_THROWS_WITH(any.ptr(), "AnyModule: Cannot call ptr() on an empty AnyModule");
  CHECK_THROWS_WITH(any.ptr<Count>(), "AnyModule: Cannot call ptr() on an empty AnyModule");
  CHECK_THROWS_WITH(any.type_info(), "AnyModule: Cannot call type_info() on an empty AnyModule");
  CHECK_THROWS_WITH(any.forward<int>(5), "AnyModule: Cannot call forward() on an empty AnyModule");
  any = std::make_shared<Count>(7);
  CHECK(any.get<Count>().start == 7);
  any = std::make_shared<Shout>();
  CHECK(any.forward<std::string>(std::string("here")) == "here!");
  CHECK_THROWS_WITH(any.get<Count>(), Contains("Attempted to cast module to"));
}
