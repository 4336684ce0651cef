// nn::Module: registration, names, walks, copies, printing, holders and containers.
#include "kiln/kiln.h"

#include <catch2/catch.hpp>

#include <sstream>

using namespace kiln;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

struct BlockImpl : nn::Cloneable<BlockImpl> {
  explicit BlockImpl(std::int64_t width) : width(width) { reset(); }
  void reset() override {
    fc = register_module("fc", nn::Linear(width, width));
    scale = register_parameter("scale", ones({width}));
    count = register_buffer("count", zeros({1}, kInt64));
  }
  Tensor forward(Tensor x) { return fc(x) * scale; }
  std::int64_t width;
  nn::Linear fc{nullptr};
  Tensor scale, count;
};
KILN_MODULE(Block);

struct NetImpl : nn::Module {
  NetImpl() {
    first = register_module("first", Block(3));
    out = register_module("out", nn::Linear(nn::LinearOptions(3, 2).bias(false)));
  }
  Tensor forward(Tensor x) { return out(first(x)); }
  Block first{nullptr};
  nn::Linear out{nullptr};
};
KILN_MODULE(Net);

std::string text(const nn::Module& module) {
  std::ostringstream stream;
  stream << module;
  return stream.str();
}

using Names = std::vector<std::string>;

} // namespace

TEST_CASE("parameters and buffers have PyTorch's names, in order of registration") {
  Net net;
  CHECK(net->named_parameters().keys() ==
        Names{"first.scale", "first.fc.weight", "first.fc.bias", "out.weight"});
  CHECK(net->named_parameters(false).is_empty());
  CHECK(net->named_buffers().keys() == Names{"first.count"});
  CHECK(net->named_modules().keys() == Names{"", "first", "first.fc", "out"});
  CHECK(net->named_modules("net").keys() == Names{"net", "net.first", "net.first.fc", "net.out"});
  CHECK(net->named_children().keys() == Names{"first", "out"});
  CHECK(net->parameters().size() == 4);
  CHECK(net->named_parameters()["out.weight"].is_same(net->out->weight));
}

TEST_CASE("a shared tensor or module is listed once, under its first name") {
  struct Tied : nn::Module {
    Tied() {
      a = register_module("a", nn::Linear(2, 2));
      b = register_module("b", a);
      w = register_parameter("w", a->weight);
    }
    nn::Linear a{nullptr}, b{nullptr};
    Tensor w;
  };
  auto tied = std::make_shared<Tied>();
  CHECK(tied->named_parameters().keys() == Names{"w", "a.bias"});
  CHECK(tied->named_modules().keys() == Names{"", "a"});
}

TEST_CASE("a module on the stack lists what it owns but not itself") {
  NetImpl net;
  CHECK(net.parameters().size() == 4);
  CHECK(net.modules(false).size() == 3);
  CHECK_THROWS_WITH(net.modules(),
                    StartsWith("It looks like you attempted to retrieve your top-level module as a "
                               "shared_ptr, but it is not stored in a shared_ptr"));
  CHECK(net.forward(ones({4, 3})).sizes() == IntArrayRef{4, 2});
}

TEST_CASE("names that do not serve are refused") {
  nn::Module module;
  CHECK_THROWS_WITH(module.register_parameter("", ones(1)),
                    "register_parameter: Parameter name must not be empty");
  CHECK_THROWS_WITH(module.register_parameter("a.b", ones(1)),
                    "register_parameter: Parameter name must not contain a dot (got 'a.b')");
  module.register_parameter("w", ones(1));
  CHECK_THROWS_WITH(module.register_parameter("w", ones(1)), "Parameter 'w' already defined");
  CHECK_THROWS_WITH(module.register_buffer("w", ones(1)),
                    "register_buffer: 'w' already names a parameter or submodule");
  CHECK_THROWS_WITH(module.register_module("w", nn::Linear(1, 1)),
                    "register_module: 'w' already names a parameter or buffer");
  CHECK_THROWS_WITH(module.register_module("m", std::shared_ptr<nn::Module>()),
                    "register_module: submodule 'm' is empty");
  CHECK_THROWS_WITH(
      module.register_parameter("i", ones(1, kInt64)),
      "register_parameter: 'i' is i64[1], only floating-point tensors can require gradients: pass "
      "requires_grad=false");
  CHECK_THROWS_WITH(module.unregister_module("m"),
                    "unregister_module: No Module with name `m` is registered in kiln::nn::Module");
}

TEST_CASE("registering sets requires_grad; an undefined parameter keeps its name and is not listed") {
  nn::Module module;
  CHECK(module.register_parameter("w", zeros(2)).requires_grad());
  CHECK_FALSE(module.register_parameter("frozen", zeros(2), false).requires_grad());
  module.register_parameter("none", Tensor(), false);
  CHECK(module.named_parameters().keys() == Names{"w", "frozen"});
}

TEST_CASE("replacing and unregistering a submodule changes the lists") {
  Net net;
  auto replaced = net->replace_module("out", nn::Linear(3, 5));
  CHECK(net->named_parameters().keys() ==
        Names{"first.scale", "first.fc.weight", "first.fc.bias", "out.weight", "out.bias"});
  CHECK(replaced->weight.sizes() == IntArrayRef{5, 3});
  net->unregister_module("first");
  CHECK(net->named_parameters().keys() == Names{"out.weight", "out.bias"});
  CHECK_THROWS_WITH(net->replace_module("gone", nn::Linear(1, 1)), "Submodule 'gone' is not defined");
}

TEST_CASE("train and eval reach every module") {
  Net net;
  CHECK(net->is_training());
  net->eval();
  for (const auto& module : net->modules())
    CHECK_FALSE(module->is_training());
  net->train();
  CHECK(net->first->fc->is_training());
}

TEST_CASE("structural changes move the epoch that compiled programs check; calls and repeats do not") {
  Net net;
  auto moves = [](auto change) {
    const auto before = internal::structure_epoch();
    change();
    return internal::structure_epoch() != before;
  };
  CHECK(moves([&] { net->eval(); }));
  CHECK_FALSE(moves([&] { net->eval(); }));
  CHECK(moves([&] { net->replace_module("out", nn::Linear(3, 2)); }));
  CHECK(moves([&] { net->first->register_buffer("more", Tensor()); }));
  CHECK_FALSE(moves([&] { net->parameters(); }));
}

TEST_CASE("apply visits owners first") {
  Net net;
  Names order;
  net->apply([&](const std::string& name, nn::Module&) { order.push_back(name); });
  CHECK(order == Names{"", "first", "first.fc", "out"});
  int linears = 0;
  net->apply([&](nn::Module& module) { linears += module.as<nn::Linear>() != nullptr; });
  CHECK(linears == 2);
  CHECK(net->as<NetImpl>() == net.get());
  CHECK(net->as<nn::Dropout>() == nullptr);
}

TEST_CASE("to(dtype) converts floating-point tensors in place, gradients too") {
  Net net;
  Tensor weight = net->out->weight; // another handle, such as an optimizer's
  net->forward(ones({2, 3})).sum().backward();
  net->to(kFloat64);
  CHECK(weight.dtype() == kFloat64);
  CHECK(weight.requires_grad());
  CHECK(weight.grad().dtype() == kFloat64);
  CHECK(net->first->count.dtype() == kInt64);
  CHECK(net->forward(ones({2, 3}, kFloat64)).dtype() == kFloat64);
  CHECK_THROWS_WITH(net->to(kInt64), "Module.to: got i64, wanted a floating-point dtype");
}

TEST_CASE("zero_grad forgets gradients or fills them with zeros") {
  Net net;
  net->forward(ones({2, 3})).sum().backward();
  net->zero_grad(false);
  CHECK(net->out->weight.grad().equal(zeros({2, 3})));
  net->zero_grad();
  CHECK_FALSE(net->out->weight.grad().defined());
}

TEST_CASE("clone copies values; the copy goes its own way") {
  Block block(3);
  block->eval();
  auto copy = std::dynamic_pointer_cast<BlockImpl>(block->clone());
  REQUIRE(copy);
  CHECK(copy->fc->weight.equal(block->fc->weight));
  CHECK_FALSE(copy->is_training());
  CHECK(copy->named_parameters()["fc.weight"].is_same(copy->fc->weight));
  {
    NoGradGuard no_grad;
    copy->fc->weight.fill_(7);
  }
  CHECK_FALSE(copy->fc->weight.equal(block->fc->weight));
  CHECK_THROWS_WITH(Net()->clone(), Contains("clone() has not been implemented for") && Contains("NetImpl"));
}

TEST_CASE("an empty holder says so; holders forward arguments and calls") {
  nn::Linear empty{nullptr};
  CHECK(empty.is_empty());
  CHECK_FALSE(empty);
  CHECK_THROWS_WITH(empty->weight, StartsWith("Accessing empty ModuleHolder"));
  CHECK_THROWS_WITH(empty(ones({1, 1})), StartsWith("Accessing empty ModuleHolder"));
  nn::Linear linear(4, 2), alias = linear;
  CHECK(alias.ptr() == linear.ptr());
  CHECK(linear(ones({3, 4})).sizes() == IntArrayRef{3, 2});
  CHECK(std::as_const(linear)(ones({3, 4})).sizes() == IntArrayRef{3, 2});
}

TEST_CASE("errors inside a forward name the module, whichever way it was called") {
  Net net;
  CHECK_THROWS_WITH(net(ones({4, 7})), Contains("in first.fc"));
  CHECK_THROWS_WITH(net->forward(ones({4, 7})), Contains("in first.fc"));
  NetImpl stack;
  CHECK_THROWS_WITH(stack.forward(ones({4, 7})), Contains("in first.fc"));
  struct Outer : nn::Module {
    Outer() {
      layers = register_module("layers", nn::ModuleList());
      layers->push_back(Net());
    }
    Tensor forward(Tensor x) { return layers->at<NetImpl>(0).forward(x); }
    nn::ModuleList layers{nullptr};
  };
  Outer outer;
  CHECK_THROWS_WITH(outer.forward(ones({4, 7})), Contains("in layers.0.first.fc"));
  CHECK(internal::ModuleScope::path().empty());
}

TEST_CASE("a module prints as PyTorch prints it") {
  Net net;
  CHECK(text(*net->out) == "Linear(in_features=3, out_features=2, bias=false)");
  const std::string name = net->name(), block = net->first->name();
  CHECK_THAT(name, Catch::Matchers::EndsWith("NetImpl"));
  CHECK(text(*net) == name + "(\n  (first): " + block +
                          "(\n    (fc): Linear(in_features=3, out_features=3, bias=true)\n  )\n"
                          "  (out): Linear(in_features=3, out_features=2, bias=false)\n)");
  CHECK(text(nn::Module("Mine")) == "Mine");
  nn::Sequential sequential(nn::Linear(2, 3), nn::ReLU());
  std::ostringstream stream;
  stream << sequential;
  CHECK(stream.str() ==
        "Sequential(\n  (0): Linear(in_features=2, out_features=3, bias=true)\n  (1): ReLU()\n)");
  nn::set_print_prefix("torch::nn::");
  CHECK(text(*nn::Tanh()) == "torch::nn::Tanh()");
  nn::set_print_prefix("");
}

TEST_CASE("Sequential runs its modules in turn, named or numbered") {
  nn::Sequential numbered(nn::Linear(4, 3), nn::ReLU(), nn::Functional(kiln::exp), nn::Linear(3, 2));
  CHECK(numbered->named_parameters().keys() == Names{"0.weight", "0.bias", "3.weight", "3.bias"});
  Tensor x = randn({5, 4});
  Tensor by_hand = linear(
      exp(relu(linear(x, numbered->at<nn::LinearImpl>(0).weight, numbered->at<nn::LinearImpl>(0).bias))),
      numbered->at<nn::LinearImpl>(3).weight, numbered->at<nn::LinearImpl>(3).bias);
  CHECK(numbered(x).equal(by_hand));

  nn::Sequential named({{"fc", nn::Linear(4, 3)}, {"act", nn::Tanh()}});
  named->push_back("last", nn::Linear(3, 1));
  CHECK(named->named_children().keys() == Names{"fc", "act", "last"});
  CHECK(named->forward(x).sizes() == IntArrayRef{5, 1});
  CHECK(nn::Sequential(named, nn::Flatten(nn::FlattenOptions().start_dim(0)))(x).sizes() == IntArrayRef{5});

  auto copy = std::dynamic_pointer_cast<nn::SequentialImpl>(named->clone());
  CHECK(copy->forward(x).equal(named(x)));
  CHECK(copy->named_parameters().keys() == named->named_parameters().keys());
}

TEST_CASE("Sequential passes on what modules return, and says when types do not fit") {
  struct Split : nn::Module {
    std::tuple<Tensor, int> forward(Tensor x, int times = 2) { return {x * times, times}; }
  };
  struct Count : nn::Module {
    int forward(std::tuple<Tensor, int> pair) { return std::get<1>(pair); }
  };
  nn::Sequential counts(Split{}, Count{});
  CHECK(counts->forward<int>(ones(3)) == 2);
  CHECK(counts->forward<int>(ones(3), 5) == 5);
  CHECK_THROWS_WITH(counts->forward(ones(3)),
                    "forward: The type of the return value is int, but you asked for type kiln::Tensor");
  CHECK_THROWS_WITH(
      counts->forward<int>(std::string("x")),
      Contains("Expected argument #0 to be of type kiln::Tensor, but received value of type std::"));
  CHECK_THROWS_WITH(nn::Sequential()->forward(ones(3)),
                    "Sequential: Cannot call forward() on an empty Sequential");
  CHECK_THROWS_WITH(counts->ptr(7), "Sequential: Index out of range: got 7, size is 2");
  CHECK_THROWS_WITH(counts->at<nn::LinearImpl>(0), StartsWith("AnyModule: Attempted to cast module to "
                                                              "kiln::nn::LinearImpl, but its type is"));
}

TEST_CASE("ModuleList, ModuleDict and ParameterList register what they hold") {
  nn::ModuleList list(nn::Linear(2, 2), nn::ReLU());
  list->insert(1, nn::Linear(nn::LinearOptions(2, 2).bias(false)));
  CHECK(list->named_parameters().keys() == Names{"0.weight", "0.bias", "1.weight"});
  CHECK(list->size() == 3);
  CHECK(list->at<nn::ReLUImpl>(2).options.inplace() == false);
  CHECK_THROWS_WITH(list[3], "ModuleList: Index out of range: got 3, size is 3");

  nn::ModuleDict dict;
  dict->insert("a", nn::Linear(2, 2).ptr());
  dict->insert("b", nn::Tanh().ptr());
  CHECK(dict->keys() == Names{"a", "b"});
  dict->pop("a");
  CHECK(dict->named_parameters().is_empty());
  CHECK_THROWS_WITH(dict->pop("a"), "Module 'a' is not defined");
  OrderedDict<std::string, std::shared_ptr<nn::Module>> more;
  more.insert("c", nn::Linear(2, 3).ptr());
  more.insert("b", nn::Linear(2, 1).ptr());
  nn::ModuleDict other(more);
  dict->update(*other);
  CHECK(dict->keys() == Names{"b", "c"}); // replaced in its place
  CHECK(dict->named_parameters().keys() == Names{"b.weight", "b.bias", "c.weight", "c.bias"});

  nn::ParameterList parameters(ones(2).requires_grad_(), zeros(3));
  CHECK(parameters->named_parameters().keys() == Names{"0", "1"});
  CHECK(parameters[0].requires_grad());
  CHECK_FALSE(parameters[1].requires_grad());
  CHECK(std::dynamic_pointer_cast<nn::ParameterListImpl>(parameters->clone())->at(0).equal(ones(2)));
}

TEST_CASE("ParameterDict registers parameters by name") {
  nn::ParameterDict dict;
  dict->insert("a", ones({2}).requires_grad_());
  dict->insert("b", zeros({3}));
  CHECK(dict->named_parameters().keys() == Names{"a", "b"});
  CHECK(dict["a"].requires_grad());
  CHECK_FALSE(dict["b"].requires_grad());
  CHECK_THROWS_WITH(dict->insert("a", ones({1})), Contains("Parameter 'a' already defined"));
  CHECK_THROWS_WITH(dict->get("c"), Contains("Parameter 'c' is not defined"));

  OrderedDict<std::string, Tensor> more;
  more.insert("b", ones({4}));
  more.insert("c", ones({1}));
  dict->update(more);
  CHECK(dict->keys() == Names{"a", "b", "c"}); // "b" was replaced in its place
  CHECK(dict->get("b").sizes() == IntArrayRef({4}));
  CHECK(dict->parameters().size() == 3);

  std::ostringstream out;
  dict->pretty_print(out);
  CHECK(out.str() == "ParameterDict(\n(a): Parameter containing: [Float of size [2]]\n(b): Parameter "
                     "containing: [Float of size [4]]\n(c): Parameter containing: [Float of size [1]]\n)");
  auto copy = std::dynamic_pointer_cast<nn::ParameterDictImpl>(dict->clone());
  CHECK(copy->keys() == dict->keys());
  CHECK(copy->get("a").equal(ones({2})));
  CHECK_FALSE(copy->get("a").is_same(dict["a"]));
  copy->update(*dict);
  CHECK(copy->get("a").is_same(dict["a"]));

  CHECK(dict->pop("b").equal(ones({4})));
  CHECK_FALSE(dict->contains("b"));
  CHECK(dict->values().size() == 2);
  dict->clear();
  CHECK(dict->empty());
  CHECK(dict->parameters().empty());
}

TEST_CASE("OrderedDict keeps order through erasure and names its keys in errors") {
  OrderedDict<std::string, int> dict("Thing");
  dict.insert("a", 1);
  dict.insert("b", 2);
  dict.insert("c", 3);
  dict.erase("a");
  CHECK(dict.keys() == Names{"b", "c"});
  CHECK(dict["c"] == 3);
  CHECK(*dict[0] == 2);
  CHECK_THROWS_WITH(dict["a"], "Thing 'a' is not defined");
  CHECK_THROWS_WITH(dict.insert("b", 4), "Thing 'b' already defined");
  CHECK(dict.find("z") == nullptr);
}
