// RUN: kiln-opt %s --rematerialise --split-input-file | FileCheck %s

// The product is in memory anyway, since a later product reads it: what is made of it is computed again.
// CHECK-LABEL: @chain
// CHECK: %[[P:.*]] = kiln.matmul %arg0
// CHECK: kiln.matmul %[[P]]
// CHECK: %[[AGAIN:.*]] = kiln.add %[[P]], %[[P]] {kiln.again, kiln.backward}
// CHECK: kiln.mul %{{.*}}, %[[AGAIN]] {kiln.backward}
func.func @chain(%x: tensor<16x16xf32>) -> (tensor<16x16xf32>, tensor<16x16xf32>) {
  %p = kiln.matmul %x, %x {transpose_lhs = false, transpose_rhs = false} : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  %a = kiln.add %p, %p : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  %e = kiln.exp %a : (tensor<16x16xf32>) -> tensor<16x16xf32>
  %q = kiln.matmul %p, %e {transpose_lhs = false, transpose_rhs = false} : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  %g = kiln.mul %q, %a {kiln.backward} : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  return %q, %g : tensor<16x16xf32>, tensor<16x16xf32>
}

// -----

// A reduction is kept, and what is made of it is computed again.
// CHECK-LABEL: @reduction
// CHECK: %[[S:.*]] = kiln.sum
// CHECK: %[[B:.*]] = kiln.broadcast %[[S]]
// CHECK: %[[AGAIN:.*]] = kiln.broadcast %[[S]] {kiln.again
// CHECK: kiln.mul %{{.*}}, %[[AGAIN]] {kiln.backward}
// CHECK-NOT: kiln.sum
func.func @reduction(%x: tensor<16x16xf32>) -> tensor<16x16xf32> {
  %s = kiln.sum %x {dims = array<i64: 0>, keepdim = false} : (tensor<16x16xf32>) -> tensor<16xf32>
  %b = kiln.broadcast %s {shape = array<i64: 16, 16>} : (tensor<16xf32>) -> tensor<16x16xf32>
  %d = kiln.div %x, %b : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  %q = kiln.matmul %d, %x {transpose_lhs = false, transpose_rhs = false} : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  %g = kiln.mul %q, %b {kiln.backward} : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  return %g : tensor<16x16xf32>
}

// -----

// Of a dropout the mask is kept, a byte an element: not the numbers it was drawn from, and they are not drawn again.
// CHECK-LABEL: @mask
// CHECK: %[[U:.*]] = kiln.uniform
// CHECK: %[[KEPT:.*]] = kiln.ge %[[U]]
// CHECK-NOT: kiln.uniform
// CHECK: kiln.where %[[KEPT]], {{.*}} {kiln.backward}
// CHECK-NOT: kiln.uniform
func.func @mask(%x: tensor<16x16xf32>, %s: tensor<2xi64>) -> tensor<16x16xf32> {
  %u = kiln.uniform %s {dtype = "f32", offset = 0 : i64, shape = array<i64: 16, 16>} : (tensor<2xi64>) -> tensor<16x16xf32>
  %p = kiln.constant {dtype = "f32", shape = array<i64: 16, 16>, value = 2.000000e-01 : f64} : tensor<16x16xf32>
  %k = kiln.ge %u, %p : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xi1>
  %z = kiln.constant {dtype = "f32", shape = array<i64: 16, 16>, value = 0.000000e+00 : f64} : tensor<16x16xf32>
  %y = kiln.where %k, %x, %z : (tensor<16x16xi1>, tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  %q = kiln.matmul %y, %x {transpose_lhs = false, transpose_rhs = false} : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  %g = kiln.where %k, %q, %z {kiln.backward} : (tensor<16x16xi1>, tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  return %g : tensor<16x16xf32>
}
