// Stack and Normalize.
#include "kiln/data/transforms.h"

#include "kiln/ops.h"

namespace kiln::data::transforms {

namespace {
template <class E> std::vector<Tensor> column(const std::vector<E>& examples, Tensor E::* member) {
  std::vector<Tensor> result;
  result.reserve(examples.size());
  for (const E& example : examples)
    result.push_back(example.*member);
  return result;
}
} // namespace

Example<> Stack<Example<>>::apply_batch(std::vector<Example<>> examples) {
  return {stack(column(examples, &Example<>::data)), stack(column(examples, &Example<>::target))};
}
TensorExample Stack<TensorExample>::apply_batch(std::vector<TensorExample> examples) {
  return stack(column(examples, &TensorExample::data));
}

namespace detail {

Tensor per_channel(ArrayRef<double> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return from_blob(values.data(), {count, 1, 1}, kFloat64).to(kFloat32);
}

Tensor normalize(const Tensor& x, const Tensor& mean, const Tensor& stddev) {
  return x.sub(mean).div(stddev);
}

} // namespace detail
} // namespace kiln::data::transforms
