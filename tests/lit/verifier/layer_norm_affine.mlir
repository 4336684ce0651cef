// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// Weight and bias have the normalised shape.

func.func @wrong1(%x: tensor<2x3xf32>, %w: tensor<2xf32>) {
  // expected-error @+1 {{'kiln.layer_norm' op does not type-check: layer_norm: weight must be f32[3], got f32[2]}}
  %0 = kiln.layer_norm %x, %w, %w {dims = 1, eps = 1.0e-05} : (tensor<2x3xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @wrong2(%x: tensor<2x3xf32>, %w: tensor<3xf32>, %b: tensor<3xf64>) {
  // expected-error @+1 {{'kiln.layer_norm' op does not type-check: layer_norm: bias must be f32[3], got f64[3]}}
  %0 = kiln.layer_norm %x, %w, %b {dims = 1, eps = 1.0e-05} : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf64>) -> tensor<2x3xf32>
  return
}
