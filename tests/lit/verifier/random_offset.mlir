// RUN: kiln-opt --verify-diagnostics %s
// Offsets count forward.

func.func @wrong(%s: tensor<2xi64>) {
  // expected-error @+1 {{'kiln.uniform' op does not type-check: uniform: offset -1 is negative}}
  %0 = kiln.uniform %s {dtype = "f32", offset = -1, shape = array<i64: 4>} : (tensor<2xi64>) -> tensor<4xf32>
  return
}
