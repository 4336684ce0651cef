// RUN: kiln-opt %s --plan-memory --split-input-file | FileCheck %s
// When a result is written over the argument that is given up for it, and when it is made aside and copied.

// A value of the argument that moves before it is stored is needed at another place.
// CHECK-LABEL: @moved
// CHECK: kiln.fusion loop "f" slots [0, 2]
// CHECK: kiln.fusion loop "copy" slots [2, 1]
func.func @moved(%a: tensor<4x4xf32> {kiln.donated = 0 : i64}) -> tensor<4x4xf32> {
  %n = kiln.fusion loop "f" (%x = %a : tensor<4x4xf32>) -> tensor<4x4xf32> {
    %e = kiln.exp %x : (tensor<4x4xf32>) -> tensor<4x4xf32>
    %t = kiln.transpose %e {permutation = array<i64: 1, 0>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
    kiln.yield %t : tensor<4x4xf32>
  }
  return %n : tensor<4x4xf32>
}

// -----

// So is one that moves in another shape of the argument.
// CHECK-LABEL: @moved_in_another_shape
// CHECK: kiln.fusion loop "f" slots [0, 2]
// CHECK: kiln.fusion loop "copy" slots [2, 1]
func.func @moved_in_another_shape(%a: tensor<16xf32> {kiln.donated = 0 : i64}) -> tensor<16xf32> {
  %r = kiln.reshape %a {shape = array<i64: 4, 4>} : (tensor<16xf32>) -> tensor<4x4xf32>
  %n = kiln.fusion loop "f" (%x = %r : tensor<4x4xf32>) -> tensor<4x4xf32> {
    %t = kiln.transpose %x {permutation = array<i64: 1, 0>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
    kiln.yield %t : tensor<4x4xf32>
  }
  %o = kiln.reshape %n {shape = array<i64: 16>} : (tensor<4x4xf32>) -> tensor<16xf32>
  return %o : tensor<16xf32>
}

// -----

// Loops of a `multi` run in any order: what another of them reads is not overwritten.
// CHECK-LABEL: @read_by_another_loop
// CHECK: kiln.fusion multi "f" slots [0, 3, 2]
// CHECK: kiln.fusion loop "copy" slots [3, 1]
func.func @read_by_another_loop(%a: tensor<8xf32> {kiln.donated = 0 : i64}) -> (tensor<8xf32>, tensor<8xf32>) {
  %n, %m = kiln.fusion multi "f" (%x = %a : tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
    %e = kiln.exp %x : (tensor<8xf32>) -> tensor<8xf32>
    %s = kiln.sin %x : (tensor<8xf32>) -> tensor<8xf32>
    kiln.yield %e, %s : tensor<8xf32>, tensor<8xf32>
  }
  return %n, %m : tensor<8xf32>, tensor<8xf32>
}

// -----

// A reduction stores some results before it reads what others are made of.
// CHECK-LABEL: @reductions
// CHECK: kiln.fusion row_reduce "rows" slots [0, 2, 6]
// CHECK: kiln.fusion column_reduce "columns" slots [1, 3, 7]
func.func @reductions(%a: tensor<4xf32> {kiln.donated = 0 : i64}, %b: tensor<8xf32> {kiln.donated = 1 : i64}, %g: tensor<4x8xf32>, %h: tensor<4x8xf32>) -> (tensor<4xf32>, tensor<8xf32>) {
  %n = kiln.fusion row_reduce "rows" (%x = %a : tensor<4xf32>, %y = %g : tensor<4x8xf32>) -> tensor<4xf32> {
    %s = kiln.sum %y {dims = array<i64: 1>, keepdim = false} : (tensor<4x8xf32>) -> tensor<4xf32>
    %d = kiln.sub %x, %s : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    kiln.yield %d : tensor<4xf32>
  }
  %m = kiln.fusion column_reduce "columns" (%x = %b : tensor<8xf32>, %y = %h : tensor<4x8xf32>) -> tensor<8xf32> {
    %s = kiln.sum %y {dims = array<i64: 0>, keepdim = false} : (tensor<4x8xf32>) -> tensor<8xf32>
    %d = kiln.sub %x, %s : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    kiln.yield %d : tensor<8xf32>
  }
  return %n, %m : tensor<4xf32>, tensor<8xf32>
}

// -----

// A later kernel wants the old value beside the new one.
// CHECK-LABEL: @old_beside_new
// CHECK: kiln.fusion loop "new" slots [0, 3]
// CHECK: kiln.fusion loop "both" slots [0, 3, 2]
// CHECK: kiln.fusion loop "copy" slots [3, 1]
func.func @old_beside_new(%a: tensor<8xf32> {kiln.donated = 0 : i64}) -> (tensor<8xf32>, tensor<2x4xf32>) {
  %n = kiln.fusion loop "new" (%x = %a : tensor<8xf32>) -> tensor<8xf32> {
    %e = kiln.exp %x : (tensor<8xf32>) -> tensor<8xf32>
    kiln.yield %e : tensor<8xf32>
  }
  %r = kiln.reshape %a {shape = array<i64: 2, 4>} : (tensor<8xf32>) -> tensor<2x4xf32>
  %q = kiln.reshape %n {shape = array<i64: 2, 4>} : (tensor<8xf32>) -> tensor<2x4xf32>
  %b = kiln.fusion loop "both" (%x = %r : tensor<2x4xf32>, %y = %q : tensor<2x4xf32>) -> tensor<2x4xf32> {
    %s = kiln.add %x, %y : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
    kiln.yield %s : tensor<2x4xf32>
  }
  return %n, %b : tensor<8xf32>, tensor<2x4xf32>
}

// -----

// What reads the old value in another shape runs before it is overwritten.
// CHECK-LABEL: @read_first
// CHECK: kiln.fusion loop "old" slots [0, 2]
// CHECK: kiln.fusion loop "new" slots [0, 1]
func.func @read_first(%a: tensor<8xf32> {kiln.donated = 0 : i64}) -> (tensor<8xf32>, tensor<2x4xf32>) {
  %n = kiln.fusion loop "new" (%x = %a : tensor<8xf32>) -> tensor<8xf32> {
    %e = kiln.exp %x : (tensor<8xf32>) -> tensor<8xf32>
    kiln.yield %e : tensor<8xf32>
  }
  %r = kiln.reshape %a {shape = array<i64: 2, 4>} : (tensor<8xf32>) -> tensor<2x4xf32>
  %b = kiln.fusion loop "old" (%x = %r : tensor<2x4xf32>) -> tensor<2x4xf32> {
    %s = kiln.sin %x : (tensor<2x4xf32>) -> tensor<2x4xf32>
    kiln.yield %s : tensor<2x4xf32>
  }
  return %n, %b : tensor<8xf32>, tensor<2x4xf32>
}

// -----

// An update at indices starts as its first operand: over that one it is written, over the updates it is not.
// CHECK-LABEL: @target_and_update
// CHECK: kiln.fusion scatter "onto" slots [0, 2, 3, 4]
// CHECK: kiln.fusion scatter "from" slots [3, 2, 1, 6]
// CHECK: kiln.fusion loop "copy" slots [6, 5]
func.func @target_and_update(%a: tensor<4xf32> {kiln.donated = 0 : i64}, %b: tensor<4xf32> {kiln.donated = 1 : i64}, %i: tensor<4xi64>, %u: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %n = kiln.fusion scatter "onto" (%x = %a : tensor<4xf32>, %j = %i : tensor<4xi64>, %y = %u : tensor<4xf32>) -> tensor<4xf32> {
    %s = kiln.index_add %x, %j, %y {dim = 0 : i64} : (tensor<4xf32>, tensor<4xi64>, tensor<4xf32>) -> tensor<4xf32>
    kiln.yield %s : tensor<4xf32>
  }
  %m = kiln.fusion scatter "from" (%x = %u : tensor<4xf32>, %j = %i : tensor<4xi64>, %y = %b : tensor<4xf32>) -> tensor<4xf32> {
    %s = kiln.index_add %x, %j, %y {dim = 0 : i64} : (tensor<4xf32>, tensor<4xi64>, tensor<4xf32>) -> tensor<4xf32>
    kiln.yield %s : tensor<4xf32>
  }
  return %n, %m : tensor<4xf32>, tensor<4xf32>
}

// -----

// State that did not change stays where it is, and is copied to wherever else it is returned, not put aside first.
// CHECK-LABEL: @unchanged
// CHECK: kiln.fusion loop "copy" slots [0, 2]
// CHECK-NOT: kiln.fusion
// CHECK: return
func.func @unchanged(%a: tensor<4xf32> {kiln.donated = 0 : i64}) -> (tensor<4xf32>, tensor<4xf32>) {
  return %a, %a : tensor<4xf32>, tensor<4xf32>
}

// -----

// What is seen in one shape after another moves with the kernel that reads it.
// CHECK-LABEL: @reshaped_twice
// CHECK: kiln.fusion loop "f" slots [0, 2]
// CHECK: kiln.reshape
// CHECK-NEXT: kiln.reshape
// CHECK-NEXT: kiln.fusion loop "g" slots [2, 1]
func.func @reshaped_twice(%a: tensor<8xf32>) -> tensor<2x2x2xf32> {
  %n = kiln.fusion loop "f" (%x = %a : tensor<8xf32>) -> tensor<8xf32> {
    %e = kiln.exp %x : (tensor<8xf32>) -> tensor<8xf32>
    kiln.yield %e : tensor<8xf32>
  }
  %r = kiln.reshape %n {shape = array<i64: 2, 4>} : (tensor<8xf32>) -> tensor<2x4xf32>
  %q = kiln.reshape %r {shape = array<i64: 2, 2, 2>} : (tensor<2x4xf32>) -> tensor<2x2x2xf32>
  %m = kiln.fusion loop "g" (%x = %q : tensor<2x2x2xf32>) -> tensor<2x2x2xf32> {
    %s = kiln.sin %x : (tensor<2x2x2xf32>) -> tensor<2x2x2xf32>
    kiln.yield %s : tensor<2x2x2xf32>
  }
  return %m : tensor<2x2x2xf32>
}
