// RUN: kiln-opt %s --kiln-to-planned | FileCheck %s
// RUN: kiln-opt %s --kiln-to-planned | FileCheck %s --check-prefix=ALONE
// A training step of a 784-256-256-10 perceptron (ReLU, dropout, cross-entropy, SGD with momentum), batch 64.
// Bias, ReLU and dropout are in the products' epilogues; the backward ones read the saved activation; cross-entropy
// with its derivative is one kernel between two tiny ones; all updates are one kernel.
// CHECK-COUNT-3: kiln.fusion contraction "linear
// CHECK: kiln.fusion row_reduce "cross_entropy
// CHECK: kiln.fusion row_reduce "cross_entropy_cross_entropy_backward
// CHECK: kiln.fusion row_reduce "cross_entropy
// CHECK-COUNT-8: kiln.fusion {{contraction|column_reduce}} "linear_backward
// CHECK: kiln.fusion multi
// CHECK-NOT: kiln.fusion
// ALONE-NOT: kiln.fusion loop
// ALONE-NOT: kiln.transpose
func.func @main(%x: tensor<64x784xf32> {kiln.name = "x"},
    %y: tensor<64xi64> {kiln.name = "y"},
    %rng: tensor<2xi64> {kiln.name = "rng"},
    %lr: tensor<f32> {kiln.name = "lr"},
    %w0: tensor<256x784xf32> {kiln.name = "w0", kiln.donated = 1 : i64},
    %b0: tensor<256xf32> {kiln.name = "b0", kiln.donated = 2 : i64},
    %w1: tensor<256x256xf32> {kiln.name = "w1", kiln.donated = 3 : i64},
    %b1: tensor<256xf32> {kiln.name = "b1", kiln.donated = 4 : i64},
    %w2: tensor<10x256xf32> {kiln.name = "w2", kiln.donated = 5 : i64},
    %b2: tensor<10xf32> {kiln.name = "b2", kiln.donated = 6 : i64},
    %v_w0: tensor<256x784xf32> {kiln.name = "v_w0", kiln.donated = 7 : i64},
    %v_b0: tensor<256xf32> {kiln.name = "v_b0", kiln.donated = 8 : i64},
    %v_w1: tensor<256x256xf32> {kiln.name = "v_w1", kiln.donated = 9 : i64},
    %v_b1: tensor<256xf32> {kiln.name = "v_b1", kiln.donated = 10 : i64},
    %v_w2: tensor<10x256xf32> {kiln.name = "v_w2", kiln.donated = 11 : i64},
    %v_b2: tensor<10xf32> {kiln.name = "v_b2", kiln.donated = 12 : i64}) -> (tensor<f32>, tensor<256x784xf32>, tensor<256xf32>, tensor<256x256xf32>, tensor<256xf32>, tensor<10x256xf32>, tensor<10xf32>, tensor<256x784xf32>, tensor<256xf32>, tensor<256x256xf32>, tensor<256xf32>, tensor<10x256xf32>, tensor<10xf32>) {
  %a0 = kiln.linear %x, %w0, %b0 : (tensor<64x784xf32>, tensor<256x784xf32>, tensor<256xf32>) -> tensor<64x256xf32>
  %r0 = kiln.relu %a0 : (tensor<64x256xf32>) -> tensor<64x256xf32>
  %h0 = kiln.dropout %r0, %rng {offset = 0 : i64, p = 2.0e-01 : f64} : (tensor<64x256xf32>, tensor<2xi64>) -> tensor<64x256xf32>
  %a1 = kiln.linear %h0, %w1, %b1 : (tensor<64x256xf32>, tensor<256x256xf32>, tensor<256xf32>) -> tensor<64x256xf32>
  %r1 = kiln.relu %a1 : (tensor<64x256xf32>) -> tensor<64x256xf32>
  %h1 = kiln.dropout %r1, %rng {offset = 16384 : i64, p = 2.0e-01 : f64} : (tensor<64x256xf32>, tensor<2xi64>) -> tensor<64x256xf32>
  %a2 = kiln.linear %h1, %w2, %b2 : (tensor<64x256xf32>, tensor<10x256xf32>, tensor<10xf32>) -> tensor<64x10xf32>
  %loss = kiln.cross_entropy %a2, %y {ignore_index = -100 : i64, reduction = "mean"} : (tensor<64x10xf32>, tensor<64xi64>) -> tensor<f32>
  %seed = kiln.constant {dtype = "f32", shape = array<i64>, value = 1.0 : f64} : tensor<f32>
  %g:6 = kiln.gradient %loss, %seed, %w0, %b0, %w1, %b1, %w2, %b2 {outputs = 1 : i64} : (tensor<f32>, tensor<f32>, tensor<256x784xf32>, tensor<256xf32>, tensor<256x256xf32>, tensor<256xf32>, tensor<10x256xf32>, tensor<10xf32>) -> (tensor<256x784xf32>, tensor<256xf32>, tensor<256x256xf32>, tensor<256xf32>, tensor<10x256xf32>, tensor<10xf32>)
  %mu = kiln.constant {dtype = "f32", shape = array<i64>, value = 0.9 : f64} : tensor<f32>
  %m_w0 = kiln.mul %v_w0, %mu : (tensor<256x784xf32>, tensor<f32>) -> tensor<256x784xf32>
  %n_w0 = kiln.add %m_w0, %g#0 : (tensor<256x784xf32>, tensor<256x784xf32>) -> tensor<256x784xf32>
  %s_w0 = kiln.mul %n_w0, %lr : (tensor<256x784xf32>, tensor<f32>) -> tensor<256x784xf32>
  %p_w0 = kiln.sub %w0, %s_w0 : (tensor<256x784xf32>, tensor<256x784xf32>) -> tensor<256x784xf32>
  %m_b0 = kiln.mul %v_b0, %mu : (tensor<256xf32>, tensor<f32>) -> tensor<256xf32>
  %n_b0 = kiln.add %m_b0, %g#1 : (tensor<256xf32>, tensor<256xf32>) -> tensor<256xf32>
  %s_b0 = kiln.mul %n_b0, %lr : (tensor<256xf32>, tensor<f32>) -> tensor<256xf32>
  %p_b0 = kiln.sub %b0, %s_b0 : (tensor<256xf32>, tensor<256xf32>) -> tensor<256xf32>
  %m_w1 = kiln.mul %v_w1, %mu : (tensor<256x256xf32>, tensor<f32>) -> tensor<256x256xf32>
  %n_w1 = kiln.add %m_w1, %g#2 : (tensor<256x256xf32>, tensor<256x256xf32>) -> tensor<256x256xf32>
  %s_w1 = kiln.mul %n_w1, %lr : (tensor<256x256xf32>, tensor<f32>) -> tensor<256x256xf32>
  %p_w1 = kiln.sub %w1, %s_w1 : (tensor<256x256xf32>, tensor<256x256xf32>) -> tensor<256x256xf32>
  %m_b1 = kiln.mul %v_b1, %mu : (tensor<256xf32>, tensor<f32>) -> tensor<256xf32>
  %n_b1 = kiln.add %m_b1, %g#3 : (tensor<256xf32>, tensor<256xf32>) -> tensor<256xf32>
  %s_b1 = kiln.mul %n_b1, %lr : (tensor<256xf32>, tensor<f32>) -> tensor<256xf32>
  %p_b1 = kiln.sub %b1, %s_b1 : (tensor<256xf32>, tensor<256xf32>) -> tensor<256xf32>
  %m_w2 = kiln.mul %v_w2, %mu : (tensor<10x256xf32>, tensor<f32>) -> tensor<10x256xf32>
  %n_w2 = kiln.add %m_w2, %g#4 : (tensor<10x256xf32>, tensor<10x256xf32>) -> tensor<10x256xf32>
  %s_w2 = kiln.mul %n_w2, %lr : (tensor<10x256xf32>, tensor<f32>) -> tensor<10x256xf32>
  %p_w2 = kiln.sub %w2, %s_w2 : (tensor<10x256xf32>, tensor<10x256xf32>) -> tensor<10x256xf32>
  %m_b2 = kiln.mul %v_b2, %mu : (tensor<10xf32>, tensor<f32>) -> tensor<10xf32>
  %n_b2 = kiln.add %m_b2, %g#5 : (tensor<10xf32>, tensor<10xf32>) -> tensor<10xf32>
  %s_b2 = kiln.mul %n_b2, %lr : (tensor<10xf32>, tensor<f32>) -> tensor<10xf32>
  %p_b2 = kiln.sub %b2, %s_b2 : (tensor<10xf32>, tensor<10xf32>) -> tensor<10xf32>
  return %loss, %p_w0, %p_b0, %p_w1, %p_b1, %p_w2, %p_b2, %n_w0, %n_b0, %n_w1, %n_b1, %n_w2, %n_b2 : tensor<f32>, tensor<256x784xf32>, tensor<256xf32>, tensor<256x256xf32>, tensor<256xf32>, tensor<10x256xf32>, tensor<10xf32>, tensor<256x784xf32>, tensor<256xf32>, tensor<256x256xf32>, tensor<256xf32>, tensor<10x256xf32>, tensor<10xf32>
}
