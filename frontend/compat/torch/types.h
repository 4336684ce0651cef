// Tensors and their small types under LibTorch's names.
//
// `torch` is our namespace under another name. A macro and not a namespace alias, because programs re-open it
// (`namespace torch::nn { … }`), which an alias forbids; and not a namespace of its own with a
// using-directive, because then `using namespace torch; nn::Linear …` would find two namespaces called nn.
// What a program declares in torch:: is in kiln::.
#pragma once

#include "ATen/ATen.h"
#include "c10/util/ArrayRef.h"
#include "c10/util/Exception.h"
#include "c10/util/Optional.h"
#include "kiln/accessor.h"
#include "kiln/autograd.h"
#include "kiln/composed.h"
#include "kiln/ops.h"
#include "kiln/tensor.h"

// LibTorch's programs find these without asking for them; Kiln's own headers do not need them.
#include <algorithm>
#include <any>
#include <atomic>
#include <cmath>
#include <deque>
#include <iostream>
#include <limits>
#include <memory>
#include <sstream>

#define torch kiln

namespace kiln {

using Dtype = DType;
using std::make_unique;

namespace detail {
using TensorDataContainer = TensorData;
}

/// As as_strided; LibTorch keeps it for its own compiler.
inline Tensor _reshape_alias(const Tensor& x, IntArrayRef sizes, IntArrayRef strides) {
  return x.as_strided(sizes, strides);
}

/// LibTorch's tensors answer dtype() with a TypeMeta; ours with the dtype itself.
constexpr DType typeMetaToScalarType(DType dtype) {
  return dtype;
}
constexpr DType scalarTypeToTypeMeta(DType dtype) {
  return dtype;
}

} // namespace kiln

namespace caffe2 {
using TypeMeta = kiln::DType;
}
