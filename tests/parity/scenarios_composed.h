// Functions that are compositions of others (kiln/composed.h), and the layers and distances beside them: see
// scenarios.h, which includes this.
#pragma once

namespace parity {

namespace F = nn::functional;

/// What has no gradient, of one random tensor.
inline Scenario measured(const std::string& name, std::vector<std::int64_t> sizes, Unary function) {
  return {name,
          [=](Session& session) { session.result("out", function(session.input("x", lib::randn(sizes)))); }};
}

inline void add_composed_elementwise(std::vector<Scenario>& all) {
  auto add = [&](Scenario scenario) { all.push_back(std::move(scenario)); };
  const std::vector<std::int64_t> m = {5, 7};
  add(unary("asinh", m, [](Tensor x) { return lib::asinh(x * 3); }));
  add(unary("acosh", m, [](Tensor x) { return lib::acosh(x + 1); }, true));
  add(unary("atanh", m, [](Tensor x) { return lib::atanh(lib::tanh(x * 0.3)); }));
  add(unary("sinc", m, [](Tensor x) { return lib::sinc(x); }, true)); // no digits left next to 0 in float32
  add(unary("deg2rad", m, [](Tensor x) { return lib::deg2rad(x) + lib::rad2deg(x); }));
  add(unary("hardshrink", m, [](Tensor x) { return lib::hardshrink(x, 0.7); }));
  add(unary("softshrink", m, [](Tensor x) { return nn::Softshrink(0.7)(x); }));
  add(unary("tanhshrink", m, [](Tensor x) { return nn::Tanhshrink()(x); }));
  add(unary("glu", {4, 6}, [](Tensor x) { return F::glu(x).sum() + nn::GLU(0)(x); }));
  add(unary("rrelu_eval", m,
            [](Tensor x) { return F::rrelu(x, F::RReLUFuncOptions().lower(0.1).upper(0.4)); }));
  add(unary("softmax2d", {2, 3, 4, 2}, [](Tensor x) { return nn::Softmax2d()(x); }));
  add(unary("normalize", m, [](Tensor x) { return F::normalize(x, F::NormalizeFuncOptions().p(3).dim(0)); }));
  add(measured("channel_shuffle", {2, 6, 3}, [](Tensor x) { return lib::channel_shuffle(x, 3); }));
  add(binary("fmax", m, m, [](Tensor x, Tensor y) { return lib::fmax(x, y) * lib::fmin(x, y * 2); }));
  add(binary("xlogy", m, m, [](Tensor x, Tensor y) { return lib::xlogy(x, y) + lib::xlogy(y, 3); }));
  add(binary("logaddexp2", m, m, [](Tensor x, Tensor y) { return lib::logaddexp2(x, y); }));
  add(measured("comparisons_by_name", m, [](Tensor x) {
    const Tensor y = x.roll(1, 0);
    return lib::greater(x, y).to(lib::kInt64) + lib::less_equal(x, 0.5).to(lib::kInt64) * 2 +
           lib::not_equal(x, y).to(lib::kInt64) * 4;
  }));
}

inline void add_composed_products(std::vector<Scenario>& all) {
  auto add = [&](Scenario scenario) { all.push_back(std::move(scenario)); };
  add(binary("tensordot", {2, 3, 4, 5}, {5, 6, 3},
             [](Tensor x, Tensor y) { return lib::tensordot(x, y, {1, -1}, {2, 0}); }));
  add(binary("inner", {2, 3, 4}, {5, 4}, [](Tensor x, Tensor y) { return lib::inner(x, y); }));
  add(binary("kron", {2, 3}, {2, 4, 2}, [](Tensor x, Tensor y) { return lib::kron(x, y); }));
  add(binary("cross", {4, 3, 2}, {4, 3, 2}, [](Tensor x, Tensor y) { return lib::cross(x, y, 1); }));
  add(binary("addbmm", {3, 5, 4}, {3, 4, 6}, [](Tensor x, Tensor y) {
    return lib::addbmm(x.sum() * lib::ones({5, 6}, x.dtype()), x, y, 0.5, 2);
  }));
  add(unary("matrix_power", {4, 4}, [](Tensor x) { return lib::matrix_power(x * 0.5, 5); }));
  add(binary("dist", {3, 4}, {3, 4}, [](Tensor x, Tensor y) { return lib::dist(x, y, 3); }));
  add(binary("cdist", {2, 4, 3}, {2, 5, 3}, [](Tensor x, Tensor y) { return lib::cdist(x, y); }));
  add(binary("cdist_1", {4, 3}, {5, 3}, [](Tensor x, Tensor y) { return lib::cdist(x, y, 1); }));
  add(unary("pdist", {5, 3}, [](Tensor x) { return F::pdist(x, 2.0); }));
}

inline void add_einsum(std::vector<Scenario>& all) {
  auto add = [&](const std::string& equation, std::vector<std::int64_t> x, std::vector<std::int64_t> y) {
    all.push_back(binary("einsum " + equation, std::move(x), std::move(y),
                         [=](Tensor x, Tensor y) { return lib::einsum(equation, {x, y}); }));
  };
  add("bij,bjk->bik", {2, 3, 4}, {2, 4, 5});
  add("ij,kj", {3, 4}, {5, 4});
  add("ij , jk -> ki", {3, 4}, {4, 5});
  add("bhid,bhjd->bhij", {2, 3, 4, 5}, {2, 3, 6, 5});
  add("abc,cbd->da", {2, 3, 4}, {4, 3, 5}); // two inner dimensions
  add("ij,ij->", {3, 4}, {3, 4});
  add("ij,ij->i", {3, 4}, {3, 4});
  add("i,j", {3}, {4});
  add("Ab,bA->Ab", {3, 4}, {4, 3});
  add("ij,kl->il", {3, 4}, {5, 6}); // each summed by itself
  add("...ij,...jk->...ik", {2, 3, 4}, {5, 1, 4, 6});
  add("i...,i", {3, 2, 4}, {3});
  add("b...,b...->...", {2, 3, 4}, {2, 4});
  add("iij,j->i", {3, 3, 4}, {4});
  add("ij,jk->ik", {3, 1}, {4, 5}); // repeated
  all.push_back(unary("einsum_alone", {3, 3, 4}, [](Tensor x) {
    return lib::einsum("iij->ji", {x}).sum() + lib::einsum("ijk", {x}) * 2 +
           lib::einsum("kij->i", {x}).exp().sum();
  }));
  all.push_back(binary("einsum_three", {3, 4}, {4, 5}, [](Tensor x, Tensor y) {
    return lib::einsum("ij,jk,lk->il", {x, y, y}); // LibTorch's order of steps is ours
  }));
}

inline void add_composed_places(std::vector<Scenario>& all) {
  auto add = [&](Scenario scenario) { all.push_back(std::move(scenario)); };
  const std::vector<std::int64_t> cube = {2, 3, 4};
  add(unary("moveaxis", cube, [](Tensor x) { return lib::moveaxis(x, {0}, {2}); }));
  add(unary("flips", cube, [](Tensor x) { return lib::fliplr(x) + 2 * lib::flipud(x); }));
  add(unary("rot90", cube, [](Tensor x) { return lib::rot90(x, 1, {0, 2}); }));
  add(unary("rot90_thrice", cube, [](Tensor x) { return lib::rot90(x, -1, {1, 2}); }));
  add(unary("diag_embed", cube, [](Tensor x) { return lib::diag_embed(x, -2, 0, 2); }));
  add(unary("diagflat", {2, 3}, [](Tensor x) { return lib::diagflat(x, 1); }));
  add(binary("block_diag", {2, 3}, {4}, [](Tensor x, Tensor y) { return lib::block_diag({x, y, x.t()}); }));
  add(binary("stacks", {3, 4}, {3}, [](Tensor x, Tensor y) {
    return lib::column_stack({x, y}).sum(0) * lib::dstack({y, y * 2}).sum();
  }));
  add(binary("cartesian_prod", {3}, {4}, [](Tensor x, Tensor y) { return lib::cartesian_prod({x, y, x}); }));
  add(unary("combinations", {5}, [](Tensor x) { return lib::combinations(x, 3); }));
  add(unary("combinations_again", {4}, [](Tensor x) { return lib::combinations(x, 2, true); }));
  add(unary("diff", cube, [](Tensor x) { return lib::diff(x, 2); }));
  add(binary("diff_prepend", {3, 4}, {1, 4}, [](Tensor x, Tensor y) { return lib::diff(x, 1, 0, y); }));
  add(measured("triangle_indices", {1}, [](Tensor) {
    return lib::cat({lib::tril_indices(4, 5, 1), lib::triu_indices(3, 6, -1)}, 1);
  }));
}

inline void add_statistics(std::vector<Scenario>& all) {
  auto add = [&](Scenario scenario) { all.push_back(std::move(scenario)); };
  const std::vector<std::int64_t> m = {5, 7};
  add(unary("nanmean", m, [](Tensor x) { return lib::nanmean(lib::sqrt(x + 1), {1}); }));
  add(measured("aminmax", m, [](Tensor x) {
    const auto both = lib::aminmax(x, 1, false);
    return std::get<0>(both) + 2 * std::get<1>(both);
  }));
  add(unary("cov", m, [](Tensor x) { return lib::cov(x); }));
  add(unary("corrcoef", m, [](Tensor x) { return lib::corrcoef(x); }));
  add(unary("trapezoid", m, [](Tensor x) { return lib::trapezoid(x, 0.5, 0); }));
  add(binary("trapezoid_places", m, {7},
             [](Tensor y, Tensor x) { return lib::trapezoid(y, lib::cumsum(x, 0)); }));
  add(unary("renorm", m, [](Tensor x) { return lib::renorm(x, 2, 0, 4); }));
  add(measured("histc", {200}, [](Tensor x) { return lib::histc(x, 8, -2, 1.5); }));
  add(measured("histc_range", {200}, [](Tensor x) { return lib::histc(x, 5); }));
  add(measured("bincount", {50}, [](Tensor x) {
    const Tensor numbers = (x * 2).abs().to(lib::kInt64);
    return lib::bincount(numbers, {}, 4).to(x.dtype()).sum() + lib::bincount(numbers, x);
  }));
  add(measured("bucketize", m, [](Tensor x) {
    const Tensor bounds = lib::linspace(-1, 1, 6).to(x.dtype());
    return lib::bucketize(x, bounds) + 10 * lib::bucketize(bounds, bounds, false, true).sum();
  }));
  add(measured("searchsorted", m,
               [](Tensor x) { return lib::searchsorted(std::get<0>(x.sort(1)), x.roll(2, 0)); }));
}

inline void add_composed(std::vector<Scenario>& all) {
  add_composed_elementwise(all);
  add_composed_products(all);
  add_einsum(all);
  add_composed_places(all);
  add_statistics(all);
}

} // namespace parity
