// RUN: kiln-opt --verify-diagnostics %s
// A loss is left alone, averaged or summed.

func.func @wrong(%x: tensor<2x3xf32>, %y: tensor<2xi64>) {
  // expected-error @+1 {{'kiln.cross_entropy' op does not type-check: cross_entropy: `reduction` is "max", expected one of "none", "mean", "sum"}}
  %0 = kiln.cross_entropy %x, %y {reduction = "max", ignore_index = -100} : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<f32>
  return
}
