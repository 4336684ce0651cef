// RUN: kiln-opt %s --verify-stage=stage=captured --verify-stage=stage=differentiated --verify-stage=stage=decomposed | FileCheck %s
// RUN: kiln-opt %s --kiln-to-fused --verify-stage=stage=fused | FileCheck %s --check-prefix=FUSED
// RUN: kiln-opt %s --kiln-to-planned --verify-stage=stage=planned | FileCheck %s --check-prefix=PLANNED
// A program that keeps a stage's rules passes unchanged. Each rule and its message has a file in tests/lit/stages.

// CHECK-LABEL: @main
// CHECK: kiln.relu
// FUSED: kiln.fusion loop
// PLANNED: kiln.plan
// PLANNED: kiln.fusion loop {{.*}} slots
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = kiln.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = kiln.add %0, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}
