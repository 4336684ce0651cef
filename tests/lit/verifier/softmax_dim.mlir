// RUN: kiln-opt --verify-diagnostics %s
// softmax and log_softmax run along a dimension that exists.

func.func @wrong(%x: tensor<2xf32>) {
  // expected-error @+1 {{'kiln.log_softmax' op does not type-check: log_softmax: dimension 1 is out of range for [2]}}
  %0 = kiln.log_softmax %x {dim = 1} : (tensor<2xf32>) -> tensor<2xf32>
  return
}
