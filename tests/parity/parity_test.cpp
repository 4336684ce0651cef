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
  Session(Records records, bool compiled) : records_(std::move(records)), compiled_(compiled) {}

  kiln::Tensor input(const std::string& name, const kiln::Tensor&) const { return tensor("input." + name); }

  template <class Model> void load(Model& model) const {
    kiln::NoGradGuard no_grad;
    for (auto& item : model->named_parameters())
      item.value().copy_(tensor("weight." + item.key()));
  }

  void result(const std::string& name, const kiln::Tensor& got) {
    INFO(name);
    ++results_;
    const Record& wanted = records_.at("result." + name);
    REQUIRE(got.defined());
    REQUIRE(got.sizes().vec() == wanted.sizes);
    kiln::Tensor host = got.detach().contiguous();
    const float* values = host.data_ptr<float>();
    // Errors of a sum scale with its largest terms, so the bound has a part that scales with the largest
    // value.
    float largest = 0, worst = 0;
    for (float value : wanted.floats)
      largest = std::max(largest, std::abs(value));
    std::size_t at = 0;
    for (std::size_t i = 0; i < wanted.floats.size(); ++i) {
      float apart = std::abs(values[i] - wanted.floats[i]);
      if (!(apart <= worst)) worst = apart, at = i;
    }
    INFO("largest value " << largest << "; element " << at << ": got "
                          << (wanted.floats.empty() ? 0 : values[at]) << ", wanted "
                          << (wanted.floats.empty() ? 0 : wanted.floats[at]));
    CHECK(worst <= 2e-5F * largest + 2e-6F);
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
  kiln::Tensor tensor(const std::string& name) const {
    const Record& record = records_.at(name);
    if (record.integral) return kiln::from_blob(record.integers.data(), record.sizes, kiln::kInt64);
    return kiln::from_blob(record.floats.data(), record.sizes);
  }
  Records records_;
  bool compiled_;
  std::ptrdiff_t results_ = 0;
};

} // namespace parity

#include "scenarios.h"

TEST_CASE("Kiln gives LibTorch's results") {
  for (const auto& scenario : parity::scenarios())
    for (bool compiled : {false, true})
      DYNAMIC_SECTION(scenario.name << (compiled ? ", compiled" : ", eager")) {
        parity::Session session(parity::read(std::string(KILN_PARITY_DIR) + "/" + scenario.name), compiled);
        scenario.run(session);
        CHECK(session.complete());
      }
}
