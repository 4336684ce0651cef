// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// Each dimension appears once.

func.func @wrong1(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'kiln.transpose' op does not type-check: transpose: [0, 0] is not a permutation of the dimensions of [2, 3]}}
  %0 = kiln.transpose %x {permutation = array<i64: 0, 0>} : (tensor<2x3xf32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @wrong2(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'kiln.transpose' op does not type-check: transpose: [1] is not a permutation of the dimensions of [2, 3]}}
  %0 = kiln.transpose %x {permutation = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<3xf32>
  return
}
