// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// The dimension that is indexed exists.

func.func @wrong1(%x: tensor<3xf32>, %i: tensor<2xi64>) {
  // expected-error @+1 {{'kiln.take' op does not type-check: take: dimension 1 is out of range for [3]}}
  %0 = kiln.take %x, %i {dim = 1} : (tensor<3xf32>, tensor<2xi64>) -> tensor<2xf32>
  return
}

// -----

func.func @wrong2(%x: tensor<3xf32>, %i: tensor<3xi64>) {
  // expected-error @+1 {{'kiln.scatter_add' op does not type-check: scatter_add: dimension 1 is out of range for [3]}}
  %0 = kiln.scatter_add %x, %i, %x {dim = 1} : (tensor<3xf32>, tensor<3xi64>, tensor<3xf32>) -> tensor<3xf32>
  return
}
