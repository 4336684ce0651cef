// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// Functions of real numbers want floating-point tensors.

func.func @wrong1(%x: tensor<2xi64>) {
  // expected-error @+1 {{'kiln.exp' op does not type-check: exp: needs a floating-point tensor, got i64[2]}}
  %0 = kiln.exp %x : (tensor<2xi64>) -> tensor<2xi64>
  return
}

// -----

func.func @wrong2(%x: tensor<2xi64>) {
  // expected-error @+1 {{'kiln.silu' op does not type-check: silu: needs a floating-point tensor, got i64[2]}}
  %0 = kiln.silu %x : (tensor<2xi64>) -> tensor<2xi64>
  return
}

// -----

func.func @wrong3(%x: tensor<2xi32>) {
  // expected-error @+1 {{'kiln.gelu' op does not type-check: gelu: needs a floating-point tensor, got i32[2]}}
  %0 = kiln.gelu %x {approximate = "none"} : (tensor<2xi32>) -> tensor<2xi32>
  return
}
