// RUN: kiln-opt --verify-diagnostics %s
// layer_norm has weight and bias, or neither.

func.func @wrong(%x: tensor<2x3xf32>, %w: tensor<3xf32>) {
  // expected-error @+1 {{'kiln.layer_norm' op does not type-check: layer_norm: takes a tensor, or a tensor, weight and bias, got 2 operands}}
  %0 = kiln.layer_norm %x, %w {dims = 1, eps = 1.0e-05} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return
}
