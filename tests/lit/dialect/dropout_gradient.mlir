// RUN: kiln-opt --pass-pipeline='builtin.module(func.func(autodiff))' %s | FileCheck %s

// dropout(relu(x)) in reverse reads the result's sign: no bits are drawn again and relu's own result is not kept.
// CHECK-LABEL: func.func @after_relu(
// CHECK: %[[R:.*]] = kiln.relu
// CHECK: %[[Y:.*]] = kiln.dropout %[[R]]
// CHECK-NOT: kiln.dropout
// CHECK: %[[KEPT:.*]] = kiln.gt %[[Y]]
// CHECK: %[[SCALED:.*]] = kiln.mul %arg2
// CHECK: kiln.where %[[KEPT]], %[[SCALED]]
// CHECK-NOT: kiln.dropout
func.func @after_relu(%x: tensor<64xf32>, %s: tensor<2xi64>, %g: tensor<64xf32>) -> (tensor<64xf32>, tensor<64xf32>) {
  %r = kiln.relu %x : (tensor<64xf32>) -> tensor<64xf32>
  %y = kiln.dropout %r, %s {p = 0.2, offset = 0} : (tensor<64xf32>, tensor<2xi64>) -> tensor<64xf32>
  %d = kiln.gradient %y, %g, %x {outputs = 1} : (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  return %y, %d : tensor<64xf32>, tensor<64xf32>
}

// Otherwise the gradient is dropped by the same mask, drawn again.
// CHECK-LABEL: func.func @alone(
// CHECK: kiln.dropout %arg0, %arg1 {offset = 128 : i64, p = 2.000000e-01 : f64}
// CHECK: kiln.dropout %arg2, %arg1 {{.*}}offset = 128 : i64, p = 2.000000e-01 : f64}
func.func @alone(%x: tensor<64xf32>, %s: tensor<2xi64>, %g: tensor<64xf32>) -> (tensor<64xf32>, tensor<64xf32>) {
  %y = kiln.dropout %x, %s {p = 0.2, offset = 128} : (tensor<64xf32>, tensor<2xi64>) -> tensor<64xf32>
  %d = kiln.gradient %y, %g, %x {outputs = 1} : (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  return %y, %d : tensor<64xf32>, tensor<64xf32>
}

// Only the draw that the gradient went through tells the mask, not one from another state, place or rate.
// CHECK-LABEL: func.func @other_draws(
// CHECK: %[[R:.*]] = kiln.relu
// CHECK: %[[Y:.*]] = kiln.dropout %[[R]], %arg1 {offset = 0 : i64, p = 2.000000e-01 : f64}
// CHECK: kiln.gt %[[Y]]
func.func @other_draws(%x: tensor<64xf32>, %s: tensor<2xi64>, %t: tensor<2xi64>, %g: tensor<64xf32>) -> (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>) {
  %r = kiln.relu %x : (tensor<64xf32>) -> tensor<64xf32>
  %y = kiln.dropout %r, %s {p = 0.2, offset = 0} : (tensor<64xf32>, tensor<2xi64>) -> tensor<64xf32>
  %a = kiln.dropout %r, %s {p = 0.2, offset = 64} : (tensor<64xf32>, tensor<2xi64>) -> tensor<64xf32>
  %b = kiln.dropout %r, %t {p = 0.2, offset = 0} : (tensor<64xf32>, tensor<2xi64>) -> tensor<64xf32>
  %c = kiln.dropout %r, %s {p = 0.5, offset = 0} : (tensor<64xf32>, tensor<2xi64>) -> tensor<64xf32>
  %d = kiln.gradient %y, %g, %x {outputs = 1} : (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  return %a, %b, %c, %d : tensor<64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>
}
