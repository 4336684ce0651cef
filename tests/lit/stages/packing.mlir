// RUN: kiln-opt %s --verify-stage=stage=laid-out --verify-diagnostics
// From laid-out on contractions know their tiles.

func.func @main(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-error @+1 {{'kiln.matmul' op is not allowed in stage laid-out: a contraction has no packing}}
  %0 = kiln.matmul %x, %x {transpose_lhs = false, transpose_rhs = false} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}
