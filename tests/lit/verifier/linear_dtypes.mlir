// RUN: kiln-opt --verify-diagnostics %s
// Weight and bias have the element type of x.

func.func @wrong(%x: tensor<2x3xf32>, %w: tensor<4x3xf64>) {
  // expected-error @+1 {{'kiln.linear' op does not type-check: linear: element types differ: f32 and f64}}
  %0 = kiln.linear %x, %w : (tensor<2x3xf32>, tensor<4x3xf64>) -> tensor<2x4xf32>
  return
}
