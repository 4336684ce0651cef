// RUN: kiln-opt --verify-diagnostics %s
// Numbers are drawn in f32 or f64.

func.func @wrong(%s: tensor<2xi64>) {
  // expected-error @+1 {{'kiln.normal' op does not type-check: normal: draws f32 or f64, not i64}}
  %0 = kiln.normal %s {dtype = "i64", offset = 0, shape = array<i64: 4>} : (tensor<2xi64>) -> tensor<4xi64>
  return
}
