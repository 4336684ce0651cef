// RUN: kiln-opt --verify-diagnostics %s
// What take gives has at most eight dimensions.

func.func @wrong(%x: tensor<1x1x1x1x1xf32>, %i: tensor<1x1x1x1x1xi64>) {
  // expected-error @+1 {{'kiln.take' op does not type-check: take: result of [1, 1, 1, 1, 1] at [1, 1, 1, 1, 1] has too many dimensions}}
  %0 = kiln.take %x, %i {dim = 0} : (tensor<1x1x1x1x1xf32>, tensor<1x1x1x1x1xi64>) -> tensor<1xf32>
  return
}
