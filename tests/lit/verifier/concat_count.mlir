// RUN: kiln-opt --verify-diagnostics %s
// There is something to join.

func.func @wrong() {
  // expected-error @+1 {{'kiln.concat' op does not type-check: concat: needs at least one tensor}}
  %0 = "kiln.concat"() {dim = 0 : i64} : () -> tensor<2xf32>
  return
}
