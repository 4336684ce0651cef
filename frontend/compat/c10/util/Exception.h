// c10::Error, warnings and the checking macros.
#pragma once

#include "c10/util/StringUtil.h"
#include "kiln/runtime/error.h"
#include "kiln/warning.h"

namespace c10 {

using kiln::Error;
using kiln::SourceLocation;
using kiln::Warning;
using kiln::WarningHandler;
using IndexError = Error;
using ValueError = Error;
using TypeError = Error;
using NotImplementedError = Error;
using LinAlgError = Error;

namespace detail {

/// The message of a check that failed: the caller's words, or the condition when there are none.
template <class... Parts> [[noreturn]] void check_failed(const char* condition, const Parts&... parts) {
  if constexpr (sizeof...(Parts) == 0)
    throw Error(str("Expected ", condition, " to be true, but got false."));
  else
    throw Error(str(parts...));
}

} // namespace detail
} // namespace c10

#define TORCH_CHECK(condition, ...)                                                                          \
  if (!(condition)) [[unlikely]]                                                                             \
  ::c10::detail::check_failed(#condition __VA_OPT__(, ) __VA_ARGS__)
#define TORCH_CHECK_INDEX(condition, ...) TORCH_CHECK(condition __VA_OPT__(, ) __VA_ARGS__)
#define TORCH_CHECK_VALUE(condition, ...) TORCH_CHECK(condition __VA_OPT__(, ) __VA_ARGS__)
#define TORCH_CHECK_TYPE(condition, ...) TORCH_CHECK(condition __VA_OPT__(, ) __VA_ARGS__)
#define TORCH_CHECK_NOT_IMPLEMENTED(condition, ...) TORCH_CHECK(condition __VA_OPT__(, ) __VA_ARGS__)
#define TORCH_INTERNAL_ASSERT(condition, ...) TORCH_CHECK(condition __VA_OPT__(, ) __VA_ARGS__)
#define AT_ASSERT(condition) TORCH_CHECK(condition)
#define AT_ASSERTM(condition, ...) TORCH_CHECK(condition __VA_OPT__(, ) __VA_ARGS__)
#define AT_ERROR(...) throw ::c10::Error(::c10::str(__VA_ARGS__))
#define TORCH_WARN(...) ::kiln::Warning::warn({__func__, __FILE__, __LINE__}, ::c10::str(__VA_ARGS__))
#define TORCH_WARN_ONCE(...)                                                                                 \
  do {                                                                                                       \
    static const bool warned = (TORCH_WARN(__VA_ARGS__), true);                                              \
    (void)warned;                                                                                            \
  } while (false)
#define TORCH_API
