// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// Arithmetic is not for booleans.

func.func @wrong1(%x: tensor<2xi1>) {
  // expected-error @+1 {{'kiln.neg' op does not type-check: neg: needs numbers, got bool[2]}}
  %0 = kiln.neg %x : (tensor<2xi1>) -> tensor<2xi1>
  return
}

// -----

func.func @wrong2(%x: tensor<2xi1>) {
  // expected-error @+1 {{'kiln.sub' op does not type-check: sub: needs numbers, got bool[2]}}
  %0 = kiln.sub %x, %x : (tensor<2xi1>, tensor<2xi1>) -> tensor<2xi1>
  return
}
