// RUN: kiln-opt %s --verify-stage=stage=laid-out --verify-diagnostics
// Before fuse there are no fusions.

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'kiln.fusion' op is not allowed in stage laid-out: fusions are made by fuse}}
  %0 = kiln.fusion loop "copy" (%a = %x : tensor<4xf32>) -> tensor<4xf32> {
    kiln.yield %a : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}
