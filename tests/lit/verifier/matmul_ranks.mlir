// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// Operands have the same rank, at least 2.

func.func @wrong1(%x: tensor<2x3xf32>, %y: tensor<1x3x5xf32>) {
  // expected-error @+1 {{'kiln.matmul' op does not type-check: matmul: needs two tensors of the same rank, at least 2: [2, 3] x [1, 3, 5]}}
  %0 = kiln.matmul %x, %y {transpose_lhs = false, transpose_rhs = false} : (tensor<2x3xf32>, tensor<1x3x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @wrong2(%x: tensor<3xf32>) {
  // expected-error @+1 {{'kiln.matmul' op does not type-check: matmul: needs two tensors of the same rank, at least 2: [3] x [3]}}
  %0 = kiln.matmul %x, %x {transpose_lhs = false, transpose_rhs = false} : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32>
  return
}
