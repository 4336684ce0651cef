// RUN: kiln-opt --verify-diagnostics %s
// A cast names an element type.

func.func @wrong(%x: tensor<2xf32>) {
  // expected-error @+1 {{'kiln.cast' op does not type-check: cast: unknown element type "f31"}}
  %0 = kiln.cast %x {dtype = "f31"} : (tensor<2xf32>) -> tensor<2xf32>
  return
}
