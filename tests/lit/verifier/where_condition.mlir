// RUN: kiln-opt --verify-diagnostics %s
// where's condition is boolean.

func.func @wrong(%c: tensor<2xf32>, %x: tensor<2xf32>) {
  // expected-error @+1 {{'kiln.where' op does not type-check: where: condition must be bool, got f32[2]}}
  %0 = kiln.where %c, %x, %x : (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return
}
