// RUN: kiln-opt %s --pack --fuse --verify-stage=stage=fused --split-input-file | FileCheck %s

// A chain is one loop, and a second loop over the same input joins it.
// CHECK-LABEL: @loop
// CHECK: kiln.fusion loop {{.*}} -> (tensor<64x64xf32>, tensor<64x64xf32>)
// CHECK-NOT: kiln.fusion
func.func @loop(%x: tensor<64x64xf32>) -> (tensor<64x64xf32>, tensor<64x64xf32>) {
  %a = kiln.exp %x : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %b = kiln.neg %a : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %c = kiln.tanh %x : (tensor<64x64xf32>) -> tensor<64x64xf32>
  return %b, %c : tensor<64x64xf32>, tensor<64x64xf32>
}

// -----

// A row reduction takes what makes its rows and what uses its result on them.
// CHECK-LABEL: @row
// CHECK: kiln.fusion row_reduce
// CHECK-NOT: kiln.fusion
func.func @row(%x: tensor<64x16xf32>) -> tensor<64x16xf32> {
  %e = kiln.exp %x : (tensor<64x16xf32>) -> tensor<64x16xf32>
  %s = kiln.sum %e {dims = array<i64: 1>, keepdim = false} : (tensor<64x16xf32>) -> tensor<64xf32>
  %r = kiln.reshape %s {shape = array<i64: 64, 1>} : (tensor<64xf32>) -> tensor<64x1xf32>
  %b = kiln.broadcast %r {shape = array<i64: 64, 16>} : (tensor<64x1xf32>) -> tensor<64x16xf32>
  %d = kiln.div %e, %b : (tensor<64x16xf32>, tensor<64x16xf32>) -> tensor<64x16xf32>
  return %d : tensor<64x16xf32>
}

// -----

// The sum of row i is needed in column i: another row's, so that one kernel cannot do both.
// CHECK-LABEL: @misaligned
// CHECK: kiln.fusion row_reduce
// CHECK: kiln.fusion loop
func.func @misaligned(%x: tensor<16x16xf32>) -> tensor<16x16xf32> {
  %s = kiln.sum %x {dims = array<i64: 1>, keepdim = false} : (tensor<16x16xf32>) -> tensor<16xf32>
  %b = kiln.broadcast %s {shape = array<i64: 16, 16>} : (tensor<16xf32>) -> tensor<16x16xf32>
  %d = kiln.div %x, %b : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  return %d : tensor<16x16xf32>
}

// -----

// A contraction takes its epilogue, not what makes its operands; a column sum reads what it stores.
// CHECK-LABEL: @contraction
// CHECK: kiln.fusion loop
// CHECK: kiln.fusion contraction
// CHECK: kiln.matmul
// CHECK: kiln.add
// CHECK: kiln.relu
// CHECK: kiln.fusion column_reduce
// CHECK-NOT: kiln.fusion
func.func @contraction(%x: tensor<32x8xf32>, %w: tensor<8x16xf32>, %b: tensor<16xf32>) -> (tensor<32x16xf32>, tensor<16xf32>) {
  %e = kiln.exp %x : (tensor<32x8xf32>) -> tensor<32x8xf32>
  %p = kiln.matmul %e, %w {transpose_lhs = false, transpose_rhs = false} : (tensor<32x8xf32>, tensor<8x16xf32>) -> tensor<32x16xf32>
  %c = kiln.broadcast %b {shape = array<i64: 32, 16>} : (tensor<16xf32>) -> tensor<32x16xf32>
  %s = kiln.add %p, %c : (tensor<32x16xf32>, tensor<32x16xf32>) -> tensor<32x16xf32>
  %r = kiln.relu %s : (tensor<32x16xf32>) -> tensor<32x16xf32>
  %t = kiln.sum %r {dims = array<i64: 0>, keepdim = false} : (tensor<32x16xf32>) -> tensor<16xf32>
  return %r, %t : tensor<32x16xf32>, tensor<16xf32>
}

// -----

// A cycle of kernels: exp reads the sum of what the contraction of exp's own loop needs. Nothing may join around it.
// CHECK-LABEL: @no_cycle
// CHECK: kiln.fusion loop
// CHECK: kiln.fusion contraction
func.func @no_cycle(%x: tensor<16x16xf32>) -> (tensor<16x16xf32>, tensor<16x16xf32>) {
  %e = kiln.exp %x : (tensor<16x16xf32>) -> tensor<16x16xf32>
  %p = kiln.matmul %e, %e {transpose_lhs = false, transpose_rhs = false} : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  %s = kiln.add %p, %e : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  return %s, %e : tensor<16x16xf32>, tensor<16x16xf32>
}

// -----

// Updates of state run in one kernel.
// CHECK-LABEL: @updates
// CHECK: kiln.fusion multi
// CHECK-NOT: kiln.fusion
func.func @updates(%w: tensor<8x8xf32> {kiln.donated = 0 : i64}, %b: tensor<8xf32> {kiln.donated = 1 : i64}, %gw: tensor<8x8xf32>, %gb: tensor<8xf32>) -> (tensor<8x8xf32>, tensor<8xf32>) {
  %nw = kiln.sub %w, %gw : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %nb = kiln.sub %b, %gb : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %nw, %nb : tensor<8x8xf32>, tensor<8xf32>
}

// -----

// A number that is stored for the next step, and read by all updates: each computes it, so that none waits.
// CHECK-LABEL: @number
// CHECK: kiln.fusion multi {{.*}} -> (tensor<f64>, tensor<8x8xf32>, tensor<8xf32>)
// CHECK-NOT: kiln.fusion
func.func @number(%w: tensor<8x8xf32> {kiln.donated = 1 : i64}, %b: tensor<8xf32> {kiln.donated = 2 : i64}, %gw: tensor<8x8xf32>, %gb: tensor<8xf32>,
                  %product: tensor<f64>, %beta: tensor<f64>) -> (tensor<f64>, tensor<8x8xf32>, tensor<8xf32>) {
  %n = kiln.mul %product, %beta : (tensor<f64>, tensor<f64>) -> tensor<f64>
  %c = kiln.cast %n {dtype = "f32"} : (tensor<f64>) -> tensor<f32>
  %cw = kiln.broadcast %c {shape = array<i64: 8, 8>} : (tensor<f32>) -> tensor<8x8xf32>
  %cb = kiln.broadcast %c {shape = array<i64: 8>} : (tensor<f32>) -> tensor<8xf32>
  %sw = kiln.mul %gw, %cw : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %sb = kiln.mul %gb, %cb : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %nw = kiln.sub %w, %sw : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %nb = kiln.sub %b, %sb : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %n, %nw, %nb : tensor<f64>, tensor<8x8xf32>, tensor<8xf32>
}

// -----

// A number that a reduction reads too is made before both.
// CHECK-LABEL: @number_of_others
// CHECK: %[[N:.*]] = kiln.fusion loop {{.*}} -> tensor<f32>
// CHECK: kiln.fusion loop {{.*}}= %[[N]]
// CHECK: kiln.fusion row_reduce {{.*}}= %[[N]]
func.func @number_of_others(%w: tensor<8x8xf32> {kiln.donated = 1 : i64}, %product: tensor<f32>, %x: tensor<64x16xf32>) -> (tensor<f32>, tensor<8x8xf32>, tensor<64xf32>) {
  %n = kiln.exp %product : (tensor<f32>) -> tensor<f32>
  %cw = kiln.broadcast %n {shape = array<i64: 8, 8>} : (tensor<f32>) -> tensor<8x8xf32>
  %nw = kiln.mul %w, %cw : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %cx = kiln.broadcast %n {shape = array<i64: 64, 16>} : (tensor<f32>) -> tensor<64x16xf32>
  %e = kiln.mul %x, %cx : (tensor<64x16xf32>, tensor<64x16xf32>) -> tensor<64x16xf32>
  %s = kiln.sum %e {dims = array<i64: 1>, keepdim = false} : (tensor<64x16xf32>) -> tensor<64xf32>
  return %n, %nw, %s : tensor<f32>, tensor<8x8xf32>, tensor<64xf32>
}

// -----

// A reshape that joins dimensions stays between kernels: an alias.
// CHECK-LABEL: @alias
// CHECK: %[[A:.*]] = kiln.fusion contraction
// CHECK: %[[R:.*]] = kiln.reshape %[[A]]
// CHECK: kiln.fusion loop {{.*}}= %[[R]]
func.func @alias(%x: tensor<2x4x4xf32>) -> tensor<8x4xf32> {
  %p = kiln.matmul %x, %x {transpose_lhs = false, transpose_rhs = false} : (tensor<2x4x4xf32>, tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  %r = kiln.reshape %p {shape = array<i64: 8, 4>} : (tensor<2x4x4xf32>) -> tensor<8x4xf32>
  %e = kiln.exp %r : (tensor<8x4xf32>) -> tensor<8x4xf32>
  return %e : tensor<8x4xf32>
}

// -----

// A contraction looks through whatever only changes strides: heads of attention are no copy, neither where they
// are read nor where they are stored.
// CHECK-LABEL: @heads
// CHECK: kiln.fusion contraction {{.*}} tensor<8x96xf32>) -> tensor<2x4x4x4xf32>
// CHECK: kiln.slice
// CHECK: kiln.transpose
// CHECK: kiln.slice
// CHECK: kiln.transpose
// CHECK: kiln.matmul
// CHECK: kiln.fusion contraction {{.*}} -> tensor<4x2x4x8xf32>
// CHECK: kiln.matmul
// CHECK: %[[T:.*]] = kiln.transpose
// CHECK-NEXT: kiln.yield %[[T]]
// CHECK-NOT: kiln.fusion
func.func @heads(%x: tensor<8x96xf32>, %v: tensor<2x4x8x8xf32>) -> tensor<8x32xf32> {
  %r = kiln.reshape %x {shape = array<i64: 4, 2, 96>} : (tensor<8x96xf32>) -> tensor<4x2x96xf32>
  %q = kiln.slice %r {starts = array<i64: 0, 0, 0>, stops = array<i64: 4, 2, 32>, steps = array<i64: 1, 1, 1>} : (tensor<4x2x96xf32>) -> tensor<4x2x32xf32>
  %k = kiln.slice %r {starts = array<i64: 0, 0, 32>, stops = array<i64: 4, 2, 64>, steps = array<i64: 1, 1, 1>} : (tensor<4x2x96xf32>) -> tensor<4x2x32xf32>
  %qs = kiln.reshape %q {shape = array<i64: 4, 2, 4, 8>} : (tensor<4x2x32xf32>) -> tensor<4x2x4x8xf32>
  %ks = kiln.reshape %k {shape = array<i64: 4, 2, 4, 8>} : (tensor<4x2x32xf32>) -> tensor<4x2x4x8xf32>
  %qt = kiln.transpose %qs {permutation = array<i64: 1, 2, 0, 3>} : (tensor<4x2x4x8xf32>) -> tensor<2x4x4x8xf32>
  %kt = kiln.transpose %ks {permutation = array<i64: 1, 2, 3, 0>} : (tensor<4x2x4x8xf32>) -> tensor<2x4x8x4xf32>
  %s = kiln.matmul %qt, %kt {transpose_lhs = false, transpose_rhs = false} : (tensor<2x4x4x8xf32>, tensor<2x4x8x4xf32>) -> tensor<2x4x4x4xf32>
  %t = kiln.slice %v {starts = array<i64: 0, 0, 0, 0>, stops = array<i64: 2, 4, 4, 8>, steps = array<i64: 1, 1, 1, 1>} : (tensor<2x4x8x8xf32>) -> tensor<2x4x4x8xf32>
  %o = kiln.matmul %s, %t {transpose_lhs = false, transpose_rhs = false} : (tensor<2x4x4x4xf32>, tensor<2x4x4x8xf32>) -> tensor<2x4x4x8xf32>
  %m = kiln.transpose %o {permutation = array<i64: 2, 0, 1, 3>} : (tensor<2x4x4x8xf32>) -> tensor<4x2x4x8xf32>
  %f = kiln.reshape %m {shape = array<i64: 8, 32>} : (tensor<4x2x4x8xf32>) -> tensor<8x32xf32>
  return %f : tensor<8x32xf32>
}

// -----

// A look at memory in which neither rows nor columns are contiguous is copied first.
// CHECK-LABEL: @scattered
// CHECK: kiln.fusion loop
// CHECK: kiln.fusion contraction
// CHECK-NOT: kiln.transpose
func.func @scattered(%x: tensor<8x4x6xf32>, %w: tensor<6x8x4xf32>) -> tensor<6x8x8xf32> {
  %t = kiln.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<8x4x6xf32>) -> tensor<6x8x4xf32>
  %p = kiln.matmul %t, %w {transpose_lhs = false, transpose_rhs = true} : (tensor<6x8x4xf32>, tensor<6x8x4xf32>) -> tensor<6x8x8xf32>
  return %p : tensor<6x8x8xf32>
}

// -----

// A sum over rows takes what makes its operand along, and keeps columns side by side.
// CHECK-LABEL: @columns(
// CHECK: kiln.fusion column_reduce
// CHECK: kiln.exp
// CHECK: kiln.sum
// CHECK-NOT: kiln.fusion
func.func @columns(%x: tensor<512x64xf32>) -> tensor<64xf32> {
  %e = kiln.exp %x : (tensor<512x64xf32>) -> tensor<512x64xf32>
  %s = kiln.sum %e {dims = array<i64: 0>, keepdim = false} : (tensor<512x64xf32>) -> tensor<64xf32>
  return %s : tensor<64xf32>
}

// -----

// Nothing waits in a kernel for the sum of one long row.
// CHECK-LABEL: @long_row
// CHECK: kiln.fusion row_reduce
// CHECK: kiln.fusion loop
func.func @long_row(%x: tensor<65536xf32>) -> tensor<65536xf32> {
  %s = kiln.sum %x {dims = array<i64: 0>, keepdim = false} : (tensor<65536xf32>) -> tensor<f32>
  %b = kiln.broadcast %s {shape = array<i64: 65536>} : (tensor<f32>) -> tensor<65536xf32>
  %d = kiln.div %x, %b : (tensor<65536xf32>, tensor<65536xf32>) -> tensor<65536xf32>
  return %d : tensor<65536xf32>
}

// -----

// A second sum over the row is no exception.
// CHECK-LABEL: @long_row_twice
// CHECK-COUNT-2: kiln.fusion row_reduce
func.func @long_row_twice(%x: tensor<65536xf32>) -> tensor<f32> {
  %s = kiln.sum %x {dims = array<i64: 0>, keepdim = false} : (tensor<65536xf32>) -> tensor<f32>
  %b = kiln.broadcast %s {shape = array<i64: 65536>} : (tensor<f32>) -> tensor<65536xf32>
  %d = kiln.sub %x, %b : (tensor<65536xf32>, tensor<65536xf32>) -> tensor<65536xf32>
  %q = kiln.sum %d {dims = array<i64: 0>, keepdim = false} : (tensor<65536xf32>) -> tensor<f32>
  return %q : tensor<f32>
}

// -----

// State is updated by a loop of its own, not in the epilogue that makes its gradient.
// CHECK-LABEL: @state(
// CHECK: kiln.fusion contraction
// CHECK-NOT: kiln.sub
// CHECK: kiln.fusion {{loop|multi}}
// CHECK: kiln.sub
func.func @state(%w: tensor<64x64xf32> {kiln.donated = 0 : i64}, %x: tensor<64x64xf32>) -> tensor<64x64xf32> {
  %g = kiln.matmul %x, %x {transpose_lhs = true, transpose_rhs = false} : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %n = kiln.sub %w, %g : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  return %n : tensor<64x64xf32>
}

// -----

// A sum over columns that waits for another walks them again: it is a kernel of its own, and so is a sum over the other
// dimension.
// CHECK-LABEL: @one_pass_over_columns
// CHECK-COUNT-2: kiln.fusion column_reduce
// CHECK: kiln.fusion row_reduce
func.func @one_pass_over_columns(%x: tensor<512x64xf32>) -> (tensor<64xf32>, tensor<512xf32>) {
  %s = kiln.sum %x {dims = array<i64: 0>, keepdim = false} : (tensor<512x64xf32>) -> tensor<64xf32>
  %b = kiln.broadcast %s {shape = array<i64: 512, 64>} : (tensor<64xf32>) -> tensor<512x64xf32>
  %d = kiln.sub %x, %b : (tensor<512x64xf32>, tensor<512x64xf32>) -> tensor<512x64xf32>
  %q = kiln.mul %d, %d : (tensor<512x64xf32>, tensor<512x64xf32>) -> tensor<512x64xf32>
  %v = kiln.sum %q {dims = array<i64: 0>, keepdim = false} : (tensor<512x64xf32>) -> tensor<64xf32>
  %r = kiln.sum %x {dims = array<i64: 1>, keepdim = false} : (tensor<512x64xf32>) -> tensor<512xf32>
  return %v, %r : tensor<64xf32>, tensor<512xf32>
}

// -----

// A product is stored in another order of whole rows, not element by element.
// CHECK-LABEL: @rows_in_pieces
// CHECK: kiln.fusion contraction "matmul_0"
// CHECK: kiln.fusion loop "transpose_1"
func.func @rows_in_pieces(%x: tensor<2x3x4xf32>, %y: tensor<2x4x5xf32>) -> tensor<3x5x2xf32> {
  %p = kiln.matmul %x, %y {transpose_lhs = false, transpose_rhs = false} : (tensor<2x3x4xf32>, tensor<2x4x5xf32>) -> tensor<2x3x5xf32>
  %t = kiln.transpose %p {permutation = array<i64: 1, 2, 0>} : (tensor<2x3x5xf32>) -> tensor<3x5x2xf32>
  return %t : tensor<3x5x2xf32>
}
