// RUN: kiln-opt %s --verify-stage=stage=fused --verify-diagnostics
// What holds of a stage holds inside fusions.

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = kiln.fusion loop "f" (%a = %x : tensor<4xf32>) -> tensor<4xf32> {
    // expected-error @+1 {{'kiln.silu' op is not allowed in stage fused: composites are opened}}
    %1 = kiln.silu %a : (tensor<4xf32>) -> tensor<4xf32>
    kiln.yield %1 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}
