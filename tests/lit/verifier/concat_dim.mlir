// RUN: kiln-opt --verify-diagnostics %s
// The dimension to join along exists.

func.func @wrong(%x: tensor<2xf32>) {
  // expected-error @+1 {{'kiln.concat' op does not type-check: concat: dimension 1 is out of range for [2]}}
  %0 = kiln.concat %x, %x {dim = 1} : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  return
}
