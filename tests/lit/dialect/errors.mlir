// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// Each rule of the verifiers and of inference, by the smallest program that breaks it.

func.func @broadcast(%x: tensor<2x3xf32>, %y: tensor<4xf32>) {
  // expected-error @+1 {{'kiln.add' op does not type-check: add: shapes do not broadcast: [2, 3] and [4]}}
  %0 = kiln.add %x, %y : (tensor<2x3xf32>, tensor<4xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @dtypes(%x: tensor<2xf32>, %y: tensor<2xi64>) {
  // expected-error @+1 {{mul: element types differ: f32 and i64}}
  %0 = kiln.mul %x, %y : (tensor<2xf32>, tensor<2xi64>) -> tensor<2xf32>
  return
}

// -----

func.func @bools(%x: tensor<2xi1>, %y: tensor<2xi1>) {
  // expected-error @+1 {{sub: needs numbers, got bool[2]}}
  %0 = kiln.sub %x, %y : (tensor<2xi1>, tensor<2xi1>) -> tensor<2xi1>
  return
}

// -----

func.func @floating(%x: tensor<2xi64>) {
  // expected-error @+1 {{exp: needs a floating-point tensor, got i64[2]}}
  %0 = kiln.exp %x : (tensor<2xi64>) -> tensor<2xi64>
  return
}

// -----

func.func @logical(%x: tensor<2xf32>) {
  // expected-error @+1 {{not: needs booleans or integers, got f32[2]}}
  %0 = kiln.not %x : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @result_type(%x: tensor<2xf32>, %y: tensor<2xf32>) {
  // expected-error @+1 {{'kiln.lt' op result has type 'tensor<2xf32>', expected 'tensor<2xi1>'}}
  %0 = kiln.lt %x, %y : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @condition(%c: tensor<2xf32>, %x: tensor<2xf32>) {
  // expected-error @+1 {{where: condition must be bool, got f32[2]}}
  %0 = kiln.where %c, %x, %x : (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @dtype_name(%x: tensor<2xf32>) {
  // expected-error @+1 {{cast: unknown element type "f31"}}
  %0 = kiln.cast %x {dtype = "f31"} : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @choice(%x: tensor<2xf32>) {
  // expected-error @+1 {{gelu: `approximate` is "erf", expected one of "none", "tanh"}}
  %0 = kiln.gelu %x {approximate = "erf"} : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @reshape(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{reshape: [2, 3] has 6 elements, [4] has 4}}
  %0 = kiln.reshape %x {shape = array<i64: 4>} : (tensor<2x3xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @negative(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{reshape: negative dimension in [-1]}}
  %0 = kiln.reshape %x {shape = array<i64: -1>} : (tensor<2x3xf32>) -> tensor<6xf32>
  return
}

// -----

func.func @permutation(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{transpose: [0, 0] is not a permutation of the dimensions of [2, 3]}}
  %0 = kiln.transpose %x {permutation = array<i64: 0, 0>} : (tensor<2x3xf32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @to_smaller(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{broadcast: [2, 3] does not broadcast to [3]}}
  %0 = kiln.broadcast %x {shape = array<i64: 3>} : (tensor<2x3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @slice_rank(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{slice: needs a start, stop and step for each dimension of [2, 3]}}
  %0 = kiln.slice %x {starts = array<i64: 0>, stops = array<i64: 1>, steps = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<1x3xf32>
  return
}

// -----

func.func @slice_step(%x: tensor<3xf32>) {
  // expected-error @+1 {{slice: step 0 of dimension 0 is not positive}}
  %0 = kiln.slice %x {starts = array<i64: 0>, stops = array<i64: 1>, steps = array<i64: 0>} : (tensor<3xf32>) -> tensor<1xf32>
  return
}

// -----

func.func @slice_range(%x: tensor<3xf32>) {
  // expected-error @+1 {{slice: 0:4 is out of range for dimension 0 of [3]}}
  %0 = kiln.slice %x {starts = array<i64: 0>, stops = array<i64: 4>, steps = array<i64: 1>} : (tensor<3xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @slice_update(%x: tensor<3xf32>, %y: tensor<3xf32>) {
  // expected-error @+1 {{slice_update: update has shape [3], the slice [2]}}
  %0 = kiln.slice_update %x, %y {starts = array<i64: 0>, stops = array<i64: 2>, steps = array<i64: 1>} : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @concat(%x: tensor<2x3xf32>, %y: tensor<2x4xf32>) {
  // expected-error @+1 {{concat: shapes differ outside dimension 0: [2, 3] and [2, 4]}}
  %0 = kiln.concat %x, %y {dim = 0} : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @dims_sorted(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{sum: dimensions must be sorted and distinct, got [1, 0]}}
  %0 = kiln.sum %x {dims = array<i64: 1, 0>, keepdim = false} : (tensor<2x3xf32>) -> tensor<f32>
  return
}

// -----

func.func @dims_range(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{sum: dimension 2 is out of range for [2, 3]}}
  %0 = kiln.sum %x {dims = array<i64: 2>, keepdim = false} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @empty(%x: tensor<2x0xf32>) {
  // expected-error @+1 {{max: dimension 1 of [2, 0] is empty}}
  %0 = kiln.max %x {dims = array<i64: 1>, keepdim = false} : (tensor<2x0xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @layer_norm_dims(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{layer_norm: cannot normalise the last 3 dimensions of [2, 3]}}
  %0 = kiln.layer_norm %x {dims = 3, eps = 1.0e-05} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @layer_norm_affine(%x: tensor<2x3xf32>, %w: tensor<2xf32>) {
  // expected-error @+1 {{layer_norm: weight must be f32[3], got f32[2]}}
  %0 = kiln.layer_norm %x, %w, %w {dims = 1, eps = 1.0e-05} : (tensor<2x3xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @target_dtype(%x: tensor<2x3xf32>, %y: tensor<2xi32>) {
  // expected-error @+1 {{cross_entropy: target must be i64, got i32[2]}}
  %0 = kiln.cross_entropy %x, %y {reduction = "mean", ignore_index = -100} : (tensor<2x3xf32>, tensor<2xi32>) -> tensor<f32>
  return
}

// -----

func.func @target_shape(%x: tensor<2x3xf32>, %y: tensor<3xi64>) {
  // expected-error @+1 {{nll_loss: target must be [2] for input [2, 3], got [3]}}
  %0 = kiln.nll_loss %x, %y {reduction = "mean", ignore_index = -100} : (tensor<2x3xf32>, tensor<3xi64>) -> tensor<f32>
  return
}

// -----

func.func @inner(%x: tensor<2x3xf32>, %y: tensor<4x5xf32>) {
  // expected-error @+1 {{matmul: inner dimensions differ: [2, 3] x [4, 5]}}
  %0 = kiln.matmul %x, %y {transpose_lhs = false, transpose_rhs = false} : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @inner_transposed(%x: tensor<2x3xf32>, %y: tensor<3x5xf32>) {
  // expected-error @+1 {{matmul: inner dimensions differ: [2, 3] x [3, 5], rhs transposed}}
  %0 = kiln.matmul %x, %y {transpose_lhs = false, transpose_rhs = true} : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @ranks(%x: tensor<2x3xf32>, %y: tensor<1x3x5xf32>) {
  // expected-error @+1 {{matmul: needs two tensors of the same rank, at least 2: [2, 3] x [1, 3, 5]}}
  %0 = kiln.matmul %x, %y {transpose_lhs = false, transpose_rhs = false} : (tensor<2x3xf32>, tensor<1x3x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @batch(%x: tensor<2x2x3xf32>, %y: tensor<4x3x5xf32>) {
  // expected-error @+1 {{matmul: batch dimensions differ: [2, 2, 3] x [4, 3, 5]}}
  %0 = kiln.matmul %x, %y {transpose_lhs = false, transpose_rhs = false} : (tensor<2x2x3xf32>, tensor<4x3x5xf32>) -> tensor<2x2x5xf32>
  return
}

// -----

func.func @bias(%x: tensor<2x3xf32>, %w: tensor<4x3xf32>, %b: tensor<3xf32>) {
  // expected-error @+1 {{linear: bias must be [4], got [3]}}
  %0 = kiln.linear %x, %w, %b : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<3xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @indices(%x: tensor<2x3xf32>, %y: tensor<2xi32>) {
  // expected-error @+1 {{take: indices must be i64, got i32[2]}}
  %0 = kiln.take %x, %y {dim = 0} : (tensor<2x3xf32>, tensor<2xi32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @update(%x: tensor<2x3xf32>, %i: tensor<4xi64>, %u: tensor<4x2xf32>) {
  // expected-error @+1 {{index_add: update must be [4, 3], got [4, 2]}}
  %0 = kiln.index_add %x, %i, %u {dim = 0} : (tensor<2x3xf32>, tensor<4xi64>, tensor<4x2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @gather(%x: tensor<2x3xf32>, %y: tensor<2x4xi64>) {
  // expected-error @+1 {{gather: indices [2, 4] do not fit [2, 3] along dimension 0}}
  %0 = kiln.gather %x, %y {dim = 0} : (tensor<2x3xf32>, tensor<2x4xi64>) -> tensor<2x4xf32>
  return
}

// -----

func.func @state(%x: tensor<3xi64>) {
  // expected-error @+1 {{uniform: state must be i64[2] (seed, offset), got i64[3]}}
  %0 = kiln.uniform %x {dtype = "f32", offset = 0, shape = array<i64: 4>} : (tensor<3xi64>) -> tensor<4xf32>
  return
}

// -----

func.func @drawn(%x: tensor<2xi64>) {
  // expected-error @+1 {{normal: draws f32 or f64, not i64}}
  %0 = kiln.normal %x {dtype = "i64", offset = 0, shape = array<i64: 4>} : (tensor<2xi64>) -> tensor<4xi64>
  return
}

// -----

func.func @probability(%x: tensor<4xf32>, %y: tensor<2xi64>) {
  // expected-error @+1 {{dropout: probability must be between 0 and 1, got 1.5}}
  %0 = kiln.dropout %x, %y {p = 1.5, offset = 0} : (tensor<4xf32>, tensor<2xi64>) -> tensor<4xf32>
  return
}

// -----

func.func @seed(%x: tensor<4xf32>, %s: tensor<3xf32>) {
  // expected-error @+1 {{gradient: seed 0 must be f32[4], got f32[3]}}
  %0 = kiln.gradient %x, %s, %x {outputs = 1} : (tensor<4xf32>, tensor<3xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @fusion_yield(%x: tensor<4xf32>, %m: tensor<4x4xf32>) {
  // expected-error @+1 {{results differ in type from the yielded values}}
  %0 = kiln.fusion loop "f" (%a = %x : tensor<4xf32>) -> tensor<3xf32> {
    kiln.yield %a : tensor<4xf32>
  }
  return
}

// -----

func.func @fusion_slots(%x: tensor<4xf32>, %m: tensor<4x4xf32>) {
  // expected-error @+1 {{has 1 slots for 1 inputs and 1 results}}
  %0 = kiln.fusion loop "f" slots [0] (%a = %x : tensor<4xf32>) -> tensor<4xf32> {
    kiln.yield %a : tensor<4xf32>
  }
  return
}

// -----

func.func @fusion_contractions(%x: tensor<4xf32>, %m: tensor<4x4xf32>) {
  // expected-error @+1 {{of kind loop holds 1 contractions}}
  %0 = kiln.fusion loop "f" (%a = %m : tensor<4x4xf32>) -> tensor<4x4xf32> {
    %1 = kiln.matmul %a, %a {transpose_lhs = false, transpose_rhs = false} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    kiln.yield %1 : tensor<4x4xf32>
  }
  return
}

// -----

func.func @fusion_kind(%x: tensor<4xf32>, %m: tensor<4x4xf32>) {
  // expected-error @+1 {{unknown kind of fusion: lop}}
  %0 = kiln.fusion lop "f" (%a = %x : tensor<4xf32>) -> tensor<4xf32> {
    kiln.yield %a : tensor<4xf32>
  }
  return
}
