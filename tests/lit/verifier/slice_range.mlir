// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// A slice lies inside the tensor.

func.func @wrong1(%x: tensor<3xf32>) {
  // expected-error @+1 {{'kiln.slice' op does not type-check: slice: 0:4 is out of range for dimension 0 of [3]}}
  %0 = kiln.slice %x {starts = array<i64: 0>, stops = array<i64: 4>, steps = array<i64: 1>} : (tensor<3xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @wrong2(%x: tensor<3xf32>) {
  // expected-error @+1 {{'kiln.slice' op does not type-check: slice: 2:1 is out of range for dimension 0 of [3]}}
  %0 = kiln.slice %x {starts = array<i64: 2>, stops = array<i64: 1>, steps = array<i64: 1>} : (tensor<3xf32>) -> tensor<1xf32>
  return
}
