// RUN: kiln-opt --verify-diagnostics %s
// A probability lies between 0 and 1.

func.func @wrong(%x: tensor<4xf32>, %s: tensor<2xi64>) {
  // expected-error @+1 {{'kiln.dropout' op does not type-check: dropout: probability must be between 0 and 1, got 1.5}}
  %0 = kiln.dropout %x, %s {p = 1.5, offset = 0} : (tensor<4xf32>, tensor<2xi64>) -> tensor<4xf32>
  return
}
