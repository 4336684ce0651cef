// RUN: kiln-opt %s --kiln-to-simplified | FileCheck %s

// A gradient that forward returns is forward's work, whoever brought its ops in; backward differentiates it.
// CHECK: kiln.residuals = array<i32: 0>
// CHECK: @main(%arg0: tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: %[[C:.*]] = kiln.cos %arg0
// CHECK-NEXT: return %[[C]]
// CHECK: @backward(%arg0: tensor<4xf32>, %arg1: tensor<4xf32>) -> tensor<4xf32>
// CHECK: kiln.sin %arg0
func.func @main(%x: tensor<4xf32>, %seed: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
    attributes {kiln.forward_inputs = 1 : i64, kiln.forward_outputs = 1 : i64} {
  %one = kiln.constant {dtype = "f32", shape = array<i64: 4>, value = 1.0 : f64} : tensor<4xf32>
  %t = kiln.sin %x : (tensor<4xf32>) -> tensor<4xf32>
  %c = kiln.gradient %t, %one, %x {outputs = 1 : i64} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %d = kiln.gradient %c, %seed, %x {outputs = 1 : i64} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %c, %d : tensor<4xf32>, tensor<4xf32>
}
