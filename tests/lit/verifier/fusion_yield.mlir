// RUN: kiln-opt --verify-diagnostics %s
// A fusion's results are what its body yields.

func.func @wrong(%x: tensor<4xf32>) {
  // expected-error @+1 {{'kiln.fusion' op results differ in type from the yielded values}}
  %0 = kiln.fusion loop "f" (%a = %x : tensor<4xf32>) -> tensor<3xf32> {
    kiln.yield %a : tensor<4xf32>
  }
  return
}
