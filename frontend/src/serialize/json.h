// JSON, piece by piece: the little that safetensors headers need, without a tree in memory.
#pragma once

#include "kiln/serialize/ivalue.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace kiln::serialize::detail {

/// Walks over a text. Everything throws Error("ORIGIN: …") where the text is something else.
class JsonReader {
public:
  JsonReader(std::string_view text, std::string origin) : text_(text), origin_(std::move(origin)) {}

  /// True, and moves on, when the next character is `c`.
  bool accept(char c);
  void expect(char c);
  std::string string();
  std::uint64_t integer(); ///< not negative
  /// A number, text, bool or null.
  IValue scalar();
  void expect_end();
  [[noreturn]] void fail(const std::string& what) const;

  /// Calls item() for each item of a list in `brackets`, "[]" or "{}".
  template <class F> void list(const char* brackets, F item) {
    expect(brackets[0]);
    if (accept(brackets[1])) return;
    do
      item();
    while (accept(','));
    expect(brackets[1]);
  }

private:
  void skip_space();
  unsigned hex4();
  std::string_view text_;
  std::size_t at_ = 0;
  std::string origin_;
};

std::string json_string(std::string_view text); ///< with quotes
/// A number, text, bool or null; numbers that JSON lacks (NaN, infinities) become text that scalar() reads as
/// such.
std::string json_scalar(const IValue& value);

} // namespace kiln::serialize::detail
