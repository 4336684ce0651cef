// RUN: kiln-opt --verify-diagnostics %s
// There are as many dimensions as are normalised.

func.func @wrong(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'kiln.layer_norm' op does not type-check: layer_norm: cannot normalise the last 3 dimensions of [2, 3]}}
  %0 = kiln.layer_norm %x {dims = 3, eps = 1.0e-05} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}
