// Pickles as torch.save writes them (protocol 2), without the memo.
#include "core/tensor_impl.h"
#include "kiln/ir/infer.h"
#include "serialize/pickle.h"

#include <bit>

namespace kiln::serialize::detail {

namespace {

const char* storage_name(DType dtype) {
  switch (dtype) {
  case DType::Float32:
    return "FloatStorage";
  case DType::Float64:
    return "DoubleStorage";
  case DType::BFloat16:
    return "BFloat16Storage";
  case DType::Float16:
    return "HalfStorage";
  case DType::Int64:
    return "LongStorage";
  case DType::Int32:
    return "IntStorage";
  case DType::Int8:
    return "CharStorage";
  case DType::UInt8:
    return "ByteStorage";
  case DType::Bool:
    return "BoolStorage";
  }
  return "";
}

class Pickler {
public:
  explicit Pickler(const std::function<std::string(const Tensor&)>& storage_key)
      : storage_key_(storage_key) {}

  std::string run(const IValue& value) {
    out_ = "\x80\x02";
    put(value);
    return std::move(out_) + '.';
  }

private:
  template <class T> void raw(T value) { out_.append(reinterpret_cast<const char*>(&value), sizeof value); }
  void text(std::string_view value) {
    out_ += 'X';
    raw(static_cast<std::uint32_t>(value.size()));
    out_ += value;
  }
  void integer(std::int64_t value) {
    if (value >= 0 && value < 256) {
      out_ += 'K';
      raw(static_cast<std::uint8_t>(value));
    } else if (value >= INT32_MIN && value <= INT32_MAX) {
      out_ += 'J';
      raw(static_cast<std::int32_t>(value));
    } else {
      out_ += "\x8a\x08"; // LONG1
      raw(value);
    }
  }
  template <class List> void tuple(const List& integers) {
    out_ += '(';
    for (const std::int64_t value : integers)
      integer(value);
    out_ += 't';
  }

  void put(const IValue& value) {
    if (value.isNone()) {
      out_ += 'N';
    } else if (value.isBool()) {
      out_ += value.toBool() ? '\x88' : '\x89';
    } else if (value.isInt()) {
      integer(value.toInt());
    } else if (value.isDouble()) {
      out_ += 'G';
      raw(__builtin_bswap64(std::bit_cast<std::uint64_t>(value.toDouble())));
    } else if (value.isString()) {
      text(value.toStringRef());
    } else if (value.isTensor()) {
      tensor(value.toTensor());
    } else if (value.isDict()) {
      out_ += "}(";
      for (const auto& [key, item] : value.entries()) {
        put(key);
        put(item);
      }
      out_ += 'u';
    } else {
      out_ += value.isTuple() ? "(" : "](";
      for (const IValue& item : value.items())
        put(item);
      out_ += value.isTuple() ? 't' : 'e';
    }
  }

  // _rebuild_tensor_v2(storage, offset, sizes, strides, requires_grad, hooks)
  void tensor(const Tensor& x) {
    const TensorType& type = internal::checked(x, "save").type;
    out_ += "ctorch._utils\n_rebuild_tensor_v2\n((";
    text("storage");
    out_ += std::string("ctorch\n") + storage_name(type.dtype) + "\n";
    text(storage_key_(x));
    text("cpu");
    integer(type.shape.numel());
    out_ += "tQ";
    integer(0);
    tuple(type.shape);
    tuple(ir::row_major(type.shape));
    out_ += "\x89"
            "ccollections\nOrderedDict\n)RtR";
  }

  const std::function<std::string(const Tensor&)>& storage_key_;
  std::string out_;
};

} // namespace

std::string write_pickle(const IValue& value, const std::function<std::string(const Tensor&)>& storage_key) {
  return Pickler(storage_key).run(value);
}

} // namespace kiln::serialize::detail
