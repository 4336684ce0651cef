// RUN: kiln-opt --verify-diagnostics %s
// Joined tensors agree in element type.

func.func @wrong(%x: tensor<2xf32>, %y: tensor<2xi64>) {
  // expected-error @+1 {{'kiln.concat' op does not type-check: concat: element types differ: f32 and i64}}
  %0 = kiln.concat %x, %y {dim = 0} : (tensor<2xf32>, tensor<2xi64>) -> tensor<4xf32>
  return
}
