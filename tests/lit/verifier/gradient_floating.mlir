// RUN: kiln-opt --verify-diagnostics %s
// Only floating-point values have gradients.

func.func @wrong(%x: tensor<4xi64>) {
  // expected-error @+1 {{'kiln.gradient' op does not type-check: gradient: needs a floating-point tensor, got i64[4]}}
  %0 = kiln.gradient %x, %x, %x {outputs = 1 : i64} : (tensor<4xi64>, tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  return
}
