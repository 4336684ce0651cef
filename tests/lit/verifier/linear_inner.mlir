// RUN: kiln-opt --verify-diagnostics %s
// The last dimension of x is the weight's.

func.func @wrong(%x: tensor<2x3xf32>, %w: tensor<4x5xf32>) {
  // expected-error @+1 {{'kiln.linear' op does not type-check: linear: inner dimensions differ: [2, 3] x [4, 5] transposed}}
  %0 = kiln.linear %x, %w : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x4xf32>
  return
}
