// RUN: kiln-opt --verify-diagnostics %s
// layer_norm wants a floating-point tensor.

func.func @wrong(%x: tensor<2x3xi64>) {
  // expected-error @+1 {{'kiln.layer_norm' op does not type-check: layer_norm: needs a floating-point tensor, got i64[2, 3]}}
  %0 = kiln.layer_norm %x {dims = 1, eps = 1.0e-05} : (tensor<2x3xi64>) -> tensor<2x3xi64>
  return
}
