// RUN: kiln-opt --verify-diagnostics %s
// A reshape keeps the number of elements.

func.func @wrong(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'kiln.reshape' op does not type-check: reshape: [2, 3] has 6 elements, [4] has 4}}
  %0 = kiln.reshape %x {shape = array<i64: 4>} : (tensor<2x3xf32>) -> tensor<4xf32>
  return
}
