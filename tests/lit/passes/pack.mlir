// RUN: kiln-opt %s --pack --verify-stage=stage=laid-out | FileCheck %s
// RUN: kiln-opt %s "--pack=vector-bits=256 vector-registers=16" | FileCheck %s --check-prefix=AVX2

// A tile should divide the result and fill the registers with sums: 21 of 32, 12 of 16.
// CHECK-LABEL: @even
// CHECK: packing = array<i64: 7, 48>
// AVX2-LABEL: @even
// AVX2: packing = array<i64: 6, 16>
func.func @even(%x: tensor<84x64xf32>, %w: tensor<96x64xf32>) -> tensor<84x96xf32> {
  %p = kiln.matmul %x, %w {transpose_lhs = false, transpose_rhs = true} : (tensor<84x64xf32>, tensor<96x64xf32>) -> tensor<84x96xf32>
  return %p : tensor<84x96xf32>
}
// A vector holds half as many doubles.
// CHECK-LABEL: @doubles
// CHECK: packing = array<i64: 7, 24>
// AVX2-LABEL: @doubles
func.func @doubles(%x: tensor<84x64xf64>, %w: tensor<64x96xf64>) -> tensor<84x96xf64> {
  %p = kiln.matmul %x, %w {transpose_lhs = false, transpose_rhs = false} : (tensor<84x64xf64>, tensor<64x96xf64>) -> tensor<84x96xf64>
  return %p : tensor<84x96xf64>
}
// Ten columns are one vector; five rows are all there are.
// CHECK-LABEL: @few
// CHECK: packing = array<i64: 5, 16>
// AVX2-LABEL: @few
func.func @few(%x: tensor<5x64xf32>, %w: tensor<64x10xf32>) -> tensor<5x10xf32> {
  %p = kiln.matmul %x, %w {transpose_lhs = false, transpose_rhs = false} : (tensor<5x64xf32>, tensor<64x10xf32>) -> tensor<5x10xf32>
  return %p : tensor<5x10xf32>
}
