// RUN: kiln-opt --pass-pipeline='builtin.module(func.func(autodiff))' %s | FileCheck %s
// Both gradients of a matmul are matmuls for every pair of flags; nothing is transposed.
// CHECK-NOT: kiln.transpose

// CHECK-LABEL: func.func @nn(
// CHECK-SAME: %[[A:.*]]: tensor<5x2x3xf32>, %[[B:.*]]: tensor<5x3x4xf32>, %[[G:.*]]: tensor<5x2x4xf32>
func.func @nn(%a: tensor<5x2x3xf32>, %b: tensor<5x3x4xf32>, %g: tensor<5x2x4xf32>) -> (tensor<5x2x3xf32>, tensor<5x3x4xf32>) {
  // CHECK-DAG: kiln.matmul %[[G]], %[[B]] {{.*}}transpose_lhs = false, transpose_rhs = true} {{.*}} -> tensor<5x2x3xf32>
  // CHECK-DAG: kiln.matmul %[[A]], %[[G]] {{.*}}transpose_lhs = true, transpose_rhs = false} {{.*}} -> tensor<5x3x4xf32>
  %c = kiln.matmul %a, %b {transpose_lhs = false, transpose_rhs = false} : (tensor<5x2x3xf32>, tensor<5x3x4xf32>) -> tensor<5x2x4xf32>
  %d:2 = kiln.gradient %c, %g, %a, %b {outputs = 1} : (tensor<5x2x4xf32>, tensor<5x2x4xf32>, tensor<5x2x3xf32>, tensor<5x3x4xf32>) -> (tensor<5x2x3xf32>, tensor<5x3x4xf32>)
  return %d#0, %d#1 : tensor<5x2x3xf32>, tensor<5x3x4xf32>
}

// CHECK-LABEL: func.func @nt(
// CHECK-SAME: %[[A:.*]]: tensor<2x3xf32>, %[[B:.*]]: tensor<4x3xf32>, %[[G:.*]]: tensor<2x4xf32>
func.func @nt(%a: tensor<2x3xf32>, %b: tensor<4x3xf32>, %g: tensor<2x4xf32>) -> (tensor<2x3xf32>, tensor<4x3xf32>) {
  // CHECK-DAG: kiln.matmul %[[G]], %[[B]] {{.*}}transpose_lhs = false, transpose_rhs = false} {{.*}} -> tensor<2x3xf32>
  // CHECK-DAG: kiln.matmul %[[G]], %[[A]] {{.*}}transpose_lhs = true, transpose_rhs = false} {{.*}} -> tensor<4x3xf32>
  %c = kiln.matmul %a, %b {transpose_lhs = false, transpose_rhs = true} : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %d:2 = kiln.gradient %c, %g, %a, %b {outputs = 1} : (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x3xf32>, tensor<4x3xf32>) -> (tensor<2x3xf32>, tensor<4x3xf32>)
  return %d#0, %d#1 : tensor<2x3xf32>, tensor<4x3xf32>
}

// CHECK-LABEL: func.func @tn(
// CHECK-SAME: %[[A:.*]]: tensor<3x2xf32>, %[[B:.*]]: tensor<3x4xf32>, %[[G:.*]]: tensor<2x4xf32>
func.func @tn(%a: tensor<3x2xf32>, %b: tensor<3x4xf32>, %g: tensor<2x4xf32>) -> (tensor<3x2xf32>, tensor<3x4xf32>) {
  // CHECK-DAG: kiln.matmul %[[B]], %[[G]] {{.*}}transpose_lhs = false, transpose_rhs = true} {{.*}} -> tensor<3x2xf32>
  // CHECK-DAG: kiln.matmul %[[A]], %[[G]] {{.*}}transpose_lhs = false, transpose_rhs = false} {{.*}} -> tensor<3x4xf32>
  %c = kiln.matmul %a, %b {transpose_lhs = true, transpose_rhs = false} : (tensor<3x2xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  %d:2 = kiln.gradient %c, %g, %a, %b {outputs = 1} : (tensor<2x4xf32>, tensor<2x4xf32>, tensor<3x2xf32>, tensor<3x4xf32>) -> (tensor<3x2xf32>, tensor<3x4xf32>)
  return %d#0, %d#1 : tensor<3x2xf32>, tensor<3x4xf32>
}

// CHECK-LABEL: func.func @tt(
// CHECK-SAME: %[[A:.*]]: tensor<3x2xf32>, %[[B:.*]]: tensor<4x3xf32>, %[[G:.*]]: tensor<2x4xf32>
func.func @tt(%a: tensor<3x2xf32>, %b: tensor<4x3xf32>, %g: tensor<2x4xf32>) -> (tensor<3x2xf32>, tensor<4x3xf32>) {
  // CHECK-DAG: kiln.matmul %[[B]], %[[G]] {{.*}}transpose_lhs = true, transpose_rhs = true} {{.*}} -> tensor<3x2xf32>
  // CHECK-DAG: kiln.matmul %[[G]], %[[A]] {{.*}}transpose_lhs = true, transpose_rhs = true} {{.*}} -> tensor<4x3xf32>
  %c = kiln.matmul %a, %b {transpose_lhs = true, transpose_rhs = true} : (tensor<3x2xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %d:2 = kiln.gradient %c, %g, %a, %b {outputs = 1} : (tensor<2x4xf32>, tensor<2x4xf32>, tensor<3x2xf32>, tensor<4x3xf32>) -> (tensor<3x2xf32>, tensor<4x3xf32>)
  return %d#0, %d#1 : tensor<3x2xf32>, tensor<4x3xf32>
}

// Leading dimensions of a linear layer's gradient are one: its weight's gradient is a 2-D matmul.
// CHECK-LABEL: func.func @linear(
func.func @linear(%x: tensor<2x6x3xf32>, %w: tensor<4x3xf32>, %b: tensor<4xf32>, %g: tensor<2x6x4xf32>) -> (tensor<2x6x3xf32>, tensor<4x3xf32>, tensor<4xf32>) {
  // CHECK-DAG: %[[G:.*]] = kiln.reshape %arg3 {{.*}} -> tensor<12x4xf32>
  // CHECK-DAG: kiln.matmul %[[G]], %arg1 {{.*}}transpose_lhs = false, transpose_rhs = false} {{.*}} -> tensor<12x3xf32>
  // CHECK-DAG: kiln.matmul %[[G]], %{{.*}} {{.*}}transpose_lhs = true, transpose_rhs = false} {{.*}} -> tensor<4x3xf32>
  // CHECK-DAG: kiln.sum %[[G]] {dims = array<i64: 0>
  %c = kiln.linear %x, %w, %b : (tensor<2x6x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<2x6x4xf32>
  %d:3 = kiln.gradient %c, %g, %x, %w, %b {outputs = 1} : (tensor<2x6x4xf32>, tensor<2x6x4xf32>, tensor<2x6x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> (tensor<2x6x3xf32>, tensor<4x3xf32>, tensor<4xf32>)
  return %d#0, %d#1, %d#2 : tensor<2x6x3xf32>, tensor<4x3xf32>, tensor<4xf32>
}
