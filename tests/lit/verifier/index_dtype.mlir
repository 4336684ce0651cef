// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// Positions are i64.

func.func @wrong1(%x: tensor<2x3xf32>, %i: tensor<2xi32>) {
  // expected-error @+1 {{'kiln.take' op does not type-check: take: indices must be i64, got i32[2]}}
  %0 = kiln.take %x, %i {dim = 0} : (tensor<2x3xf32>, tensor<2xi32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @wrong2(%x: tensor<2x3xf32>, %i: tensor<2x3xi32>) {
  // expected-error @+1 {{'kiln.gather' op does not type-check: gather: indices must be i64, got i32[2, 3]}}
  %0 = kiln.gather %x, %i {dim = 0} : (tensor<2x3xf32>, tensor<2x3xi32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @wrong3(%x: tensor<2x3xf32>, %i: tensor<2xi32>) {
  // expected-error @+1 {{'kiln.index_add' op does not type-check: index_add: indices must be i64, got i32[2]}}
  %0 = kiln.index_add %x, %i, %x {dim = 0} : (tensor<2x3xf32>, tensor<2xi32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}
