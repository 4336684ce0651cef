// JSON for safetensors headers.
#include "serialize/json.h"

#include "kiln/runtime/error.h"

#include <charconv>
#include <cmath>
#include <limits>

namespace kiln::serialize::detail {

namespace {

void append_utf8(std::string& out, unsigned code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

constexpr std::string_view kSpecial = "\x01number "; // before the numbers that JSON lacks

} // namespace

void JsonReader::fail(const std::string& what) const {
  throw Error(origin_ + ": damaged header: " + what + " at its byte " + std::to_string(at_));
}
void JsonReader::skip_space() {
  while (at_ < text_.size() &&
         (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
    ++at_;
}
bool JsonReader::accept(char c) {
  skip_space();
  if (at_ >= text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}
void JsonReader::expect(char c) {
  if (!accept(c)) fail(std::string("wanted '") + c + "'");
}
void JsonReader::expect_end() {
  skip_space();
  if (at_ != text_.size()) fail("got more than one value");
}

unsigned JsonReader::hex4() {
  unsigned value = 0;
  if (text_.size() - at_ < 4) fail("cut in an escape");
  const char* from = text_.data() + at_;
  if (const auto [end, code] = std::from_chars(from, from + 4, value, 16);
      code != std::errc{} || end != from + 4)
    fail("a bad escape");
  at_ += 4;
  return value;
}

std::string JsonReader::string() {
  expect('"');
  std::string out;
  while (true) {
    if (at_ >= text_.size()) fail("cut in a text");
    const char c = text_[at_++];
    if (c == '"') return out;
    if (static_cast<unsigned char>(c) < 0x20) fail("a control character in a text");
    if (c != '\\') {
      out += c;
      continue;
    }
    if (at_ >= text_.size()) fail("cut in a text");
    switch (const char e = text_[at_++]) {
    case '"':
    case '\\':
    case '/':
      out += e;
      break;
    case 'b':
      out += '\b';
      break;
    case 'f':
      out += '\f';
      break;
    case 'n':
      out += '\n';
      break;
    case 'r':
      out += '\r';
      break;
    case 't':
      out += '\t';
      break;
    case 'u': {
      unsigned code = hex4();
      if (code >= 0xD800 && code < 0xDC00) {
        if (text_.substr(at_, 2) != "\\u") fail("half a surrogate pair");
        at_ += 2;
        const unsigned low = hex4();
        if (low < 0xDC00 || low > 0xDFFF) fail("half a surrogate pair");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      } else if (code >= 0xDC00 && code < 0xE000) {
        fail("half a surrogate pair");
      }
      append_utf8(out, code);
      break;
    }
    default:
      fail("a bad escape");
    }
  }
}

std::uint64_t JsonReader::integer() {
  skip_space();
  std::uint64_t value = 0;
  const char *from = text_.data() + at_, *limit = text_.data() + text_.size();
  const auto [end, code] = std::from_chars(from, limit, value);
  if (code == std::errc::result_out_of_range) fail("a number that is too large");
  if (code != std::errc{}) fail("wanted a whole number");
  at_ += static_cast<std::size_t>(end - from);
  return value;
}

IValue JsonReader::scalar() {
  skip_space();
  const std::string_view rest = text_.substr(at_);
  if (rest.starts_with('"')) {
    std::string text = string();
    if (!text.starts_with(kSpecial)) return text;
    const std::string_view number = std::string_view(text).substr(kSpecial.size());
    if (number == "nan") return std::numeric_limits<double>::quiet_NaN();
    const double infinity = std::numeric_limits<double>::infinity();
    return number == "-inf" ? -infinity : infinity;
  }
  for (const auto& [word, value] :
       {std::pair<std::string_view, IValue>{"true", true}, {"false", false}, {"null", {}}})
    if (rest.starts_with(word)) {
      at_ += word.size();
      return value;
    }
  const std::string_view number = rest.substr(0, rest.find_first_not_of("+-0123456789.eE"));
  const char *from = number.data(), *limit = number.data() + number.size();
  if (number.find_first_of(".eE") == std::string_view::npos) {
    std::int64_t value = 0;
    if (const auto [end, code] = std::from_chars(from, limit, value);
        code != std::errc{} || end != limit || from == end)
      fail("wanted a value");
    at_ += number.size();
    return value;
  }
  double value = 0;
  if (const auto [end, code] = std::from_chars(from, limit, value); code != std::errc{} || end != limit)
    fail("wanted a number");
  at_ += number.size();
  return value;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      constexpr const char* kDigits = "0123456789abcdef";
      out += "\\u00";
      out += kDigits[c >> 4];
      out += kDigits[c & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string json_scalar(const IValue& value) {
  if (value.isNone()) return "null";
  if (value.isBool()) return value.toBool() ? "true" : "false";
  if (value.isInt()) return std::to_string(value.toInt());
  if (value.isString()) return json_string(value.toStringRef());
  const double number = value.toDouble();
  if (std::isnan(number)) return json_string(std::string(kSpecial) + "nan");
  if (std::isinf(number)) return json_string(std::string(kSpecial) + (number < 0 ? "-inf" : "inf"));
  char text[32];
  const auto end =
      std::to_chars(text, text + sizeof text, number).ptr; // the shortest that reads back the same
  std::string out(text, end);
  return out.find_first_of(".e") == std::string::npos ? out + ".0" : out;
}

} // namespace kiln::serialize::detail
