// RUN: kiln-opt --verify-diagnostics %s
// linear has a bias or none.

func.func @wrong(%x: tensor<2x3xf32>, %w: tensor<4x3xf32>, %b: tensor<4xf32>) {
  // expected-error @+1 {{'kiln.linear' op does not type-check: linear: takes x, weight and perhaps bias, got 4 operands}}
  %0 = kiln.linear %x, %w, %b, %b : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return
}
