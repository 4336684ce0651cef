// RUN: kiln-opt --verify-diagnostics %s
// gelu is exact or by tanh.

func.func @wrong(%x: tensor<2xf32>) {
  // expected-error @+1 {{'kiln.gelu' op does not type-check: gelu: `approximate` is "erf", expected one of "none", "tanh"}}
  %0 = kiln.gelu %x {approximate = "erf"} : (tensor<2xf32>) -> tensor<2xf32>
  return
}
