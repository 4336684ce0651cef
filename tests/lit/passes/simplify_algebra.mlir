// RUN: kiln-opt %s --simplify --split-input-file | FileCheck %s
// SimplifyAlgebra.cpp, rule by rule. What ends at the argument itself has nothing left before the return.

// Twice the opposite, not of not, a cast to the same type, a choice between equals: x.
// CHECK-LABEL: @nothing
// CHECK-NEXT: return %arg0, %arg1, %arg0, %arg0
func.func @nothing(%x: tensor<4xf32>, %b: tensor<4xi1>) -> (tensor<4xf32>, tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) {
  %n = kiln.neg %x : (tensor<4xf32>) -> tensor<4xf32>
  %nn = kiln.neg %n : (tensor<4xf32>) -> tensor<4xf32>
  %m = kiln.not %b : (tensor<4xi1>) -> tensor<4xi1>
  %mm = kiln.not %m : (tensor<4xi1>) -> tensor<4xi1>
  %c = kiln.cast %x {dtype = "f32"} : (tensor<4xf32>) -> tensor<4xf32>
  %w = kiln.where %b, %x, %x : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %nn, %mm, %c, %w : tensor<4xf32>, tensor<4xi1>, tensor<4xf32>, tensor<4xf32>
}

// -----

// x - 0, x / 1 and x ** 1 are x.
// CHECK-LABEL: @neutral_on_the_right
// CHECK-NEXT: return %arg0, %arg0, %arg0
func.func @neutral_on_the_right(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %zero = kiln.constant {dtype = "f32", shape = array<i64: 4>, value = 0.0 : f64} : tensor<4xf32>
  %one = kiln.constant {dtype = "f32", shape = array<i64: 4>, value = 1.0 : f64} : tensor<4xf32>
  %a = kiln.sub %x, %zero : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %b = kiln.div %x, %one : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %c = kiln.pow %x, %one : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// Signs move into the op that takes the opposite: x * -1, 0 - x, x + (-y), x - (-y), -(x - y), (-x) * 3.
// CHECK-LABEL: @signs
// CHECK-DAG: %[[N:.*]] = kiln.neg %arg0
// CHECK-DAG: %[[S:.*]] = kiln.sub %arg0, %arg1
// CHECK-DAG: %[[A:.*]] = kiln.add %arg0, %arg1
// CHECK-DAG: %[[R:.*]] = kiln.sub %arg1, %arg0
// CHECK-DAG: %[[M:.*]] = kiln.constant {{.*}}value = -3.000000e+00
// CHECK-DAG: %[[P:.*]] = kiln.mul %arg0, %[[M]]
// CHECK: return %[[N]], %[[N]], %[[S]], %[[A]], %[[R]], %[[P]]
func.func @signs(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %minus = kiln.constant {dtype = "f32", shape = array<i64: 4>, value = -1.0 : f64} : tensor<4xf32>
  %zero = kiln.constant {dtype = "f32", shape = array<i64: 4>, value = 0.0 : f64} : tensor<4xf32>
  %three = kiln.constant {dtype = "f32", shape = array<i64: 4>, value = 3.0 : f64} : tensor<4xf32>
  %a = kiln.mul %minus, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %b = kiln.sub %zero, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %ny = kiln.neg %y : (tensor<4xf32>) -> tensor<4xf32>
  %c = kiln.add %x, %ny : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %d = kiln.sub %x, %ny : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %s = kiln.sub %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %e = kiln.neg %s : (tensor<4xf32>) -> tensor<4xf32>
  %nx = kiln.neg %x : (tensor<4xf32>) -> tensor<4xf32>
  %f = kiln.mul %nx, %three : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %a, %b, %c, %d, %e, %f : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// Factors come together, 0 * i is 0 for integers, x / 4 is exact as x * 0.25 and x / 3 is not.
// CHECK-LABEL: @factors
// CHECK-DAG: %[[SIX:.*]] = kiln.constant {dtype = "f32", {{.*}}value = 6.000000e+00
// CHECK-DAG: %[[NONE:.*]] = kiln.constant {dtype = "i64", {{.*}}value = 0.000000e+00
// CHECK-DAG: %[[QUARTER:.*]] = kiln.constant {dtype = "f32", {{.*}}value = 2.500000e-01
// CHECK-DAG: %[[A:.*]] = kiln.mul %arg0, %[[SIX]]
// CHECK-DAG: %[[C:.*]] = kiln.mul %arg0, %[[QUARTER]]
// CHECK-DAG: %[[D:.*]] = kiln.div %arg0, %{{.*}}
// CHECK: return %[[A]], %[[NONE]], %[[C]], %[[D]]
func.func @factors(%x: tensor<4xf32>, %i: tensor<4xi64>) -> (tensor<4xf32>, tensor<4xi64>, tensor<4xf32>, tensor<4xf32>) {
  %two = kiln.constant {dtype = "f32", shape = array<i64: 4>, value = 2.0 : f64} : tensor<4xf32>
  %three = kiln.constant {dtype = "f32", shape = array<i64: 4>, value = 3.0 : f64} : tensor<4xf32>
  %four = kiln.constant {dtype = "f32", shape = array<i64: 4>, value = 4.0 : f64} : tensor<4xf32>
  %none = kiln.constant {dtype = "i64", shape = array<i64: 4>, value = 0.0 : f64} : tensor<4xi64>
  %a2 = kiln.mul %x, %two : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %a = kiln.mul %three, %a2 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %b = kiln.mul %i, %none : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  %c = kiln.div %x, %four : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %d = kiln.div %x, %three : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %a, %b, %c, %d : tensor<4xf32>, tensor<4xi64>, tensor<4xf32>, tensor<4xf32>
}

// -----

// Factors whose product is beyond the type's range, or has lost digits to it, stay apart.
// CHECK-LABEL: @factors_out_of_range
// CHECK-COUNT-4: kiln.mul
// CHECK-NOT: kiln.mul
func.func @factors_out_of_range(%x: tensor<4xf32>, %h: tensor<4xf16>) -> (tensor<4xf32>, tensor<4xf16>) {
  %tiny = kiln.constant {dtype = "f32", shape = array<i64: 4>, value = 1.0e-20 : f64} : tensor<4xf32>
  %large = kiln.constant {dtype = "f16", shape = array<i64: 4>, value = 300.0 : f64} : tensor<4xf16>
  %a = kiln.mul %x, %tiny : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %b = kiln.mul %a, %tiny : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %c = kiln.mul %h, %large : (tensor<4xf16>, tensor<4xf16>) -> tensor<4xf16>
  %d = kiln.mul %c, %large : (tensor<4xf16>, tensor<4xf16>) -> tensor<4xf16>
  return %b, %d : tensor<4xf32>, tensor<4xf16>
}

// -----

// Small powers are products, x ** -1 a quotient.
// CHECK-LABEL: @powers
// CHECK-DAG: %[[SQUARE:.*]] = kiln.mul %arg0, %arg0
// CHECK-DAG: %[[CUBE:.*]] = kiln.mul %[[SQUARE]], %arg0
// CHECK-DAG: %[[ONE:.*]] = kiln.constant {{.*}}value = 1.000000e+00
// CHECK-DAG: %[[INVERSE:.*]] = kiln.div %[[ONE]], %arg0
// CHECK: return %[[SQUARE]], %[[CUBE]], %[[INVERSE]]
func.func @powers(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %two = kiln.constant {dtype = "f32", shape = array<i64: 4>, value = 2.0 : f64} : tensor<4xf32>
  %three = kiln.constant {dtype = "f32", shape = array<i64: 4>, value = 3.0 : f64} : tensor<4xf32>
  %minus = kiln.constant {dtype = "f32", shape = array<i64: 4>, value = -1.0 : f64} : tensor<4xf32>
  %a = kiln.pow %x, %two : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %b = kiln.pow %x, %three : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %c = kiln.pow %x, %minus : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// A choice that is known is made; of a negated condition the choices change places.
// CHECK-LABEL: @choices
// CHECK-NEXT: %[[W:.*]] = kiln.where %arg2, %arg1, %arg0
// CHECK-NEXT: return %arg0, %[[W]]
func.func @choices(%x: tensor<4xf32>, %y: tensor<4xf32>, %b: tensor<4xi1>) -> (tensor<4xf32>, tensor<4xf32>) {
  %yes = kiln.constant {dtype = "bool", shape = array<i64: 4>, value = 1.0 : f64} : tensor<4xi1>
  %a = kiln.where %yes, %x, %y : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %no = kiln.not %b : (tensor<4xi1>) -> tensor<4xi1>
  %c = kiln.where %no, %x, %y : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %a, %c : tensor<4xf32>, tensor<4xf32>
}

// -----

// What is the same all along is computed once, before it is repeated, constants with it.
// CHECK-LABEL: @above_broadcast
// CHECK: %[[S:.*]] = kiln.add %arg0, %{{.*}} : (tensor<1x4xf32>, tensor<1x4xf32>)
// CHECK: %[[B:.*]] = kiln.broadcast %[[S]] {shape = array<i64: 3, 4>}
// CHECK-NEXT: return %[[B]]
func.func @above_broadcast(%x: tensor<1x4xf32>) -> tensor<3x4xf32> {
  %two = kiln.constant {dtype = "f32", shape = array<i64: 3, 4>, value = 2.0 : f64} : tensor<3x4xf32>
  %b = kiln.broadcast %x {shape = array<i64: 3, 4>} : (tensor<1x4xf32>) -> tensor<3x4xf32>
  %a = kiln.add %b, %two : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  return %a : tensor<3x4xf32>
}

// -----

// A quotient of integers stays, as does one whose inverse float16 cannot hold; in float32 that inverse is exact.
// CHECK-LABEL: @quotients
// CHECK-DAG: %[[I:.*]] = kiln.div %arg0
// CHECK-DAG: %[[H:.*]] = kiln.div %arg1
// CHECK-DAG: %[[S:.*]] = kiln.mul %arg2
// CHECK: return %[[I]], %[[H]], %[[S]]
func.func @quotients(%i: tensor<4xi64>, %h: tensor<4xf16>, %x: tensor<4xf32>) -> (tensor<4xi64>, tensor<4xf16>, tensor<4xf32>) {
  %four = kiln.constant {dtype = "i64", shape = array<i64: 4>, value = 4.0 : f64} : tensor<4xi64>
  %tiny = kiln.constant {dtype = "f16", shape = array<i64: 4>, value = 1.52587890625e-05 : f64} : tensor<4xf16>
  %small = kiln.constant {dtype = "f32", shape = array<i64: 4>, value = 1.52587890625e-05 : f64} : tensor<4xf32>
  %a = kiln.div %i, %four : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  %b = kiln.div %h, %tiny : (tensor<4xf16>, tensor<4xf16>) -> tensor<4xf16>
  %c = kiln.div %x, %small : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %a, %b, %c : tensor<4xi64>, tensor<4xf16>, tensor<4xf32>
}

// -----

// Constants are doubles: an integer with more digits is computed when the program runs.
// CHECK-LABEL: @many_digits
// CHECK: kiln.mul
func.func @many_digits() -> tensor<i64> {
  %a = kiln.constant {dtype = "i64", shape = array<i64>, value = 3000000001.0 : f64} : tensor<i64>
  %b = kiln.mul %a, %a : (tensor<i64>, tensor<i64>) -> tensor<i64>
  return %b : tensor<i64>
}
