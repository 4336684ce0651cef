// RUN: kiln-opt %s --kiln-to-simplified | FileCheck %s

// Forward returns its output, then what backward keeps; an input that backward needs is named, not copied.
// CHECK: kiln.residuals = array<i32: -1, 0>
// CHECK: func.func @main(%arg0: tensor<4x3xf32>{{.*}}, %arg1: tensor<2x3xf32>{{.*}}) -> (tensor<4x2xf32>, tensor<4x2xf32>)
// CHECK: %[[P:.*]] = kiln.matmul %arg0, %arg1
// CHECK: %[[T:.*]] = kiln.sin %[[P]]
// CHECK: return %[[T]], %[[P]]
// CHECK: func.func @backward(%arg0: tensor<4x2xf32>, %arg1: tensor<4x3xf32>, %arg2: tensor<4x2xf32>{{.*}}) -> tensor<2x3xf32>
// CHECK: %[[C:.*]] = kiln.cos %arg0
// CHECK: %[[G:.*]] = kiln.mul
// CHECK: kiln.matmul %[[G]], %arg1
func.func @main(%x: tensor<4x3xf32> {kiln.name = "x"}, %w: tensor<2x3xf32> {kiln.name = "w"}, %seed: tensor<4x2xf32>) -> (tensor<4x2xf32>, tensor<2x3xf32>)
    attributes {kiln.forward_inputs = 2 : i64, kiln.forward_outputs = 1 : i64} {
  %a = kiln.linear %x, %w : (tensor<4x3xf32>, tensor<2x3xf32>) -> tensor<4x2xf32>
  %t = kiln.sin %a : (tensor<4x2xf32>) -> tensor<4x2xf32>
  %d = kiln.gradient %t, %seed, %w {outputs = 1 : i64} : (tensor<4x2xf32>, tensor<4x2xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return %t, %d : tensor<4x2xf32>, tensor<2x3xf32>
}
