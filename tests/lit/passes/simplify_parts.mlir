// RUN: kiln-opt %s --simplify --split-input-file | FileCheck %s
// SimplifyParts.cpp: parts that make no whole tensor, and backgrounds that are not zero.

// A padded part is added to what is not zero in its window, even where that is another part's background.
// CHECK-LABEL: @added
// CHECK-COUNT-2: kiln.add
func.func @added(%x: tensor<8xf32>, %u: tensor<3xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %zero = kiln.constant {dtype = "f32", shape = array<i64: 8>, value = 0.0 : f64} : tensor<8xf32>
  %one = kiln.constant {dtype = "f32", shape = array<i64: 8>, value = 1.0 : f64} : tensor<8xf32>
  %p = kiln.slice_update %zero, %u {starts = array<i64: 0>, stops = array<i64: 3>, steps = array<i64: 1>} : (tensor<8xf32>, tensor<3xf32>) -> tensor<8xf32>
  %q = kiln.slice_update %one, %u {starts = array<i64: 3>, stops = array<i64: 6>, steps = array<i64: 1>} : (tensor<8xf32>, tensor<3xf32>) -> tensor<8xf32>
  %a = kiln.add %x, %p : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %b = kiln.add %p, %q : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %a, %b : tensor<8xf32>, tensor<8xf32>
}

// -----

// As many elements as the tensor has do not fill it when some lie twice in one place, or a part has holes.
// CHECK-LABEL: @twice_and_holes
// CHECK-NOT: kiln.concat
// CHECK: return
func.func @twice_and_holes(%x: tensor<8xf32>, %u: tensor<4xf32>, %v: tensor<2xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %a = kiln.slice_update %x, %u {starts = array<i64: 0>, stops = array<i64: 4>, steps = array<i64: 1>} : (tensor<8xf32>, tensor<4xf32>) -> tensor<8xf32>
  %b = kiln.slice_update %a, %u {starts = array<i64: 2>, stops = array<i64: 6>, steps = array<i64: 1>} : (tensor<8xf32>, tensor<4xf32>) -> tensor<8xf32>
  %c = kiln.slice_update %x, %v {starts = array<i64: 4>, stops = array<i64: 8>, steps = array<i64: 2>} : (tensor<8xf32>, tensor<2xf32>) -> tensor<8xf32>
  %d = kiln.slice_update %c, %u {starts = array<i64: 0>, stops = array<i64: 4>, steps = array<i64: 1>} : (tensor<8xf32>, tensor<4xf32>) -> tensor<8xf32>
  return %b, %d : tensor<8xf32>, tensor<8xf32>
}

// -----

// What is around a part stays around it when both are turned.
// CHECK-LABEL: @background
// CHECK-DAG: %[[T:.*]] = kiln.transpose %arg0
// CHECK-DAG: %[[C:.*]] = kiln.constant {dtype = "f32", shape = array<i64: 3, 4>, value = 7.000000e+00 : f64}
// CHECK: kiln.slice_update %[[C]], %[[T]] {starts = array<i64: 0, 1>, steps = array<i64: 1, 1>, stops = array<i64: 3, 3>}
func.func @background(%u: tensor<2x3xf32>) -> tensor<3x4xf32> {
  %seven = kiln.constant {dtype = "f32", shape = array<i64: 4, 3>, value = 7.0 : f64} : tensor<4x3xf32>
  %p = kiln.slice_update %seven, %u {starts = array<i64: 1, 0>, stops = array<i64: 3, 3>, steps = array<i64: 1, 1>} : (tensor<4x3xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
  %t = kiln.transpose %p {permutation = array<i64: 1, 0>} : (tensor<4x3xf32>) -> tensor<3x4xf32>
  return %t : tensor<3x4xf32>
}

// -----

// A window in two dimensions, and one that begins within a row of the new shape, stay where they are.
// CHECK-LABEL: @windows_that_stay
// CHECK-DAG: %[[A:.*]] = kiln.slice_update %{{.*}}, %arg0 {{.*}} -> tensor<4x4xf32>
// CHECK-DAG: %[[B:.*]] = kiln.slice_update %{{.*}}, %arg1 {{.*}} -> tensor<4x3xf32>
// CHECK-DAG: %[[T:.*]] = kiln.transpose %[[A]]
// CHECK-DAG: %[[R:.*]] = kiln.reshape %[[B]] {shape = array<i64: 6, 2>}
// CHECK: return %[[T]], %[[R]]
func.func @windows_that_stay(%u: tensor<2x2xf32>, %v: tensor<1x3xf32>) -> (tensor<4x4xf32>, tensor<6x2xf32>) {
  %square = kiln.constant {dtype = "f32", shape = array<i64: 4, 4>, value = 0.0 : f64} : tensor<4x4xf32>
  %rows = kiln.constant {dtype = "f32", shape = array<i64: 4, 3>, value = 0.0 : f64} : tensor<4x3xf32>
  %a = kiln.slice_update %square, %u {starts = array<i64: 1, 1>, stops = array<i64: 3, 3>, steps = array<i64: 1, 1>} : (tensor<4x4xf32>, tensor<2x2xf32>) -> tensor<4x4xf32>
  %b = kiln.slice_update %rows, %v {starts = array<i64: 1, 0>, stops = array<i64: 2, 3>, steps = array<i64: 1, 1>} : (tensor<4x3xf32>, tensor<1x3xf32>) -> tensor<4x3xf32>
  %t = kiln.transpose %a {permutation = array<i64: 1, 0>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %r = kiln.reshape %b {shape = array<i64: 6, 2>} : (tensor<4x3xf32>) -> tensor<6x2xf32>
  return %t, %r : tensor<4x4xf32>, tensor<6x2xf32>
}
