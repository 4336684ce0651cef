// RUN: kiln-opt %s --verify-stage=stage=decomposed --verify-diagnostics
// From decomposed on there are no composites, in fusions neither.

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'kiln.silu' op is not allowed in stage decomposed: composites are opened}}
  %0 = kiln.silu %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
