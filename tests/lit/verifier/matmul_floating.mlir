// RUN: kiln-opt --verify-diagnostics %s
// Products are of floating-point numbers.

func.func @wrong(%x: tensor<2x2xi64>) {
  // expected-error @+1 {{'kiln.matmul' op does not type-check: matmul: needs a floating-point tensor, got i64[2, 2]}}
  %0 = kiln.matmul %x, %x {transpose_lhs = false, transpose_rhs = false} : (tensor<2x2xi64>, tensor<2x2xi64>) -> tensor<2x2xi64>
  return
}
