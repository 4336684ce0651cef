// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// Operands agree in element type: the frontend promotes.

func.func @wrong1(%x: tensor<2xf32>, %y: tensor<2xi64>) {
  // expected-error @+1 {{'kiln.mul' op does not type-check: mul: element types differ: f32 and i64}}
  %0 = kiln.mul %x, %y : (tensor<2xf32>, tensor<2xi64>) -> tensor<2xf32>
  return
}

// -----

func.func @wrong2(%x: tensor<2xf32>, %y: tensor<2xf64>) {
  // expected-error @+1 {{'kiln.lt' op does not type-check: lt: element types differ: f32 and f64}}
  %0 = kiln.lt %x, %y : (tensor<2xf32>, tensor<2xf64>) -> tensor<2xi1>
  return
}

// -----

func.func @wrong3(%c: tensor<2xi1>, %x: tensor<2xf32>, %y: tensor<2xi32>) {
  // expected-error @+1 {{'kiln.where' op does not type-check: where: element types differ: f32 and i32}}
  %0 = kiln.where %c, %x, %y : (tensor<2xi1>, tensor<2xf32>, tensor<2xi32>) -> tensor<2xf32>
  return
}
