// save and load: round trips, names, what is refused, and that nothing changes when it is.
#include "../support/temporary_folder.h"

#include <kiln/data.h>
#include <kiln/kiln.h>
#include <kiln/serialize.h>

#include <catch2/catch.hpp>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>
#include <unistd.h>

using namespace kiln;
using Catch::Contains;
using Catch::Matchers::Message;
namespace fs = std::filesystem;

namespace {

struct NetImpl : nn::Module {
  explicit NetImpl(std::int64_t width = 4) {
    first = register_module("first", nn::Linear(3, width));
    second = register_module("second", nn::Linear(width, 2));
    steps = register_buffer("steps", zeros({}, kInt64));
  }
  Tensor forward(Tensor x) { return second(relu(first(x))); }
  nn::Linear first{nullptr}, second{nullptr};
  Tensor steps;
};
KILN_MODULE(Net);

bool same(const nn::Module& a, const nn::Module& b) {
  const auto left = a.state_dict(), right = b.state_dict();
  if (left.size() != right.size()) return false;
  for (const auto& item : left)
    if (!item->equal(right[item.key()])) return false;
  return true;
}

Tensor every(DType dtype) {
  return arange(-3, 3).to(kFloat32).mul(0.75).to(dtype).view({2, 3});
}

} // namespace

TEST_CASE("a module comes back under PyTorch's names, from either format") {
  test::TemporaryFolder dir;
  for (const char* name : {"net.safetensors", "net.pt", "net.pth", "net"}) {
    Net a, b;
    a->steps.fill_(7);
    save(a, dir / name);
    CHECK_FALSE(same(*a, *b));
    load(b, dir / name);
    CHECK(same(*a, *b));
    serialize::InputArchive archive;
    archive.load_from(dir / name);
    CHECK(archive.keys() == std::vector<std::string>{"steps", "first", "second"});
    serialize::InputArchive first;
    REQUIRE(archive.try_read("first", first));
    CHECK(first.keys() == std::vector<std::string>{"weight", "bias"});
  }
  CHECK(std::distance(fs::directory_iterator(dir.path), {}) == 4); // no temporary file is left
}

TEST_CASE("tensors of every dtype and of no elements come back bit for bit") {
  test::TemporaryFolder dir;
  for (const char* name : {"x.safetensors", "x.pt"})
    for (DType dtype : {kFloat32, kFloat64, kInt64, kInt32, kInt8, kUInt8, kBool, kBFloat16, kFloat16}) {
      if (dtype == kUInt8) continue; // negative numbers
      const Tensor x = every(dtype);
      save(x, dir / name);
      Tensor y;
      load(y, dir / name);
      CHECK(y.dtype() == dtype);
      CHECK(y.equal(x));
    }
  for (const char* name : {"x.safetensors", "x.pt"}) {
    save(zeros({2, 0, 3}), dir / name);
    Tensor y;
    load(y, dir / name);
    CHECK(y.sizes() == IntArrayRef({2, 0, 3}));
    save(full({}, 2.5, kFloat64), dir / name);
    Tensor z;
    load(z, dir / name);
    CHECK(z.dim() == 0);
    CHECK(z.item<double>() == 2.5);
  }
}

TEST_CASE("views are saved as what they show") {
  test::TemporaryFolder dir;
  const Tensor x = arange(12).view({3, 4});
  save(std::vector<Tensor>{x.t(), x.narrow(1, 1, 2), x[2]}, dir / "x.pt");
  std::vector<Tensor> y;
  load(y, dir / "x.pt");
  REQUIRE(y.size() == 3);
  CHECK(y[0].equal(x.t()));
  CHECK(y[1].equal(tensor({{1, 2}, {5, 6}, {9, 10}})));
  CHECK(y[2].equal(tensor({8, 9, 10, 11})));
}

TEST_CASE("streams and memory work as files do") {
  Net a, b, c, d;
  std::stringstream stream;
  save(a, stream);
  load(b, stream);
  CHECK(same(*a, *b));
  std::string bytes;
  save(a, [&](const void* data, std::size_t size) {
    bytes.append(static_cast<const char*>(data), size);
    return size;
  });
  load(c, bytes.data(), bytes.size());
  CHECK(same(*a, *c));
  load(
      d,
      [&](std::uint64_t at, void* to, std::size_t size) {
        return bytes.copy(static_cast<char*>(to), size, at);
      },
      [&] { return bytes.size(); });
  CHECK(same(*a, *d));
  CHECK_THROWS_MATCHES(save(a, [](const void*, std::size_t) { return std::size_t{0}; }), Error,
                       Message("save: the function takes no more"));
}

TEST_CASE("a header of any length is told from a zip file and a pickle") {
  // The length comes first, lowest byte first: 0x80 begins a pickle, "PK" a zip file.
  std::set<std::size_t> lengths;
  for (const std::size_t base : {std::size_t{0}, std::size_t{0x4b50 - 200}})
    for (std::size_t extra = 1; extra < 300; extra += 8) {
      const std::string name(base + extra, 'n');
      std::stringstream stream;
      serialize::OutputArchive out;
      out.write(name, ones({2}));
      out.save_to(stream);
      const std::string bytes = stream.str();
      lengths.insert(static_cast<unsigned char>(bytes[0]) + 256 * static_cast<unsigned char>(bytes[1]));
      serialize::InputArchive in;
      in.load_from(stream);
      Tensor back;
      in.read(name, back);
      CHECK(back.equal(ones({2})));
    }
  CHECK(lengths.contains(0x80));
  CHECK(lengths.contains(0x4b50));
}

TEST_CASE("archives hold values and archives") {
  test::TemporaryFolder dir;
  for (const char* name : {"a.safetensors", "a.pt"}) {
    serialize::OutputArchive archive, inner;
    inner.write("x", tensor({1, 2, 3}));
    inner.write("on", IValue(true));
    archive.write("inner", inner);
    archive.write("count", IValue(-5));
    archive.write("large", IValue(INT64_MIN));
    archive.write("rate", IValue(0.1));
    archive.write("whole", IValue(3.0));
    archive.write("infinite", IValue(-INFINITY));
    archive.write("nothing", IValue());
    archive.write("text", IValue("a \"quoted\"\n\xC3\xA4 line"));
    archive.write("list", IValue::list({1, 2.5, "three"}));
    CHECK_THROWS_MATCHES(archive.write("count", IValue(1)), Error,
                         Message("OutputArchive: 'count' was written before"));
    CHECK_THROWS_MATCHES(archive.write("", IValue(1)), Error,
                         Message("OutputArchive: a key must not be empty"));
    archive.save_to(dir / name);

    serialize::InputArchive in, nested, other;
    CHECK_THROWS_MATCHES(in.keys(), Error, Message("InputArchive: nothing has been loaded yet"));
    in.load_from(dir / name);
    Tensor x;
    IValue value;
    in.read("inner", nested);
    nested.read("x", x);
    CHECK(x.equal(tensor({1, 2, 3})));
    nested.read("on", value);
    CHECK(value.toBool());
    in.read("count", value);
    CHECK(value.toInt() == -5);
    in.read("large", value);
    CHECK(value.toInt() == INT64_MIN);
    in.read("rate", value);
    CHECK(value.toDouble() == 0.1);
    in.read("whole", value);
    CHECK(value.isDouble());
    in.read("infinite", value);
    CHECK(value.toDouble() == -INFINITY);
    in.read("nothing", value);
    CHECK(value.isNone());
    in.read("text", value);
    CHECK(value.toStringRef() == "a \"quoted\"\n\xC3\xA4 line");
    in.read("list.2", value);
    CHECK(value.toStringRef() == "three");
    CHECK_THROWS_MATCHES(value.toInt(), Error, Message("IValue: got text, wanted an integer"));
    CHECK_FALSE(in.try_read("missing", x));
    CHECK_FALSE(in.try_read("count", x));
    CHECK_FALSE(in.try_read("count", other));
    CHECK_THROWS_WITH(nested.read("y", x), Contains("No such serialized tensor 'inner.y'; it has x, on"));
    CHECK_THROWS_WITH(in.read("y", value), Contains("it does not have a field with name 'y'"));
    CHECK_THROWS_WITH(in.read("z", other), Contains("No such serialized submodule: 'z'"));
  }
}

TEST_CASE("a state dict that does not fit is told of all at once and changes nothing") {
  test::TemporaryFolder dir;
  struct Other : nn::Module {
    Other() {
      register_module("first", nn::Linear(3, 5));
      register_module("third", nn::Linear(1, 1));
      register_buffer("steps", zeros({}));
    }
  };
  save(std::make_shared<Other>(), dir / "other.safetensors");
  Net net;
  const auto before = net->state_dict();
  std::vector<Tensor> copies;
  for (const auto& item : before)
    copies.push_back(item->detach().clone());
  CHECK_THROWS_MATCHES(
      load(net, dir / "other.safetensors"), Error,
      Message(
          "load_state_dict: Error(s) in loading state_dict for " + net->name() + " from " +
          (dir / "other.safetensors") +
          ":\n  Missing key(s) in state_dict: \"second.weight\", \"second.bias\". (No such serialized "
          "submodule: 'second')\n  Unexpected key(s) in state_dict: \"third.weight\", \"third.bias\".\n"
          "  dtype mismatch for steps: f32[] from checkpoint, in current model it is i64[].\n"
          "  size mismatch for first.weight: copying a param with shape [5, 3] from checkpoint, the shape in "
          "current model is [4, 3].\n"
          "  size mismatch for first.bias: copying a param with shape [5] from checkpoint, the shape in "
          "current "
          "model is [4]."));
  for (std::size_t i = 0; i < copies.size(); ++i)
    CHECK(before[i]->equal(copies[i]));
}

TEST_CASE("load_state_dict may be lenient, converts numbers of a kind, and copies") {
  Net net;
  OrderedDict<std::string, Tensor> state;
  state.insert("first.bias", ones({4}, kFloat64));
  state.insert("extra", zeros({1}));
  const auto keys = net->load_state_dict(state, false);
  CHECK(keys.missing_keys ==
        std::vector<std::string>{"steps", "first.weight", "second.weight", "second.bias"});
  CHECK(keys.unexpected_keys == std::vector<std::string>{"extra"});
  CHECK(net->first->bias.equal(ones({4})));
  Net other;
  other->load_state_dict(net->state_dict());
  {
    NoGradGuard no_grad;
    net->first->bias.zero_();
  }
  CHECK(other->first->bias.equal(ones({4})));
}

TEST_CASE("tensors shared under two names are saved under both") {
  struct Tied : nn::Module {
    Tied() {
      auto shared = register_module("a", nn::Linear(2, 2));
      register_module("b", shared);
    }
  };
  test::TemporaryFolder dir;
  for (const char* name : {"tied.pt", "tied.safetensors"}) {
    auto x = std::make_shared<Tied>(), y = std::make_shared<Tied>();
    CHECK(x->state_dict().keys() == std::vector<std::string>{"a.weight", "a.bias", "b.weight", "b.bias"});
    save(x, dir / name);
    load(y, dir / name);
    CHECK(same(*x, *y));
  }
}

TEST_CASE("what cannot be written leaves the old file and names the place") {
  test::TemporaryFolder dir;
  save(ones({2}), dir / "x.pt");
  struct Broken : nn::Module {
    void save(serialize::OutputArchive&) const override { throw Error("no"); }
  };
  CHECK_THROWS_AS(save(std::make_shared<Broken>(), dir / "x.pt"), Error);
  Tensor x;
  load(x, dir / "x.pt");
  CHECK(x.equal(ones({2})));
  CHECK_THROWS_MATCHES(save(ones({1}), "/nonexistent/x.pt"), Error,
                       Message("/nonexistent/x.pt: cannot write: No such file or directory"));
  CHECK_THROWS_MATCHES(load(x, dir / "none.pt"), Error,
                       Message((dir / "none.pt") + ": cannot open: No such file or directory"));
  CHECK_THROWS_MATCHES(load(x, dir.path.string()), Error,
                       Message(dir.path.string() + ": cannot read: it is not a regular file"));
  CHECK_THROWS_MATCHES(save(Tensor(), dir / "u.pt"), Error, Message("save: got an undefined tensor"));
}

TEST_CASE("samplers go on in the middle of an epoch") {
  test::TemporaryFolder dir;
  manual_seed(2);
  data::samplers::RandomSampler a(10), b(3);
  a.next(4);
  save(a, dir / "sampler");
  load(b, dir / "sampler");
  CHECK(b.index() == 4);
  CHECK(*a.next(10) == *b.next(10));
  data::samplers::DistributedRandomSampler c(10, 2, 1), d(10, 2, 1);
  c.set_epoch(3);
  c.reset();
  c.next(2);
  save(c, dir / "distributed.pt");
  load(d, dir / "distributed.pt");
  CHECK(d.epoch() == 3);
  CHECK(*c.next(10) == *d.next(10));
}

TEST_CASE("loading into a compiled model: its next call has the new values, and nothing is compiled anew") {
  test::TemporaryFolder dir;
  Net trained, net;
  save(trained, dir / "net.safetensors");
  auto fast = jit::compile(net);
  const Tensor x = randn({5, 3});
  CHECK(fast(x).allclose(net(x)));
  const int programs = fast.programs();
  load(net, dir / "net.safetensors");
  CHECK(fast(x).equal(fast(x)));
  CHECK(fast(x).allclose(trained(x)));
  CHECK(fast.programs() == programs);
}

TEST_CASE("loading inside a compiled function is an error") {
  test::TemporaryFolder dir;
  Net net;
  save(net, dir / "net.safetensors");
  auto step = jit::compile([&](Tensor x) {
    load(net, dir / "net.safetensors");
    return net(x);
  });
  CHECK_THROWS_WITH(step(randn({1, 3})), Contains("cannot be called inside a compiled function"));
}

TEST_CASE("views are saved with values of their own") {
  test::TemporaryFolder dir;
  const Tensor base = arange(12, kFloat32).view({3, 4});
  const std::vector<Tensor> views = {base.t(),          base[1],     base.narrow(1, 1, 2),
                                     base.select(1, 2), base.t()[3], base};
  for (const char* file : {"views.pt", "views.safetensors"}) {
    INFO(file);
    save(views, dir / file);
    std::vector<Tensor> read;
    load(read, dir / file);
    REQUIRE(read.size() == views.size());
    for (std::size_t i = 0; i < views.size(); ++i) {
      INFO(i);
      CHECK(equal(read[i], views[i]));
    }
  }
}
