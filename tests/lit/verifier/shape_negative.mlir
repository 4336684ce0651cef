// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// A shape attribute holds no negative size.

func.func @wrong1(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'kiln.reshape' op does not type-check: reshape: negative dimension in [-1]}}
  %0 = kiln.reshape %x {shape = array<i64: -1>} : (tensor<2x3xf32>) -> tensor<6xf32>
  return
}

// -----

func.func @wrong2() {
  // expected-error @+1 {{'kiln.constant' op does not type-check: constant: negative dimension in [-2]}}
  %0 = kiln.constant {dtype = "f32", shape = array<i64: -2>, value = 1.0} : tensor<2xf32>
  return
}
