// Kiln against LibTorch: every scenario eagerly and compiled, from LibTorch's inputs and weights.
// Reads what torch-oracle wrote to KILN_PARITY_DIR.
#include "records.h"

#include <kiln/kiln.h>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <functional>

namespace lib = kiln;
#define PARITY_MODULE KILN_MODULE

namespace parity {

class Session {
public:
  using Body = std::function<kiln::Tensor(kiln::Tensor, kiln::Tensor)>;
  Session(Records records, kiln::DType dtype, bool compiled)
      : records_(std::move(records)), dtype_(dtype), compiled_(compiled) {}
  kiln::DType dtype() const { return dtype_; }

  kiln::Tensor input(const std::string& name, const kiln::Tensor&) const { return tensor("input." + name); }

  template <class Model> void load(Model& model) const {
    model->to(dtype_);
    kiln::NoGradGuard no_grad;
    for (auto& item : model->named_parameters())
      item.value().copy_(tensor("weight." + item.key()));
    for (auto& item : model->named_buffers())
      item.value().copy_(tensor("weight." + item.key()));
  }

  void result(const std::string& name, const kiln::Tensor& got) {
    INFO(name);
    ++results_;
    const Record& wanted = records_.at("result." + name);
    REQUIRE(got.defined());
    REQUIRE(got.sizes().vec() == wanted.sizes);
    if (!wanted.integral()) CHECK(got.dtype() == dtype_);
    kiln::Tensor host = got.detach().to(kiln::kFloat64).clone();
    const double* values = host.data_ptr<double>();
    std::vector<double> reference = wanted.floats;
    if (wanted.integral()) reference.assign(wanted.integers.begin(), wanted.integers.end());
    // Errors of a sum scale with its largest terms, so the bound has a part that scales with the largest
    // value.
    double largest = 0, worst = 0;
    for (double value : reference)
      if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
    std::size_t at = 0;
    for (std::size_t i = 0; i < reference.size(); ++i) {
      if (values[i] == reference[i] || (std::isnan(values[i]) && std::isnan(reference[i]))) continue;
      double apart = std::abs(values[i] - reference[i]);
      if (!(apart <= worst)) worst = apart, at = i;
    }
    INFO("largest value " << largest << "; element " << at << ": got " << (reference.empty() ? 0 : values[at])
                          << ", wanted " << (reference.empty() ? 0 : reference[at]));
    CHECK(worst <= bound(name, largest));
  }

  Body step(Body body) const {
    if (!compiled_) return body;
    auto fast = std::make_shared<kiln::jit::CompiledFunction<Body>>(kiln::jit::compile(body));
    return [fast](kiln::Tensor x, kiln::Tensor y) { return (*fast)(x, y); };
  }

  /// Every result that LibTorch recorded was compared.
  bool complete() const {
    auto recorded = std::count_if(records_.begin(), records_.end(),
                                  [](const auto& entry) { return entry.first.starts_with("result."); });
    return recorded > 0 && recorded == results_;
  }

private:
  // Losses are sums of few terms and are held to less than what sums of products may differ by.
  double bound(const std::string& name, double largest) const {
    if (dtype_ == kiln::kFloat64) return 1e-10 * largest + 1e-13;
    return name.starts_with("loss") ? 1e-5 * largest + 1e-7 : 2e-5 * largest + 2e-6;
  }
  kiln::Tensor tensor(const std::string& name) const {
    const Record& record = records_.at(name);
    if (record.integral()) {
      kiln::Tensor integers = kiln::from_blob(record.integers.data(), record.sizes, kiln::kInt64);
      return record.kind == Kind::Bool ? integers.to(kiln::kBool) : integers;
    }
    return kiln::from_blob(record.floats.data(), record.sizes, kiln::kFloat64).to(dtype_);
  }
  Records records_;
  kiln::DType dtype_;
  bool compiled_;
  std::ptrdiff_t results_ = 0;
};

} // namespace parity

#include "scenarios.h"

TEST_CASE("Kiln gives LibTorch's results") {
  for (const auto& scenario : parity::scenarios())
    for (bool wide : {false, true})
      for (bool compiled : {false, true}) {
        if (scenario.float64_only && !wide) continue;
        DYNAMIC_SECTION(scenario.name << (wide ? ", float64" : ", float32")
                                      << (compiled ? ", compiled" : ", eager")) {
          const std::string file =
              std::string(KILN_PARITY_DIR) + "/" + scenario.name + (wide ? ".f64" : ".f32");
          parity::Session session(parity::read(file), wide ? kiln::kFloat64 : kiln::kFloat32, compiled);
          scenario.run(session);
          CHECK(session.complete());
        }
      }
}
