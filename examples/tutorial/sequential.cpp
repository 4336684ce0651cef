// Sequential: modules one after another, with and without names.
#include <kiln/kiln.h>

#include <iostream>

using namespace kiln;

int main() {
  manual_seed(1);
  nn::Sequential net({{"hidden", nn::Linear(4, 8)}, {"act", nn::ReLU()}, {"out", nn::Linear(8, 2)}});
  std::cout << net << "\n";

  auto hidden = net->ptr<nn::LinearImpl>(0), out = net->ptr<nn::LinearImpl>(2);
  auto x = randn({3, 4});
  auto by_hand = out->forward(relu(hidden->forward(x)));
  std::cout << "difference from the same by hand: " << (net->forward(x) - by_hand).abs().max().item<float>()
            << "\n";

  nn::Sequential longer(nn::Linear(4, 4));
  longer->extend(*net);
  longer->push_back("end", nn::Softmax(1));
  auto sums = longer->forward(x).sum({1});
  std::cout << longer->size() << " modules, rows sum to one: " << std::boolalpha << allclose(sums, ones({3}))
            << "\n";
}
