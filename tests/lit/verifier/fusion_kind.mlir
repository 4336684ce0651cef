// RUN: kiln-opt --verify-diagnostics %s
// Kinds of fusion are a closed set.

func.func @wrong(%x: tensor<4xf32>) {
  // expected-error @+1 {{unknown kind of fusion: lop}}
  %0 = kiln.fusion lop "f" (%a = %x : tensor<4xf32>) -> tensor<4xf32> {
    kiln.yield %a : tensor<4xf32>
  }
  return
}
