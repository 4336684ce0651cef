// RUN: kiln-opt %s --verify-stage=stage=decomposed --verify-diagnostics
// From decomposed on elementwise operands have the shape of the result.

func.func @main(%x: tensor<4xf32>, %y: tensor<f32>) -> tensor<4xf32> {
  // expected-error @+1 {{'kiln.add' op is not allowed in stage decomposed: an elementwise operand has shape 'tensor<f32>', the result 'tensor<4xf32>'}}
  %0 = kiln.add %x, %y : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
