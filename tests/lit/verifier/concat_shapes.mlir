// RUN: kiln-opt --verify-diagnostics %s
// Joined tensors agree outside the dimension.

func.func @wrong(%x: tensor<2x3xf32>, %y: tensor<2x4xf32>) {
  // expected-error @+1 {{'kiln.concat' op does not type-check: concat: shapes differ outside dimension 0: [2, 3] and [2, 4]}}
  %0 = kiln.concat %x, %y {dim = 0} : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<4x3xf32>
  return
}
