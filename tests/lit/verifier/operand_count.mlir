// RUN: kiln-opt --verify-diagnostics %s
// An op takes as many operands as it says.

func.func @wrong(%x: tensor<2xf32>) {
  // expected-error @+1 {{'kiln.exp' op requires a single operand}}
  %0 = "kiln.exp"(%x, %x) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return
}
