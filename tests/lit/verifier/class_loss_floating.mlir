// RUN: kiln-opt --verify-diagnostics %s
// Scores of classes are floating-point.

func.func @wrong(%x: tensor<2x3xi64>, %y: tensor<2xi64>) {
  // expected-error @+1 {{'kiln.nll_loss' op does not type-check: nll_loss: needs a floating-point tensor, got i64[2, 3]}}
  %0 = kiln.nll_loss %x, %y {reduction = "mean", ignore_index = -100} : (tensor<2x3xi64>, tensor<2xi64>) -> tensor<i64>
  return
}
