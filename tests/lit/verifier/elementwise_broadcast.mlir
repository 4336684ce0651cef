// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// Operands of an elementwise op broadcast as in NumPy.

func.func @wrong1(%x: tensor<2x3xf32>, %y: tensor<4xf32>) {
  // expected-error @+1 {{'kiln.add' op does not type-check: add: shapes do not broadcast: [2, 3] and [4]}}
  %0 = kiln.add %x, %y : (tensor<2x3xf32>, tensor<4xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @wrong2(%c: tensor<3xi1>, %x: tensor<2xf32>) {
  // expected-error @+1 {{'kiln.where' op does not type-check: where: shapes do not broadcast: [3] and [2]}}
  %0 = kiln.where %c, %x, %x : (tensor<3xi1>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return
}
