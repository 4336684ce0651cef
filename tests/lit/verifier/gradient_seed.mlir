// RUN: kiln-opt --verify-diagnostics %s
// A seed has the type of its output.

func.func @wrong(%x: tensor<4xf32>, %s: tensor<3xf32>) {
  // expected-error @+1 {{'kiln.gradient' op does not type-check: gradient: seed 0 must be f32[4], got f32[3]}}
  %0 = kiln.gradient %x, %s, %x {outputs = 1 : i64} : (tensor<4xf32>, tensor<3xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}
