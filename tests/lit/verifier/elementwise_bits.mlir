// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// Logic is for booleans and integers.

func.func @wrong1(%x: tensor<2xf32>) {
  // expected-error @+1 {{'kiln.not' op does not type-check: not: needs booleans or integers, got f32[2]}}
  %0 = kiln.not %x : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @wrong2(%x: tensor<2xf64>) {
  // expected-error @+1 {{'kiln.and' op does not type-check: and: needs booleans or integers, got f64[2]}}
  %0 = kiln.and %x, %x : (tensor<2xf64>, tensor<2xf64>) -> tensor<2xf64>
  return
}
