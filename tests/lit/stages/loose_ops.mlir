// RUN: kiln-opt %s --verify-stage=stage=fused --verify-diagnostics
// From fused on every op but reshapes is in a fusion.

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'kiln.exp' op is not allowed in stage fused: every op but reshapes is in a fusion}}
  %0 = kiln.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
