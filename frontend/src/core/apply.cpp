// The fork between eager evaluation and the trace, and the promotion rules that come before it.
#include "core/apply.h"

#include "core/eager.h"
#include "core/element_type.h"
#include "core/movement.h"
#include "core/shapes.h"
#include "core/tape.h"
#include "core/trace.h"
#include "kiln/ir/infer.h"

#include <array>
#include <cstring>

namespace kiln::internal {

void fail(const std::string& text) {
  fail_at(caller_location(64), text); // an error may look further than each call of a capture
}

void fail_at(const ir::Location& recorded, const std::string& text) {
  const ir::Location where = resolve_location(recorded);
  std::string place;
  if (!where.module.empty()) place = "in " + where.module;
  if (!where.file.empty())
    place += (place.empty() ? "at " : ", at ") + where.file + ":" + std::to_string(where.line);
  throw Error(place.empty() ? text : text + " (" + place + ")");
}

namespace {

// "log_softmax": LogSoftmaxBackward0, as PyTorch calls it.
std::string derivative_name(const ir::OpRecord& record) {
  if (!record.derivative.empty()) return std::string(record.derivative);
  std::string name;
  bool upper = true;
  for (char c : record.name) {
    if (c != '_') name += upper ? static_cast<char>(std::toupper(c)) : c;
    upper = c == '_';
  }
  return name + "Backward0";
}

// What backward() does with this call.
std::shared_ptr<TapeNode> node_of(const ir::OpRecord& record, Attributes attrs,
                                  std::span<const Tensor> values) {
  if (record.movement != ir::Movement::None)
    return movement_node(record, derivative_name(record), std::move(attrs), values);
  auto program = std::make_shared<ir::Program>();
  std::vector<ir::ValueId> inputs;
  for (const Tensor& x : values)
    inputs.push_back(program->add_input(x.impl()->type));
  program->outputs = program->add_call(record.name, std::move(inputs), std::move(attrs));
  return std::make_shared<ProgramNode>(derivative_name(record), std::move(program),
                                       std::vector<Tensor>(values.begin(), values.end()));
}

} // namespace

Tensor apply(std::string_view op, std::span<const Tensor> operands, Attributes attrs,
             std::string_view called) {
  if (called.empty()) called = op;
  constexpr std::size_t kInline = 8;
  std::array<TensorType, kInline> inline_types;
  std::array<Tensor, kInline> inline_values;
  std::vector<TensorType> more_types;
  std::vector<Tensor> more_values;
  if (operands.size() > kInline) more_types.resize(operands.size()), more_values.resize(operands.size());
  const std::span<TensorType> types(more_types.empty() ? inline_types.data() : more_types.data(),
                                    operands.size());
  const std::span<Tensor> values(more_values.empty() ? inline_values.data() : more_values.data(),
                                 operands.size());
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (!operands[i].defined())
      fail(std::string(called) + ": argument " + std::to_string(i + 1) + " is an undefined tensor");
    values[i] = read(operands[i]);
    types[i] = values[i].impl()->type;
  }
  const ir::OpRecord* record = ir::find_op(op);
  if (!record) fail("there is no op named \"" + std::string(op) + "\"");
  const TensorType result = result_type(*record, called, attrs, types);
  if (Trace* trace = Trace::current()) return trace->record(op, values, std::move(attrs), result);

  Tensor output = make_tensor(result, evaluate(*record, attrs, values, result));
  if (GradMode::is_enabled() && is_floating(result.dtype) && !record->detaches && wants_gradient(values))
    record_on_tape(node_of(*record, std::move(attrs), values), std::span(&output, 1));
  return output;
}

Tensor scalar_operand(Scalar value, DType dtype) {
  if (Trace::current())
    return apply("constant", std::span<const Tensor>{},
                 {{"dtype", std::string(name(dtype))},
                  {"shape", std::vector<std::int64_t>{}},
                  {"value", value.to<double>()}});
  runtime::Buffer buffer = runtime::Buffer::allocate(8);
  with_element_type("scalar", dtype, [&]<class T> { *buffer.as<T>() = value.to<T>(); });
  return make_tensor({dtype, {}}, std::move(buffer));
}

DType promote(DType a, DType b) {
  if (a == b) return a;
  auto rank = [](DType d) { // bool < u8 < i8 < i32 < i64 < f16 < bf16 < f32 < f64
    switch (d) {
    case DType::Bool:
      return 0;
    case DType::UInt8:
      return 1;
    case DType::Int8:
      return 2;
    case DType::Int32:
      return 3;
    case DType::Int64:
      return 4;
    case DType::Float16:
      return 5;
    case DType::BFloat16:
      return 6;
    case DType::Float32:
      return 7;
    case DType::Float64:
      return 8;
    }
    return 8;
  };
  if ((a == DType::Float16 && b == DType::BFloat16) || (a == DType::BFloat16 && b == DType::Float16))
    return DType::Float32;
  if ((a == DType::UInt8 && b == DType::Int8) || (a == DType::Int8 && b == DType::UInt8)) return DType::Int32;
  return rank(a) > rank(b) ? a : b;
}

DType promote(DType tensor, const Scalar& scalar) {
  switch (scalar.kind()) {
  case Scalar::Kind::Floating:
    return is_floating(tensor) ? tensor : get_default_dtype();
  case Scalar::Kind::Integer:
    return tensor == DType::Bool ? DType::Int64 : tensor;
  case Scalar::Kind::Boolean:
    return tensor;
  }
  return tensor;
}

namespace {

DType promote_types(const TensorType& a, const TensorType& b) {
  // A 0-d tensor does not widen a tensor of the same kind of number.
  const bool same_kind =
      is_floating(a.dtype) == is_floating(b.dtype) && a.dtype != DType::Bool && b.dtype != DType::Bool;
  if (same_kind && a.shape.rank() == 0 && b.shape.rank() != 0) return b.dtype;
  if (same_kind && b.shape.rank() == 0 && a.shape.rank() != 0) return a.dtype;
  if (is_floating(a.dtype) && !is_floating(b.dtype)) return a.dtype;
  if (is_floating(b.dtype) && !is_floating(a.dtype)) return b.dtype;
  return promote(a.dtype, b.dtype);
}

Tensor cast(const Tensor& x, DType dtype) {
  return x.dtype() == dtype ? x : x.to(dtype);
}

// True division is in floating point; comparisons and the rest keep the common dtype.
DType common(std::string_view op, DType dtype) {
  return (op == "div" || op == "atan2") && !is_floating(dtype) ? get_default_dtype() : dtype;
}

} // namespace

DType promote(const Tensor& x, const Tensor& y) {
  return promote_types(checked(x).type, checked(y).type);
}

Tensor apply_binary(std::string_view op, const Tensor& x, const Tensor& y) {
  const TensorType &a = checked(x, op).type, &b = checked(y, op).type;
  const DType dtype = common(op, a.dtype == b.dtype ? a.dtype : promote_types(a, b));
  return apply(op, {cast(x, dtype), cast(y, dtype)});
}

Tensor apply_binary(std::string_view op, const Tensor& x, Scalar y) {
  const DType dtype = common(op, promote(checked(x, op).type.dtype, y));
  return apply(op, {cast(x, dtype), scalar_operand(y, dtype)});
}

Tensor apply_binary(std::string_view op, Scalar x, const Tensor& y) {
  const DType dtype = common(op, promote(checked(y, op).type.dtype, x));
  return apply(op, {scalar_operand(x, dtype), cast(y, dtype)});
}

} // namespace kiln::internal
