// RUN: kiln-opt --verify-diagnostics %s
// A mean of integers would not be one.

func.func @wrong(%x: tensor<2xi64>) {
  // expected-error @+1 {{'kiln.mean' op does not type-check: mean: needs a floating-point tensor, got i64[2]}}
  %0 = kiln.mean %x {dims = array<i64: 0>, keepdim = false} : (tensor<2xi64>) -> tensor<i64>
  return
}
