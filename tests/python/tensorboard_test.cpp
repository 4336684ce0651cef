// Event files as TensorBoard's own package reads them, migrations to its newer formats included.
#include "kiln/kiln.h"
#include "kiln/watch/summary_writer.h"
#include "python.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <set>

using namespace kiln;
using nlohmann::json;
using namespace nlohmann::literals;
using watch::SummaryWriter;
using watch::SummaryWriterOptions;
namespace fs = std::filesystem;

namespace {

/// What TensorBoard reads of each run below `root`.
json read(const fs::path& root) {
  return python::run("read_events.py", root);
}
json scalars(const json& run, const char* tag) {
  json points = run.at("panels").at("scalars").at(tag);
  for (json& point : points)
    point.erase(1); // the time
  return points;
}
/// The graph's node of this name.
json node(const json& run, const std::string& name) {
  for (const json& node : run.at("graph"))
    if (node.at("name") == name) return node;
  FAIL("no node " << name << " in " << run.at("graph").dump(1));
  return {};
}
json shape_of(const json& run, const std::string& name) {
  return node(run, name).at("attributes").at("_output_shapes").at(0);
}

fs::path only_event_file(const fs::path& directory) {
  for (const auto& entry : fs::directory_iterator(directory))
    return entry.path();
  return {};
}

struct BlockImpl : nn::Module {
  BlockImpl() {
    fc = register_module("fc", nn::Linear(4, 4));
    scale = register_buffer("scale", full({4}, 2.0f));
  }
  Tensor forward(Tensor x) { return x + relu(fc(x)) * scale; }
  nn::Linear fc{nullptr};
  Tensor scale;
};
KILN_MODULE(Block);

struct NetImpl : nn::Module {
  NetImpl() {
    blocks = register_module("blocks", nn::Sequential(Block(), Block()));
    head = register_module("head", nn::Linear(4, 2));
  }
  Tensor forward(Tensor x) { return log_softmax(head(blocks->forward(x)), 1); }
  nn::Sequential blocks{nullptr};
  nn::Linear head{nullptr};
};
KILN_MODULE(Net);

} // namespace

TEST_CASE("scalars") {
  if (!python::has("tensorboard")) return;
  python::Folder folder;
  SummaryWriter writer(folder.path);
  writer.add_scalar("loss/train", 0.5, 1, 1234.5);
  writer.add_scalar("loss/train", tensor(0.25), 2);
  writer.add_scalar("large step", -1e30, std::int64_t{1} << 40);
  writer.add_scalars("accuracy", {{"train", 1}, {"test", 0.75}}, 3);
  const json runs = read(folder.path);
  CHECK(runs.size() == 3);
  CHECK(scalars(runs["."], "loss/train") == "[[1, 0.5], [2, 0.25]]"_json);
  CHECK(runs["."]["panels"]["scalars"]["loss/train"][0][1] == 1234.5);
  CHECK(scalars(runs["."], "large step") == json::array({{std::int64_t{1} << 40, -1e30f}}));
  CHECK(scalars(runs["accuracy_train"], "accuracy") == "[[3, 1.0]]"_json);
  CHECK(scalars(runs["accuracy_test"], "accuracy") == "[[3, 0.75]]"_json);
}

TEST_CASE("histograms: every element is in the bucket around it") {
  if (!python::has("tensorboard")) return;
  python::Folder folder;
  SummaryWriter writer(folder.path);
  manual_seed(1);
  const Tensor values = randn({40, 25}) * 3;
  writer.add_histogram("weights", values, 7);
  writer.add_histogram("one", zeros({3}), 8);
  writer.add_histogram("left out", tensor({1.0, double(NAN), double(INFINITY), 1.0}), 9);
  writer.add_histogram("whole numbers", arange(10), 10);
  const json histograms = read(folder.path)["."]["panels"]["histograms"];

  CHECK(histograms["weights"][0][0] == 7);
  const json& buckets = histograms["weights"][0][2];
  const auto* data = values.data_ptr<float>();
  double total = 0;
  for (const json& bucket : buckets) {
    // TensorBoard keeps edges in float32; elements so near to one may be counted on either side.
    const double left = bucket[0], right = bucket[1], count = bucket[2],
                 slack = 1e-5 * std::abs(right) + 1e-12;
    total += count;
    CHECK(std::count_if(data, data + 1000, [&](float v) { return v > left + slack && v < right - slack; }) <=
          count);
    CHECK(std::count_if(data, data + 1000, [&](float v) { return v > left - slack && v < right + slack; }) >=
          count);
    CHECK((right - left <= 0.1 * std::max(std::abs(left), std::abs(right)) + 1e-11));
  }
  CHECK(total == 1000);
  CHECK(buckets.front()[0] == values.min().item<float>());
  CHECK(buckets.back()[1] == values.max().item<float>());

  auto elements = [&](const char* tag) {
    double sum = 0;
    for (const json& bucket : histograms[tag][0][2])
      sum += bucket[2].get<double>();
    return sum;
  };
  CHECK(elements("one") == 3);
  CHECK(elements("left out") == 2);
  CHECK(elements("whole numbers") == 10);
}

TEST_CASE("text") {
  if (!python::has("tensorboard")) return;
  python::Folder folder;
  SummaryWriter(folder.path).add_text("note", "learns *fast*, 100 µs", 4);
  const json text = read(folder.path)["."]["panels"]["text"]["note/text_summary"][0];
  CHECK(text[0] == 4);
  CHECK(text[2] == json::array({"learns *fast*, 100 µs"}));
}

TEST_CASE("the graph: parameters and ops by module, edges, types and shapes") {
  if (!python::has("tensorboard")) return;
  python::Folder folder;
  Net net;
  SummaryWriter(folder.path).add_graph(net, ones({3, 4}));
  const json run = read(folder.path)["."];
  CHECK(shape_of(run, "input0") == json::array({3, 4}));
  CHECK(shape_of(run, "blocks/0/fc/weight") == json::array({4, 4}));
  CHECK(shape_of(run, "blocks/1/scale") == json::array({4}));
  CHECK(shape_of(run, "head/bias") == json::array({2}));
  CHECK(shape_of(run, "output") == json::array({3, 2}));
  CHECK(node(run, "output")["attributes"]["dtype"] == "DT_FLOAT");

  const json first = node(run, "blocks/0/fc/linear"), second = node(run, "blocks/1/fc/linear");
  CHECK(first["op"] == "linear");
  CHECK(first["inputs"] == json::array({"input0", "blocks/0/fc/weight", "blocks/0/fc/bias"}));
  CHECK_THAT(second["inputs"][0].get<std::string>(), Catch::StartsWith("blocks/0/"));
  CHECK(second["inputs"][1] == "blocks/1/fc/weight");
  // Every edge leads to a node, no two nodes share a name, and none is called as a group is.
  std::set<std::string> names;
  for (const json& node : run["graph"])
    CHECK(names.insert(node["name"]).second);
  for (const json& node : run["graph"])
    for (const std::string edge : node["inputs"])
      CHECK(names.count(edge.substr(0, edge.find(':'))));
  for (const std::string& name : names)
    for (const std::string& other : names)
      CHECK((other.size() <= name.size() || other.compare(0, name.size() + 1, name + "/") != 0));
}

TEST_CASE("a run that goes on after a file was cut loses the cut record alone") {
  if (!python::has("tensorboard")) return;
  python::Folder folder;
  {
    SummaryWriter writer(folder.path);
    for (int step = 1; step <= 3; ++step)
      writer.add_scalar("loss", step, step);
  }
  const fs::path file = only_event_file(folder.path);
  fs::resize_file(file, fs::file_size(file) - 5);
  SummaryWriter(folder.path).add_scalar("loss", 4, 4);
  CHECK(scalars(read(folder.path)["."], "loss") == "[[1, 1.0], [2, 2.0], [4, 4.0]]"_json);
}

TEST_CASE("purge_step hides what an interrupted run wrote from there on") {
  if (!python::has("tensorboard")) return;
  python::Folder folder;
  {
    SummaryWriter writer(folder.path);
    for (int step = 1; step <= 4; ++step)
      writer.add_scalar("loss", step, step);
  }
  SummaryWriter(folder.path, SummaryWriterOptions().purge_step(3)).add_scalar("loss", 30, 3);
  CHECK(scalars(read(folder.path)["."], "loss") == "[[1, 1.0], [2, 2.0], [3, 30.0]]"_json);
}
