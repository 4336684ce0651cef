// Small value types of the public API: dtypes' LibTorch names, Device, Scalar, TensorOptions.
#pragma once

#include "kiln/array_ref.h"
#include "kiln/runtime/error.h"
#include "kiln/runtime/types.h"

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace kiln {

using std::nullopt;
using std::optional;

using ScalarType = DType;
inline constexpr DType kFloat32 = DType::Float32, kFloat64 = DType::Float64, kBFloat16 = DType::BFloat16,
                       kFloat16 = DType::Float16, kInt64 = DType::Int64, kInt32 = DType::Int32,
                       kInt8 = DType::Int8, kUInt8 = DType::UInt8, kBool = DType::Bool;
inline constexpr DType kFloat = kFloat32, kF32 = kFloat32, kDouble = kFloat64, kF64 = kFloat64,
                       kLong = kInt64, kI64 = kInt64, kInt = kInt32, kI32 = kInt32, kByte = kUInt8,
                       kU8 = kUInt8, kChar = kInt8, kI8 = kInt8, kHalf = kFloat16, kF16 = kFloat16,
                       kBF16 = kBFloat16;
std::ostream& operator<<(std::ostream& out,
                         DType dtype);   ///< as LibTorch prints x.dtype(): "float", "long int"
std::string_view to_string(DType dtype); ///< as LibTorch's toString: "Float", "Long"

/// What factories make when no dtype is given, and what integers become where real numbers are needed:
/// float32 unless set. One for the whole process. Throws Error for a dtype that is not floating.
void set_default_dtype(DType dtype);
DType get_default_dtype();

/// How elements lie in memory: LibTorch has others.
enum class Layout : std::uint8_t { Strided };
inline constexpr Layout kStrided = Layout::Strided;

enum class DeviceType : std::uint8_t { CPU, CUDA };
inline constexpr DeviceType kCPU = DeviceType::CPU, kCUDA = DeviceType::CUDA;

/// Where a tensor lives: "cpu", "cuda", "cuda:1".
class Device {
public:
  Device(DeviceType type = kCPU, int index = -1) : type_(type), index_(index) {}
  Device(const std::string& text); ///< throws Error for anything but "cpu", "cuda" and "cuda:N"
  DeviceType type() const { return type_; }
  int index() const { return index_; }
  bool is_cpu() const { return type_ == kCPU; }
  bool is_cuda() const { return type_ == kCUDA; }
  std::string str() const;
  bool operator==(const Device&) const = default;

private:
  DeviceType type_;
  int index_;
};
std::ostream& operator<<(std::ostream& out, const Device& device);

/// A C++ number of any kind, remembered as integer, floating or bool (dtype promotion depends on which).
class Scalar {
public:
  enum class Kind : std::uint8_t { Integer, Floating, Boolean };
  Scalar() : Scalar(std::int64_t{0}) {}
  template <class T>
    requires std::is_arithmetic_v<T>
  Scalar(T value) {
    if constexpr (std::is_same_v<T, bool>)
      kind_ = Kind::Boolean, integer_ = value;
    else if constexpr (std::is_integral_v<T>) // NOLINTNEXTLINE(bugprone-signed-char-misuse): a number here
      kind_ = Kind::Integer, integer_ = static_cast<std::int64_t>(value);
    else
      kind_ = Kind::Floating, floating_ = static_cast<double>(value);
  }
  Kind kind() const { return kind_; }
  bool is_floating_point() const { return kind_ == Kind::Floating; }
  bool isFloatingPoint() const { return is_floating_point(); }
  bool isIntegral(bool include_bool = false) const {
    return kind_ == Kind::Integer || (include_bool && isBoolean());
  }
  bool isBoolean() const { return kind_ == Kind::Boolean; }
  DType type() const { // what LibTorch says of a Scalar
    return kind_ == Kind::Floating ? kFloat64 : kind_ == Kind::Boolean ? kBool : kInt64;
  }
  float toFloat() const { return to<float>(); }
  double toDouble() const { return to<double>(); }
  std::int64_t toLong() const { return to<std::int64_t>(); }
  int toInt() const { return to<int>(); }
  bool toBool() const { return kind_ == Kind::Floating ? floating_ != 0 : integer_ != 0; }
  Scalar operator-() const { return is_floating_point() ? Scalar(-floating_) : Scalar(-integer_); }
  template <class T> T to() const {
    return kind_ == Kind::Floating ? static_cast<T>(floating_) : static_cast<T>(integer_);
  }

private:
  Kind kind_ = Kind::Integer;
  std::int64_t integer_ = 0;
  double floating_ = 0;
};

std::ostream& operator<<(std::ostream& out, IntArrayRef list); ///< "[2, 3]"

/// dtype, device and requires_grad for factories; converts from a dtype or a device.
class TensorOptions {
public:
  TensorOptions() = default;
  TensorOptions(DType dtype) : dtype_(dtype), has_dtype_(true) {}
  TensorOptions(Device device) : has_device_(true), device_(device) {}
  TensorOptions(DeviceType device) : has_device_(true), device_(device) {}
  TensorOptions(Layout) {}
  TensorOptions dtype(DType value) const {
    auto copy = *this;
    copy.dtype_ = value;
    copy.has_dtype_ = true;
    return copy;
  }
  TensorOptions device(Device value) const {
    auto copy = *this;
    copy.device_ = value;
    copy.has_device_ = true;
    return copy;
  }
  TensorOptions requires_grad(bool value) const {
    auto copy = *this;
    copy.grad_ = value;
    return copy;
  }
  TensorOptions layout(Layout) const { return *this; }
  DType dtype() const { return has_dtype_ ? dtype_ : get_default_dtype(); }
  Device device() const { return device_; }
  Layout layout() const { return kStrided; }
  bool requires_grad() const { return grad_; }
  bool has_dtype() const { return has_dtype_; }
  bool has_device() const { return has_device_; }

private:
  DType dtype_ = kFloat32;
  bool has_dtype_ = false, has_device_ = false, grad_ = false;
  Device device_;
};
inline TensorOptions dtype(DType value) {
  return TensorOptions(value);
}
inline TensorOptions device(Device value) {
  return TensorOptions(value);
}
inline TensorOptions layout(Layout value) {
  return TensorOptions(value);
}
inline TensorOptions requires_grad(bool value = true) {
  return TensorOptions().requires_grad(value);
}

} // namespace kiln
