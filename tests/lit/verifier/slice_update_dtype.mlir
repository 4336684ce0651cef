// RUN: kiln-opt --verify-diagnostics %s
// The update has the element type of what it is written into.

func.func @wrong(%x: tensor<3xf32>, %y: tensor<2xf64>) {
  // expected-error @+1 {{'kiln.slice_update' op does not type-check: slice_update: element types differ: f32 and f64}}
  %0 = kiln.slice_update %x, %y {starts = array<i64: 0>, stops = array<i64: 2>, steps = array<i64: 1>} : (tensor<3xf32>, tensor<2xf64>) -> tensor<3xf32>
  return
}
