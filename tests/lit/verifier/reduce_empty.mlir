// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// There is no largest element of none.

func.func @wrong1(%x: tensor<2x0xf32>) {
  // expected-error @+1 {{'kiln.max' op does not type-check: max: dimension 1 of [2, 0] is empty}}
  %0 = kiln.max %x {dims = array<i64: 1>, keepdim = false} : (tensor<2x0xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @wrong2(%x: tensor<2x0xf32>) {
  // expected-error @+1 {{'kiln.argmax' op does not type-check: argmax: dimension 1 of [2, 0] is empty}}
  %0 = kiln.argmax %x {dim = 1, keepdim = false} : (tensor<2x0xf32>) -> tensor<2xi64>
  return
}
