// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// Booleans are not in order and not summed up.

func.func @wrong1(%x: tensor<3xi1>) {
  // expected-error @+1 {{'kiln.argsort' op does not type-check: argsort: needs numbers, got bool[3]}}
  %0 = kiln.argsort %x {count = 3, descending = false, dim = 0, first = 0} : (tensor<3xi1>) -> tensor<3xi64>
  return
}

// -----

func.func @wrong2(%x: tensor<3xi1>) {
  // expected-error @+1 {{'kiln.cumsum' op does not type-check: cumsum: needs numbers, got bool[3]}}
  %0 = kiln.cumsum %x {dim = 0, reverse = false} : (tensor<3xi1>) -> tensor<3xi1>
  return
}
