// RUN: kiln-opt --verify-diagnostics %s
// Booleans are not added.

func.func @wrong(%x: tensor<2xi1>, %i: tensor<2xi64>) {
  // expected-error @+1 {{'kiln.index_add' op does not type-check: index_add: needs numbers, got bool[2]}}
  %0 = kiln.index_add %x, %i, %x {dim = 0} : (tensor<2xi1>, tensor<2xi64>, tensor<2xi1>) -> tensor<2xi1>
  return
}
