// RUN: kiln-opt --verify-diagnostics %s
// An update has the element type of what it is added to.

func.func @wrong(%x: tensor<2xf32>, %i: tensor<2xi64>, %u: tensor<2xf64>) {
  // expected-error @+1 {{'kiln.index_add' op does not type-check: index_add: element types differ: f32 and f64}}
  %0 = kiln.index_add %x, %i, %u {dim = 0} : (tensor<2xf32>, tensor<2xi64>, tensor<2xf64>) -> tensor<2xf32>
  return
}
