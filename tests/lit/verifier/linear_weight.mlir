// RUN: kiln-opt --verify-diagnostics %s
// A weight is [out, in].

func.func @wrong(%x: tensor<2x3xf32>, %w: tensor<3xf32>) {
  // expected-error @+1 {{'kiln.linear' op does not type-check: linear: weight must be [out, in], got [3]}}
  %0 = kiln.linear %x, %w : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return
}
