// Corners of functions: whole numbers, tensors of no dimensions, NaN, zeros and infinities, where results are
// easily another library's than LibTorch's. Most were met by random programs: see scenarios.h, which includes
// this.
#pragma once

namespace parity {

inline void add_corners(std::vector<Scenario>& all) {
  auto add = [&](Scenario scenario) { all.push_back(std::move(scenario)); };
  const std::vector<std::int64_t> m = {6, 7};
  add(binary("cosine_of_number", {5}, {},
             [](Tensor x, Tensor y) { return lib::cosine_similarity(x, y, 0); }));
  add(unary("std_of_one", m, [](Tensor x) {
    const std::vector<std::int64_t> rows = {1};
    return x.narrow(1, 2, 1).std(rows, false, false) + x.std(rows, false, false);
  }));
  add(measured("median_of_nan", m, [](Tensor x) {
    const Tensor some = lib::sqrt(x + 1);
    return lib::median(some) + lib::median(x) + std::get<0>(lib::median(some, 1));
  }));
  add(measured("median_place", m, [](Tensor x) { return std::get<1>(lib::median(lib::sqrt(x + 1), 1)); }));
  add(measured("masked_number", m, [](Tensor x) { return lib::masked_select(x.sum(), x.sum() > -1e9); }));
  add(measured("whole_powers", m, [](Tensor x) {
    const Tensor n = (x * 3).to(lib::kInt64);
    return lib::pow(n, n.roll(1, 0)) + lib::pow(n, 5) + lib::pow(2, n.abs().to(lib::kInt32)) +
           lib::square(x > 0);
  }));
  add(measured("whole_products", m, [](Tensor x) {
    const Tensor n = (x * 3).to(lib::kInt32);
    return (lib::matmul(n.unsqueeze(0), n.t()) + lib::mm(n, n.t())).to(lib::kInt64); // records hold no i32
  }));
  add(measured("whole_bounds", m, [](Tensor x) {
    const Tensor n = (x * 3).to(lib::kInt64);
    return lib::hardtanh(n, -1.5, 2.5) * 10 + lib::threshold(n, 0.5, 7.5);
  }));
  // Reciprocals tell zeros apart.
  add(measured("atan2_of_zeros", {1}, [](Tensor x) {
    const std::vector<double> zeros = {0.0, -0.0, 0.0, -0.0, -0.0, 0.0},
                              beside = {0.0, 0.0, -0.0, -0.0, 2.0, -1.0};
    return 1 / lib::atan2(lib::tensor(zeros).to(x.dtype()), lib::tensor(beside).to(x.dtype()));
  }));
  add(measured("atan2_of_infinities", {1}, [](Tensor x) {
    const double most = std::numeric_limits<double>::infinity();
    const std::vector<double> a = {most, -most, most, most, 1.0, -1.0},
                              b = {most, -most, -most, 1.0, most, -most};
    return lib::atan2(lib::tensor(a).to(x.dtype()), lib::tensor(b).to(x.dtype()));
  }));
}

} // namespace parity
