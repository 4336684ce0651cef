// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// There are as many places as are asked for.

func.func @wrong1(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'kiln.argsort' op does not type-check: argsort: 2 places from number 2 on are more than dimension 1 of [2, 3] has}}
  %0 = kiln.argsort %x {count = 2, descending = false, dim = 1, first = 2} : (tensor<2x3xf32>) -> tensor<2x2xi64>
  return
}
