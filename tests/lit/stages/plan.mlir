// RUN: kiln-opt %s --verify-stage=stage=planned --verify-diagnostics
// Planned: @main holds the plan of its buffers.

// expected-error @+1 {{'func.func' op is not allowed in stage planned: it has no kiln.plan}}
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
