// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// Random bits come from a seed and an offset.

func.func @wrong1(%s: tensor<3xi64>) {
  // expected-error @+1 {{'kiln.uniform' op does not type-check: uniform: state must be i64[2] (seed, offset), got i64[3]}}
  %0 = kiln.uniform %s {dtype = "f32", offset = 0, shape = array<i64: 4>} : (tensor<3xi64>) -> tensor<4xf32>
  return
}

// -----

func.func @wrong2(%x: tensor<4xf32>, %s: tensor<2xi32>) {
  // expected-error @+1 {{'kiln.dropout' op does not type-check: dropout: state must be i64[2] (seed, offset), got i32[2]}}
  %0 = kiln.dropout %x, %s {p = 0.5, offset = 0} : (tensor<4xf32>, tensor<2xi32>) -> tensor<4xf32>
  return
}
