// RUN: kiln-opt %s --verify-stage=stage=differentiated --verify-diagnostics
// From differentiated on there are no gradients to expand.

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'kiln.gradient' op is not allowed in stage differentiated: gradients are expanded}}
  %0 = kiln.gradient %x, %x, %x {outputs = 1 : i64} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
