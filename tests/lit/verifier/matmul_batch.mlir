// RUN: kiln-opt --verify-diagnostics %s
// Leading dimensions are equal.

func.func @wrong(%x: tensor<2x2x3xf32>, %y: tensor<4x3x5xf32>) {
  // expected-error @+1 {{'kiln.matmul' op does not type-check: matmul: batch dimensions differ: [2, 2, 3] x [4, 3, 5]}}
  %0 = kiln.matmul %x, %y {transpose_lhs = false, transpose_rhs = false} : (tensor<2x2x3xf32>, tensor<4x3x5xf32>) -> tensor<2x2x5xf32>
  return
}
