// RUN: kiln-opt --verify-diagnostics %s
// A constant names its element type.

func.func @wrong() {
  // expected-error @+1 {{'kiln.constant' op does not type-check: constant: unknown element type "float"}}
  %0 = kiln.constant {dtype = "float", shape = array<i64: 2>, value = 1.0} : tensor<2xf32>
  return
}
