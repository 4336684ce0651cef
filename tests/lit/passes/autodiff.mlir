// RUN: kiln-opt %s --autodiff --split-input-file --verify-diagnostics | FileCheck %s

// Gradients that meet in one value are added up.
// CHECK-LABEL: @accumulates
// CHECK: %[[A:.*]] = kiln.mul %arg1, %{{.*}} {kiln.backward
// CHECK: %[[B:.*]] = kiln.mul %arg1, %{{.*}} {kiln.backward
// CHECK: %[[SUM:.*]] = kiln.add %[[A]], %[[B]]
// CHECK: return %[[SUM]]
func.func @accumulates(%x: tensor<4xf32>, %seed: tensor<4xf32>) -> tensor<4xf32> {
  %y = kiln.mul %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %g = kiln.gradient %y, %seed, %x {outputs = 1 : i64} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %g : tensor<4xf32>
}

// -----

// Nothing flows through detach.
// CHECK-LABEL: @detached
// CHECK: %[[ZERO:.*]] = kiln.constant {{.*}}value = 0.000000e+00
// CHECK: return %[[ZERO]]
func.func @detached(%x: tensor<4xf32>, %seed: tensor<4xf32>) -> tensor<4xf32> {
  %y = kiln.detach %x : (tensor<4xf32>) -> tensor<4xf32>
  %g = kiln.gradient %y, %seed, %x {outputs = 1 : i64} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %g : tensor<4xf32>
}

// -----

// A second gradient differentiates what the first brought in.
// CHECK-LABEL: @second_order
// CHECK-NOT: kiln.gradient
// CHECK: %[[S:.*]] = kiln.sin %arg0
// CHECK: %[[M:.*]] = kiln.mul %{{.*}}, %[[S]]
// CHECK: kiln.neg %[[M]]
func.func @second_order(%x: tensor<4xf32>, %seed: tensor<4xf32>) -> tensor<4xf32> {
  %y = kiln.sin %x : (tensor<4xf32>) -> tensor<4xf32>
  %g = kiln.gradient %y, %seed, %x {outputs = 1 : i64} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %h = kiln.gradient %g, %seed, %x {outputs = 1 : i64} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %h : tensor<4xf32>
}

// -----

// A value asked for is where derivatives stop.
// CHECK-LABEL: @stops_at_wrt
// CHECK: %[[ZERO:.*]] = kiln.constant {{.*}}value = 0.000000e+00
// CHECK: return %[[ZERO]], %arg1
func.func @stops_at_wrt(%x: tensor<4xf32>, %seed: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %y = kiln.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  %g:2 = kiln.gradient %y, %seed, %x, %y {outputs = 1 : i64} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  return %g#0, %g#1 : tensor<4xf32>, tensor<4xf32>
}

// -----

func.func @no_derivative(%x: tensor<4xf32>, %seed: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'kiln.fusion' op has no derivative, and a gradient was asked of a value computed through it}}
  %y = kiln.fusion loop "copy" (%a = %x : tensor<4xf32>) -> tensor<4xf32> {
    kiln.yield %a : tensor<4xf32>
  }
  %g = kiln.gradient %y, %seed, %x {outputs = 1 : i64} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %g : tensor<4xf32>
}
