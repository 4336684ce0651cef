// The oracle: runs every scenario on LibTorch and writes one file of results for each. Links LibTorch alone.
// Usage: torch-oracle DIRECTORY
#include "records.h"

#include <torch/torch.h>

#include <cstdio>
#include <functional>

namespace lib = torch;
#define PARITY_MODULE TORCH_MODULE

namespace parity {

class Session {
public:
  explicit Session(torch::Dtype dtype) : dtype_(dtype) {}
  torch::Dtype dtype() const { return dtype_; }
  torch::Tensor input(const std::string& name, const torch::Tensor& made) {
    torch::Tensor tensor = made.is_floating_point() ? made.to(dtype_) : made;
    keep("input." + name, tensor);
    return tensor;
  }
  template <class Model> void load(Model& model) {
    model->to(dtype_);
    for (auto& item : model->named_parameters())
      keep("weight." + item.key(), item.value());
    for (auto& item : model->named_buffers())
      if (item.value().defined()) keep("weight." + item.key(), item.value());
  }
  void result(const std::string& name, const torch::Tensor& tensor) { keep("result." + name, tensor); }
  std::function<torch::Tensor(torch::Tensor, torch::Tensor)>
  step(std::function<torch::Tensor(torch::Tensor, torch::Tensor)> body) {
    return body;
  }
  Records records;

private:
  void keep(const std::string& name, const torch::Tensor& tensor) {
    Record& record = records[name];
    record.sizes = tensor.sizes().vec();
    torch::Tensor host = tensor.detach().contiguous();
    auto type = host.scalar_type();
    record.kind = type == torch::kInt64    ? Kind::Int64
                  : type == torch::kBool   ? Kind::Bool
                  : type == torch::kDouble ? Kind::Float64
                                           : Kind::Float32;
    auto count = static_cast<std::size_t>(host.numel());
    if (record.integral()) {
      host = host.to(torch::kInt64);
      record.integers.assign(host.data_ptr<std::int64_t>(), host.data_ptr<std::int64_t>() + count);
    } else {
      host = host.to(torch::kDouble);
      record.floats.assign(host.data_ptr<double>(), host.data_ptr<double>() + count);
    }
  }
  torch::Dtype dtype_;
};

} // namespace parity

#include "scenarios.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: torch-oracle DIRECTORY\n");
    return 2;
  }
  torch::set_num_threads(1);
  auto all = parity::scenarios();
  for (std::size_t i = 0; i < all.size(); ++i)
    for (auto dtype : {torch::kFloat, torch::kDouble}) {
      if (all[i].float64_only && dtype == torch::kFloat) continue;
      torch::manual_seed(1000 + i);
      parity::Session session(dtype);
      try {
        all[i].run(session);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "torch-oracle: %s: %s\n", all[i].name.c_str(), error.what());
        return 1;
      }
      parity::write(std::string(argv[1]) + "/" + all[i].name + (dtype == torch::kDouble ? ".f64" : ".f32"),
                    session.records);
    }
  std::printf("torch-oracle: %zu scenarios written to %s\n", all.size(), argv[1]);
}
