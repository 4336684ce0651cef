// RUN: kiln-opt --verify-diagnostics %s
// The update has the shape of the slice.

func.func @wrong(%x: tensor<3xf32>) {
  // expected-error @+1 {{'kiln.slice_update' op does not type-check: slice_update: update has shape [3], the slice [2]}}
  %0 = kiln.slice_update %x, %x {starts = array<i64: 0>, stops = array<i64: 2>, steps = array<i64: 1>} : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return
}
