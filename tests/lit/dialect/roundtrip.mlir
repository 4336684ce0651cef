// RUN: kiln-opt %s | kiln-opt | FileCheck %s
// What is printed parses to the same.

// CHECK-LABEL: func.func @elementwise
func.func @elementwise(%x: tensor<4x3xf32>, %y: tensor<3xf32>, %c: tensor<4x1xi1>) -> tensor<4x3xf64> {
  // CHECK: kiln.add %{{.*}}, %{{.*}} : (tensor<4x3xf32>, tensor<3xf32>) -> tensor<4x3xf32>
  %0 = kiln.add %x, %y : (tensor<4x3xf32>, tensor<3xf32>) -> tensor<4x3xf32>
  // CHECK: kiln.where %{{.*}} : (tensor<4x1xi1>, tensor<4x3xf32>, tensor<4x3xf32>) -> tensor<4x3xf32>
  %1 = kiln.where %c, %0, %x : (tensor<4x1xi1>, tensor<4x3xf32>, tensor<4x3xf32>) -> tensor<4x3xf32>
  // CHECK: kiln.cast %{{.*}} {dtype = "f64"} : (tensor<4x3xf32>) -> tensor<4x3xf64>
  %2 = kiln.cast %1 {dtype = "f64"} : (tensor<4x3xf32>) -> tensor<4x3xf64>
  return %2 : tensor<4x3xf64>
}

// CHECK-LABEL: func.func @dynamic
func.func @dynamic(%x: tensor<?xf32>, %s: tensor<f32>) -> tensor<?xi1> {
  // CHECK: kiln.mul %{{.*}} : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  %0 = kiln.mul %x, %s : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  %1 = kiln.lt %0, %x : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xi1>
  return %1 : tensor<?xi1>
}

// CHECK-LABEL: func.func @fusion
func.func @fusion(%x: tensor<4x3xf32>, %w: tensor<3x5xf32>) -> (tensor<4x5xf32>, tensor<4x3xf32>) {
  // CHECK: kiln.fusion contraction "matmul_relu" slots [0, 1, 2] (%[[A:.*]] = %arg0 : tensor<4x3xf32>, %[[B:.*]] = %arg1 : tensor<3x5xf32>) -> tensor<4x5xf32> attributes {note = 1 : i64} {
  %0 = kiln.fusion contraction "matmul_relu" slots [0, 1, 2] (%a = %x : tensor<4x3xf32>, %b = %w : tensor<3x5xf32>) -> tensor<4x5xf32> attributes {note = 1} {
    // CHECK: kiln.matmul %[[A]], %[[B]]
    %1 = kiln.matmul %a, %b {transpose_lhs = false, transpose_rhs = false} : (tensor<4x3xf32>, tensor<3x5xf32>) -> tensor<4x5xf32>
    %2 = kiln.relu %1 : (tensor<4x5xf32>) -> tensor<4x5xf32>
    // CHECK: kiln.yield %{{.*}} : tensor<4x5xf32>
    kiln.yield %2 : tensor<4x5xf32>
  }
  // CHECK: kiln.fusion loop "exp" (%{{.*}} = %arg0 : tensor<4x3xf32>) -> (tensor<4x3xf32>, tensor<4x3xf32>) {
  %3:2 = kiln.fusion loop "exp" (%a = %x : tensor<4x3xf32>) -> (tensor<4x3xf32>, tensor<4x3xf32>) {
    %4 = kiln.exp %a : (tensor<4x3xf32>) -> tensor<4x3xf32>
    kiln.yield %4, %a : tensor<4x3xf32>, tensor<4x3xf32>
  }
  return %0, %3#0 : tensor<4x5xf32>, tensor<4x3xf32>
}
