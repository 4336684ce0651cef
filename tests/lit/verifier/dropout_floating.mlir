// RUN: kiln-opt --verify-diagnostics %s
// dropout scales, so it wants floating-point numbers.

func.func @wrong(%x: tensor<4xi64>, %s: tensor<2xi64>) {
  // expected-error @+1 {{'kiln.dropout' op does not type-check: dropout: needs a floating-point tensor, got i64[4]}}
  %0 = kiln.dropout %x, %s {p = 0.5, offset = 0} : (tensor<4xi64>, tensor<2xi64>) -> tensor<4xi64>
  return
}
