// RUN: kiln-opt %s --pack --verify-stage=stage=laid-out | FileCheck %s

// Operands that lie across the walk are packed: lhs when transposed, rhs when transposed.
// CHECK-LABEL: @weights_gradient
// CHECK: packing = {columns = 32 : i64, pack_lhs = true, pack_rhs = false, rows = {{[0-9]+}} : i64}
func.func @weights_gradient(%x: tensor<64x256xf32>, %g: tensor<64x256xf32>) -> tensor<256x256xf32> {
  %p = kiln.matmul %g, %x {transpose_lhs = true, transpose_rhs = false} : (tensor<64x256xf32>, tensor<64x256xf32>) -> tensor<256x256xf32>
  return %p : tensor<256x256xf32>
}
// CHECK-LABEL: @forward
// CHECK: packing = {columns = 32 : i64, pack_lhs = false, pack_rhs = true, rows = 8 : i64}
func.func @forward(%x: tensor<64x256xf32>, %w: tensor<256x256xf32>) -> tensor<64x256xf32> {
  %p = kiln.matmul %x, %w {transpose_lhs = false, transpose_rhs = true} : (tensor<64x256xf32>, tensor<256x256xf32>) -> tensor<64x256xf32>
  return %p : tensor<64x256xf32>
}
