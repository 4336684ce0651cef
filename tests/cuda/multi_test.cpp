// Fusions of many parts as CUDA kernels: optimizer updates, concat, slice_update, indexed additions.
#include "numeric_support.h"
#include "program_support.h"

using namespace kiln;
using namespace kiln::testing;

TEST_CASE("all updates in one kernel; those of one form share a function") {
  CudaRun run =
      runText(R"(func.func @main(%p: tensor<3000xf32> {kiln.name = "fc1.weight"}, %g: tensor<3000xf32>,
        %q: tensor<10xf32>, %h: tensor<10xf32>, %t: tensor<f32>) -> (tensor<3000xf32>, tensor<10xf32>, tensor<f32>) {
    %r:3 = kiln.fusion multi "sgd" (%a = %p : tensor<3000xf32>, %b = %g : tensor<3000xf32>, %c = %q : tensor<10xf32>,
        %d = %h : tensor<10xf32>, %e = %t : tensor<f32>) -> (tensor<3000xf32>, tensor<10xf32>, tensor<f32>) {
      %l = kiln.constant {value = 0.5 : f64, dtype = "f32", shape = array<i64: 3000>} : tensor<3000xf32>
      %lg = kiln.mul %b, %l : (tensor<3000xf32>, tensor<3000xf32>) -> tensor<3000xf32>
      %n = kiln.sub %a, %lg : (tensor<3000xf32>, tensor<3000xf32>) -> tensor<3000xf32>
      %l2 = kiln.constant {value = 0.5 : f64, dtype = "f32", shape = array<i64: 10>} : tensor<10xf32>
      %lg2 = kiln.mul %d, %l2 : (tensor<10xf32>, tensor<10xf32>) -> tensor<10xf32>
      %n2 = kiln.sub %c, %lg2 : (tensor<10xf32>, tensor<10xf32>) -> tensor<10xf32>
      %one = kiln.constant {value = 1.0 : f64, dtype = "f32", shape = array<i64>} : tensor<f32>
      %s = kiln.add %e, %one : (tensor<f32>, tensor<f32>) -> tensor<f32>
      kiln.yield %n, %n2, %s : tensor<3000xf32>, tensor<10xf32>, tensor<f32>
    }
    return %r#0, %r#1, %r#2 : tensor<3000xf32>, tensor<10xf32>, tensor<f32>
  })",
              {Buffer::of(numbers(3000)), Buffer::of(numbers(3000, 1, 1)), Buffer::of(numbers(10, 1, 2)),
               Buffer::of(numbers(10, 1, 3)), Buffer::of(std::vector<float>{41})});
  auto update = [](std::vector<float> p, const std::vector<float>& g) {
    std::vector<double> result(p.begin(), p.end());
    for (std::size_t i = 0; i < p.size(); ++i)
      result[i] -= 0.5 * g[i];
    return result;
  };
  checkClose(run.results[0].as<float>(), update(numbers(3000), numbers(3000, 1, 1)));
  checkClose(run.results[1].as<float>(), update(numbers(10, 1, 2), numbers(10, 1, 3)));
  CHECK(run.results[2].as<float>()[0] == 42);
  CHECK(run.program.launches.size() == 1);
  CHECK(nvrtcProblems(run.program) == "");
}

TEST_CASE("updates of empty tensors are no kernel") {
  CudaRun run =
      runText(R"(func.func @main(%p: tensor<0xf32>, %q: tensor<0xf32>) -> (tensor<0xf32>, tensor<0xf32>) {
    %r:2 = kiln.fusion multi "sgd" (%a = %p : tensor<0xf32>, %b = %q : tensor<0xf32>) -> (tensor<0xf32>, tensor<0xf32>) {
      %n = kiln.neg %a : (tensor<0xf32>) -> tensor<0xf32>
      %m = kiln.neg %b : (tensor<0xf32>) -> tensor<0xf32>
      kiln.yield %n, %m : tensor<0xf32>, tensor<0xf32>
    }
    return %r#0, %r#1 : tensor<0xf32>, tensor<0xf32>
  })",
              {Buffer::of(std::vector<float>{}), Buffer::of(std::vector<float>{})});
  CHECK(run.program.launches.empty());
}

TEST_CASE("concat and slice_update write parts") {
  CudaRun run =
      runText(R"(func.func @main(%x: tensor<4x6xf32>, %y: tensor<4x3xf32>, %u: tensor<2x4xf32>)
      -> (tensor<4x9xf32>, tensor<4x9xf32>) {
    %r = kiln.fusion scatter "join" (%a = %x : tensor<4x6xf32>, %b = %y : tensor<4x3xf32>) -> tensor<4x9xf32> {
      %n = kiln.neg %b : (tensor<4x3xf32>) -> tensor<4x3xf32>
      %c = kiln.concat %a, %n {dim = 1 : i64} : (tensor<4x6xf32>, tensor<4x3xf32>) -> tensor<4x9xf32>
      kiln.yield %c : tensor<4x9xf32>
    }
    %q = kiln.fusion scatter "patch" (%a = %r : tensor<4x9xf32>, %b = %u : tensor<2x4xf32>) -> tensor<4x9xf32> {
      %c = kiln.slice_update %a, %b {starts = array<i64: 1, 0>, stops = array<i64: 4, 8>, steps = array<i64: 2, 2>}
          : (tensor<4x9xf32>, tensor<2x4xf32>) -> tensor<4x9xf32>
      kiln.yield %c : tensor<4x9xf32>
    }
    return %r, %q : tensor<4x9xf32>, tensor<4x9xf32>
  })",
              {Buffer::of(numbers(24)), Buffer::of(numbers(12, 1, 1)), Buffer::of(numbers(8, 1, 2))});
  auto x = numbers(24), y = numbers(12, 1, 1), u = numbers(8, 1, 2);
  std::vector<double> joined;
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 6; ++j)
      joined.push_back(x[i * 6 + j]);
    for (int j = 0; j < 3; ++j)
      joined.push_back(-y[i * 3 + j]);
  }
  checkClose(run.results[0].as<float>(), joined, 0);
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 4; ++j)
      joined[(1 + 2 * i) * 9 + 2 * j] = u[i * 4 + j];
  checkClose(run.results[1].as<float>(), joined, 0);
  CHECK(nvrtcProblems(run.program) == "");
}

TEST_CASE("additions at indices, some of them equal, are the same bits in every order of threads") {
  std::vector<std::int64_t> rows = {4, 1, 4, 0, 4}, places = {2, 0, 2, 1, 1, 1, 0, 2};
  CudaRun run = runText(
      R"(func.func @main(%x: tensor<6x7xf32>, %i: tensor<5xi64>, %u: tensor<5x7xf32>, %z: tensor<3x2xf32>,
        %j: tensor<4x2xi64>, %v: tensor<4x2xf32>) -> (tensor<6x7xf32>, tensor<3x2xf32>) {
    %r = kiln.fusion scatter "index_add" (%a = %x : tensor<6x7xf32>, %b = %i : tensor<5xi64>, %c = %u : tensor<5x7xf32>) -> tensor<6x7xf32> {
      %s = kiln.index_add %a, %b, %c {dim = 0 : i64} : (tensor<6x7xf32>, tensor<5xi64>, tensor<5x7xf32>) -> tensor<6x7xf32>
      kiln.yield %s : tensor<6x7xf32>
    }
    %q = kiln.fusion scatter "scatter_add" (%a = %z : tensor<3x2xf32>, %b = %j : tensor<4x2xi64>, %c = %v : tensor<4x2xf32>) -> tensor<3x2xf32> {
      %s = kiln.scatter_add %a, %b, %c {dim = 0 : i64} : (tensor<3x2xf32>, tensor<4x2xi64>, tensor<4x2xf32>) -> tensor<3x2xf32>
      kiln.yield %s : tensor<3x2xf32>
    }
    return %r, %q : tensor<6x7xf32>, tensor<3x2xf32>
  })",
      {Buffer::of(numbers(42)), Buffer::of(rows), Buffer::of(numbers(35, 1, 1)), Buffer::of(numbers(6, 1, 2)),
       Buffer::of(places), Buffer::of(numbers(8, 1, 3))});
  auto x = numbers(42), u = numbers(35, 1, 1), z = numbers(6, 1, 2), v = numbers(8, 1, 3);
  std::vector<double> want(x.begin(), x.end()), elements(z.begin(), z.end());
  for (int i = 0; i < 5; ++i)
    for (int j = 0; j < 7; ++j)
      want[rows[i] * 7 + j] += u[i * 7 + j];
  for (int i = 0; i < 8; ++i)
    elements[places[i] * 2 + i % 2] += v[i];
  checkClose(run.results[0].as<float>(), want);
  checkClose(run.results[1].as<float>(), elements);
  CHECK(nvrtcProblems(run.program) == "");
}
