// RUN: kiln-opt --verify-diagnostics %s
// A slice says start, stop and step for each dimension.

func.func @wrong(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'kiln.slice' op does not type-check: slice: needs a start, stop and step for each dimension of [2, 3]}}
  %0 = kiln.slice %x {starts = array<i64: 0>, stops = array<i64: 1>, steps = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<1x3xf32>
  return
}
