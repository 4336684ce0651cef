// RUN: kiln-opt --verify-diagnostics %s
// A target is a class number.

func.func @wrong(%x: tensor<2x3xf32>, %y: tensor<2xi32>) {
  // expected-error @+1 {{'kiln.cross_entropy' op does not type-check: cross_entropy: target must be i64, got i32[2]}}
  %0 = kiln.cross_entropy %x, %y {reduction = "mean", ignore_index = -100} : (tensor<2x3xf32>, tensor<2xi32>) -> tensor<f32>
  return
}
