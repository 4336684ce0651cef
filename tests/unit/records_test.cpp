// Op records: the registry, inference, programs, their hash and listing. (Each rule's message is tested by
// tests/lit/verifier, whose verifier calls the same code.)
#include "kiln/ir/compiler.h"
#include "kiln/ir/infer.h"

#include <catch2/catch.hpp>

#include <set>

using namespace kiln;
using namespace kiln::ir;

namespace {

const TensorType kMatrix{DType::Float32, {2, 3}};

TensorType inferOne(std::string_view op, std::vector<TensorType> operands,
                    std::vector<NamedAttr> attrs = {}) {
  return infer(op, attrs, operands).at(0);
}

/// relu(x @ w) with an optional change, for the hash.
Program layer() {
  Program program;
  ValueId x = program.add_input({DType::Float32, {4, 3}}, "x");
  ValueId w = program.add_input({DType::Float32, {3, 5}}, "w");
  ValueId y = program.add_call("matmul", {x, w}, {{"transpose_rhs", false}, {"transpose_lhs", false}}).at(0);
  program.outputs = program.add_call("relu", {y});
  return program;
}

} // namespace

TEST_CASE("Op names are distinct and found") {
  std::set<std::string_view> names;
  for (const OpRecord* op : all_ops()) {
    CHECK(names.insert(op->name).second);
    CHECK(find_op(op->name) == op);
  }
  CHECK(names.size() > 60);
  CHECK(find_op("no_such_op") == nullptr);
  CHECK_THROWS_WITH(infer("no_such_op", {}, {}), "there is no op named \"no_such_op\"");
}

TEST_CASE("Shapes broadcast as in NumPy") {
  CHECK(broadcast_shapes({2, 3}, {3}) == Shape{2, 3});
  CHECK(broadcast_shapes({4, 1}, {2, 1, 5}) == Shape{2, 4, 5});
  CHECK(broadcast_shapes({}, {7}) == Shape{7});
  CHECK(broadcast_shapes({0}, {1}) == Shape{0});
  CHECK_FALSE(broadcast_shapes({2}, {3}).has_value());
  CHECK_FALSE(broadcast_shapes({0}, {3}).has_value());
}

TEST_CASE("A size known only at run time broadcasts with itself and with 1") {
  TensorType dynamic{DType::Float32, {Shape::kDynamic}}, scalar{DType::Float32, {}};
  CHECK(inferOne("add", {dynamic, dynamic}) == dynamic);
  CHECK(inferOne("mul", {scalar, dynamic}) == dynamic);
  CHECK_THROWS_WITH(inferOne("add", {dynamic, {DType::Float32, {3}}}),
                    "add: shapes do not broadcast: [?] and [3]");
}

TEST_CASE("Every elementwise record takes a size known only at run time") {
  for (const OpRecord* op : all_ops()) {
    if (!op->elementwise) continue;
    std::vector<NamedAttr> attrs = {{"approximate", std::string("none")}, {"dtype", std::string("f32")}};
    bool typed = false;
    for (DType dtype : {DType::Float32, DType::Bool})
      for (std::size_t operands = 1; operands <= 3 && !typed; ++operands) {
        std::vector<TensorType> types(operands, {dtype, {Shape::kDynamic}});
        if (operands == 3) types[0].dtype = DType::Bool;
        try {
          typed = infer(op->name, attrs, types).at(0).shape == Shape{Shape::kDynamic};
        } catch (const Error&) {
          // another number of operands or another type is what this op takes
        }
      }
    INFO(op->name);
    CHECK(typed);
  }
}

TEST_CASE("Reductions drop or keep their dimensions") {
  std::vector<std::int64_t> dims = {0};
  CHECK(inferOne("sum", {kMatrix}, {{"dims", dims}, {"keepdim", false}}).shape == Shape{3});
  CHECK(inferOne("sum", {kMatrix}, {{"dims", dims}, {"keepdim", true}}).shape == Shape{1, 3});
  CHECK(inferOne("argmax", {kMatrix}, {{"dim", std::int64_t{1}}, {"keepdim", false}}) ==
        TensorType{DType::Int64, {2}});
}

TEST_CASE("A matmul's flags say which operand is transposed") {
  TensorType a{DType::Float32, {7, 3, 2}}, b{DType::Float32, {7, 5, 3}};
  CHECK(inferOne("matmul", {a, b}, {{"transpose_lhs", true}, {"transpose_rhs", true}}).shape ==
        Shape{7, 2, 5});
  CHECK_THROWS_WITH(inferOne("matmul", {{DType::Float32, {2, 3}}, {DType::Float32, {4, 5}}}),
                    "matmul: inner dimensions differ: [2, 3] x [4, 5]");
}

TEST_CASE("take puts the indices' shape in the dimension's place") {
  CHECK(inferOne("take", {{DType::Float32, {9, 4}}, {DType::Int64, {2, 3}}}, {{"dim", std::int64_t{0}}})
            .shape == Shape{2, 3, 4});
}

TEST_CASE("Wrong attributes and operand counts name the op") {
  CHECK_THROWS_WITH(inferOne("cast", {kMatrix}), "cast: attribute `dtype` is missing");
  CHECK_THROWS_WITH(inferOne("cast", {kMatrix}, {{"dtype", true}}), "cast: attribute `dtype` is not a text");
  CHECK_THROWS_WITH(inferOne("exp", {kMatrix, kMatrix}), "exp: takes 1 operands, got 2");
}

TEST_CASE("A call is recorded with its types, and nothing when it does not fit") {
  Program program = layer();
  CHECK(program.values.at(program.outputs.at(0)) == TensorType{DType::Float32, {4, 5}});
  CHECK(program.calls.at(0).attrs.at(0).name == "transpose_lhs");
  CHECK_THROWS_AS(program.add_call("matmul", {0, 0}), Error);
  CHECK(program.calls.size() == 2);
  CHECK(program.values.size() == 4);
  CHECK_THROWS_AS(program.add_input(kMatrix), Error);
}

TEST_CASE("The hash is the same in every process and sees all that matters") {
  Program program = layer();
  const Hash reference = hash(program);
  CHECK(reference.hex().size() == 32);
  CHECK(hash(layer()) == reference);
  // Names and places do not matter.
  program.inputNames[0] = "other";
  program.locations.push_back({"fc1", "train.cpp", 7, {}});
  program.calls[0].location = 1;
  CHECK(hash(program) == reference);
  // All else does.
  auto changed = [](auto change) {
    Program other = layer();
    change(other);
    return hash(other);
  };
  std::vector<Hash> others = {
      changed([](Program& p) { p.values[0].dtype = DType::Float64; }),
      changed([](Program& p) { p.values[0].shape[0] = 5; }),
      changed([](Program& p) { p.calls[1].op = "exp"; }),
      changed([](Program& p) { p.calls[0].operands = {1, 0}; }),
      changed([](Program& p) { p.calls[0].attrs[0].value = true; }),
      changed([](Program& p) { p.calls[0].attrs[0].value = std::int64_t{0}; }),
      changed([](Program& p) { p.outputs = {2}; }),
      changed([](Program& p) { p.donations = {{0, 0}}; }),
      changed([](Program& p) { p.forwardInputs = 1; }),
  };
  for (std::size_t i = 0; i < others.size(); ++i) {
    CHECK(others[i] != reference);
    for (std::size_t j = 0; j < i; ++j)
      CHECK(others[i] != others[j]);
  }
}

TEST_CASE("A program is listed one call a line") {
  Program program = layer();
  program.locations.push_back({"fc1", "train.cpp", 41, {}});
  program.calls[1].location = 1;
  CHECK(to_string(program) == R"(main(%0: f32[4, 3] "x", %1: f32[3, 5] "w") {
  %2: f32[4, 5] = matmul(%0, %1) {transpose_lhs = false, transpose_rhs = false}
  %3: f32[4, 5] = relu(%2)  // in fc1, at train.cpp:41
  return %3
}
)");
}

TEST_CASE("Element types and stages are named") {
  CHECK(dtype_from_name("bf16") == DType::BFloat16);
  CHECK_THROWS_WITH(dtype_from_name("f31"), "unknown element type \"f31\"");
  CHECK(to_string(TensorType{DType::Bool, {Shape::kDynamic}}) == "bool[?]");
  CHECK(name(Stage::LaidOut) == "laid-out");
  CHECK_THROWS_AS(Shape({1, 1, 1, 1, 1, 1, 1, 1, 1}), Error);
}
