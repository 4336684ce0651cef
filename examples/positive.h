// A check of options: CLI11's own for positive numbers answers with the largest double, all 309 digits of it.
#pragma once

#include <CLI/CLI.hpp>

#include <charconv>
#include <string>

inline CLI::Validator positive() {
  return CLI::Validator(
      [](const std::string& text) {
        double value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        const bool good = error == std::errc() && end == text.data() + text.size() && value > 0;
        return good ? std::string() : "wants a number above 0, got " + text;
      },
      "POSITIVE");
}
