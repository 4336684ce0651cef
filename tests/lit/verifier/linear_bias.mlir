// RUN: kiln-opt --verify-diagnostics %s
// A bias is [out].

func.func @wrong(%x: tensor<2x3xf32>, %w: tensor<4x3xf32>, %b: tensor<3xf32>) {
  // expected-error @+1 {{'kiln.linear' op does not type-check: linear: bias must be [4], got [3]}}
  %0 = kiln.linear %x, %w, %b : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<3xf32>) -> tensor<2x4xf32>
  return
}
