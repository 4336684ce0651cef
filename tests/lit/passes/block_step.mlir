// RUN: kiln-opt %s --kiln-to-planned | FileCheck %s
// A training step of a single-head attention and feed-forward block, batch 8, sequence 128, width 256, SGD.
// Every elementwise op is in the kernel of a product or a reduction; residuals are added in epilogues.
// CHECK: kiln.fusion row_reduce "layer_norm
// CHECK-COUNT-2: kiln.fusion contraction "linear
// CHECK: kiln.fusion contraction "matmul_mul
// CHECK: kiln.fusion row_reduce "softmax
// CHECK: kiln.fusion contraction "linear
// CHECK: kiln.fusion contraction "matmul
// CHECK: kiln.fusion contraction "linear_add
// CHECK: kiln.fusion row_reduce "layer_norm
// CHECK: kiln.fusion contraction "linear_gelu{{.*}} -> (tensor<1024x1024xf32>, tensor<1024x1024xf32>)
// CHECK: kiln.fusion contraction "linear_add
// CHECK-NOT: kiln.fusion loop
// CHECK-NOT: kiln.transpose
// CHECK: kiln.fusion multi
func.func @main(%x: tensor<8x128x256xf32>,
    %y: tensor<8x128x256xf32>,
    %lr: tensor<f32>,
    %wq: tensor<256x256xf32> {kiln.donated = 1 : i64, kiln.name = "wq"},
    %bq: tensor<256xf32> {kiln.donated = 2 : i64, kiln.name = "bq"},
    %wk: tensor<256x256xf32> {kiln.donated = 3 : i64, kiln.name = "wk"},
    %bk: tensor<256xf32> {kiln.donated = 4 : i64, kiln.name = "bk"},
    %wv: tensor<256x256xf32> {kiln.donated = 5 : i64, kiln.name = "wv"},
    %bv: tensor<256xf32> {kiln.donated = 6 : i64, kiln.name = "bv"},
    %wo: tensor<256x256xf32> {kiln.donated = 7 : i64, kiln.name = "wo"},
    %bo: tensor<256xf32> {kiln.donated = 8 : i64, kiln.name = "bo"},
    %g1: tensor<256xf32> {kiln.donated = 9 : i64, kiln.name = "g1"},
    %e1: tensor<256xf32> {kiln.donated = 10 : i64, kiln.name = "e1"},
    %g2: tensor<256xf32> {kiln.donated = 11 : i64, kiln.name = "g2"},
    %e2: tensor<256xf32> {kiln.donated = 12 : i64, kiln.name = "e2"},
    %wa: tensor<1024x256xf32> {kiln.donated = 13 : i64, kiln.name = "wa"},
    %ba: tensor<1024xf32> {kiln.donated = 14 : i64, kiln.name = "ba"},
    %wb: tensor<256x1024xf32> {kiln.donated = 15 : i64, kiln.name = "wb"},
    %bb: tensor<256xf32> {kiln.donated = 16 : i64, kiln.name = "bb"}) -> (tensor<f32>, tensor<256x256xf32>, tensor<256xf32>, tensor<256x256xf32>, tensor<256xf32>, tensor<256x256xf32>, tensor<256xf32>, tensor<256x256xf32>, tensor<256xf32>, tensor<256xf32>, tensor<256xf32>, tensor<256xf32>, tensor<256xf32>, tensor<1024x256xf32>, tensor<1024xf32>, tensor<256x1024xf32>, tensor<256xf32>) {
  %n1 = kiln.layer_norm %x, %g1, %e1 {dims = 1 : i64, eps = 1.0e-05 : f64} : (tensor<8x128x256xf32>, tensor<256xf32>, tensor<256xf32>) -> tensor<8x128x256xf32>
  %q = kiln.linear %n1, %wq, %bq : (tensor<8x128x256xf32>, tensor<256x256xf32>, tensor<256xf32>) -> tensor<8x128x256xf32>
  %k = kiln.linear %n1, %wk, %bk : (tensor<8x128x256xf32>, tensor<256x256xf32>, tensor<256xf32>) -> tensor<8x128x256xf32>
  %v = kiln.linear %n1, %wv, %bv : (tensor<8x128x256xf32>, tensor<256x256xf32>, tensor<256xf32>) -> tensor<8x128x256xf32>
  %kt = kiln.transpose %k {permutation = array<i64: 0, 2, 1>} : (tensor<8x128x256xf32>) -> tensor<8x256x128xf32>
  %s = kiln.matmul %q, %kt {transpose_lhs = false, transpose_rhs = false} : (tensor<8x128x256xf32>, tensor<8x256x128xf32>) -> tensor<8x128x128xf32>
  %c = kiln.constant {dtype = "f32", shape = array<i64>, value = 0.0625 : f64} : tensor<f32>
  %sc = kiln.mul %s, %c : (tensor<8x128x128xf32>, tensor<f32>) -> tensor<8x128x128xf32>
  %pr = kiln.softmax %sc {dim = 2 : i64} : (tensor<8x128x128xf32>) -> tensor<8x128x128xf32>
  %at = kiln.matmul %pr, %v {transpose_lhs = false, transpose_rhs = false} : (tensor<8x128x128xf32>, tensor<8x128x256xf32>) -> tensor<8x128x256xf32>
  %o = kiln.linear %at, %wo, %bo : (tensor<8x128x256xf32>, tensor<256x256xf32>, tensor<256xf32>) -> tensor<8x128x256xf32>
  %r1 = kiln.add %x, %o : (tensor<8x128x256xf32>, tensor<8x128x256xf32>) -> tensor<8x128x256xf32>
  %n2 = kiln.layer_norm %r1, %g2, %e2 {dims = 1 : i64, eps = 1.0e-05 : f64} : (tensor<8x128x256xf32>, tensor<256xf32>, tensor<256xf32>) -> tensor<8x128x256xf32>
  %a = kiln.linear %n2, %wa, %ba : (tensor<8x128x256xf32>, tensor<1024x256xf32>, tensor<1024xf32>) -> tensor<8x128x1024xf32>
  %ge = kiln.gelu %a {approximate = "none"} : (tensor<8x128x1024xf32>) -> tensor<8x128x1024xf32>
  %f = kiln.linear %ge, %wb, %bb : (tensor<8x128x1024xf32>, tensor<256x1024xf32>, tensor<256xf32>) -> tensor<8x128x256xf32>
  %r2 = kiln.add %r1, %f : (tensor<8x128x256xf32>, tensor<8x128x256xf32>) -> tensor<8x128x256xf32>
  %df = kiln.sub %r2, %y : (tensor<8x128x256xf32>, tensor<8x128x256xf32>) -> tensor<8x128x256xf32>
  %sq = kiln.mul %df, %df : (tensor<8x128x256xf32>, tensor<8x128x256xf32>) -> tensor<8x128x256xf32>
  %loss = kiln.mean %sq {dims = array<i64: 0, 1, 2>, keepdim = false} : (tensor<8x128x256xf32>) -> tensor<f32>
  %seed = kiln.constant {dtype = "f32", shape = array<i64>, value = 1.0 : f64} : tensor<f32>
  %g:16 = kiln.gradient %loss, %seed, %wq, %bq, %wk, %bk, %wv, %bv, %wo, %bo, %g1, %e1, %g2, %e2, %wa, %ba, %wb, %bb {outputs = 1 : i64} : (tensor<f32>, tensor<f32>, tensor<256x256xf32>, tensor<256xf32>, tensor<256x256xf32>, tensor<256xf32>, tensor<256x256xf32>, tensor<256xf32>, tensor<256x256xf32>, tensor<256xf32>, tensor<256xf32>, tensor<256xf32>, tensor<256xf32>, tensor<256xf32>, tensor<1024x256xf32>, tensor<1024xf32>, tensor<256x1024xf32>, tensor<256xf32>) -> (tensor<256x256xf32>, tensor<256xf32>, tensor<256x256xf32>, tensor<256xf32>, tensor<256x256xf32>, tensor<256xf32>, tensor<256x256xf32>, tensor<256xf32>, tensor<256xf32>, tensor<256xf32>, tensor<256xf32>, tensor<256xf32>, tensor<1024x256xf32>, tensor<1024xf32>, tensor<256x1024xf32>, tensor<256xf32>)
  %u_wq = kiln.mul %g#0, %lr : (tensor<256x256xf32>, tensor<f32>) -> tensor<256x256xf32>
  %p_wq = kiln.sub %wq, %u_wq : (tensor<256x256xf32>, tensor<256x256xf32>) -> tensor<256x256xf32>
  %u_bq = kiln.mul %g#1, %lr : (tensor<256xf32>, tensor<f32>) -> tensor<256xf32>
  %p_bq = kiln.sub %bq, %u_bq : (tensor<256xf32>, tensor<256xf32>) -> tensor<256xf32>
  %u_wk = kiln.mul %g#2, %lr : (tensor<256x256xf32>, tensor<f32>) -> tensor<256x256xf32>
  %p_wk = kiln.sub %wk, %u_wk : (tensor<256x256xf32>, tensor<256x256xf32>) -> tensor<256x256xf32>
  %u_bk = kiln.mul %g#3, %lr : (tensor<256xf32>, tensor<f32>) -> tensor<256xf32>
  %p_bk = kiln.sub %bk, %u_bk : (tensor<256xf32>, tensor<256xf32>) -> tensor<256xf32>
  %u_wv = kiln.mul %g#4, %lr : (tensor<256x256xf32>, tensor<f32>) -> tensor<256x256xf32>
  %p_wv = kiln.sub %wv, %u_wv : (tensor<256x256xf32>, tensor<256x256xf32>) -> tensor<256x256xf32>
  %u_bv = kiln.mul %g#5, %lr : (tensor<256xf32>, tensor<f32>) -> tensor<256xf32>
  %p_bv = kiln.sub %bv, %u_bv : (tensor<256xf32>, tensor<256xf32>) -> tensor<256xf32>
  %u_wo = kiln.mul %g#6, %lr : (tensor<256x256xf32>, tensor<f32>) -> tensor<256x256xf32>
  %p_wo = kiln.sub %wo, %u_wo : (tensor<256x256xf32>, tensor<256x256xf32>) -> tensor<256x256xf32>
  %u_bo = kiln.mul %g#7, %lr : (tensor<256xf32>, tensor<f32>) -> tensor<256xf32>
  %p_bo = kiln.sub %bo, %u_bo : (tensor<256xf32>, tensor<256xf32>) -> tensor<256xf32>
  %u_g1 = kiln.mul %g#8, %lr : (tensor<256xf32>, tensor<f32>) -> tensor<256xf32>
  %p_g1 = kiln.sub %g1, %u_g1 : (tensor<256xf32>, tensor<256xf32>) -> tensor<256xf32>
  %u_e1 = kiln.mul %g#9, %lr : (tensor<256xf32>, tensor<f32>) -> tensor<256xf32>
  %p_e1 = kiln.sub %e1, %u_e1 : (tensor<256xf32>, tensor<256xf32>) -> tensor<256xf32>
  %u_g2 = kiln.mul %g#10, %lr : (tensor<256xf32>, tensor<f32>) -> tensor<256xf32>
  %p_g2 = kiln.sub %g2, %u_g2 : (tensor<256xf32>, tensor<256xf32>) -> tensor<256xf32>
  %u_e2 = kiln.mul %g#11, %lr : (tensor<256xf32>, tensor<f32>) -> tensor<256xf32>
  %p_e2 = kiln.sub %e2, %u_e2 : (tensor<256xf32>, tensor<256xf32>) -> tensor<256xf32>
  %u_wa = kiln.mul %g#12, %lr : (tensor<1024x256xf32>, tensor<f32>) -> tensor<1024x256xf32>
  %p_wa = kiln.sub %wa, %u_wa : (tensor<1024x256xf32>, tensor<1024x256xf32>) -> tensor<1024x256xf32>
  %u_ba = kiln.mul %g#13, %lr : (tensor<1024xf32>, tensor<f32>) -> tensor<1024xf32>
  %p_ba = kiln.sub %ba, %u_ba : (tensor<1024xf32>, tensor<1024xf32>) -> tensor<1024xf32>
  %u_wb = kiln.mul %g#14, %lr : (tensor<256x1024xf32>, tensor<f32>) -> tensor<256x1024xf32>
  %p_wb = kiln.sub %wb, %u_wb : (tensor<256x1024xf32>, tensor<256x1024xf32>) -> tensor<256x1024xf32>
  %u_bb = kiln.mul %g#15, %lr : (tensor<256xf32>, tensor<f32>) -> tensor<256xf32>
  %p_bb = kiln.sub %bb, %u_bb : (tensor<256xf32>, tensor<256xf32>) -> tensor<256xf32>
  return %loss, %p_wq, %p_bq, %p_wk, %p_bk, %p_wv, %p_bv, %p_wo, %p_bo, %p_g1, %p_e1, %p_g2, %p_e2, %p_wa, %p_ba, %p_wb, %p_bb : tensor<f32>, tensor<256x256xf32>, tensor<256xf32>, tensor<256x256xf32>, tensor<256xf32>, tensor<256x256xf32>, tensor<256xf32>, tensor<256x256xf32>, tensor<256xf32>, tensor<256xf32>, tensor<256xf32>, tensor<256xf32>, tensor<256xf32>, tensor<1024x256xf32>, tensor<1024xf32>, tensor<256x1024xf32>, tensor<256xf32>
}
