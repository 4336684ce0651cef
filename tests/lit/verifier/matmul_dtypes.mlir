// RUN: kiln-opt --verify-diagnostics %s
// Operands of a product agree in element type.

func.func @wrong(%x: tensor<2x3xf32>, %y: tensor<3x5xf64>) {
  // expected-error @+1 {{'kiln.matmul' op does not type-check: matmul: element types differ: f32 and f64}}
  %0 = kiln.matmul %x, %y {transpose_lhs = false, transpose_rhs = false} : (tensor<2x3xf32>, tensor<3x5xf64>) -> tensor<2x5xf32>
  return
}
