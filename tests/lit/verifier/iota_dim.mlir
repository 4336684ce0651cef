// RUN: kiln-opt --verify-diagnostics %s
// iota counts along a dimension that exists.

func.func @wrong() {
  // expected-error @+1 {{'kiln.iota' op does not type-check: iota: dimension 1 is out of range for [2]}}
  %0 = kiln.iota {dtype = "i64", shape = array<i64: 2>, dim = 1} : tensor<2xi64>
  return
}
