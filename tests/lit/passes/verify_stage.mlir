// RUN: kiln-opt %s --verify-stage=stage=planned --split-input-file --verify-diagnostics

// expected-error @+1 {{'func.func' op is not allowed in stage planned: it has no kiln.plan}}
func.func @no_plan(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

func.func @gradient(%x: tensor<4xf32>) -> tensor<4xf32> attributes {kiln.plan = {}} {
  // expected-error @+1 {{'kiln.gradient' op is not allowed in stage planned: gradients are expanded}}
  %g = kiln.gradient %x, %x, %x {outputs = 1 : i64} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %g : tensor<4xf32>
}

// -----

func.func @composite(%x: tensor<4xf32>) -> tensor<4xf32> attributes {kiln.plan = {}} {
  // expected-error @+1 {{'kiln.silu' op is not allowed in stage planned: composites are opened}}
  %g = kiln.silu %x : (tensor<4xf32>) -> tensor<4xf32>
  return %g : tensor<4xf32>
}

// -----

func.func @shapes(%x: tensor<4xf32>, %y: tensor<f32>) -> tensor<4xf32> attributes {kiln.plan = {}} {
  // expected-error @+1 {{'kiln.add' op is not allowed in stage planned: an elementwise operand has shape 'tensor<f32>', the result 'tensor<4xf32>'}}
  %g = kiln.add %x, %y : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %g : tensor<4xf32>
}

// -----

func.func @packing(%x: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {kiln.plan = {}} {
  // expected-error @+1 {{'kiln.matmul' op is not allowed in stage planned: a contraction has no packing}}
  %g = kiln.matmul %x, %x {transpose_lhs = false, transpose_rhs = false} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %g : tensor<4x4xf32>
}

// -----

func.func @loose(%x: tensor<4xf32>) -> tensor<4xf32> attributes {kiln.plan = {}} {
  // expected-error @+1 {{'kiln.exp' op is not allowed in stage planned: every op but reshapes is in a fusion}}
  %g = kiln.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  return %g : tensor<4xf32>
}

// -----

func.func @slots(%x: tensor<4xf32>) -> tensor<4xf32> attributes {kiln.plan = {}} {
  // expected-error @+1 {{'kiln.fusion' op is not allowed in stage planned: a fusion has no slots}}
  %g = kiln.fusion loop "copy" (%a = %x : tensor<4xf32>) -> tensor<4xf32> {
    kiln.yield %a : tensor<4xf32>
  }
  return %g : tensor<4xf32>
}
