// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// Indices of gather have the rank of x and fit it.

func.func @wrong1(%x: tensor<2x3xf32>, %i: tensor<2x4xi64>) {
  // expected-error @+1 {{'kiln.gather' op does not type-check: gather: indices [2, 4] do not fit [2, 3] along dimension 0}}
  %0 = kiln.gather %x, %i {dim = 0} : (tensor<2x3xf32>, tensor<2x4xi64>) -> tensor<2x4xf32>
  return
}

// -----

func.func @wrong2(%x: tensor<2x3xf32>, %i: tensor<2xi64>, %u: tensor<2xf32>) {
  // expected-error @+1 {{'kiln.scatter_add' op does not type-check: scatter_add: indices [2] do not fit [2, 3] along dimension 0}}
  %0 = kiln.scatter_add %x, %i, %u {dim = 0} : (tensor<2x3xf32>, tensor<2xi64>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}
