// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// An update has a value for each place that it is added to.

func.func @wrong1(%x: tensor<2x3xf32>, %i: tensor<4xi64>, %u: tensor<4x2xf32>) {
  // expected-error @+1 {{'kiln.index_add' op does not type-check: index_add: update must be [4, 3], got [4, 2]}}
  %0 = kiln.index_add %x, %i, %u {dim = 0} : (tensor<2x3xf32>, tensor<4xi64>, tensor<4x2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @wrong2(%x: tensor<2x3xf32>, %i: tensor<1x3xi64>, %u: tensor<2x3xf32>) {
  // expected-error @+1 {{'kiln.scatter_add' op does not type-check: scatter_add: update must be [1, 3], got [2, 3]}}
  %0 = kiln.scatter_add %x, %i, %u {dim = 0} : (tensor<2x3xf32>, tensor<1x3xi64>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}
