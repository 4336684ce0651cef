// Runs the example programs and checks what they print: numbers that are known beforehand, or that learning
// took place.
#include "../support/temporary_folder.h"

#include "digits/draw.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <sys/wait.h>
#include <vector>

using Catch::Contains;
namespace fs = std::filesystem;

namespace {

using Folder = kiln::test::TemporaryFolder;

/// What a program prints, errors too.
std::string output_of(const std::string& arguments, int wanted_status = 0) {
  std::FILE* pipe = popen((KILN_PROGRAMS "/" + arguments + " 2>&1").c_str(), "r");
  REQUIRE(pipe);
  std::string text;
  char piece[4096];
  for (std::size_t n; (n = std::fread(piece, 1, sizeof piece, pipe)) > 0;)
    text.append(piece, n);
  const int status = pclose(pipe);
  INFO(text);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == wanted_status);
  return text;
}

/// The numbers that the groups of `pattern` match where it is first found.
std::vector<double> numbers(const std::string& text, const std::string& pattern) {
  std::smatch match;
  INFO(text);
  REQUIRE(std::regex_search(text, match, std::regex(pattern)));
  std::vector<double> found;
  for (std::size_t i = 1; i < match.size(); ++i)
    found.push_back(std::stod(match[i]));
  return found;
}

} // namespace

TEST_CASE("first_net learns, eagerly and compiled alike") {
  const auto losses = numbers(output_of("first_net"), "last loss: eager ([0-9.]+), compiled ([0-9.]+)");
  CHECK(losses[0] < 0.6); // 0.69 for who knows nothing
  CHECK(std::abs(losses[0] - losses[1]) < 1e-4);
}

TEST_CASE("custom_module computes x W + b, its gradients and its buffer") {
  CHECK(output_of("custom_module") == R"(  6.5000   9.5000  12.5000
 12.5000  19.5000  26.5000
[ CPUFloatType{2,3} ]
weight has gradient
 4  4  4
 6  6  6
[ CPUFloatType{2,3} ]
bias has gradient
 2
 2
 2
[ CPUFloatType{3} ]
calls = 1
)");
}

TEST_CASE("sequential prints its modules and does what they do one after another") {
  CHECK(output_of("sequential") == R"(Sequential(
  (hidden): Linear(in_features=4, out_features=8, bias=true)
  (act): ReLU()
  (out): Linear(in_features=8, out_features=2, bias=true)
)
difference from the same by hand: 0
5 modules, rows sum to one: true
)");
}

TEST_CASE("mlp learns the curve, eagerly and compiled alike") {
  const auto losses = numbers(output_of("mlp"), "last loss: eager ([0-9.]+), compiled ([0-9.]+)");
  CHECK(losses[0] < 0.01);
  CHECK(std::abs(losses[0] - losses[1]) < 0.001);
}

TEST_CASE("init_apply gives parameters the distributions that it names") {
  const std::string text = output_of("init_apply");
  const std::string statistics = ": mean (-?[0-9.]+), std ([0-9.]+), largest ([0-9.]+)";
  const auto normal = numbers(text, "normal 0.weight" + statistics);
  CHECK(std::abs(normal[0]) < 0.0005); // of 20,000 draws with 0.01: sixfold its error
  CHECK(normal[1] == Approx(0.01).epsilon(0.05));
  CHECK(numbers(text, "normal 2.bias" + statistics)[2] == 0);
  const double bound = std::sqrt(6.0 / (200 + 100));
  const auto xavier = numbers(text, "xavier 0.weight" + statistics);
  CHECK(xavier[1] == Approx(bound / std::sqrt(3)).epsilon(0.05));
  CHECK(xavier[2] <= bound + 0.0001);
  CHECK(xavier[2] > 0.99 * bound);
  CHECK_THAT(text, Contains("first weight 42.0, first bias 1.0\n"));
}

TEST_CASE("hooks looks into a model and changes what flows through it") {
  const std::string text = output_of("hooks");
  const auto above = numbers(text, "layer 0 returned \\[32, 16\\], ([0-9]+) % of it above 0\n"
                                   "layer 1 returned \\[32, 16\\], ([0-9]+) % of it above 0\n"
                                   "layer 2 returned \\[32, 4\\]");
  CHECK(above[0] == above[1]); // ReLU's are those of the layer before
  CHECK_THAT(text, Contains("training, two calls agree: no\nevaluating, two calls agree: yes\n"));
  const auto gradients = numbers(text, "first layer: ([0-9.]+)\ncompiled: ([0-9.]+)\n");
  CHECK(gradients[0] > 0);
  CHECK(gradients[0] < 0.02); // 1e-3 times what 32 inputs of 8 numbers add up to
  CHECK(gradients[0] == gradients[1]);
  CHECK_THAT(text, Contains("loss with the output muted: 0.0, 2 programs\n"));
}

TEST_CASE("save_load gets everything back, and goes on bit for bit") {
  Folder folder;
  const std::string text = output_of("save_load " + folder.path.string());
  CHECK_THAT(text, Contains("tensor: true\n"));
  for (const char* name : {"net.safetensors", "net.pt"}) {
    CHECK_THAT(text, Contains(std::string(name) + ": equal before false, after loading true\n"));
    CHECK(fs::file_size(folder.path / name) > 4 * (8 * 16 + 16 + 16 + 1));
  }
  CHECK_THAT(text, Contains("a wider net refuses: ") && Contains("hidden.weight") && Contains("[32, 8]"));
  CHECK_THAT(text, Contains("epoch 1 goes on, losses equal: true\n"));
  CHECK_THAT(output_of("save_load /nowhere", 1), Contains("/nowhere/x.safetensors"));
}

TEST_CASE("residual_block starts as the identity and learns") {
  const std::string text = output_of("residual_block");
  CHECK_THAT(text, Contains("changes its input by 0\n") && Contains("reaches the input is 1 to 1\n"));
  const auto losses = numbers(text, "loss ([0-9.]+), after 100 steps ([0-9.]+)");
  CHECK(losses[1] < losses[0] / 10);
}

TEST_CASE("attention_block looks at no later place") {
  const std::string text = output_of("attention_block");
  CHECK(numbers(text, "off by ([-0-9.e]+)")[0] < 1e-5);
  CHECK_THAT(text, Contains("weight on the future: 0\n") && Contains("at 5: some\n"));
  CHECK(numbers(text, "places 0 to 4: ([-0-9.e]+),")[0] < 1e-5);
}

TEST_CASE("two_moons tells the moons apart and draws them") {
  Folder folder;
  const fs::path picture = folder.path / "moons.svg";
  const auto result = numbers(output_of("two_moons " + picture.string()),
                              "loss ([0-9.]+), at the end ([0-9.]+); ([0-9.]+) %");
  CHECK(result[0] > 0.5);
  CHECK(result[1] < 0.1);
  CHECK(result[2] > 97);
  std::ifstream file(picture);
  const std::string svg{std::istreambuf_iterator<char>(file), {}};
  CHECK_THAT(svg, Catch::StartsWith("<svg") && Contains("two moons") && Contains("binary cross-entropy"));
  std::size_t points = 0;
  for (std::size_t at = svg.find("<circle"); at != svg.npos; at = svg.find("<circle", at + 1))
    ++points;
  CHECK(points >= 380); // of 400: noise carries few of them out of the picture
  CHECK_THAT(output_of("two_moons /nowhere/moons.svg", 1), Contains("two_moons: ") && Contains("/nowhere"));
}

TEST_CASE("char_lm learns a text, eagerly and compiled alike, and writes in its characters") {
  Folder folder;
  const fs::path text = folder.path / "text";
  std::ofstream file(text);
  for (int i = 0; i < 60; ++i)
    file << "abcdefgh.";
  file.close();
  const std::string said = output_of("char_lm --text " + text.string() +
                                     " --start abc --epochs 3 --batch 8 --sequence 16 --width 32 --layers 1 "
                                     "--length 40 --temperature 0.2 --rate 0.01");
  CHECK_THAT(said, Contains("540 characters of 9 kinds") && Contains("eager epoch 3  65/65") &&
                       Contains("compiled epoch 3  65/65"));
  const auto first = numbers(said, "first loss +([0-9.]+) +([0-9.]+)");
  const auto last = numbers(said, "mean of last losses +([0-9.]+) +([0-9.]+)");
  CHECK(first[0] == Approx(std::log(9)).epsilon(0.5)); // knows nothing yet
  CHECK(last[0] < 0.1);                                // each character but a stretch's first is certain
  for (int i : {0, 1})
    CHECK(std::abs((i ? last : first)[0] - (i ? last : first)[1]) < 1e-3);
  CHECK_THAT(said, Contains("---\nabcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefg"));
}

TEST_CASE("digits learns what is in IDX files, eagerly and compiled alike") {
  namespace data = kiln::data;
  Folder folder;
  for (auto [split, count] : {std::pair{data::Split::Train, 2000}, {data::Split::Test, 500}}) {
    const data::LabelledImages set = data::draw_digits(count, static_cast<std::uint64_t>(count));
    data::write_idx(folder.path / data::images_name(split), set.images);
    data::write_idx(folder.path / data::labels_name(split), set.labels);
  }
  const std::string picture = folder / "loss.svg", stages = folder / "stages";
  const std::string said = output_of("digits --epochs 4 --data " + folder.path.string() + " --svg " +
                                     picture + " --dump " + stages);
  CHECK_THAT(said, Contains("data: the IDX files in ") && Contains("eager epoch 4") &&
                       Contains("compiled epoch 4") && Contains("kernels:") && Contains("first step"));
  const auto accuracy = numbers(said, "test accuracy +([0-9.]+) % +([0-9.]+) %");
  CHECK(accuracy[0] > 80);
  CHECK(std::abs(accuracy[0] - accuracy[1]) < 1);
  CHECK(numbers(said, "loss curves are at most ([0-9.e+-]+) apart")[0] < 1e-3);
  CHECK(fs::file_size(picture) > 1000);
  CHECK_FALSE(fs::is_empty(stages));
}

TEST_CASE("digits says what is wrong with its files") {
  Folder folder;
  std::ofstream(folder.path / "train-images-idx3-ubyte") << "no images";
  CHECK_THAT(output_of("digits --data " + folder.path.string(), 1),
             Contains("digits: ") && Contains("train-labels-idx1-ubyte") && Contains("got neither"));
}

TEST_CASE("char_lm says what is wrong with a text") {
  Folder folder;
  CHECK_THAT(output_of("char_lm --text " + (folder.path / "none").string(), 1),
             Catch::StartsWith("char_lm: " + folder.path.string()) && Contains("none: cannot read any text"));
  CHECK_THAT(output_of("char_lm --text " + folder.path.string(), 1), Contains(": cannot read any text"));
  constexpr int kWrongOption = 105; // CLI11's
  CHECK_THAT(output_of("char_lm --temperature 0", kWrongOption),
             Contains("--temperature: wants a number above 0, got 0"));
  std::ofstream(folder.path / "short") << "too short";
  CHECK_THAT(output_of("char_lm --text " + (folder.path / "short").string(), 1),
             Contains("short: 9 characters are too few for a batch of 16 stretches of 64"));
}
