// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// Dimensions to reduce exist.

func.func @wrong1(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'kiln.sum' op does not type-check: sum: dimension 2 is out of range for [2, 3]}}
  %0 = kiln.sum %x {dims = array<i64: 2>, keepdim = false} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @wrong2(%x: tensor<3xf32>) {
  // expected-error @+1 {{'kiln.argmax' op does not type-check: argmax: dimension -1 is out of range for [3]}}
  %0 = kiln.argmax %x {dim = -1, keepdim = false} : (tensor<3xf32>) -> tensor<i64>
  return
}
