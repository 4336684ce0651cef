// RUN: kiln-opt --verify-diagnostics %s
// An attribute that an op needs is there.

func.func @wrong(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'kiln.sum' op requires attribute 'dims'}}
  %0 = "kiln.sum"(%x) {keepdim = false} : (tensor<2x3xf32>) -> tensor<f32>
  return
}
