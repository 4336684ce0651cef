// RUN: kiln-opt %s --simplify --split-input-file | FileCheck %s

// x * 1 + 0 = x
// CHECK-LABEL: @neutral
// CHECK-NEXT: return %arg0
func.func @neutral(%x: tensor<4xf32>) -> tensor<4xf32> {
  %one = kiln.constant {dtype = "f32", shape = array<i64: 4>, value = 1.0 : f64} : tensor<4xf32>
  %zero = kiln.constant {dtype = "f32", shape = array<i64: 4>, value = 0.0 : f64} : tensor<4xf32>
  %a = kiln.mul %x, %one : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %b = kiln.add %a, %zero : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %b : tensor<4xf32>
}

// -----

// 0 * x stays: x may be infinite.
// CHECK-LABEL: @zero_times
// CHECK: kiln.mul
func.func @zero_times(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = kiln.constant {dtype = "f32", shape = array<i64: 4>, value = 0.0 : f64} : tensor<4xf32>
  %a = kiln.mul %x, %zero : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %a : tensor<4xf32>
}

// -----

// Constants are folded by the op's own scalar expansion; a negative integer keeps its sign.
// CHECK-LABEL: @folds
// CHECK-DAG: kiln.constant {{.*}}value = 1.200000e+01
// CHECK-DAG: kiln.constant {{.*}}value = -1.000000e+02
func.func @folds(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<i64>) {
  %two = kiln.constant {dtype = "f32", shape = array<i64: 4>, value = 2.0 : f64} : tensor<4xf32>
  %six = kiln.constant {dtype = "f32", shape = array<i64: 4>, value = 6.0 : f64} : tensor<4xf32>
  %a = kiln.mul %x, %two : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %b = kiln.mul %a, %six : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %hundred = kiln.constant {dtype = "i64", shape = array<i64>, value = 100.0 : f64} : tensor<i64>
  %minus = kiln.neg %hundred : (tensor<i64>) -> tensor<i64>
  return %b, %minus : tensor<4xf32>, tensor<i64>
}

// -----

// Equal ops are one, whatever marks they carry.
// CHECK-LABEL: @shared
// CHECK-COUNT-1: kiln.exp
// CHECK-NOT: kiln.exp
func.func @shared(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %a = kiln.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  %b = kiln.exp %x {kiln.backward} : (tensor<4xf32>) -> tensor<4xf32>
  return %a, %b : tensor<4xf32>, tensor<4xf32>
}

// -----

// Transposes become the contraction's flags, on either side of it.
// CHECK-LABEL: @transposes
// CHECK-NEXT: %[[P:.*]] = kiln.matmul %arg1, %arg0 {transpose_lhs = false, transpose_rhs = true}
// CHECK-NEXT: return %[[P]]
func.func @transposes(%x: tensor<2x3xf32>, %w: tensor<4x3xf32>) -> tensor<4x2xf32> {
  %t = kiln.transpose %w {permutation = array<i64: 1, 0>} : (tensor<4x3xf32>) -> tensor<3x4xf32>
  %p = kiln.matmul %x, %t {transpose_lhs = false, transpose_rhs = false} : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  %q = kiln.transpose %p {permutation = array<i64: 1, 0>} : (tensor<2x4xf32>) -> tensor<4x2xf32>
  return %q : tensor<4x2xf32>
}

// -----

// A reshape after a contraction sinks below what follows, at the contraction's rank.
// CHECK-LABEL: @sinks
// CHECK: %[[P:.*]] = kiln.matmul
// CHECK: %[[B:.*]] = kiln.broadcast %arg2 {shape = array<i64: 8, 5>}
// CHECK: %[[S:.*]] = kiln.add %[[P]], %[[B]]
// CHECK: %[[R:.*]] = kiln.relu %[[S]] : (tensor<8x5xf32>)
// CHECK: %[[O:.*]] = kiln.reshape %[[R]] {shape = array<i64: 2, 4, 5>}
// CHECK: return %[[O]]
func.func @sinks(%x: tensor<8x3xf32>, %w: tensor<3x5xf32>, %b: tensor<5xf32>) -> tensor<2x4x5xf32> {
  %p = kiln.matmul %x, %w {transpose_lhs = false, transpose_rhs = false} : (tensor<8x3xf32>, tensor<3x5xf32>) -> tensor<8x5xf32>
  %r = kiln.reshape %p {shape = array<i64: 2, 4, 5>} : (tensor<8x5xf32>) -> tensor<2x4x5xf32>
  %c = kiln.broadcast %b {shape = array<i64: 2, 4, 5>} : (tensor<5xf32>) -> tensor<2x4x5xf32>
  %s = kiln.add %r, %c : (tensor<2x4x5xf32>, tensor<2x4x5xf32>) -> tensor<2x4x5xf32>
  %a = kiln.relu %s : (tensor<2x4x5xf32>) -> tensor<2x4x5xf32>
  return %a : tensor<2x4x5xf32>
}

// -----

// A batch that shares its right operand is one product; the sum over a batch of products has a longer K.
// CHECK-LABEL: @batches
// CHECK-DAG: kiln.matmul {{.*}}transpose_rhs = false} : (tensor<8x3xf32>, tensor<3x5xf32>) -> tensor<8x5xf32>
// CHECK-DAG: kiln.matmul {{.*}}transpose_lhs = true{{.*}} : (tensor<8x3xf32>, tensor<8x5xf32>) -> tensor<3x5xf32>
// CHECK-NOT: kiln.sum
func.func @batches(%x: tensor<2x4x3xf32>, %w: tensor<3x5xf32>, %g: tensor<2x4x5xf32>) -> (tensor<2x4x5xf32>, tensor<3x5xf32>) {
  %ws = kiln.broadcast %w {shape = array<i64: 2, 3, 5>} : (tensor<3x5xf32>) -> tensor<2x3x5xf32>
  %p = kiln.matmul %x, %ws {transpose_lhs = false, transpose_rhs = false} : (tensor<2x4x3xf32>, tensor<2x3x5xf32>) -> tensor<2x4x5xf32>
  %d = kiln.matmul %x, %g {transpose_lhs = true, transpose_rhs = false} : (tensor<2x4x3xf32>, tensor<2x4x5xf32>) -> tensor<2x3x5xf32>
  %s = kiln.sum %d {dims = array<i64: 0>, keepdim = false} : (tensor<2x3x5xf32>) -> tensor<3x5xf32>
  return %p, %s : tensor<2x4x5xf32>, tensor<3x5xf32>
}

// -----

// The sum over a repeated dimension is a product with its size.
// CHECK-LABEL: @sum_of_broadcast
// CHECK: kiln.constant {{.*}}value = 8.000000e+00
// CHECK-NOT: kiln.sum
// CHECK: kiln.mul %arg0
func.func @sum_of_broadcast(%x: tensor<3xf32>) -> tensor<3xf32> {
  %b = kiln.broadcast %x {shape = array<i64: 8, 3>} : (tensor<3xf32>) -> tensor<8x3xf32>
  %s = kiln.sum %b {dims = array<i64: 0>, keepdim = false} : (tensor<8x3xf32>) -> tensor<3xf32>
  return %s : tensor<3xf32>
}

// -----

// One column, or one row and a transposed right operand, is a dot product for each row along K; the other
// sides, and short rows, stay products.
// CHECK-LABEL: @dots
// CHECK-DAG: %[[B:.*]] = kiln.broadcast %{{.*}} {shape = array<i64: 9, 64>} : (tensor<1x64xf32>) -> tensor<9x64xf32>
// CHECK-DAG: %[[T:.*]] = kiln.mul %arg0, %[[B]]
// CHECK-DAG: %[[S:.*]] = kiln.sum %[[T]] {dims = array<i64: 1>, keepdim = false}
// CHECK-DAG: kiln.reshape %[[S]] {shape = array<i64: 9, 1>}
// CHECK-DAG: kiln.reshape %{{.*}} {shape = array<i64: 1, 9>}
// CHECK-DAG: kiln.matmul {{.*}} -> tensor<1x64xf32>
// CHECK-DAG: kiln.matmul {{.*}} -> tensor<8x1xf32>
// CHECK-NOT: kiln.matmul
// CHECK: return
func.func @dots(%w: tensor<9x64xf32>, %x: tensor<1x64xf32>, %c: tensor<64x1xf32>, %g: tensor<1x9xf32>, %a: tensor<8x63xf32>, %b: tensor<63x1xf32>) -> (tensor<9x1xf32>, tensor<1x9xf32>, tensor<1x64xf32>, tensor<8x1xf32>) {
  %column = kiln.matmul %w, %c {transpose_lhs = false, transpose_rhs = false} : (tensor<9x64xf32>, tensor<64x1xf32>) -> tensor<9x1xf32>
  %row = kiln.matmul %x, %w {transpose_lhs = false, transpose_rhs = true} : (tensor<1x64xf32>, tensor<9x64xf32>) -> tensor<1x9xf32>
  %across = kiln.matmul %g, %w {transpose_lhs = false, transpose_rhs = false} : (tensor<1x9xf32>, tensor<9x64xf32>) -> tensor<1x64xf32>
  %short = kiln.matmul %a, %b {transpose_lhs = false, transpose_rhs = false} : (tensor<8x63xf32>, tensor<63x1xf32>) -> tensor<8x1xf32>
  return %column, %row, %across, %short : tensor<9x1xf32>, tensor<1x9xf32>, tensor<1x64xf32>, tensor<8x1xf32>
}

// -----

// A product over nothing is 0.
// CHECK-LABEL: @empty_product
// CHECK: kiln.constant {{.*}}value = 0.000000e+00
// CHECK-NOT: kiln.matmul
func.func @empty_product(%x: tensor<3x0xf32>, %w: tensor<4x0xf32>) -> tensor<3x4xf32> {
  %p = kiln.matmul %x, %w {transpose_lhs = false, transpose_rhs = true} : (tensor<3x0xf32>, tensor<4x0xf32>) -> tensor<3x4xf32>
  return %p : tensor<3x4xf32>
}

// -----

// A reduction of nothing is its neutral element, and what is empty is not computed.
// CHECK-LABEL: @empty_reduction
// CHECK-DAG: kiln.constant {{.*}}shape = array<i64: 3>, value = 1.000000e+00
// CHECK-DAG: kiln.constant {{.*}}shape = array<i64: 0>
// CHECK-NOT: kiln.exp
// CHECK: return
func.func @empty_reduction(%x: tensor<3x0xf32>) -> (tensor<3xf32>, tensor<0xf32>) {
  %e = kiln.exp %x : (tensor<3x0xf32>) -> tensor<3x0xf32>
  %p = kiln.prod %e {dims = array<i64: 1>, keepdim = false} : (tensor<3x0xf32>) -> tensor<3xf32>
  %s = kiln.sum %e {dims = array<i64: 0>, keepdim = false} : (tensor<3x0xf32>) -> tensor<0xf32>
  return %p, %s : tensor<3xf32>, tensor<0xf32>
}

// -----

// Empty parts are not joined.
// CHECK-LABEL: @empty_parts
// CHECK-NEXT: return %arg0, %arg0
func.func @empty_parts(%x: tensor<2x3xf32>, %e: tensor<0x3xf32>, %i: tensor<0xi64>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  %c = kiln.concat %e, %x, %e {dim = 0 : i64} : (tensor<0x3xf32>, tensor<2x3xf32>, tensor<0x3xf32>) -> tensor<2x3xf32>
  %a = kiln.index_add %x, %i, %e {dim = 0 : i64} : (tensor<2x3xf32>, tensor<0xi64>, tensor<0x3xf32>) -> tensor<2x3xf32>
  return %c, %a : tensor<2x3xf32>, tensor<2x3xf32>
}

// -----

// A factor of what only looks at memory is multiplied into the product's result, also beneath a summed batch.
// CHECK-LABEL: @factor
// CHECK: %[[T:.*]] = kiln.transpose %arg0
// CHECK: %[[P:.*]] = kiln.matmul %[[T]], %arg1
// CHECK: %[[S:.*]] = kiln.mul %[[P]]
// CHECK: kiln.matmul {{.*}} -> tensor<4x5xf32>
// CHECK: kiln.mul {{.*}} : (tensor<4x5xf32>, tensor<4x5xf32>)
// CHECK-NOT: kiln.sum
func.func @factor(%x: tensor<2x3x7x4xf32>, %y: tensor<7x2x4x5xf32>, %z: tensor<2x3x4xf32>, %g: tensor<2x3x5xf32>) -> (tensor<7x2x3x5xf32>, tensor<4x5xf32>) {
  %c = kiln.constant {dtype = "f32", shape = array<i64: 7, 2, 3, 4>, value = 0.25 : f64} : tensor<7x2x3x4xf32>
  %t = kiln.transpose %x {permutation = array<i64: 2, 0, 1, 3>} : (tensor<2x3x7x4xf32>) -> tensor<7x2x3x4xf32>
  %s = kiln.mul %t, %c : (tensor<7x2x3x4xf32>, tensor<7x2x3x4xf32>) -> tensor<7x2x3x4xf32>
  %p = kiln.matmul %s, %y {transpose_lhs = false, transpose_rhs = false} : (tensor<7x2x3x4xf32>, tensor<7x2x4x5xf32>) -> tensor<7x2x3x5xf32>
  %d = kiln.constant {dtype = "f32", shape = array<i64: 2, 3, 4>, value = 0.25 : f64} : tensor<2x3x4xf32>
  %u = kiln.mul %z, %d : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %q = kiln.matmul %u, %g {transpose_lhs = true, transpose_rhs = false} : (tensor<2x3x4xf32>, tensor<2x3x5xf32>) -> tensor<2x4x5xf32>
  %b = kiln.sum %q {dims = array<i64: 0>, keepdim = false} : (tensor<2x4x5xf32>) -> tensor<4x5xf32>
  return %p, %b : tensor<7x2x3x5xf32>, tensor<4x5xf32>
}

// -----

// In f16 the factor stays where it was: without it the product might overflow.
// CHECK-LABEL: @factor_of_half
// CHECK: kiln.mul
// CHECK-NEXT: kiln.matmul
func.func @factor_of_half(%x: tensor<4x3xf16>, %y: tensor<3x5xf16>) -> tensor<4x5xf16> {
  %c = kiln.constant {dtype = "f16", shape = array<i64: 4, 3>, value = 0.25 : f64} : tensor<4x3xf16>
  %s = kiln.mul %x, %c : (tensor<4x3xf16>, tensor<4x3xf16>) -> tensor<4x3xf16>
  %p = kiln.matmul %s, %y {transpose_lhs = false, transpose_rhs = false} : (tensor<4x3xf16>, tensor<3x5xf16>) -> tensor<4x5xf16>
  return %p : tensor<4x5xf16>
}

// -----

// What slices of one tensor hand back, each padded with zeros, is one concatenation, in the order of places.
// CHECK-LABEL: @parts
// CHECK-NEXT: %[[C:.*]] = kiln.concat %arg1, %arg2, %arg0 {dim = 1 : i64}
// CHECK-NEXT: return %[[C]]
func.func @parts(%q: tensor<2x3xf32>, %k: tensor<2x1xf32>, %v: tensor<2x4xf32>) -> tensor<2x8xf32> {
  %zero = kiln.constant {dtype = "f32", shape = array<i64: 2, 8>, value = 0.0 : f64} : tensor<2x8xf32>
  %a = kiln.slice_update %zero, %q {starts = array<i64: 0, 5>, stops = array<i64: 2, 8>, steps = array<i64: 1, 1>} : (tensor<2x8xf32>, tensor<2x3xf32>) -> tensor<2x8xf32>
  %b = kiln.slice_update %zero, %k {starts = array<i64: 0, 0>, stops = array<i64: 2, 1>, steps = array<i64: 1, 1>} : (tensor<2x8xf32>, tensor<2x1xf32>) -> tensor<2x8xf32>
  %c = kiln.slice_update %zero, %v {starts = array<i64: 0, 1>, stops = array<i64: 2, 5>, steps = array<i64: 1, 1>} : (tensor<2x8xf32>, tensor<2x4xf32>) -> tensor<2x8xf32>
  %d = kiln.add %a, %b : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %e = kiln.add %c, %d : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  return %e : tensor<2x8xf32>
}

// -----

// Parts that overlap are added, and parts that leave a gap fill no tensor.
// CHECK-LABEL: @not_parts
// CHECK-COUNT-2: kiln.slice_update
// CHECK-NEXT: kiln.add
// CHECK-NEXT: kiln.slice_update %{{.*}}, %arg0 {starts = array<i64: 5>
// CHECK-NOT: kiln.concat
func.func @not_parts(%x: tensor<3xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %zero = kiln.constant {dtype = "f32", shape = array<i64: 8>, value = 0.0 : f64} : tensor<8xf32>
  %a = kiln.slice_update %zero, %x {starts = array<i64: 0>, stops = array<i64: 3>, steps = array<i64: 1>} : (tensor<8xf32>, tensor<3xf32>) -> tensor<8xf32>
  %b = kiln.slice_update %zero, %x {starts = array<i64: 2>, stops = array<i64: 5>, steps = array<i64: 1>} : (tensor<8xf32>, tensor<3xf32>) -> tensor<8xf32>
  %c = kiln.slice_update %zero, %x {starts = array<i64: 5>, stops = array<i64: 8>, steps = array<i64: 1>} : (tensor<8xf32>, tensor<3xf32>) -> tensor<8xf32>
  %d = kiln.add %a, %b : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %e = kiln.add %a, %c : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %d, %e : tensor<8xf32>, tensor<8xf32>
}

// -----

// What was turned and split in three before it was cut up is put together in its own order: each part is turned and
// joined, then all are one concatenation.
// CHECK-LABEL: @turned_parts
// CHECK-NEXT: %[[Q1:.*]] = kiln.reshape %arg0
// CHECK-NEXT: %[[K1:.*]] = kiln.reshape %arg1
// CHECK-NEXT: %[[QT:.*]] = kiln.transpose %[[Q1]] {{.*}} -> tensor<5x1x2x4xf32>
// CHECK-NEXT: %[[KT:.*]] = kiln.transpose %[[K1]]
// CHECK-NEXT: %[[Q:.*]] = kiln.reshape %[[QT]] {{.*}} -> tensor<5x8xf32>
// CHECK-NEXT: %[[K:.*]] = kiln.reshape %[[KT]]
// CHECK-NEXT: kiln.concat %[[Q]], %[[K]] {dim = 1 : i64}
func.func @turned_parts(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>) -> tensor<5x16xf32> {
  %zero = kiln.constant {dtype = "f32", shape = array<i64: 2, 2, 5, 4>, value = 0.0 : f64} : tensor<2x2x5x4xf32>
  %q1 = kiln.reshape %q {shape = array<i64: 1, 2, 5, 4>} : (tensor<2x5x4xf32>) -> tensor<1x2x5x4xf32>
  %k1 = kiln.reshape %k {shape = array<i64: 1, 2, 5, 4>} : (tensor<2x5x4xf32>) -> tensor<1x2x5x4xf32>
  %a = kiln.slice_update %zero, %q1 {starts = array<i64: 0, 0, 0, 0>, stops = array<i64: 1, 2, 5, 4>, steps = array<i64: 1, 1, 1, 1>} : (tensor<2x2x5x4xf32>, tensor<1x2x5x4xf32>) -> tensor<2x2x5x4xf32>
  %b = kiln.slice_update %zero, %k1 {starts = array<i64: 1, 0, 0, 0>, stops = array<i64: 2, 2, 5, 4>, steps = array<i64: 1, 1, 1, 1>} : (tensor<2x2x5x4xf32>, tensor<1x2x5x4xf32>) -> tensor<2x2x5x4xf32>
  %at = kiln.transpose %a {permutation = array<i64: 2, 0, 1, 3>} : (tensor<2x2x5x4xf32>) -> tensor<5x2x2x4xf32>
  %bt = kiln.transpose %b {permutation = array<i64: 2, 0, 1, 3>} : (tensor<2x2x5x4xf32>) -> tensor<5x2x2x4xf32>
  %ar = kiln.reshape %at {shape = array<i64: 5, 16>} : (tensor<5x2x2x4xf32>) -> tensor<5x16xf32>
  %br = kiln.reshape %bt {shape = array<i64: 5, 16>} : (tensor<5x2x2x4xf32>) -> tensor<5x16xf32>
  %sum = kiln.add %ar, %br : (tensor<5x16xf32>, tensor<5x16xf32>) -> tensor<5x16xf32>
  return %sum : tensor<5x16xf32>
}

// -----

// A window that a joined dimension holds in pieces stays where it is.
// CHECK-LABEL: @pieces
// CHECK: kiln.slice_update
// CHECK-NEXT: kiln.reshape
func.func @pieces(%x: tensor<3x1xf32>) -> tensor<6xf32> {
  %zero = kiln.constant {dtype = "f32", shape = array<i64: 3, 2>, value = 0.0 : f64} : tensor<3x2xf32>
  %a = kiln.slice_update %zero, %x {starts = array<i64: 0, 1>, stops = array<i64: 3, 2>, steps = array<i64: 1, 1>} : (tensor<3x2xf32>, tensor<3x1xf32>) -> tensor<3x2xf32>
  %r = kiln.reshape %a {shape = array<i64: 6>} : (tensor<3x2xf32>) -> tensor<6xf32>
  return %r : tensor<6xf32>
}

// -----

// A product whose rows are wanted last is made the other way round, a constant factor notwithstanding; what
// remains moves whole rows.
// CHECK-LABEL: @columns_last
// CHECK: %[[P:.*]] = kiln.matmul %arg1, %arg0 {transpose_lhs = true, transpose_rhs = true}
// CHECK: %[[S:.*]] = kiln.mul %[[P]]
// CHECK-NEXT: kiln.transpose %[[S]] {permutation = array<i64: 1, 0, 2>} : (tensor<2x5x3xf32>) -> tensor<5x2x3xf32>
// CHECK-NEXT: return
func.func @columns_last(%x: tensor<2x3x4xf32>, %y: tensor<2x4x5xf32>) -> tensor<5x2x3xf32> {
  %p = kiln.matmul %x, %y {transpose_lhs = false, transpose_rhs = false} : (tensor<2x3x4xf32>, tensor<2x4x5xf32>) -> tensor<2x3x5xf32>
  %c = kiln.constant {dtype = "f32", shape = array<i64: 2, 3, 5>, value = 0.25 : f64} : tensor<2x3x5xf32>
  %s = kiln.mul %p, %c : (tensor<2x3x5xf32>, tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %t = kiln.transpose %s {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x5xf32>) -> tensor<5x2x3xf32>
  return %t : tensor<5x2x3xf32>
}
