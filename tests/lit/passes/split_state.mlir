// RUN: kiln-opt %s --kiln-to-simplified | FileCheck %s

// State that forward overwrites is kept as it was for backward; each half has the state that it overwrites itself.
// CHECK: kiln.residuals = array<i32: 1, -1>
// CHECK: @main(%arg0: tensor<4xf32> {kiln.donated = 1 : i64}, %arg1: tensor<4xf32>)
// CHECK: return %{{.*}}, %{{.*}}, %arg0 :
// CHECK: @backward(%arg0: tensor<4xf32>, %arg1: tensor<4xf32>, %arg2: tensor<4xf32>, %arg3: tensor<4xf32> {kiln.donated = 0 : i64}) -> tensor<4xf32>
func.func @main(%m: tensor<4xf32> {kiln.donated = 1 : i64}, %x: tensor<4xf32>, %seed: tensor<4xf32>, %sum: tensor<4xf32> {kiln.donated = 2 : i64}) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
    attributes {kiln.forward_inputs = 2 : i64, kiln.forward_outputs = 2 : i64} {
  %p = kiln.mul %x, %m : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %t = kiln.sin %p : (tensor<4xf32>) -> tensor<4xf32>
  %n = kiln.add %m, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %d = kiln.gradient %t, %seed, %x {outputs = 1 : i64} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %s = kiln.add %sum, %d : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %t, %n, %s : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
