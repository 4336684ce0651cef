// RUN: kiln-opt --verify-diagnostics %s
// Scores are [N, C].

func.func @wrong(%x: tensor<2x0xf32>, %y: tensor<2xi64>) {
  // expected-error @+1 {{'kiln.cross_entropy' op does not type-check: cross_entropy: there are no classes in [2, 0]}}
  %0 = kiln.cross_entropy %x, %y {reduction = "mean", ignore_index = -100} : (tensor<2x0xf32>, tensor<2xi64>) -> tensor<f32>
  return
}
