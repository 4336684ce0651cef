// RUN: kiln-opt --verify-diagnostics %s
// gradient has a result for each operand after outputs and seeds.

func.func @wrong(%x: tensor<4xf32>) {
  // expected-error @+1 {{'kiln.gradient' op has 2 results, expected 1}}
  %0:2 = kiln.gradient %x, %x, %x {outputs = 1 : i64} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  return
}
