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
