// RUN: kiln-opt --verify-diagnostics %s
// linear is of floating-point numbers.

func.func @wrong(%x: tensor<2x3xi64>, %w: tensor<4x3xi64>) {
  // expected-error @+1 {{'kiln.linear' op does not type-check: linear: needs a floating-point tensor, got i64[2, 3]}}
  %0 = kiln.linear %x, %w : (tensor<2x3xi64>, tensor<4x3xi64>) -> tensor<2x4xi64>
  return
}
