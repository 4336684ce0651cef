// RUN: kiln-opt %s --simplify --split-input-file | FileCheck %s
// SimplifyReshape.cpp: where dimensions do not go together, a reshape stays where it is.

// One of two joined dimensions is repeated, the other kept.
// CHECK-LABEL: @half_repeated
// CHECK: %[[B:.*]] = kiln.broadcast %arg0 {shape = array<i64: 3, 4>}
// CHECK-NEXT: kiln.reshape %[[B]] {shape = array<i64: 12>}
func.func @half_repeated(%x: tensor<3x1xf32>) -> tensor<12xf32> {
  %b = kiln.broadcast %x {shape = array<i64: 3, 4>} : (tensor<3x1xf32>) -> tensor<3x4xf32>
  %r = kiln.reshape %b {shape = array<i64: 12>} : (tensor<3x4xf32>) -> tensor<12xf32>
  return %r : tensor<12xf32>
}

// -----

// One of two joined dimensions is summed, the other kept.
// CHECK-LABEL: @half_reduced
// CHECK: %[[R:.*]] = kiln.reshape %arg0 {shape = array<i64: 2, 3, 4>}
// CHECK-NEXT: kiln.sum %[[R]] {dims = array<i64: 1>
func.func @half_reduced(%x: tensor<2x12xf32>) -> tensor<2x4xf32> {
  %r = kiln.reshape %x {shape = array<i64: 2, 3, 4>} : (tensor<2x12xf32>) -> tensor<2x3x4xf32>
  %s = kiln.sum %r {dims = array<i64: 1>, keepdim = false} : (tensor<2x3x4xf32>) -> tensor<2x4xf32>
  return %s : tensor<2x4xf32>
}

// -----

// What is summed lies between the dimensions that are joined afterwards.
// CHECK-LABEL: @reduced_between
// CHECK: %[[S:.*]] = kiln.sum %arg0 {dims = array<i64: 1>{{.*}} -> tensor<2x4xf32>
// CHECK-NEXT: kiln.reshape %[[S]] {shape = array<i64: 8>}
func.func @reduced_between(%x: tensor<2x3x4xf32>) -> tensor<8xf32> {
  %s = kiln.sum %x {dims = array<i64: 1>, keepdim = false} : (tensor<2x3x4xf32>) -> tensor<2x4xf32>
  %r = kiln.reshape %s {shape = array<i64: 8>} : (tensor<2x4xf32>) -> tensor<8xf32>
  return %r : tensor<8xf32>
}

// -----

// Dimensions of size 1, in front, between and behind, join with any.
// CHECK-LABEL: @of_size_one
// CHECK: %[[R:.*]] = kiln.reshape %arg0 {shape = array<i64: 6>}
// CHECK-NEXT: %[[E:.*]] = kiln.exp %[[R]] : (tensor<6xf32>)
// CHECK-NEXT: return %[[E]]
func.func @of_size_one(%x: tensor<1x2x1x3x1xf32>) -> tensor<6xf32> {
  %e = kiln.exp %x : (tensor<1x2x1x3x1xf32>) -> tensor<1x2x1x3x1xf32>
  %r = kiln.reshape %e {shape = array<i64: 6>} : (tensor<1x2x1x3x1xf32>) -> tensor<6xf32>
  return %r : tensor<6xf32>
}
