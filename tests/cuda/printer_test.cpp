// The printer's text, operation by operation.
#include "cuda/Printer.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <catch2/catch.hpp>

using namespace mlir;
using namespace kiln::codegen;

namespace {

struct Printed {
  std::string text, error;
};

/// Text of all functions of a gpu.module whose body is given.
Printed print(const std::string& body) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<arith::ArithDialect, func::FuncDialect, gpu::GPUDialect, math::MathDialect,
                      memref::MemRefDialect, scf::SCFDialect, ub::UBDialect, vector::VectorDialect>();
  context.allowUnregisteredDialects();
  Printed result;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic& d) {
    result.error += d.str();
    return success();
  });
  auto module = parseSourceString<ModuleOp>("gpu.module @m {\n" + body + "\n}", &context);
  REQUIRE(module);
  auto functions = cuda::printFunctions(*module->getOps<gpu::GPUModuleOp>().begin());
  if (succeeded(functions))
    for (const cuda::PrintedFunction& f : *functions)
      result.text += f.text;
  return result;
}

} // namespace

TEST_CASE("values used once go into the expression that uses them") {
  Printed printed = print(R"(
    gpu.func @scale(%x: memref<256xf32> {kiln.name = "x"}, %y: memref<256xf32> {kiln.name = "y"}) kernel
        attributes {known_block_size = array<i32: 256, 1, 1>} {
      %t = gpu.thread_id x
      %half = arith.constant 0.5 : f32
      %v = memref.load %x[%t] : memref<256xf32>
      %a = arith.addf %v, %half : f32
      %b = arith.mulf %a, %v : f32
      memref.store %b, %y[%t] : memref<256xf32>
      gpu.return
    })");
  CHECK(printed.error == "");
  CHECK(
      printed.text ==
      R"(extern "C" __global__ void __launch_bounds__(256) scale(const float* __restrict__ x, float* __restrict__ y) {
  const int thread = threadIdx.x;
  const float load1 = x[thread];
  y[thread] = (load1 + 0.5f) * load1;
}
)");
}

TEST_CASE("a load is not moved past a store or a barrier") {
  Printed printed = print(R"(
    gpu.func @swap(%x: memref<2xf32>) kernel {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %a = memref.load %x[%c0] : memref<2xf32>
      %b = memref.load %x[%c1] : memref<2xf32>
      memref.store %b, %x[%c0] : memref<2xf32>
      memref.store %a, %x[%c1] : memref<2xf32>
      gpu.return
    })");
  CHECK(printed.text == R"(extern "C" __global__ void swap(float* __restrict__ arg0) {
  const float load1 = arg0[0];
  arg0[0] = arg0[1];
  arg0[1] = load1;
}
)");
}

TEST_CASE("loops carry variables, and a swap goes through copies") {
  Printed printed = print(R"(
    gpu.func @fibonacci(%x: memref<1xi32>) kernel {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c9 = arith.constant 9 : index
      %zero = arith.constant 0 : i32
      %one = arith.constant 1 : i32
      %r:2 = scf.for %i = %c0 to %c9 step %c1 iter_args(%a = %zero, %b = %one) -> (i32, i32) {
        %s = arith.addi %a, %b : i32
        scf.yield %b, %s : i32, i32
      } {kiln.unroll}
      memref.store %r#0, %x[%c0] : memref<1xi32>
      gpu.return
    })");
  CHECK(printed.text == R"(extern "C" __global__ void fibonacci(int* __restrict__ arg0) {
  int carried = 0;
  int carried2 = 1;
  #pragma unroll
  for (int i = 0; i < 9; ++i) {
    const int next_carried = carried2;
    const int next_carried2 = carried + carried2;
    carried = next_carried;
    carried2 = next_carried2;
  }
  arg0[0] = carried;
}
)");
}

TEST_CASE("vectors are loaded, changed in place and stored") {
  Printed printed = print(R"(
    gpu.func @negate(%x: memref<8xf32>, %y: memref<8xf32>) kernel {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c4 = arith.constant 4 : index
      %v = vector.load %x[%c4] : memref<8xf32>, vector<4xf32>
      %p = ub.poison : vector<4xf32>
      %r = scf.for %k = %c0 to %c4 step %c1 iter_args(%w = %p) -> (vector<4xf32>) {
        %e = vector.extract %v[%k] : f32 from vector<4xf32>
        %n = arith.negf %e : f32
        %s = vector.insert %n, %w[%k] : f32 into vector<4xf32>
        scf.yield %s : vector<4xf32>
      }
      vector.store %r, %y[%c0] : memref<8xf32>, vector<4xf32>
      gpu.return
    })");
  CHECK(printed.text ==
        R"(extern "C" __global__ void negate(const float* __restrict__ arg0, float* __restrict__ arg1) {
  const vec<float, 4> load1 = load<4>(arg0 + 4);
  vec<float, 4> carried;
  for (int i = 0; i < 4; ++i) {
    carried[i] = -load1[i];
  }
  store(arg1, carried);
}
)");
}

TEST_CASE("device functions, shared memory, shuffles and conditions") {
  Printed printed = print(R"(
    func.func @warp_sum(%x: f32) -> f32 {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c5 = arith.constant 5 : index
      %c16 = arith.constant 16 : i32
      %w = arith.constant 32 : i32
      %r = scf.for %i = %c0 to %c5 step %c1 iter_args(%s = %x) -> (f32) {
        %n = arith.index_cast %i : index to i32
        %d = arith.shrsi %c16, %n : i32
        %o, %valid = gpu.shuffle xor %s, %d, %w : f32
        %t = arith.addf %s, %o : f32
        scf.yield %t : f32
      } {kiln.unroll}
      return %r : f32
    }
    gpu.func @total(%x: memref<32xf32>, %y: memref<1xf32>) workgroup(%s: memref<32xf32, #gpu.address_space<workgroup>>) kernel {
      %t = gpu.thread_id x
      %c0 = arith.constant 0 : index
      %v = memref.load %x[%t] : memref<32xf32>
      memref.store %v, %s[%t] : memref<32xf32, #gpu.address_space<workgroup>>
      gpu.barrier
      %u = memref.load %s[%t] : memref<32xf32, #gpu.address_space<workgroup>>
      %sum = func.call @warp_sum(%u) : (f32) -> f32
      %first = arith.cmpi eq, %t, %c0 : index
      scf.if %first {
        memref.store %sum, %y[%c0] : memref<1xf32>
      }
      gpu.return
    })");
  CHECK(printed.error == "");
  CHECK(printed.text == R"(static __device__ __forceinline__ float warp_sum(float arg0) {
  float carried = arg0;
  #pragma unroll
  for (int i = 0; i < 5; ++i) {
    const float shuffle = __shfl_xor_sync(0xffffffffu, carried, 16 >> int(i));
    carried += shuffle;
  }
  return carried;
}
extern "C" __global__ void total(const float* __restrict__ arg0, float* __restrict__ arg1) {
  __shared__ __align__(16) float shared[32];
  const int thread = threadIdx.x;
  shared[thread] = arg0[thread];
  __syncthreads();
  const float call = warp_sum(shared[thread]);
  if (thread == 0) {
    arg1[0] = call;
  }
}
)");
}

TEST_CASE("unsigned operations, literals and special numbers") {
  Printed printed = print(R"(
    gpu.func @mixed(%x: memref<4xi32>, %y: memref<4xf32>) kernel {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %k = arith.constant -766435501 : i32
      %s = arith.constant 3 : i32
      %inf = arith.constant 0xFF800000 : f32
      %tenth = arith.constant 0.1 : f32
      %v = memref.load %x[%c0] : memref<4xi32>
      %a = arith.shrui %v, %s : i32
      %m = arith.muli %a, %k : i32
      memref.store %m, %x[%c1] : memref<4xi32>
      memref.store %inf, %y[%c0] : memref<4xf32>
      %e = memref.load %y[%c1] : memref<4xf32>
      %less = arith.cmpf ult, %e, %tenth : f32
      %t = math.tanh %e : f32
      %r = arith.select %less, %t, %tenth : f32
      memref.store %r, %y[%c1] : memref<4xf32>
      gpu.return
    })");
  CHECK(printed.error == "");
  CHECK(printed.text ==
        R"(extern "C" __global__ void mixed(int* __restrict__ arg0, float* __restrict__ arg1) {
  arg0[1] = (unsigned(arg0[0]) >> 3) * -766435501;
  arg1[0] = -infinity;
  const float load1 = arg1[1];
  arg1[1] = !(load1 >= 0.1f) ? tanhf(load1) : 0.1f;
}
)");
}

TEST_CASE("an unknown operation is an error that names it") {
  Printed printed = print(R"(
    gpu.func @strange(%x: memref<4xf32>) kernel {
      "other.operation"() : () -> ()
      gpu.return
    })");
  CHECK(printed.text == "");
  CHECK(printed.error == "'other.operation' op cannot be printed as CUDA C++");
}

TEST_CASE("vector arithmetic is an error: kernels compute element by element") {
  Printed printed = print(R"(
    gpu.func @wide(%x: memref<4xf32>) kernel {
      %c0 = arith.constant 0 : index
      %v = vector.load %x[%c0] : memref<4xf32>, vector<4xf32>
      %w = arith.addf %v, %v : vector<4xf32>
      vector.store %w, %x[%c0] : memref<4xf32>, vector<4xf32>
      gpu.return
    })");
  CHECK(printed.error == "'arith.addf' op cannot be printed as CUDA C++");
}

TEST_CASE("tables of numbers are constants of the program, tables of pointers parameters") {
  Printed printed = print(R"(
    memref.global "private" constant @sizes : memref<3xindex> = dense<[5, 7, -1]>
    gpu.func @clear(%x: memref<3xmemref<?xf32>> {kiln.name = "to"},
        %y: memref<3xmemref<?xf32>> {kiln.name = "from"}) kernel {
      %b = gpu.block_id x
      %t = memref.get_global @sizes : memref<3xindex>
      %n = memref.load %t[%b] : memref<3xindex>
      %to = memref.load %x[%b] : memref<3xmemref<?xf32>>
      %from = memref.load %y[%b] : memref<3xmemref<?xf32>>
      %v = memref.load %from[%n] : memref<?xf32>
      memref.store %v, %to[%n] : memref<?xf32>
      gpu.return
    })");
  CHECK(printed.error == "");
  CHECK(printed.text == R"(static __device__ const int sizes[3] = {5, 7, -1};
extern "C" __global__ void clear(const __grid_constant__ pointers<float, 3> to,
    const __grid_constant__ pointers<const float, 3> from) {
  const int block = blockIdx.x;
  const int load1 = sizes[block];
  to[block][load1] = from[block][load1];
}
)");
}

TEST_CASE("a table that the program could change is an error") {
  Printed printed = print(R"(memref.global "private" @sizes : memref<3xindex> = dense<0>)");
  CHECK_THAT(printed.error, Catch::Matchers::Contains("wanted constant integers of one dimension"));
}
