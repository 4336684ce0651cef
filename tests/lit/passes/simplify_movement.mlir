// RUN: kiln-opt %s --simplify --split-input-file | FileCheck %s
// SimplifyMovement.cpp and the rules of SimplifyEmpty.cpp for what is written into a part, rule by rule.

// What moves nothing is gone: a reshape and a broadcast to the same shape, the whole of a tensor, there and back.
// CHECK-LABEL: @nothing_moves
// CHECK-NEXT: return %arg0, %arg0, %arg0, %arg0, %arg0
func.func @nothing_moves(%x: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
  %a = kiln.reshape %x {shape = array<i64: 2, 3>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %b = kiln.broadcast %x {shape = array<i64: 2, 3>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %c = kiln.slice %x {starts = array<i64: 0, 0>, stops = array<i64: 2, 3>, steps = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %r = kiln.reshape %x {shape = array<i64: 6>} : (tensor<2x3xf32>) -> tensor<6xf32>
  %d = kiln.reshape %r {shape = array<i64: 2, 3>} : (tensor<6xf32>) -> tensor<2x3xf32>
  %t = kiln.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %e = kiln.transpose %t {permutation = array<i64: 1, 0>} : (tensor<3x2xf32>) -> tensor<2x3xf32>
  return %a, %b, %c, %d, %e : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
}

// -----

// Two movements of a kind are one.
// CHECK-LABEL: @composed
// CHECK-DAG: %[[B:.*]] = kiln.broadcast %arg0 {shape = array<i64: 5, 2, 3>} : (tensor<1x3xf32>) -> tensor<5x2x3xf32>
// CHECK-DAG: %[[T:.*]] = kiln.transpose %arg1 {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
// CHECK: return %[[B]], %[[T]]
func.func @composed(%x: tensor<1x3xf32>, %y: tensor<2x3x4xf32>) -> (tensor<5x2x3xf32>, tensor<4x2x3xf32>) {
  %b = kiln.broadcast %x {shape = array<i64: 2, 3>} : (tensor<1x3xf32>) -> tensor<2x3xf32>
  %bb = kiln.broadcast %b {shape = array<i64: 5, 2, 3>} : (tensor<2x3xf32>) -> tensor<5x2x3xf32>
  %t = kiln.transpose %y {permutation = array<i64: 0, 2, 1>} : (tensor<2x3x4xf32>) -> tensor<2x4x3xf32>
  %tt = kiln.transpose %t {permutation = array<i64: 1, 0, 2>} : (tensor<2x4x3xf32>) -> tensor<4x2x3xf32>
  return %bb, %tt : tensor<5x2x3xf32>, tensor<4x2x3xf32>
}

// -----

// Leading dimensions of size 1 are broadcast's own; a transpose of a row, and a repetition once, are reshapes.
// CHECK-LABEL: @of_size_one
// CHECK-DAG: %[[B:.*]] = kiln.broadcast %arg0 {shape = array<i64: 4, 3>} : (tensor<3xf32>) -> tensor<4x3xf32>
// CHECK-DAG: %[[T:.*]] = kiln.reshape %arg1 {shape = array<i64: 5, 1>} : (tensor<1x5xf32>) -> tensor<5x1xf32>
// CHECK-DAG: %[[R:.*]] = kiln.reshape %arg1 {shape = array<i64: 1, 1, 5>} : (tensor<1x5xf32>) -> tensor<1x1x5xf32>
// CHECK: return %[[B]], %[[T]], %[[R]]
func.func @of_size_one(%x: tensor<3xf32>, %y: tensor<1x5xf32>) -> (tensor<4x3xf32>, tensor<5x1xf32>, tensor<1x1x5xf32>) {
  %r = kiln.reshape %x {shape = array<i64: 1, 3>} : (tensor<3xf32>) -> tensor<1x3xf32>
  %b = kiln.broadcast %r {shape = array<i64: 4, 3>} : (tensor<1x3xf32>) -> tensor<4x3xf32>
  %t = kiln.transpose %y {permutation = array<i64: 1, 0>} : (tensor<1x5xf32>) -> tensor<5x1xf32>
  %c = kiln.broadcast %y {shape = array<i64: 1, 1, 5>} : (tensor<1x5xf32>) -> tensor<1x1x5xf32>
  return %b, %t, %c : tensor<4x3xf32>, tensor<5x1xf32>, tensor<1x1x5xf32>
}

// -----

// A constant that moves is a constant, a draw in another shape the same draw.
// CHECK-LABEL: @sources
// CHECK-DAG: %[[C:.*]] = kiln.constant {dtype = "f32", shape = array<i64: 3, 2>, value = 7.000000e+00 : f64}
// CHECK-DAG: %[[U:.*]] = kiln.uniform %arg0 {{.*}}shape = array<i64: 6>{{.*}} -> tensor<6xf32>
// CHECK: return %[[C]], %[[U]]
func.func @sources(%s: tensor<2xi64>) -> (tensor<3x2xf32>, tensor<6xf32>) {
  %c = kiln.constant {dtype = "f32", shape = array<i64: 2, 3>, value = 7.0 : f64} : tensor<2x3xf32>
  %t = kiln.transpose %c {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %u = kiln.uniform %s {dtype = "f32", offset = 0 : i64, shape = array<i64: 2, 3>} : (tensor<2xi64>) -> tensor<2x3xf32>
  %r = kiln.reshape %u {shape = array<i64: 6>} : (tensor<2x3xf32>) -> tensor<6xf32>
  return %t, %r : tensor<3x2xf32>, tensor<6xf32>
}

// -----

// Two spellings of one reduction are one op, and a reduction of one element is a reshape.
// CHECK-LABEL: @reductions
// CHECK: %[[S:.*]] = kiln.sum %arg0 {dims = array<i64: 1>, keepdim = false}
// CHECK-NOT: kiln.sum
// CHECK-DAG: %[[K:.*]] = kiln.reshape %[[S]] {shape = array<i64: 2, 1>}
// CHECK-DAG: %[[M:.*]] = kiln.reshape %arg1 {shape = array<i64: 4>}
// CHECK: return %[[S]], %[[K]], %[[M]]
func.func @reductions(%x: tensor<2x3xf32>, %y: tensor<1x4xf32>) -> (tensor<2xf32>, tensor<2x1xf32>, tensor<4xf32>) {
  %a = kiln.sum %x {dims = array<i64: 1>, keepdim = false} : (tensor<2x3xf32>) -> tensor<2xf32>
  %b = kiln.sum %x {dims = array<i64: 1>, keepdim = true} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  %m = kiln.max %y {dims = array<i64: 0>, keepdim = false} : (tensor<1x4xf32>) -> tensor<4xf32>
  return %a, %b, %m : tensor<2xf32>, tensor<2x1xf32>, tensor<4xf32>
}

// -----

// The sum of a joined dimension is the sum of those that it joins.
// CHECK-LABEL: @reduce_joined
// CHECK: %[[S:.*]] = kiln.sum %arg0 {dims = array<i64: 1>, keepdim = false} : (tensor<2x12xf32>) -> tensor<2xf32>
// CHECK-NEXT: return %[[S]]
func.func @reduce_joined(%x: tensor<2x12xf32>) -> tensor<2xf32> {
  %r = kiln.reshape %x {shape = array<i64: 2, 3, 4>} : (tensor<2x12xf32>) -> tensor<2x3x4xf32>
  %s = kiln.sum %r {dims = array<i64: 1, 2>, keepdim = false} : (tensor<2x3x4xf32>) -> tensor<2xf32>
  return %s : tensor<2xf32>
}

// -----

// Nothing written, whether into a window or at indices, leaves what was there.
// CHECK-LABEL: @nothing_written
// CHECK-NEXT: return %arg0, %arg0
func.func @nothing_written(%x: tensor<4xf32>, %i: tensor<0xi64>, %u: tensor<0xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %a = kiln.slice_update %x, %u {starts = array<i64: 1>, stops = array<i64: 1>, steps = array<i64: 1>} : (tensor<4xf32>, tensor<0xf32>) -> tensor<4xf32>
  %b = kiln.index_add %x, %i, %u {dim = 0 : i64} : (tensor<4xf32>, tensor<0xi64>, tensor<0xf32>) -> tensor<4xf32>
  return %a, %b : tensor<4xf32>, tensor<4xf32>
}

// -----

// A reshape that does more than add leading dimensions of size 1 stays below a broadcast.
// CHECK-LABEL: @reshaped_before
// CHECK: %[[R:.*]] = kiln.reshape %arg0
// CHECK-NEXT: kiln.broadcast %[[R]]
func.func @reshaped_before(%x: tensor<2x3xf32>) -> tensor<4x3x2xf32> {
  %r = kiln.reshape %x {shape = array<i64: 1, 3, 2>} : (tensor<2x3xf32>) -> tensor<1x3x2xf32>
  %b = kiln.broadcast %r {shape = array<i64: 4, 3, 2>} : (tensor<1x3x2xf32>) -> tensor<4x3x2xf32>
  return %b : tensor<4x3x2xf32>
}

// -----

// Of what is summed, only the repeated dimensions become a factor; those of size 1 that are left are repeated again.
// CHECK-LABEL: @partly_repeated
// CHECK-DAG: %[[TWO:.*]] = kiln.constant {{.*}}value = 2.000000e+00
// CHECK-DAG: %[[S:.*]] = kiln.sum %arg0 {dims = array<i64: 0>, keepdim = false} : (tensor<3x1xf32>) -> tensor<1xf32>
// CHECK: %[[P:.*]] = kiln.mul %[[S]], %[[TWO]]
// CHECK-NEXT: %[[B:.*]] = kiln.broadcast %[[P]] {shape = array<i64: 4>}
// CHECK-NEXT: return %[[B]]
func.func @partly_repeated(%x: tensor<3x1xf32>) -> tensor<4xf32> {
  %b = kiln.broadcast %x {shape = array<i64: 2, 3, 4>} : (tensor<3x1xf32>) -> tensor<2x3x4xf32>
  %s = kiln.sum %b {dims = array<i64: 0, 1>, keepdim = false} : (tensor<2x3x4xf32>) -> tensor<4xf32>
  return %s : tensor<4xf32>
}
