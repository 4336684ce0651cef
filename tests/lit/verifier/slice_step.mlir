// RUN: kiln-opt --verify-diagnostics %s
// Steps are positive.

func.func @wrong(%x: tensor<3xf32>) {
  // expected-error @+1 {{'kiln.slice' op does not type-check: slice: step 0 of dimension 0 is not positive}}
  %0 = kiln.slice %x {starts = array<i64: 0>, stops = array<i64: 1>, steps = array<i64: 0>} : (tensor<3xf32>) -> tensor<1xf32>
  return
}
