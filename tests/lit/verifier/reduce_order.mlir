// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// Dimensions to reduce are sorted and distinct.

func.func @wrong1(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'kiln.sum' op does not type-check: sum: dimensions must be sorted and distinct, got [1, 0]}}
  %0 = kiln.sum %x {dims = array<i64: 1, 0>, keepdim = false} : (tensor<2x3xf32>) -> tensor<f32>
  return
}

// -----

func.func @wrong2(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'kiln.max' op does not type-check: max: dimensions must be sorted and distinct, got [0, 0]}}
  %0 = kiln.max %x {dims = array<i64: 0, 0>, keepdim = false} : (tensor<2x3xf32>) -> tensor<3xf32>
  return
}
