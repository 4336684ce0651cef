// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// Booleans are written at positions, but not added there.

func.func @right(%x: tensor<2xi1>, %i: tensor<2xi64>) -> tensor<2xi1> {
  %0 = kiln.scatter %x, %i, %x {dim = 0} : (tensor<2xi1>, tensor<2xi64>, tensor<2xi1>) -> tensor<2xi1>
  return %0 : tensor<2xi1>
}

// -----

func.func @wrong(%x: tensor<2xi1>, %i: tensor<2xi64>) {
  // expected-error @+1 {{'kiln.scatter_add' op does not type-check: scatter_add: needs numbers, got bool[2]}}
  %0 = kiln.scatter_add %x, %i, %x {dim = 0} : (tensor<2xi1>, tensor<2xi64>, tensor<2xi1>) -> tensor<2xi1>
  return
}
