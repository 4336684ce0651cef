// RUN: kiln-opt %s --simplify --split-input-file | FileCheck %s
// SimplifyContraction.cpp: what its rules must leave alone, and flags that are set already.

// A transpose and a flag are one flag or none; a transpose that moves the batch too stays.
// CHECK-LABEL: @flags
// CHECK-DAG: %[[T:.*]] = kiln.transpose %arg2 {permutation = array<i64: 1, 0, 3, 2>}
// CHECK-DAG: %[[A:.*]] = kiln.matmul %arg0, %arg1 {transpose_lhs = false, transpose_rhs = true}
// CHECK-DAG: %[[B:.*]] = kiln.matmul %[[T]], %arg3 {transpose_lhs = false, transpose_rhs = false}
// CHECK: return %[[A]], %[[B]]
func.func @flags(%x: tensor<2x3xf32>, %w: tensor<4x3xf32>, %y: tensor<3x2x5x4xf32>, %z: tensor<2x3x5x6xf32>) -> (tensor<2x4xf32>, tensor<2x3x4x6xf32>) {
  %xt = kiln.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %wt = kiln.transpose %w {permutation = array<i64: 1, 0>} : (tensor<4x3xf32>) -> tensor<3x4xf32>
  %a = kiln.matmul %xt, %wt {transpose_lhs = true, transpose_rhs = false} : (tensor<3x2xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  %yt = kiln.transpose %y {permutation = array<i64: 1, 0, 3, 2>} : (tensor<3x2x5x4xf32>) -> tensor<2x3x4x5xf32>
  %b = kiln.matmul %yt, %z {transpose_lhs = false, transpose_rhs = false} : (tensor<2x3x4x5xf32>, tensor<2x3x5x6xf32>) -> tensor<2x3x4x6xf32>
  return %a, %b : tensor<2x4xf32>, tensor<2x3x4x6xf32>
}

// -----

// A matrix for each of some batches, and rows that are not adjacent, are no longer K or M.
// CHECK-LABEL: @several_matrices
// CHECK-COUNT-2: kiln.matmul {{.*}} -> tensor<2x4x3x6xf32>
func.func @several_matrices(%x: tensor<2x4x3x5xf32>, %xt: tensor<2x4x5x3xf32>, %w: tensor<2x1x5x6xf32>, %v: tensor<5x6xf32>) -> (tensor<2x4x3x6xf32>, tensor<2x4x3x6xf32>) {
  %ws = kiln.broadcast %w {shape = array<i64: 2, 4, 5, 6>} : (tensor<2x1x5x6xf32>) -> tensor<2x4x5x6xf32>
  %a = kiln.matmul %x, %ws {transpose_lhs = false, transpose_rhs = false} : (tensor<2x4x3x5xf32>, tensor<2x4x5x6xf32>) -> tensor<2x4x3x6xf32>
  %vs = kiln.broadcast %v {shape = array<i64: 2, 4, 5, 6>} : (tensor<5x6xf32>) -> tensor<2x4x5x6xf32>
  %b = kiln.matmul %xt, %vs {transpose_lhs = true, transpose_rhs = false} : (tensor<2x4x5x3xf32>, tensor<2x4x5x6xf32>) -> tensor<2x4x3x6xf32>
  return %a, %b : tensor<2x4x3x6xf32>, tensor<2x4x3x6xf32>
}

// -----

// The sum of a batch is a longer K only where it takes in all of the batch and nothing else, and where K comes first
// in both operands.
// CHECK-LABEL: @sums_that_stay
// CHECK-COUNT-4: kiln.sum
func.func @sums_that_stay(%x: tensor<2x3x4x5xf32>, %y: tensor<2x3x4x6xf32>, %z: tensor<2x3x4x6xf32>, %yt: tensor<2x3x6x4xf32>, %xt: tensor<2x3x5x4xf32>) -> (tensor<3x5x6xf32>, tensor<3x6xf32>, tensor<5x6xf32>, tensor<5x6xf32>) {
  %p = kiln.matmul %x, %y {transpose_lhs = true, transpose_rhs = false} : (tensor<2x3x4x5xf32>, tensor<2x3x4x6xf32>) -> tensor<2x3x5x6xf32>
  %a = kiln.sum %p {dims = array<i64: 0>, keepdim = false} : (tensor<2x3x5x6xf32>) -> tensor<3x5x6xf32>
  %q = kiln.matmul %x, %z {transpose_lhs = true, transpose_rhs = false} : (tensor<2x3x4x5xf32>, tensor<2x3x4x6xf32>) -> tensor<2x3x5x6xf32>
  %b = kiln.sum %q {dims = array<i64: 0, 2>, keepdim = false} : (tensor<2x3x5x6xf32>) -> tensor<3x6xf32>
  %r = kiln.matmul %x, %yt {transpose_lhs = true, transpose_rhs = true} : (tensor<2x3x4x5xf32>, tensor<2x3x6x4xf32>) -> tensor<2x3x5x6xf32>
  %c = kiln.sum %r {dims = array<i64: 0, 1>, keepdim = false} : (tensor<2x3x5x6xf32>) -> tensor<5x6xf32>
  %s = kiln.matmul %xt, %y {transpose_lhs = false, transpose_rhs = false} : (tensor<2x3x5x4xf32>, tensor<2x3x4x6xf32>) -> tensor<2x3x5x6xf32>
  %d = kiln.sum %s {dims = array<i64: 0, 1>, keepdim = false} : (tensor<2x3x5x6xf32>) -> tensor<5x6xf32>
  return %a, %b, %c, %d : tensor<3x5x6xf32>, tensor<3x6xf32>, tensor<5x6xf32>, tensor<5x6xf32>
}

// -----

// Factors of both operands become one of the result.
// CHECK-LABEL: @both_factors
// CHECK-DAG: %[[C:.*]] = kiln.constant {{.*}}value = 1.250000e-01
// CHECK-DAG: %[[P:.*]] = kiln.matmul %arg0, %arg1
// CHECK: kiln.mul %[[P]], %[[C]]
func.func @both_factors(%x: tensor<2x3xf32>, %y: tensor<3x4xf32>) -> tensor<2x4xf32> {
  %half = kiln.constant {dtype = "f32", shape = array<i64: 2, 3>, value = 0.5 : f64} : tensor<2x3xf32>
  %quarter = kiln.constant {dtype = "f32", shape = array<i64: 3, 4>, value = 0.25 : f64} : tensor<3x4xf32>
  %a = kiln.mul %x, %half : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %b = kiln.mul %y, %quarter : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  %p = kiln.matmul %a, %b {transpose_lhs = false, transpose_rhs = false} : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  return %p : tensor<2x4xf32>
}
