// RUN: kiln-opt --verify-diagnostics %s
// A fusion has a slot for each input and result, or none.

func.func @wrong(%x: tensor<4xf32>) {
  // expected-error @+1 {{'kiln.fusion' op has 1 slots for 1 inputs and 1 results}}
  %0 = kiln.fusion loop "f" slots [0] (%a = %x : tensor<4xf32>) -> tensor<4xf32> {
    kiln.yield %a : tensor<4xf32>
  }
  return
}
