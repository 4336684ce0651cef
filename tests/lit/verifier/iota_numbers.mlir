// RUN: kiln-opt --verify-diagnostics %s
// iota counts in numbers.

func.func @wrong() {
  // expected-error @+1 {{'kiln.iota' op does not type-check: iota: needs numbers, got bool}}
  %0 = kiln.iota {dtype = "bool", shape = array<i64: 2>, dim = 0} : tensor<2xi1>
  return
}
