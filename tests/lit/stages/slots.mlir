// RUN: kiln-opt %s --verify-stage=stage=planned --verify-diagnostics
// Planned: every fusion has slots.

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> attributes {kiln.plan = {}} {
  // expected-error @+1 {{'kiln.fusion' op is not allowed in stage planned: a fusion has no slots}}
  %0 = kiln.fusion loop "copy" (%a = %x : tensor<4xf32>) -> tensor<4xf32> {
    kiln.yield %a : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}
