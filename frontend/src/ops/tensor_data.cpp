// Nested braces: what tensor() makes tensors of.
#include "kiln/ops.h"
#include "ops/from_host.h"

#include <ostream>
#include <sstream>
#include <string>

namespace kiln {

using namespace internal;

const char* TensorData::name_of(Element element) {
  constexpr const char* names[] = {"Byte", "Char", "Short", "Int", "Long", "Float", "Double", "Bool"};
  return names[static_cast<std::size_t>(element)];
}

TensorData::TensorData()
    : element_(get_default_dtype() == kFloat64 ? Element::Double : Element::Float), sizes_{0} {}

TensorData::TensorData(std::initializer_list<TensorData> list)
    : element_(list.size() ? list.begin()->element_ : TensorData().element_), list_(list),
      sizes_{static_cast<std::int64_t>(list.size())} {
  auto text = [](const TensorData& data) {
    std::ostringstream out;
    out << data;
    return out.str();
  };
  auto sizes = [](const TensorData& data) {
    std::string words;
    for (const std::int64_t size : data.sizes_)
      words += (words.empty() ? "" : " ") + std::to_string(size);
    return words;
  };
  for (const TensorData& item : list_) {
    const TensorData& first = list_.front();
    if (item.sizes_ != first.sizes_)
      fail("tensor: Expected all sub-lists to have sizes: " + sizes(first) + " (e.g. " + text(first) +
           "), but got sub-list " + text(item) + " with sizes: " + sizes(item));
    if (item.element_ != element_)
      fail(std::string("tensor: Expected all elements of the tensor to have the same scalar type: ") +
           name_of(element_) + ", but got element of scalar type: " + name_of(item.element_));
  }
  if (!list_.empty()) sizes_.insert(sizes_.end(), list_.front().sizes_.begin(), list_.front().sizes_.end());
}

const Scalar& TensorData::scalar() const {
  if (!is_scalar())
    fail("tensor: Can only call `scalar()` on a TensorDataContainer that has `is_scalar() == true`");
  return scalar_;
}
const std::vector<TensorData>& TensorData::init_list() const {
  if (!is_init_list())
    fail("tensor: Can only call `init_list()` on a TensorDataContainer that has `is_init_list() == true`");
  return list_;
}
Tensor TensorData::tensor() const {
  if (!is_tensor())
    fail("tensor: Can only call `tensor()` on a TensorDataContainer that has `is_tensor() == true`");
  return make({});
}

void TensorData::collect(std::vector<Scalar>& values) const {
  if (is_scalar()) values.push_back(scalar_);
  values.insert(values.end(), values_.begin(), values_.end());
  for (const TensorData& item : list_)
    item.collect(values);
}

DType TensorData::dtype() const {
  switch (element_) {
  case Element::Byte:
    return kUInt8;
  case Element::Char:
    return kInt8;
  case Element::Bool:
    return kBool;
  case Element::Float:
  case Element::Double:
    return get_default_dtype();
  default:
    return kInt64;
  }
}

Tensor tensor(const TensorData& data, const TensorOptions& options) {
  return data.make(options);
}
Tensor tensor(std::initializer_list<TensorData> data, const TensorOptions& options) {
  return TensorData(data).make(options);
}

Tensor TensorData::make(const TensorOptions& options) const {
  const DType chosen = options.has_dtype() ? options.dtype() : dtype();
  std::vector<Scalar> values;
  collect(values);
  Tensor x = is_floating(chosen) || element_ == Element::Float || element_ == Element::Double
                 ? from_host(sizes_, chosen,
                             [&](std::int64_t i) { return values[static_cast<std::size_t>(i)].toDouble(); })
                 : from_host(sizes_, chosen,
                             [&](std::int64_t i) { return values[static_cast<std::size_t>(i)].toLong(); });
  if (!options.device().is_cpu()) fail("tensor: device " + options.device().str() + " is not available");
  if (options.requires_grad()) x.requires_grad_();
  return x;
}

void TensorData::print(std::ostream& out) const {
  auto number = [&](const Scalar& value) {
    if (value.isFloatingPoint())
      out << value.toDouble();
    else if (value.isBoolean())
      out << (value.toBool() ? "true" : "false");
    else
      out << value.toLong();
  };
  if (is_scalar()) return number(scalar_);
  out << "{";
  for (std::size_t i = 0; i < values_.size(); ++i)
    out << (i ? ", " : ""), number(values_[i]);
  for (std::size_t i = 0; i < list_.size(); ++i)
    out << (i ? ", " : "") << list_[i];
  out << "}";
}

} // namespace kiln
