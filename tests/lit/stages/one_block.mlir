// RUN: kiln-opt %s --verify-stage=stage=captured --verify-diagnostics
// A program is one block in every stage.

// expected-error @+1 {{'func.func' op has more than one block}}
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
^other:
  return %x : tensor<4xf32>
}
