// Saving and loading: a tensor, a model's parameters (as safetensors, or as PyTorch's .pt by the name alone),
// and a whole run that goes on bit for bit. Writes into the folder that is named, or the present one.
#include <kiln/kiln.h>
#include <kiln/serialize.h>

#include <filesystem>
#include <iostream>

using namespace kiln;

struct MLPImpl : nn::Module {
  explicit MLPImpl(std::int64_t width = 16) {
    hidden = register_module("hidden", nn::Linear(8, width));
    output = register_module("output", nn::Linear(width, 1));
  }
  Tensor forward(Tensor x) { return output(relu(hidden(x))); }
  nn::Linear hidden{nullptr}, output{nullptr};
};
KILN_MODULE(MLP);

struct Run {
  MLP net;
  optim::Adam adam{net->parameters(), optim::AdamOptions(0.01)};
  float step() { // each on a batch of its own, drawn from the random state
    auto x = randn({32, 8}), y = x.sum({1}, true);
    adam.zero_grad();
    auto loss = nn::functional::mse_loss(net(x), y);
    loss.backward();
    adam.step();
    return loss.item<float>();
  }
};

int main(int argc, char** argv) try {
  const std::filesystem::path folder = argc > 1 ? argv[1] : ".";
  std::cout << std::boolalpha;

  Tensor x = arange(4, kFloat32), y;
  save(x, (folder / "x.safetensors").string());
  load(y, (folder / "x.safetensors").string());
  std::cout << "tensor: " << y.equal(x) << "\n";

  manual_seed(1);
  MLP net, other;
  auto input = randn({3, 8});
  for (const char* name : {"net.safetensors", "net.pt"}) {
    other = MLP();
    const bool before = other(input).equal(net(input));
    save(net, (folder / name).string());
    load(other, (folder / name).string());
    std::cout << name << ": equal before " << before << ", after loading " << other(input).equal(net(input))
              << "\n";
  }

  MLP wider(32);
  try {
    load(wider, (folder / "net.safetensors").string());
  } catch (const Error& error) {
    std::cout << "a wider net refuses: " << error.what() << "\n";
  }

  // Ten steps in one go, and five, a checkpoint, and five more in a run that knows nothing else.
  const std::string checkpoint = (folder / "run.pt").string();
  manual_seed(2);
  Run run;
  for (int i = 0; i < 5; ++i)
    run.step();
  save_checkpoint(checkpoint, *run.net, run.adam, 1);
  std::vector<float> in_one_go, resumed;
  for (int i = 0; i < 5; ++i)
    in_one_go.push_back(run.step());

  manual_seed(99);
  Run later;
  std::cout << "epoch " << load_checkpoint(checkpoint, *later.net, later.adam) << " goes on";
  for (int i = 0; i < 5; ++i)
    resumed.push_back(later.step());
  std::cout << ", losses equal: " << (resumed == in_one_go) << "\n";
} catch (const Error& error) {
  std::cerr << "save_load: " << error.what() << "\n";
  return 1;
}
