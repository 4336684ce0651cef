// RUN: kiln-opt --verify-diagnostics %s
// There is a target for each row.

func.func @wrong(%x: tensor<2x3xf32>, %y: tensor<3xi64>) {
  // expected-error @+1 {{'kiln.nll_loss' op does not type-check: nll_loss: target must be [2] for input [2, 3], got [3]}}
  %0 = kiln.nll_loss %x, %y {reduction = "mean", ignore_index = -100} : (tensor<2x3xf32>, tensor<3xi64>) -> tensor<f32>
  return
}
