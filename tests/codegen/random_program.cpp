// See random_program.h.
#include "random_program.h"

#include "kiln/ir/infer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kiln::test {

using ir::broadcast_shapes;
using ir::ValueId;
using reference::Array;
using Ints = std::vector<std::int64_t>;

namespace {
constexpr std::int64_t kMostElements = 3000;
constexpr double kMostSize = 6; ///< values beyond it are brought back by tanh
} // namespace

ValueId RandomProgram::call(const char* op, std::vector<ValueId> operands, std::vector<ir::NamedAttr> attrs) {
  std::vector<Array> values;
  bool exact = true;
  for (ValueId operand : operands) {
    values.push_back(arrays[operand]);
    exact &= isExact[operand];
  }
  std::string_view name(op);
  bool rounds = false;
  for (std::string_view rounding : {"tanh", "sin", "sigmoid", "add", "sub", "mul", "div", "sum", "mean",
                                    "pow", "softmax", "cumsum", "matmul", "index_add"})
    rounds |= name == rounding;
  arrays.push_back(reference::evaluate(op, attrs, values));
  isExact.push_back(exact && !rounds);
  return program.add_call(op, std::move(operands), std::move(attrs)).front();
}

ValueId RandomProgram::constant(double value, DType dtype, Ints shape) {
  return call("constant", {},
              {{"dtype", std::string(name(dtype))}, {"shape", std::move(shape)}, {"value", value}});
}

void RandomProgram::input(const TensorType& type) {
  program.add_input(type);
  inputs.push_back(test::random(type, random(), -2, 2));
  Array array{type, std::vector<double>(static_cast<std::size_t>(type.shape.numel()))};
  for (std::size_t i = 0; i < array.values.size(); ++i)
    array[i] = type.dtype == DType::Float32   ? inputs.back().as<float>()[i]
               : type.dtype == DType::Float64 ? inputs.back().as<double>()[i]
                                              : static_cast<double>(inputs.back().as<std::int64_t>()[i]);
  arrays.push_back(std::move(array));
  isExact.push_back(true);
}

/// One that fits, recent ones more often; the number of values when there is none.
ValueId RandomProgram::any(const std::function<bool(ValueId)>& fits) {
  std::vector<ValueId> found;
  for (ValueId x = 0; x < program.values.size(); ++x)
    if (fits(x)) found.push_back(x);
  if (found.empty()) return static_cast<ValueId>(program.values.size());
  return found[std::max(below(found.size()), below(found.size()))];
}

ValueId RandomProgram::anyFloating() {
  return any([&](ValueId x) { return program.values[x].dtype == floating; });
}

/// Another value of x's type, x itself if there is no other.
ValueId RandomProgram::like(ValueId x) {
  return any([&](ValueId y) { return program.values[y] == program.values[x]; });
}

ValueId RandomProgram::tamed(ValueId x) {
  const auto& values = arrays[x].values;
  bool large = std::ranges::any_of(values, [](double v) { return std::abs(v) > kMostSize; });
  return large ? call("tanh", {x}) : x;
}

ValueId RandomProgram::unary(ValueId x) {
  const char* ops[] = {"neg", "abs", "relu", "tanh", "sin", "sigmoid"};
  return call(ops[below(std::size(ops))], {x});
}

ValueId RandomProgram::binary(ValueId x) {
  ValueId y = any([&](ValueId other) {
    if (program.values[other].dtype != floating) return false;
    auto both = broadcast_shapes(shape(x), shape(other));
    return both && both->numel() <= kMostElements;
  });
  const char* ops[] = {"add", "sub", "mul", "maximum", "minimum"};
  return call(ops[below(std::size(ops))], chance(50) ? std::vector{x, y} : std::vector{y, x});
}

ValueId RandomProgram::withNumber(ValueId x) {
  const std::pair<const char*, double> ops[] = {{"mul", 1}, {"mul", -1}, {"mul", 0.5},   {"mul", -0.25},
                                                {"mul", 0}, {"add", 0},  {"add", 1},     {"sub", 0},
                                                {"div", 2}, {"div", -4}, {"div", 3},     {"pow", 1},
                                                {"pow", 2}, {"pow", 3},  {"maximum", 0}, {"mul", 1.5}};
  auto [op, number] = ops[below(std::size(ops))];
  ValueId y = constant(number, floating, chance(30) ? dims(x) : Ints{});
  bool turned = (op == std::string_view("sub") || op == std::string_view("mul")) && chance(30);
  return call(op, turned ? std::vector{y, x} : std::vector{x, y});
}

ValueId RandomProgram::choice(ValueId x) {
  ValueId y = any([&](ValueId other) {
    return program.values[other].dtype == floating && isExact[other] &&
           broadcast_shapes(shape(x), shape(other)) &&
           broadcast_shapes(shape(x), shape(other))->numel() <= kMostElements;
  });
  if (y == program.values.size()) return x;
  ValueId condition = call(chance(50) ? "gt" : "le", {y, constant(0, floating)});
  if (chance(30)) condition = call("not", {condition});
  ValueId other = chance(50) ? constant(chance(50) ? 0 : 2, floating) : like(x);
  return call("where", {condition, x, other});
}

/// Neighbouring dimensions joined, one split in two, or those of size 1 changed.
ValueId RandomProgram::reshaped(ValueId x) {
  Ints to = dims(x);
  int kind = below(4);
  if (kind == 0 && to.size() >= 2) {
    auto at = to.begin() + below(to.size() - 1);
    at[0] *= at[1];
    to.erase(at + 1);
  } else if (kind == 1 && !to.empty()) {
    auto at = to.begin() + below(to.size());
    for (std::int64_t factor : {2, 3, 4})
      if (*at % factor == 0 && to.size() < 5) {
        *at /= factor;
        to.insert(at + below(2), factor);
        break;
      }
  } else if (kind == 2 && to.size() < 5) {
    to.insert(to.begin() + below(to.size() + 1), 1);
  } else {
    std::erase(to, 1);
  }
  return call("reshape", {x}, {{"shape", to}});
}

ValueId RandomProgram::transposed(ValueId x) {
  Ints order(shape(x).rank());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::shuffle(order, random);
  return call("transpose", {x}, {{"permutation", order}});
}

ValueId RandomProgram::repeated(ValueId x) {
  Ints to = dims(x);
  for (std::int64_t& size : to)
    if (size == 1 && chance(50)) size = 2 + below(3);
  if (to.size() < 4 && chance(60)) to.insert(to.begin(), 2 + below(3));
  if (Shape(std::span(to)).numel() > kMostElements) return x;
  return call("broadcast", {x}, {{"shape", to}});
}

static std::vector<ir::NamedAttr> window(std::mt19937& random, const Shape& shape) {
  Ints starts, steps, stops;
  for (std::int64_t size : shape) {
    bool whole = random() % 100 < 50;
    starts.push_back(whole ? 0 : static_cast<std::int64_t>(random() % static_cast<unsigned>(size)));
    stops.push_back(
        whole ? size
              : starts.back() + 1 +
                    static_cast<std::int64_t>(random() % static_cast<unsigned>(size - starts.back())));
    steps.push_back(random() % 100 < 75 ? 1 : 2);
  }
  return {{"starts", starts}, {"steps", steps}, {"stops", stops}};
}

ValueId RandomProgram::cut(ValueId x) {
  return call("slice", {x}, window(random, shape(x)));
}

/// A part of x replaced by what is there in another value; or that part, padded, added to it.
ValueId RandomProgram::written(ValueId x) {
  auto where = window(random, shape(x));
  ValueId part = call("slice", {like(x)}, where);
  if (chance(50)) part = unary(part);
  if (chance(50)) return call("slice_update", {x, part}, where);
  ValueId padded = call("slice_update", {constant(0, floating, dims(x)), part}, where);
  if (chance(30)) return padded;
  auto second = window(random, shape(x));
  ValueId other = call("slice_update",
                       {constant(chance(70) ? 0 : 1, floating, dims(x)), call("slice", {x}, second)}, second);
  return call("add", {padded, chance(60) ? other : x});
}

ValueId RandomProgram::joined(ValueId x) {
  if (rank(x) == 0) return x;
  std::vector<ValueId> parts = {x};
  for (int i = below(3); i-- > 0;)
    if ((static_cast<std::int64_t>(parts.size()) + 1) * shape(x).numel() <= kMostElements)
      parts.push_back(like(x));
  return call("concat", parts, {{"dim", std::int64_t{below(shape(x).rank())}}});
}

ValueId RandomProgram::reduced(ValueId x) {
  Ints over;
  for (std::int64_t dim = 0; dim < rank(x); ++dim)
    if (chance(45)) over.push_back(dim);
  const char* ops[] = {"sum", "sum", "max", "min", "mean"};
  return call(ops[below(std::size(ops))], {x}, {{"dims", over}, {"keepdim", chance(50)}});
}

ValueId RandomProgram::alongDim(ValueId x) {
  if (rank(x) == 0) return x;
  std::int64_t dim = below(shape(x).rank());
  if (chance(60)) return call("softmax", {x}, {{"dim", dim}});
  return call("cumsum", {x}, {{"dim", dim}, {"reverse", chance(50)}});
}

/// With another value that fits, a matrix repeated over the batch, or itself transposed.
ValueId RandomProgram::product(ValueId x) {
  if (rank(x) < 2) return x;
  auto sizes = [&](ValueId y) {
    return std::pair{shape(y)[shape(y).rank() - 2], shape(y)[shape(y).rank() - 1]};
  };
  bool turned = chance(40);
  auto [rows, columns] = sizes(x);
  std::int64_t inner = turned ? rows : columns, outer = turned ? columns : rows;
  auto fits = [&](ValueId y, bool transposed) {
    return (transposed ? sizes(y).second : sizes(y).first) == inner;
  };
  ValueId y = any([&](ValueId other) {
    if (program.values[other].dtype != floating || rank(other) < 2) return false;
    Ints batch = dims(x), own = dims(other);
    batch.resize(batch.size() - 2), own.resize(own.size() - 2);
    std::int64_t count = std::accumulate(batch.begin(), batch.end(), std::int64_t{1}, std::multiplies<>());
    return (own == batch || own.empty()) && (fits(other, true) || fits(other, false)) &&
           count * outer * std::max(sizes(other).first, sizes(other).second) <= kMostElements;
  });
  if (y == program.values.size()) return x;
  bool other = fits(y, true) && (!fits(y, false) || chance(50));
  if (rank(y) < rank(x)) {
    Ints to = dims(x);
    std::copy_n(dims(y).begin(), 2, to.end() - 2);
    y = call("broadcast", {y}, {{"shape", to}});
  }
  if (chance(20)) y = call("mul", {y, constant(0.5, floating, dims(y))});
  ValueId made = call("matmul", {x, y}, {{"transpose_lhs", turned}, {"transpose_rhs", other}});
  if (chance(60)) made = call("mul", {made, constant(1 / std::sqrt(static_cast<double>(inner)), floating)});
  if (chance(25)) made = transposed(made);
  if (chance(25)) made = reduced(made);
  return made;
}

ValueId RandomProgram::indexed(ValueId x) {
  for (std::int64_t dim = 0; dim < rank(x); ++dim) {
    std::int64_t rest = shape(x).numel() / shape(x)[static_cast<std::size_t>(dim)];
    if (shape(x)[static_cast<std::size_t>(dim)] < 2 || chance(40) ||
        rest * shape(indices).numel() > kMostElements)
      continue;
    ValueId taken = call("take", {x, indices}, {{"dim", dim}});
    return chance(60) ? taken : call("index_add", {like(x), indices, unary(taken)}, {{"dim", dim}});
  }
  return x;
}

void RandomProgram::returnValues() {
  auto& outputs = program.outputs;
  outputs = {static_cast<ValueId>(program.values.size() - 1)};
  for (int i = below(3); i-- > 0;)
    outputs.push_back(anyFloating());
  for (ValueId state = 0; state < program.inputs; ++state) {
    if (state == indices || chance(30)) continue;
    ValueId value = any([&](ValueId y) { return program.values[y] == program.values[state]; });
    program.donations.emplace_back(outputs.size(), state);
    outputs.push_back(value);
  }
}

std::vector<ValueId> RandomProgram::floatingInputs() const {
  std::vector<ValueId> found;
  for (ValueId x = 0; x < program.inputs; ++x)
    if (x != indices) found.push_back(x);
  return found;
}

void RandomProgram::returnGradients() {
  std::vector<ValueId> operands;
  for (int i = 1 + below(2); i-- > 0;)
    operands.push_back(anyFloating());
  program.outputs = operands;
  for (ValueId output : program.outputs)
    operands.push_back(constant(1, floating, dims(output)));
  for (ValueId input : floatingInputs())
    operands.push_back(input);
  for (ValueId gradient : program.add_call("gradient", operands,
                                           {{"outputs", static_cast<std::int64_t>(program.outputs.size())}}))
    program.outputs.push_back(gradient);
}

RandomProgram::RandomProgram(unsigned seed, DType floating) : random(seed), floating(floating) {
  const std::int64_t a = 2 + below(4), b = 5 + below(4), c = 8 + below(12);
  const Ints shapes[] = {{a, b}, {b}, {b, c}, {a, b, c}, {a, 1, c}, {c}, {}, {a, c}, {2, a, b, 4}, {b, b}};
  for (int i = 2 + below(3); i-- > 0;)
    input({floating, Shape(std::span(shapes[below(std::size(shapes))]))});
  indices = static_cast<ValueId>(program.values.size());
  input({DType::Int64, {3}});
  const Ints places = {below(2), below(2), below(2)};
  inputs[indices] = buffer<std::int64_t>({DType::Int64, {3}}, places);
  arrays[indices].values.assign(places.begin(), places.end());
  using Step = ValueId (RandomProgram::*)(ValueId);
  const Step steps[] = {&RandomProgram::unary,      &RandomProgram::binary,     &RandomProgram::binary,
                        &RandomProgram::withNumber, &RandomProgram::withNumber, &RandomProgram::choice,
                        &RandomProgram::reshaped,   &RandomProgram::reshaped,   &RandomProgram::transposed,
                        &RandomProgram::repeated,   &RandomProgram::cut,        &RandomProgram::written,
                        &RandomProgram::written,    &RandomProgram::joined,     &RandomProgram::reduced,
                        &RandomProgram::reduced,    &RandomProgram::alongDim,   &RandomProgram::product,
                        &RandomProgram::product,    &RandomProgram::indexed};
  for (int i = 8 + below(10); i-- > 0;)
    tamed((this->*steps[below(std::size(steps))])(anyFloating()));
}

} // namespace kiln::test
