// What looks at memory: strides, addresses, as_strided, resize_, and tensors over the caller's memory.
// Expected places come from walking the memory by hand.
#include "kiln/kiln.h"

#include <catch2/catch.hpp>

#include <numeric>

using namespace kiln;

namespace {
using L = std::vector<std::int64_t>;
L values(const Tensor& x) {
  const Tensor whole = x.contiguous();
  const auto* data = whole.data_ptr<std::int64_t>();
  return {data, data + x.numel()};
}
// The elements that strides and the first address of x say it has.
L walked(const Tensor& x) {
  const auto strides = x.strides();
  const auto* first = x.data_ptr<std::int64_t>();
  L result;
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    std::int64_t rest = i, at = 0;
    for (std::int64_t d = x.dim(); d-- > 0; rest /= x.size(d))
      at += rest % x.size(d) * strides[static_cast<std::size_t>(d)];
    result.push_back(first[at]);
  }
  return result;
}
} // namespace

TEST_CASE("strides of views are those of the memory behind them") {
  const Tensor x = arange(120).view({2, 3, 4, 5});
  CHECK(x.strides() == L{60, 20, 5, 1});
  CHECK(x.transpose(1, 3).strides() == L{60, 1, 5, 20});
  CHECK(x.select(3, 1).strides() == L{60, 20, 5});
  CHECK(x.slice(2, 1, 4, 2).strides() == L{60, 20, 10, 1});
  CHECK(x[1][2].storage_offset() == 100);
  CHECK(x.select(3, 1).unsqueeze(0).strides()[2] == 20);
  CHECK(x.slice(1, 1, 1).strides() == L{60, 20, 5, 1});
  CHECK(x.slice(1, 1, 1).is_contiguous()); // no elements
  CHECK(x[1].is_contiguous());
  CHECK_FALSE(x.transpose(0, 1).is_contiguous());
}

TEST_CASE("the address and strides of a view lead to its elements") {
  const Tensor x = arange(60).view({3, 4, 5});
  for (const Tensor& view :
       {x[1], x.transpose(0, 2), x.slice(1, 1, 4, 2), x.permute({1, 2, 0}).slice(0, 1, 3),
        x.view({12, 5}).t().view({5, 3, 4}), x.narrow(2, 1, 3).unsqueeze(1)})
    CHECK(walked(view) == values(view));
  // Rows that do not follow each other cannot be joined: what is read then is a copy.
  const Tensor joined = x.transpose(0, 1).reshape({12, 5});
  CHECK(joined.strides() == L{5, 1});
  CHECK(walked(joined) == values(joined));
}

TEST_CASE("an address of a view writes to its base, and views see what is written through addresses") {
  Tensor x = arange(6).view({2, 3});
  const Tensor row = x[1], flat = x.view({6});
  CHECK(values(row) == L{3, 4, 5});
  row.data_ptr<std::int64_t>()[2] = 50;
  CHECK(values(x) == L{0, 1, 2, 3, 4, 50});
  x.data_ptr<std::int64_t>()[3] = 30;
  CHECK(values(row) == L{30, 4, 50});
  flat.mul_(2); // in place, at the same address
  CHECK(row.data_ptr<std::int64_t>()[0] == 60);
  CHECK(x.alias().data_ptr() == x.data_ptr());
}

TEST_CASE("contiguous is the tensor itself or a copy") {
  const Tensor x = arange(6).view({2, 3});
  CHECK(x.contiguous().is_same(x));
  Tensor turned = x.t().contiguous();
  CHECK(values(turned) == L{0, 3, 1, 4, 2, 5});
  turned.zero_();
  CHECK(values(x) == L{0, 1, 2, 3, 4, 5});
}

TEST_CASE("as_strided views memory where it can") {
  const Tensor x = arange(12).view({3, 4});
  CHECK(values(x.as_strided({2, 2}, {1, 2})) == L{0, 2, 1, 3});
  CHECK(values(x.as_strided({2, 2}, {4, 1}, 5)) == L{5, 6, 9, 10}); // a block within
  CHECK(values(x.as_strided({2, 3}, {0, 4})) == L{0, 4, 8, 0, 4, 8});
  CHECK(values(x.as_strided({4, 3}, {2, 1})) ==
        L{0, 1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 8}); // places shared: a copy
  CHECK(values(x[1].as_strided({2}, {3})) == L{4, 7});
  CHECK(x.as_strided({0, 2}, {2, 1}).numel() == 0);
  x.as_strided({3}, {5}).fill_(-1);
  CHECK(values(x) == L{-1, 1, 2, 3, 4, -1, 6, 7, 8, 9, -1, 11});
  CHECK_THROWS_WITH(x.as_strided({4}, {4}),
                    Catch::Contains("as_strided") && Catch::Contains("out of bounds"));
}

TEST_CASE("gradients go through as_strided") {
  const Tensor x = arange(4, kFloat32).requires_grad_();
  (x.as_strided({2, 2}, {1, 1}) * tensor({{1.0f, 2.0f}, {4.0f, 8.0f}})).sum().backward();
  CHECK(x.grad().equal(tensor({1.0f, 6.0f, 8.0f, 0.0f})));
}

TEST_CASE("resize_ keeps elements in order") {
  Tensor x = arange(6).view({2, 3}).clone();
  const Tensor handle = x;
  x.resize_({4});
  CHECK(values(handle) == L{0, 1, 2, 3});
  x.resize_({2, 4}).slice(1, 2, 4).fill_(7);
  CHECK(values(handle.narrow(1, 0, 2)) == L{0, 1, 4, 5});
  const Tensor view = x[0];
  CHECK_THROWS_WITH(x.resize_({3}), Catch::Contains("resize_") && Catch::Contains("views"));
  CHECK_THROWS_WITH(ones({2}, requires_grad()).resize_({3}), Catch::Contains("require grad"));
}

TEST_CASE("from_blob shares the caller's memory") {
  std::vector<std::int64_t> memory(6);
  std::iota(memory.begin(), memory.end(), 0);
  int deleted = 0;
  {
    Tensor x =
        from_blob(memory.data(), {2, 3}, [&](void* data) { deleted += data == memory.data(); }, kInt64);
    const Tensor copy = x.clone(), turned = from_blob(memory.data(), {3, 2}, {1, 3}, kInt64);
    CHECK(x.data_ptr() == memory.data());
    CHECK(turned.strides() == L{1, 3});
    memory[1] = 10;
    CHECK(values(x) == L{0, 10, 2, 3, 4, 5});
    CHECK(values(turned) == L{0, 3, 10, 4, 2, 5});
    CHECK(values(copy) == L{0, 1, 2, 3, 4, 5});
    x.add_(1);
    x[1].mul_(2);
    CHECK(memory == L{1, 11, 3, 8, 10, 12});
    Tensor other = zeros({2, 3}, kInt64);
    other.copy_(x);
    memory[0] = 99;
    CHECK(other[0][0].item<std::int64_t>() == 1);
    CHECK(deleted == 0);
  }
  CHECK(deleted == 1);
}

TEST_CASE("a value that backward needs does not change with the memory it came from") {
  std::vector<float> memory = {1, 2, 3};
  const Tensor weight = tensor({1.0f, 1.0f, 1.0f}, requires_grad());
  Tensor x = from_blob(memory.data(), {3}, kFloat32);
  const Tensor loss = (weight * x).sum();
  x.mul_(10); // moves away: loss still needs 1, 2, 3
  loss.backward();
  CHECK(weight.grad().equal(tensor({1.0f, 2.0f, 3.0f})));
  CHECK(x.equal(tensor({10.0f, 20.0f, 30.0f})));
}

TEST_CASE("set_data puts one memory behind two tensors") {
  Tensor x = zeros({2}, kInt64), y = arange(3);
  x.set_data(y);
  y.add_(1);
  CHECK(values(x) == L{1, 2, 3});
  CHECK(x.data_ptr() == y.data_ptr());
}
