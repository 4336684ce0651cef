// RUN: kiln-opt --verify-diagnostics %s
// softmax and log_softmax want floating-point tensors.

func.func @wrong(%x: tensor<2xi64>) {
  // expected-error @+1 {{'kiln.softmax' op does not type-check: softmax: needs a floating-point tensor, got i64[2]}}
  %0 = kiln.softmax %x {dim = 0} : (tensor<2xi64>) -> tensor<2xi64>
  return
}
