// Binary classification with a picture of its training: two interleaved moons, a small perceptron, the
// regions into which it divides the plane, and its loss. Writes two_moons.svg, or the file that is named.
#include <kiln/kiln.h>
#include <kiln/watch/chart.h>

#include <cstdio>

using namespace kiln;

constexpr std::int64_t kPoints = 200; // of each moon
constexpr double kPi = 3.14159265358979;

/// Points [2 n, 2] of two half circles with noise, and their class [2 n, 1].
std::pair<Tensor, Tensor> two_moons() {
  auto angle = linspace(0, kPi, kPoints);
  auto upper = stack({cos(angle), sin(angle)}, 1), lower = stack({1 - cos(angle), 0.5 - sin(angle)}, 1);
  auto points = cat({upper, lower}) + 0.1 * randn({2 * kPoints, 2});
  return {points, cat({zeros({kPoints, 1}), ones({kPoints, 1})})};
}

watch::Points cloud(const char* name, const char* colour, const Tensor& points) {
  watch::Points cloud{name, colour, {}};
  const Tensor whole = points.contiguous();
  for (std::int64_t i = 0; i < whole.size(0); ++i)
    cloud.at.emplace_back(whole.data_ptr<float>()[2 * i], whole.data_ptr<float>()[2 * i + 1]);
  return cloud;
}

int main(int argc, char** argv) try {
  manual_seed(1);
  auto [points, classes] = two_moons();
  nn::Sequential net(nn::Linear(2, 16), nn::Tanh(), nn::Linear(16, 16), nn::Tanh(), nn::Linear(16, 1));
  optim::Adam adam(net->parameters(), optim::AdamOptions(0.02));
  auto step = jit::compile([&](Tensor x, Tensor y) {
    adam.zero_grad();
    auto loss = nn::functional::binary_cross_entropy_with_logits(net->forward(x), y);
    loss.backward();
    adam.step();
    return loss;
  });
  std::vector<double> losses;
  for (int epoch = 0; epoch < 400; ++epoch)
    losses.push_back(step(points, classes).item<double>());

  NoGradGuard no_grad;
  const double right = net->forward(points).gt(0).to(kFloat32).eq(classes).to(kFloat32).mean().item<double>();
  std::printf("loss %.4f, at the end %.4f; %.1f %% of the points are on their side\n", losses.front(),
              losses.back(), right * 100);

  watch::Regions regions{-1.5, 2.5, -1.0, 1.5, 60, 96, {}};
  std::vector<float> grid;
  for (std::size_t row = 0; row < regions.rows; ++row)
    for (std::size_t column = 0; column < regions.columns; ++column) {
      grid.push_back(float(regions.x_min + (double(column) + 0.5) * 4.0 / double(regions.columns)));
      grid.push_back(float(regions.y_min + (double(row) + 0.5) * 2.5 / double(regions.rows)));
    }
  const auto cells = std::ssize(grid) / 2;
  const Tensor chance = sigmoid(net->forward(from_blob(grid.data(), {cells, 2}))).contiguous();
  regions.values.assign(chance.data_ptr<float>(), chance.data_ptr<float>() + cells);
  const char* file = argc > 1 ? argv[1] : "two_moons.svg";
  watch::write_text(
      file,
      watch::beside(
          {watch::region_chart("two moons", "x", "y", regions,
                               {cloud("upper", "#d95f02", points.narrow(0, 0, kPoints)),
                                cloud("lower", "#1b6ca8", points.narrow(0, kPoints, kPoints))}),
           watch::line_chart("training", "epoch", "binary cross-entropy", {{"loss", "#1b6ca8", losses}})}));
  std::printf("picture: %s\n", file);
} catch (const Error& error) {
  std::fprintf(stderr, "two_moons: %s\n", error.what());
  return 1;
}
