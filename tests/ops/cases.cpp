// The examples. Sizes are odd on purpose: 1, around the vector width, and not a multiple of it.
#include "ops/cases.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace kiln::tests {

namespace {

constexpr DType F = DType::Float32; // stands for the floating dtype under test
constexpr DType I = DType::Int64;
constexpr DType B = DType::Bool;

void add_elementwise(std::vector<Case>& all) {
  for (const char* op :
       {"neg", "exp", "expm1", "sin", "cos", "tanh", "erf", "atan", "sigmoid", "silu", "softplus"}) {
    all.push_back({op, {{F, {3, 37}}}});
    all.push_back({op, {{F, {1}}}});
  }
  for (const char* op : {"log", "sqrt", "rsqrt", "log1p"})
    all.push_back({op, {{F, {5, 19}, Values::Positive}}});
  for (const char* op : {"abs", "relu", "sign", "floor", "ceil", "trunc"})
    all.push_back({op, {{F, {70}, Values::AwayFromZero}}});
  all.push_back({"round", {{F, {70}, Values::AwayFromZero}}});
  all.push_back({"round", {{F, {6}, Values::Fixed, {-2.5, -1.5, -0.5, 0.5, 1.5, 2.5}}}});
  for (const char* op : {"neg", "abs", "sign"})
    all.push_back({op, {{I, {21}, Values::Whole}}});
  all.push_back({"not", {{B, {33}, Values::Bools}}});
  all.push_back({"detach", {{F, {9}}}});
  all.push_back({"gelu", {{F, {4, 33}}}, {{"approximate", std::string("none")}}});
  all.push_back({"gelu", {{F, {4, 33}}}, {{"approximate", std::string("tanh")}}});
  for (const char* op : {"add", "sub", "mul"}) {
    all.push_back({op, {{F, {4, 17}}, {F, {4, 17}}}});
    all.push_back({op, {{F, {4, 17}}, {F, {17}}}});
    all.push_back({op, {{F, {4, 1}}, {F, {17}}}});
    all.push_back({op, {{F, {2, 3, 5}}, {F, {}}}});
    all.push_back({op, {{I, {40}, Values::Whole}, {I, {40}, Values::Whole}}});
  }
  all.push_back({"div", {{F, {4, 17}}, {F, {17}, Values::AwayFromZero}}});
  all.push_back({"fmod", {{F, {4, 17}}, {F, {17}, Values::AwayFromZero}}});
  all.push_back({"atan2", {{F, {4, 17}, Values::AwayFromZero}, {F, {17}, Values::AwayFromZero}}});
  all.push_back({"pow", {{F, {3, 20}, Values::Positive}, {F, {3, 20}}}, {}, 1e-5});
  for (const char* op : {"maximum", "minimum"})
    all.push_back({op, {{F, {4, 17}, Values::Distinct}, {F, {4, 17}, Values::Distinct}}});
  for (const char* op : {"eq", "ne", "lt", "le", "gt", "ge"}) {
    all.push_back({op, {{I, {5, 7}, Values::Whole}, {I, {7}, Values::Whole}}});
    all.push_back({op, {{F, {50}}, {F, {50}}}});
  }
  for (const char* op : {"and", "or", "xor"})
    all.push_back({op, {{B, {35}, Values::Bools}, {B, {35}, Values::Bools}}});
  all.push_back({"where", {{B, {4, 17}, Values::Bools}, {F, {4, 17}}, {F, {17}}}});
  all.push_back({"cast", {{F, {30}, Values::AwayFromZero}}, {{"dtype", std::string("i64")}}});
  all.push_back({"cast", {{I, {30}, Values::Whole}}, {{"dtype", std::string("f32")}}});
  all.push_back({"cast", {{I, {30}, Values::Whole}}, {{"dtype", std::string("bool")}}});
  all.push_back({"cast", {{F, {30}}}, {{"dtype", std::string("f64")}}});
}

using Ints = std::vector<std::int64_t>;

void add_shape(std::vector<Case>& all) {
  all.push_back({"reshape", {{F, {6, 4}}}, {{"shape", Ints{3, 8}}}});
  all.push_back({"transpose", {{F, {5, 19}}}, {{"permutation", Ints{1, 0}}}});
  all.push_back({"transpose", {{F, {2, 3, 4, 5}}}, {{"permutation", Ints{2, 0, 3, 1}}}});
  all.push_back({"broadcast", {{F, {3, 1}}}, {{"shape", Ints{2, 3, 18}}}});
  all.push_back(
      {"slice", {{F, {7, 20}}}, {{"starts", Ints{1, 2}}, {"steps", Ints{1, 3}}, {"stops", Ints{6, 19}}}});
  all.push_back({"slice_update",
                 {{F, {7, 20}}, {F, {5, 6}}},
                 {{"starts", Ints{1, 2}}, {"steps", Ints{1, 3}}, {"stops", Ints{6, 19}}}});
  all.push_back({"concat", {{F, {3, 4}}, {F, {3, 17}}, {F, {3, 1}}}, {{"dim", std::int64_t{1}}}});
  all.push_back({"concat", {{F, {2, 5}}, {F, {3, 5}}}, {{"dim", std::int64_t{0}}}});
  all.push_back({"constant", {}, {{"dtype", std::string("f32")}, {"shape", Ints{3, 5}}, {"value", 1.5}}});
  all.push_back(
      {"iota", {}, {{"dim", std::int64_t{1}}, {"dtype", std::string("i64")}, {"shape", Ints{3, 19}}}});
  all.push_back(
      {"iota", {}, {{"dim", std::int64_t{0}}, {"dtype", std::string("f32")}, {"shape", Ints{3, 19}}}});
}

void add_reduce(std::vector<Case>& all) {
  for (const char* op : {"sum", "mean", "max", "min"}) {
    const Values values = op[0] == 'm' && op[1] != 'e' ? Values::Distinct : Values::Normal;
    all.push_back({op, {{F, {5, 37}, values}}, {{"dims", Ints{1}}, {"keepdim", false}}});
    all.push_back({op, {{F, {37, 5}, values}}, {{"dims", Ints{0}}, {"keepdim", true}}});
    all.push_back({op, {{F, {3, 4, 5}, values}}, {{"dims", Ints{0, 2}}, {"keepdim", false}}});
    all.push_back({op, {{F, {3, 4, 5}, values}}, {{"dims", Ints{0, 1, 2}}, {"keepdim", false}}});
    all.push_back({op, {{F, {2, 7, 33}, values}}, {{"dims", Ints{1}}, {"keepdim", false}}});
  }
  all.push_back({"sum", {{I, {5, 37}, Values::Whole}}, {{"dims", Ints{1}}, {"keepdim", false}}});
  all.push_back({"prod", {{F, {4, 6}, Values::AwayFromZero}}, {{"dims", Ints{1}}, {"keepdim", false}}});
  all.push_back({"prod", {{F, {6, 5}, Values::AwayFromZero}}, {{"dims", Ints{0}}, {"keepdim", true}}});
  all.push_back({"prod",
                 {{F, {3, 4}, Values::Fixed, {2, 0, 3, -1, 1, 2, 0.5, 4, 0, 0, 1, 2}}},
                 {{"dims", Ints{1}}, {"keepdim", false}}});
  all.push_back({"prod", {{I, {3, 4}, Values::Whole}}, {{"dims", Ints{0, 1}}, {"keepdim", false}}});
  for (bool reverse : {false, true}) {
    all.push_back({"cumsum", {{F, {3, 19}}}, {{"dim", std::int64_t{1}}, {"reverse", reverse}}});
    all.push_back({"cumsum", {{F, {7, 3, 5}}}, {{"dim", std::int64_t{0}}, {"reverse", reverse}}});
    all.push_back({"cumsum", {{F, {2, 200, 3}}}, {{"dim", std::int64_t{1}}, {"reverse", reverse}}, 1e-5});
    all.push_back({"cumsum", {{I, {130}, Values::Whole}}, {{"dim", std::int64_t{0}}, {"reverse", reverse}}});
  }
  for (const char* op : {"argmax", "argmin"}) {
    all.push_back({op, {{F, {6, 23}, Values::Distinct}}, {{"dim", std::int64_t{1}}, {"keepdim", false}}});
    all.push_back({op, {{F, {23, 6}, Values::Distinct}}, {{"dim", std::int64_t{0}}, {"keepdim", true}}});
    all.push_back({op, {{I, {4, 9}, Values::Whole}}, {{"dim", std::int64_t{1}}, {"keepdim", true}}});
  }
  for (const char* op : {"softmax", "log_softmax"}) {
    all.push_back({op, {{F, {5, 10}}}, {{"dim", std::int64_t{1}}}});
    all.push_back({op, {{F, {2, 3, 67}}}, {{"dim", std::int64_t{2}}}});
    all.push_back({op, {{F, {6, 5}}}, {{"dim", std::int64_t{0}}}});
  }
  all.push_back({"layer_norm", {{F, {4, 33}}}, {{"dims", std::int64_t{1}}, {"eps", 1e-5}}});
  all.push_back(
      {"layer_norm", {{F, {2, 3, 20}}, {F, {20}}, {F, {20}}}, {{"dims", std::int64_t{1}}, {"eps", 1e-5}}});
  all.push_back(
      {"layer_norm", {{F, {3, 4, 5}}, {F, {4, 5}}, {F, {4, 5}}}, {{"dims", std::int64_t{2}}, {"eps", 1e-5}}});
  for (const char* op : {"nll_loss", "cross_entropy"})
    for (const char* reduction : {"mean", "sum", "none"})
      all.push_back({op,
                     {{F, {5, 7}}, {I, {5}, Values::Fixed, {0, 6, 3, -100, 2}}},
                     {{"ignore_index", std::int64_t{-100}}, {"reduction", std::string(reduction)}}});
}

void add_contract(std::vector<Case>& all) {
  auto flags = [](bool a, bool b) {
    return std::vector<ir::NamedAttr>{{"transpose_lhs", a}, {"transpose_rhs", b}};
  };
  for (bool a : {false, true})
    for (bool b : {false, true}) {
      all.push_back({"matmul",
                     {{F, a ? Shape{19, 9} : Shape{9, 19}}, {F, b ? Shape{35, 19} : Shape{19, 35}}},
                     flags(a, b),
                     1e-5});
      all.push_back({"matmul",
                     {{F, a ? Shape{3, 5, 2} : Shape{3, 2, 5}}, {F, b ? Shape{3, 4, 5} : Shape{3, 5, 4}}},
                     flags(a, b),
                     1e-5});
    }
  all.push_back({"linear", {{F, {6, 20}}, {F, {11, 20}}, {F, {11}}}, {}, 1e-5});
  all.push_back({"linear", {{F, {2, 3, 20}}, {F, {11, 20}}}, {}, 1e-5});
}

void add_index_and_random(std::vector<Case>& all) {
  const Operand places{I, {2, 3}, Values::Fixed, {0, 4, 1, 4, 2, 0}};
  const std::vector<ir::NamedAttr> dim0{{"dim", std::int64_t{0}}}, dim1{{"dim", std::int64_t{1}}};
  all.push_back({"take", {{F, {5, 18}}, places}, dim0});
  all.push_back({"take", {{F, {3, 5, 2}}, {I, {4}, Values::Fixed, {4, 0, 0, 2}}}, dim1});
  all.push_back({"index_add", {{F, {5, 18}}, places, {F, {2, 3, 18}}}, dim0});
  all.push_back({"gather", {{F, {5, 3}}, places}, dim0});
  all.push_back({"gather", {{F, {2, 6}}, places}, dim1});
  all.push_back({"scatter_add", {{F, {5, 3}}, places, {F, {2, 3}}}, dim0});
  all.push_back({"scatter_add", {{F, {2, 6}}, places, {F, {2, 3}}}, dim1});
  const Operand distinct{I, {2, 2}, Values::Fixed, {3, 0, 1, 4}},
      apart{I, {2, 3}, Values::Fixed, {0, 4, 1, 3, 2, 0}};
  all.push_back({"index_copy", {{F, {5, 18}}, distinct, {F, {2, 2, 18}}}, dim0});
  all.push_back({"index_copy", {{F, {3, 5, 2}}, {I, {2}, Values::Fixed, {4, 1}}, {F, {3, 2, 2}}}, dim1});
  all.push_back({"index_copy", {{I, {5, 4}, Values::Whole}, places, {I, {2, 3, 4}, Values::Whole}}, dim0});
  all.push_back({"index_copy", {{B, {5, 4}, Values::Bools}, places, {B, {2, 3, 4}, Values::Bools}}, dim0});
  all.push_back({"scatter", {{F, {5, 3}}, apart, {F, {2, 3}}}, dim0});
  all.push_back({"scatter",
                 {{I, {2, 6}, Values::Whole},
                  {I, {2, 3}, Values::Fixed, {5, 5, 1, 0, 2, 0}},
                  {I, {2, 3}, Values::Whole}},
                 dim1});
  for (bool descending : {false, true}) {
    auto order = [&](std::int64_t dim, std::int64_t count, std::int64_t first = 0) {
      return std::vector<ir::NamedAttr>{
          {"count", count}, {"descending", descending}, {"dim", dim}, {"first", first}};
    };
    all.push_back({"argsort", {{F, {4, 37}}}, order(1, 37)});
    all.push_back({"argsort", {{F, {9, 2, 3}}}, order(0, 9)});
    all.push_back({"argsort", {{F, {1}}}, order(0, 1)});
    for (std::int64_t size : {50, 300}) { // merged, and dealt by digits; many equal ones: stable
      all.push_back({"argsort", {{I, {size}, Values::Whole}}, order(0, size)});
      all.push_back({"argsort", {{F, {2, size}}}, order(1, size)});
    }
    const Operand extremes{
        F, {7}, Values::Fixed, {0, std::nan(""), -1, INFINITY, std::nan(""), -0.0, -INFINITY}};
    for (std::int64_t first = 0; first < 7; ++first) {
      all.push_back({"argsort", {extremes}, order(0, 7 - first, first)});
      all.push_back({"argsort", {extremes}, order(0, 1, first)});
    }
    // Some of the places: the first, one, and those between; from rows longer and shorter than a vector.
    all.push_back({"argsort", {{F, {4, 37}}}, order(1, 5)});
    all.push_back({"argsort", {{F, {4, 37}}}, order(1, 1, 18)});
    all.push_back({"argsort", {{F, {2, 130, 3}}}, order(1, 100, 20)});
    all.push_back({"argsort", {{I, {3, 50}, Values::Whole}}, order(1, 7)});
    all.push_back({"argsort", {{I, {3, 50}, Values::Whole}}, order(1, 20, 17)});
  }
  const Operand state{I, {2}, Values::Fixed, {42, 128}};
  all.push_back({"uniform",
                 {state},
                 {{"dtype", std::string("f32")}, {"offset", std::int64_t{64}}, {"shape", Ints{9, 31}}},
                 0});
  all.push_back({"dropout", {{F, {9, 31}}, state}, {{"offset", std::int64_t{0}}, {"p", 0.25}}});
}

} // namespace

std::vector<Case> cases() {
  std::vector<Case> all;
  add_elementwise(all);
  add_shape(all);
  add_reduce(all);
  add_contract(all);
  add_index_and_random(all);
  return all;
}

std::vector<reference::Array> make_operands(const Case& example, DType dtype, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  std::vector<reference::Array> arrays;
  for (const Operand& operand : example.operands) {
    reference::Array array{{operand.dtype == F ? dtype : operand.dtype, operand.shape}, operand.fixed};
    if (operand.values != Values::Fixed) {
      array.values.resize(static_cast<std::size_t>(operand.shape.numel()));
      for (double& value : array.values) {
        value = normal(random);
        switch (operand.values) {
        case Values::Positive:
          value = std::abs(value) + 0.3;
          break;
        case Values::AwayFromZero:
          value += value < 0 ? -0.25 : 0.25;
          break;
        case Values::Whole:
          value = std::round(3 * value);
          break;
        case Values::Bools:
          value = value > 0;
          break;
        default:
          break;
        }
      }
      if (operand.values == Values::Distinct) { // far enough apart for finite differences
        std::iota(array.values.begin(), array.values.end(), 0.0);
        std::shuffle(array.values.begin(), array.values.end(), random);
        for (double& value : array.values)
          value = 0.01 * value - 0.1 + 0.003 * (&operand - example.operands.data());
      }
    }
    if (array.type.dtype == DType::Float32)
      for (double& value : array.values)
        value = static_cast<float>(value);
    arrays.push_back(std::move(array));
  }
  return arrays;
}

Tensor to_tensor(const reference::Array& array) {
  std::vector<double> values = array.values;
  return from_blob(values.data(), array.type.shape, kFloat64).clone().to(array.type.dtype);
}

reference::Array to_array(const Tensor& tensor) {
  const Tensor wide = tensor.detach().to(kFloat64).contiguous();
  reference::Array array{{tensor.dtype(), tensor.sizes().shape()},
                         std::vector<double>(static_cast<std::size_t>(tensor.numel()))};
  if (!array.values.empty()) std::copy_n(wide.data_ptr<double>(), array.values.size(), array.values.begin());
  return array;
}

std::string describe(const Case& example) {
  std::string text = example.op + "(";
  for (const Operand& operand : example.operands)
    text += to_string(TensorType{operand.dtype, operand.shape}) + " ";
  return text + ")";
}

} // namespace kiln::tests
