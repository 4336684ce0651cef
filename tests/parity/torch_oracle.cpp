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
  torch::Tensor input(const std::string& name, const torch::Tensor& tensor) {
    keep("input." + name, tensor);
    return tensor;
  }
  template <class Model> void load(Model& model) {
    for (auto& item : model->named_parameters())
      keep("weight." + item.key(), item.value());
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
    record.integral = host.scalar_type() == torch::kInt64;
    auto count = static_cast<std::size_t>(host.numel());
    if (record.integral)
      record.integers.assign(host.data_ptr<std::int64_t>(), host.data_ptr<std::int64_t>() + count);
    else
      record.floats.assign(host.data_ptr<float>(), host.data_ptr<float>() + count);
  }
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
  for (std::size_t i = 0; i < all.size(); ++i) {
    torch::manual_seed(1000 + i);
    parity::Session session;
    all[i].run(session);
    parity::write(std::string(argv[1]) + "/" + all[i].name, session.records);
  }
  std::printf("torch-oracle: %zu scenarios written to %s\n", all.size(), argv[1]);
}
