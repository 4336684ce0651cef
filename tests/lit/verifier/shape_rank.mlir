// RUN: kiln-opt --verify-diagnostics %s
// A tensor has at most eight dimensions.

func.func @wrong(%x: tensor<1xf32>) {
  // expected-error @+1 {{'kiln.reshape' op does not type-check: reshape: a tensor has at most 8 dimensions, got 9}}
  %0 = kiln.reshape %x {shape = array<i64: 1, 1, 1, 1, 1, 1, 1, 1, 1>} : (tensor<1xf32>) -> tensor<1xf32>
  return
}
