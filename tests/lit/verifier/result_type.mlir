// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// A result has the inferred type.

func.func @wrong1(%x: tensor<2xf32>) {
  // expected-error @+1 {{'kiln.lt' op result has type 'tensor<2xf32>', expected 'tensor<2xi1>'}}
  %0 = kiln.lt %x, %x : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @wrong2(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'kiln.sum' op result has type 'tensor<3xf32>', expected 'tensor<2xf32>'}}
  %0 = kiln.sum %x {dims = array<i64: 1>, keepdim = false} : (tensor<2x3xf32>) -> tensor<3xf32>
  return
}
