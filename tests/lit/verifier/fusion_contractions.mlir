// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// A contraction fusion holds one contraction, any other none.

func.func @wrong1(%m: tensor<4x4xf32>) {
  // expected-error @+1 {{'kiln.fusion' op of kind loop holds 1 contractions}}
  %0 = kiln.fusion loop "f" (%a = %m : tensor<4x4xf32>) -> tensor<4x4xf32> {
    %1 = kiln.matmul %a, %a {transpose_lhs = false, transpose_rhs = false} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    kiln.yield %1 : tensor<4x4xf32>
  }
  return
}

// -----

func.func @wrong2(%m: tensor<4x4xf32>) {
  // expected-error @+1 {{'kiln.fusion' op of kind contraction holds 0 contractions}}
  %0 = kiln.fusion contraction "f" (%a = %m : tensor<4x4xf32>) -> tensor<4x4xf32> {
    kiln.yield %a : tensor<4x4xf32>
  }
  return
}
