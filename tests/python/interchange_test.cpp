// State dicts, tensors and optimizers between Kiln and Python (torch.save, safetensors), both ways and bit
// for bit. interchange.py is the other side; each knows the same values by rule.
#include <kiln/kiln.h>
#include <kiln/serialize.h>

#include "python.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <filesystem>

using namespace kiln;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

struct NetImpl : nn::Module {
  NetImpl() {
    fc1 = register_module("fc1", nn::Linear(3, 4));
    fc2 = register_module("fc2", nn::Linear(4, 2));
    steps = register_buffer("steps", zeros({}, kInt64));
  }
  nn::Linear fc1{nullptr}, fc2{nullptr};
  Tensor steps;
};
KILN_MODULE(Net);

void interchange(const std::string& what) {
  python::output_of("'" KILN_TEST_PYTHON "' '" KILN_PYTHON_PROGRAMS "/interchange.py' " + what + " . 2>&1");
}

// What interchange.py's `tensors` makes.
OrderedDict<std::string, Tensor> tensors() {
  OrderedDict<std::string, Tensor> out;
  const std::pair<const char*, DType> dtypes[] = {{"f32", kFloat32},   {"f64", kFloat64}, {"f16", kFloat16},
                                                  {"bf16", kBFloat16}, {"i64", kInt64},   {"i32", kInt32},
                                                  {"i8", kInt8},       {"u8", kUInt8}};
  for (const auto& [name, dtype] : dtypes) {
    const Tensor x = arange(6);
    out.insert(name,
               (is_floating(dtype) ? x.to(kFloat32).mul(0.75).sub(2) : x.mul(7)).to(dtype).view({2, 3}));
  }
  out.insert("bool", tensor({{1, 0, 1}, {0, 0, 1}}).to(kBool));
  out.insert("scalar", full({}, 2.5, kFloat64));
  out.insert("empty", zeros({2, 0, 3}));
  out.insert("special", tensor({std::nanf(""), INFINITY, -INFINITY, -0.0F, 1e-42F}));
  out.insert("encoder.0.weight", arange(12).to(kFloat32).view({3, 4}));
  return out;
}

void fill(Net& net) {
  NoGradGuard no_grad;
  for (Tensor& p : net->parameters())
    p.copy_(arange(p.numel()).to(kFloat32).mul(0.125).sub(0.5).view(p.sizes()));
  net->steps.fill_(7);
}

bool same_bits(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.sizes() != b.sizes()) return false;
  const Tensor x = a.contiguous(), y = b.contiguous();
  return x.numel() == 0 ||
         std::memcmp(x.data_ptr(), y.data_ptr(), static_cast<std::size_t>(x.numel() * x.element_size())) == 0;
}

void step(Net& net, optim::Optimizer& optimizer) {
  for (Tensor& p : net->parameters())
    p.mutable_grad() = arange(p.numel()).to(kFloat32).mul(0.25).sub(1).view(p.sizes()) + p.detach() * 0.5;
  optimizer.step([] { return tensor(1.f); });
}

template <class Optimizer, class Options> void optimizer_both_ways(const std::string& name, Options options) {
  INFO(name);
  Net here, there;
  fill(here);
  Optimizer own(here->parameters(), options), read(there->parameters(), Options(0.5));
  step(here, own);
  step(here, own);
  CHECK(load_checkpoint(name + ".pt", *there, read) == 2);
  CHECK(read.param_groups()[0].options().get_lr() == 0.125);
  // The state that was read goes on as our own does.
  save_checkpoint("k_" + name + ".pt", *here, own, 2);
  step(here, own);
  step(there, read);
  for (std::size_t i = 0; i < here->parameters().size(); ++i)
    CHECK(there->parameters()[i].allclose(here->parameters()[i], 1e-5, 1e-6));
}

} // namespace

TEST_CASE("Python and Kiln read each other's files, bit for bit") {
  if (!python::has("torch") || !python::has("safetensors")) return;
  const python::Folder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path);

  interchange("write");
  for (const char* file : {"tensors.pt", "tensors.safetensors"}) {
    serialize::InputArchive archive;
    archive.load_from(file);
    for (const auto& item : tensors()) {
      INFO(file << ": " << item.key());
      Tensor x;
      archive.read(item.key(), x);
      CHECK(same_bits(x, item.value()));
    }
  }
  {
    serialize::InputArchive views;
    views.load_from("views.pt");
    const Tensor base = arange(12).to(kFloat32).view({3, 4});
    const std::pair<const char*, Tensor> wanted[] = {{"t", base.t()},
                                                     {"narrow", base.narrow(1, 1, 2)},
                                                     {"row", base[2]},
                                                     {"expanded", base[0].expand({2, 4})}};
    for (const auto& [name, value] : wanted) {
      Tensor x;
      views.read(name, x);
      CHECK(same_bits(x, value));
    }
  }
  Net wanted;
  fill(wanted);
  for (const char* file : {"net.pth", "net.safetensors", "run.pt", "script.pt"}) {
    INFO(file);
    Net net;
    load(net, file);
    for (const auto& item : net->state_dict())
      CHECK(same_bits(item.value(), wanted->state_dict()[item.key()]));
  }
  serialize::InputArchive archive;
  IValue value;
  archive.load_from("run.pt");
  archive.read("epoch", value);
  CHECK(value.toInt() == 3);
  archive.read("tags.2", value);
  CHECK(value.toBool());
  CHECK_THROWS_WITH(archive.load_from("old.pth"), Contains("PyTorch's form from before 1.6"));
  CHECK_THROWS_WITH(archive.load_from("whole.pt"), Contains("refused: the pickle asks for"));

  serialize::OutputArchive all;
  for (const auto& item : tensors())
    all.write(item.key(), item.value());
  all.save_to("k_tensors.pt");
  all.save_to("k_tensors.safetensors");
  save(wanted, "k_net.pth");
  save(wanted, "k_net.safetensors");
  optimizer_both_ways<optim::SGD>("sgd", optim::SGDOptions(0.125).momentum(0.5));
  optimizer_both_ways<optim::Adam>("adam", optim::AdamOptions(0.125).betas({0.5, 0.75}).amsgrad(true));
  optimizer_both_ways<optim::AdamW>("adamw", optim::AdamWOptions(0.125).weight_decay(0.25));
  optimizer_both_ways<optim::RMSprop>("rmsprop", optim::RMSpropOptions(0.125).momentum(0.5).centered(true));
  optimizer_both_ways<optim::Adagrad>("adagrad", optim::AdagradOptions(0.125).lr_decay(0.5));
  optimizer_both_ways<optim::LBFGS>("lbfgs", optim::LBFGSOptions(0.125).history_size(3));
  interchange("check");
  fs::current_path(before);
}
