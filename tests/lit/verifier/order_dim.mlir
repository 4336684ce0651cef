// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// The dimension that is put in order, or summed up, exists.

func.func @wrong1(%x: tensor<3xf32>) {
  // expected-error @+1 {{'kiln.argsort' op does not type-check: argsort: dimension 1 is out of range for [3]}}
  %0 = kiln.argsort %x {count = 3, descending = false, dim = 1, first = 0} : (tensor<3xf32>) -> tensor<3xi64>
  return
}

// -----

func.func @wrong2(%x: tensor<3xf32>) {
  // expected-error @+1 {{'kiln.cumsum' op does not type-check: cumsum: dimension -1 is out of range for [3]}}
  %0 = kiln.cumsum %x {dim = -1, reverse = false} : (tensor<3xf32>) -> tensor<3xf32>
  return
}
