// RUN: kiln-opt %s --decompose --verify-stage=stage=decomposed --split-input-file | FileCheck %s

// Composites open; what they open into is named after them; elementwise operands get the result's shape.
// CHECK-LABEL: @linear
// CHECK: %[[P:.*]] = kiln.matmul %arg0, %arg1 {kiln.origin = "linear", transpose_lhs = false, transpose_rhs = true}
// CHECK: %[[B:.*]] = kiln.broadcast %arg2 {kiln.origin = "linear", shape = array<i64: 2, 4>}
// CHECK: kiln.add %[[P]], %[[B]]
func.func @linear(%x: tensor<2x3xf32>, %w: tensor<4x3xf32>, %b: tensor<4xf32>) -> tensor<2x4xf32> {
  %y = kiln.linear %x, %w, %b : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// -----

// CHECK-LABEL: @detach
// CHECK-NEXT: return %arg0
func.func @detach(%x: tensor<2xf32>) -> tensor<2xf32> {
  %y = kiln.detach %x : (tensor<2xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// -----

// A composite that opens into composites is opened to the end (the verifier of the stage checks).
// CHECK-LABEL: @nested
// CHECK-NOT: kiln.cross_entropy
// CHECK: kiln.exp
func.func @nested(%x: tensor<2x3xf32>, %t: tensor<2xi64>) -> tensor<f32> {
  %y = kiln.cross_entropy %x, %t {ignore_index = -100 : i64, reduction = "mean"} : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<f32>
  return %y : tensor<f32>
}

// -----

// The second draw begins where no element of the first has its bits: at the next multiple of 64.
// CHECK-LABEL: @normal
// CHECK-DAG: kiln.uniform %arg0 {{.*}}offset = 64 : i64
// CHECK-DAG: kiln.uniform %arg0 {{.*}}offset = 192 : i64
func.func @normal(%s: tensor<2xi64>) -> tensor<100xf32> {
  %y = kiln.normal %s {dtype = "f32", offset = 64 : i64, shape = array<i64: 100>} : (tensor<2xi64>) -> tensor<100xf32>
  return %y : tensor<100xf32>
}
