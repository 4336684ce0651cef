// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// Reductions are for numbers.

func.func @wrong1(%x: tensor<2xi1>) {
  // expected-error @+1 {{'kiln.sum' op does not type-check: sum: needs numbers, got bool[2]}}
  %0 = kiln.sum %x {dims = array<i64: 0>, keepdim = false} : (tensor<2xi1>) -> tensor<i1>
  return
}

// -----

func.func @wrong2(%x: tensor<2xi1>) {
  // expected-error @+1 {{'kiln.argmin' op does not type-check: argmin: needs numbers, got bool[2]}}
  %0 = kiln.argmin %x {dim = 0, keepdim = false} : (tensor<2xi1>) -> tensor<i64>
  return
}
