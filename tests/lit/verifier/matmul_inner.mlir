// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// Inner dimensions are equal, with the flags taken into account.

func.func @wrong1(%x: tensor<2x3xf32>, %y: tensor<4x5xf32>) {
  // expected-error @+1 {{'kiln.matmul' op does not type-check: matmul: inner dimensions differ: [2, 3] x [4, 5]}}
  %0 = kiln.matmul %x, %y {transpose_lhs = false, transpose_rhs = false} : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @wrong2(%x: tensor<2x3xf32>, %y: tensor<3x5xf32>) {
  // expected-error @+1 {{'kiln.matmul' op does not type-check: matmul: inner dimensions differ: [2, 3] x [3, 5], rhs transposed}}
  %0 = kiln.matmul %x, %y {transpose_lhs = false, transpose_rhs = true} : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @wrong3(%x: tensor<2x3xf32>, %y: tensor<3x5xf32>) {
  // expected-error @+1 {{'kiln.matmul' op does not type-check: matmul: inner dimensions differ: [2, 3] x [3, 5], lhs transposed}}
  %0 = kiln.matmul %x, %y {transpose_lhs = true, transpose_rhs = false} : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<3x5xf32>
  return
}
