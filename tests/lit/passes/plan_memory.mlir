// RUN: kiln-opt %s --fuse --plan-memory --split-input-file | FileCheck %s

// Temporaries share the arena: the third one takes the first one's place. Slots: input, output, temporaries.
// CHECK-LABEL: @reuse
// CHECK-SAME: kiln.plan = {arena = 2048 : i64, lower_bound = 4096 : i64, peak = 4096 : i64
// CHECK: slots [0, 2]
// CHECK: slots [2, 3]
// CHECK: slots [3, 4]
// CHECK: slots [4, 1]
func.func @reuse(%x: tensor<16x16xf32>) -> tensor<16x16xf32> {
  %a = kiln.matmul %x, %x {transpose_lhs = false, transpose_rhs = false} : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  %b = kiln.matmul %a, %a {transpose_lhs = false, transpose_rhs = false} : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  %c = kiln.matmul %b, %b {transpose_lhs = false, transpose_rhs = false} : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  %d = kiln.matmul %c, %c {transpose_lhs = false, transpose_rhs = false} : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  return %d : tensor<16x16xf32>
}

// -----

// State is updated in place, after the last kernel that reads it.
// CHECK-LABEL: @in_place
// CHECK-SAME: alias = 0 : i64, kind = "output"
// CHECK: kiln.fusion contraction
// CHECK: kiln.fusion loop
// CHECK-NOT: "copy"
func.func @in_place(%w: tensor<16x16xf32> {kiln.donated = 0 : i64}, %g: tensor<16x16xf32>) -> (tensor<16x16xf32>, tensor<16x16xf32>) {
  %n = kiln.sub %w, %g : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  %p = kiln.matmul %w, %w {transpose_lhs = false, transpose_rhs = false} : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  return %n, %p : tensor<16x16xf32>, tensor<16x16xf32>
}

// -----

// State of one element is computed as a number: its reshapes move nothing, so it is updated in place.
// CHECK-LABEL: @one_element
// CHECK-SAME: alias = 0 : i64, kind = "output"
// CHECK: kiln.fusion loop {{.*}}slots [0, 1, 2]
// CHECK-NOT: "copy"
func.func @one_element(%b: tensor<1xf32> {kiln.donated = 0 : i64}, %g: tensor<f32>) -> tensor<1xf32> {
  %x = kiln.reshape %b {shape = array<i64>} : (tensor<1xf32>) -> tensor<f32>
  %n = kiln.sub %x, %g : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %y = kiln.reshape %n {shape = array<i64: 1>} : (tensor<f32>) -> tensor<1xf32>
  return %y : tensor<1xf32>
}

// -----

// The transposed state is read at other places than it is written: made aside, then copied.
// CHECK-LABEL: @not_in_place
// CHECK: kiln.fusion loop {{.*}}slots [0, 2]
// CHECK: kiln.fusion loop "copy" slots [2, 1]
func.func @not_in_place(%w: tensor<16x16xf32> {kiln.donated = 0 : i64}) -> tensor<16x16xf32> {
  %t = kiln.transpose %w {permutation = array<i64: 1, 0>} : (tensor<16x16xf32>) -> tensor<16x16xf32>
  return %t : tensor<16x16xf32>
}

// -----

// Two arguments change places: one is put aside before it is overwritten.
// CHECK-LABEL: @swap
// CHECK: kiln.fusion loop "copy" slots [1, 4]
// CHECK: kiln.fusion loop "copy" slots [0, 5]
// CHECK: kiln.fusion loop "copy" slots [4, 2]
// CHECK: kiln.fusion loop "copy" slots [5, 3]
func.func @swap(%a: tensor<4xf32> {kiln.donated = 0 : i64}, %b: tensor<4xf32> {kiln.donated = 1 : i64}) -> (tensor<4xf32>, tensor<4xf32>) {
  return %b, %a : tensor<4xf32>, tensor<4xf32>
}

// -----

// Two kernels, each of which would overwrite what the other reads: one does, the other's result is copied at the end.
// CHECK-LABEL: @crossed
// CHECK: kiln.fusion column_reduce {{.*}}slots [0, 4]
// CHECK: kiln.fusion loop {{.*}}slots [0, 1, 2]
// CHECK: kiln.fusion loop "copy" slots [4, 3]
func.func @crossed(%a: tensor<4x8xf32> {kiln.donated = 0 : i64}, %b: tensor<8xf32> {kiln.donated = 1 : i64}) -> (tensor<4x8xf32>, tensor<8xf32>) {
  %w = kiln.broadcast %b {shape = array<i64: 4, 8>} : (tensor<8xf32>) -> tensor<4x8xf32>
  %n = kiln.add %a, %w : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %s = kiln.sum %a {dims = array<i64: 0>, keepdim = false} : (tensor<4x8xf32>) -> tensor<8xf32>
  return %n, %s : tensor<4x8xf32>, tensor<8xf32>
}

// -----

// Loops of which one reads what the other overwrites are no `multi`, where each would have to be copied.
// CHECK-LABEL: @crossed_loops
// CHECK-NOT: multi
// CHECK: "copy"
// CHECK-NOT: "copy"
// CHECK: return
func.func @crossed_loops(%a: tensor<4x8xf32> {kiln.donated = 0 : i64}, %b: tensor<8xf32> {kiln.donated = 1 : i64}) -> (tensor<4x8xf32>, tensor<8xf32>) {
  %w = kiln.broadcast %b {shape = array<i64: 4, 8>} : (tensor<8xf32>) -> tensor<4x8xf32>
  %n = kiln.add %a, %w : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %s = kiln.slice %a {starts = array<i64: 1, 0>, stops = array<i64: 2, 8>, steps = array<i64: 1, 1>} : (tensor<4x8xf32>) -> tensor<1x8xf32>
  %r = kiln.reshape %s {shape = array<i64: 8>} : (tensor<1x8xf32>) -> tensor<8xf32>
  %e = kiln.exp %r : (tensor<8xf32>) -> tensor<8xf32>
  return %n, %e : tensor<4x8xf32>, tensor<8xf32>
}

// -----

// A value returned twice has two buffers.
// CHECK-LABEL: @twice
// CHECK: kiln.fusion loop {{.*}}slots [0, 1]
// CHECK: kiln.fusion loop "copy" slots [1, 2]
func.func @twice(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %e = kiln.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  return %e, %e : tensor<4xf32>, tensor<4xf32>
}
