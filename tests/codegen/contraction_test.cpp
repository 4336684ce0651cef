// Matrix products through the whole compiler against slow loops over doubles: sizes around the register tile
// and the vector lanes, every transpose, batches, both precisions, epilogues. Operands end where their page
// ends and the next page cannot be read, so that a kernel which reads beyond one dies here.
#include "../support/run_program.h"

#include "kiln/ir/compiler.h"
#include "kiln/runtime/executable.h"

#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

using namespace kiln;
using namespace kiln::test;

namespace {
constexpr DType f32 = DType::Float32, f64 = DType::Float64;

ir::ValueId call(ir::Program& p, std::string_view op, std::vector<ir::ValueId> operands,
                 std::vector<ir::NamedAttr> attrs = {}) {
  return p.add_call(op, std::move(operands), std::move(attrs)).front();
}

ir::ValueId matmul(ir::Program& p, ir::ValueId lhs, ir::ValueId rhs, bool transposeLhs, bool transposeRhs) {
  return call(p, "matmul", {lhs, rhs}, {{"transpose_lhs", transposeLhs}, {"transpose_rhs", transposeRhs}});
}

double at(const Buffer& buffer, std::int64_t i) {
  auto element = static_cast<std::size_t>(i);
  return buffer.type.dtype == f32 ? double(buffer.as<float>()[element]) : buffer.as<double>()[element];
}
double epsilon(DType dtype) {
  return dtype == f32 ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
}

struct Product {
  std::int64_t batch = 0, m = 1, n = 1, k = 1; ///< batch 0: operands of rank two
  bool transposeLhs = false, transposeRhs = false;
  DType dtype = f32;

  Shape shape(std::int64_t rows, std::int64_t columns, bool transposed) const {
    if (transposed) std::swap(rows, columns);
    return batch ? Shape{batch, rows, columns} : Shape{rows, columns};
  }
  TensorType lhs() const { return {dtype, shape(m, k, transposeLhs)}; }
  TensorType rhs() const { return {dtype, shape(k, n, transposeRhs)}; }
};

std::ostream& operator<<(std::ostream& out, const Product& p) {
  return out << "batch " << p.batch << ", " << p.m << "x" << p.k << (p.transposeLhs ? " (transposed)" : "")
             << " times " << p.k << "x" << p.n << (p.transposeRhs ? " (transposed) " : " ") << name(p.dtype);
}

/// The product's elements, and the sum of its terms' absolute values: rounding is bounded by the latter.
struct Sums {
  std::vector<double> value, size;
};

Sums multiply(const Product& p, const Buffer& lhs, const Buffer& rhs) {
  Sums sums;
  for (std::int64_t b = 0; b < std::max<std::int64_t>(p.batch, 1); ++b)
    for (std::int64_t i = 0; i < p.m; ++i)
      for (std::int64_t j = 0; j < p.n; ++j) {
        double value = 0, size = 0;
        for (std::int64_t k = 0; k < p.k; ++k) {
          double l = at(lhs, b * p.m * p.k + (p.transposeLhs ? k * p.m + i : i * p.k + k));
          double r = at(rhs, b * p.k * p.n + (p.transposeRhs ? j * p.k + k : k * p.n + j));
          value += l * r, size += std::abs(l * r);
        }
        sums.value.push_back(value), sums.size.push_back(size);
      }
  return sums;
}

/// Allocations that end at a page which can be neither read nor written.
class Guarded {
public:
  explicit Guarded(std::size_t bytes) {
    auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    std::size_t used = (bytes + page - 1) / page * page;
    size_ = used + page;
    base_ = static_cast<std::byte*>(
        mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(base_ != MAP_FAILED);
    REQUIRE(mprotect(base_ + used, page, PROT_NONE) == 0);
    data_ = base_ + used - bytes;
  }
  Guarded(Guarded&& other) noexcept
      : base_(std::exchange(other.base_, nullptr)), data_(other.data_), size_(other.size_) {}
  ~Guarded() {
    if (base_) munmap(base_, size_);
  }
  std::byte* data() const { return data_; }

private:
  std::byte *base_ = nullptr, *data_ = nullptr;
  std::size_t size_ = 0;
};

/// As test::run, on guarded memory.
std::vector<Buffer> runGuarded(const ir::Program& program, std::span<const Buffer> inputs, int threads) {
  ir::CompileOptions options;
  options.threads = threads;
  runtime::Executable executable(kiln_compiler()->compile(program, options).artifact);
  std::vector<Guarded> memory;
  std::vector<void*> inputPointers, outputPointers;
  for (const Buffer& input : inputs) {
    memory.emplace_back(input.bytes.size());
    std::memcpy(memory.back().data(), input.bytes.data(), input.bytes.size());
    inputPointers.push_back(memory.back().data());
  }
  std::vector<Buffer> outputs;
  for (ir::ValueId output : program.outputs) {
    outputs.push_back(zeros(program.values[output]));
    memory.emplace_back(outputs.back().bytes.size());
    outputPointers.push_back(memory.back().data());
  }
  executable.run(inputPointers, outputPointers);
  for (std::size_t i = 0; i < outputs.size(); ++i)
    std::memcpy(outputs[i].bytes.data(), outputPointers[i], outputs[i].bytes.size());
  return outputs;
}

std::vector<Buffer> randomInputs(const ir::Program& p) {
  std::vector<Buffer> in;
  for (unsigned i = 0; i < p.inputs; ++i)
    in.push_back(random(p.values[i], i + 1));
  return in;
}

/// The outputs, which do not depend on the number of threads.
std::vector<Buffer> runOnOneAndTwoThreads(const ir::Program& p, std::span<const Buffer> in) {
  auto one = runGuarded(p, in, 1), two = runGuarded(p, in, 2);
  REQUIRE(one.size() == two.size());
  for (std::size_t i = 0; i < one.size(); ++i)
    REQUIRE(one[i].bytes == two[i].bytes);
  return one;
}

/// All of `products` as one program, on one and two threads.
void check(const std::vector<Product>& products) {
  ir::Program program;
  std::vector<Buffer> inputs;
  for (const Product& p : products)
    for (const TensorType& type : {p.lhs(), p.rhs()}) {
      program.add_input(type);
      inputs.push_back(random(type, static_cast<unsigned>(inputs.size())));
    }
  for (std::size_t i = 0; i < products.size(); ++i) {
    auto lhs = static_cast<ir::ValueId>(2 * i);
    program.outputs.push_back(
        matmul(program, lhs, lhs + 1, products[i].transposeLhs, products[i].transposeRhs));
  }
  auto one = runGuarded(program, inputs, 1), two = runGuarded(program, inputs, 2);
  for (std::size_t i = 0; i < products.size(); ++i) {
    const Product& p = products[i];
    INFO(p);
    CHECK(one[i].bytes == two[i].bytes);
    Sums sums = multiply(p, inputs[2 * i], inputs[2 * i + 1]);
    double tolerance = epsilon(p.dtype) * static_cast<double>(p.k + 1);
    for (std::size_t j = 0; j < sums.value.size(); ++j) {
      INFO("element " << j);
      REQUIRE(std::abs(at(one[i], static_cast<std::int64_t>(j)) - sums.value[j]) <= tolerance * sums.size[j]);
    }
  }
}

/// The product with its operands stored all four ways.
std::vector<Product> everyTranspose(Product product) {
  std::vector<Product> result;
  for (bool lhs : {false, true})
    for (bool rhs : {false, true}) {
      product.transposeLhs = lhs, product.transposeRhs = rhs;
      result.push_back(product);
    }
  return result;
}
} // namespace

TEST_CASE("products of no terms are 0") {
  constexpr std::int64_t kRows = 3, kColumns = 4;
  ir::Program p;
  auto x = p.add_input({f32, {kRows, 0}}), w = p.add_input({f32, {kColumns, 0}}),
       b = p.add_input({f32, {kColumns}});
  auto product = matmul(p, x, w, false, true);
  p.outputs = {product, call(p, "add", {product, b})};
  std::vector in{random(p.values[0], 1), random(p.values[1], 2), random(p.values[2], 3)};
  auto out = run(p, in, 2);
  for (std::int64_t i = 0; i < kRows * kColumns; ++i) {
    REQUIRE(at(out[0], i) == 0);
    REQUIRE(at(out[1], i) == at(in[2], i % kColumns));
  }
}

TEST_CASE("products smaller than a register tile, and of one row, column or term") {
  for (auto [m, n, k] :
       {std::array{1, 1, 1}, {1, 1, 7}, {2, 3, 1}, {1, 17, 5}, {15, 1, 16}, {5, 16, 17}, {3, 15, 31}}) {
    check(everyTranspose({0, m, n, k}));
    check(everyTranspose({0, m, n, k, false, false, f64}));
  }
}

TEST_CASE("products that end beside a register tile, a vector, a block of rows, columns or depth") {
  for (auto [m, n, k] : {std::array{8, 32, 16},
                         {7, 31, 15},
                         {9, 33, 17},
                         {14, 64, 64},
                         {13, 63, 65},
                         {29, 47, 13},
                         {129, 127, 33},
                         {64, 10, 256},
                         {33, 130, 511},
                         {17, 40, 513},
                         {140, 48, 520},
                         {127, 257, 770}})
    check(everyTranspose({0, m, n, k}));
  check(everyTranspose({0, 33, 65, 129, false, false, f64}));
  check(everyTranspose({0, 131, 31, 520, false, false, f64}));
}

TEST_CASE("two threads share a large product evenly, whatever its shape") {
  constexpr std::int64_t kThreads = 2;
  for (auto [m, n, k] : {std::array{256, 784, 64}, {192, 640, 256}, {1024, 384, 128}, {64, 640, 512}}) {
    ir::Program p;
    auto lhs = p.add_input({f32, {k, m}}), rhs = p.add_input({f32, {k, n}});
    p.outputs = {matmul(p, lhs, rhs, true, false)};
    ir::CompileOptions options;
    options.threads = kThreads;
    const runtime::Artifact artifact = kiln_compiler()->compile(p, options).artifact;
    REQUIRE(artifact.launches.size() == 1);
    const auto items = artifact.launches[0].items, grain = artifact.launches[0].grain;
    // As runtime::launch cuts it: runs of whole grains, one for each thread.
    const std::int64_t first = std::min(items, (items + grain - 1) / grain / kThreads * grain);
    INFO(m << "x" << n << "x" << k << ": " << first << " and " << items - first << " items");
    CHECK(std::abs(items - 2 * first) <= 1);
  }
}

TEST_CASE("batches of products") {
  for (auto [batch, m, n, k] : {std::array{1, 4, 4, 4},
                                {3, 1, 1, 1},
                                {5, 7, 9, 11},
                                {2, 33, 17, 65},
                                {8, 16, 64, 32},
                                {3, 5, 20, 600}})
    check(everyTranspose({batch, m, n, k}));
  check(everyTranspose({3, 9, 10, 11, false, false, f64}));
}

TEST_CASE("a right operand shared by the batch") {
  constexpr std::int64_t kBatch = 3, kM = 21, kN = 37, kK = 19;
  for (bool transposed : {false, true}) {
    ir::Program p;
    auto lhs = p.add_input({f32, {kBatch, kM, kK}});
    auto rhs = p.add_input({f32, transposed ? Shape{kN, kK} : Shape{kK, kN}});
    Shape wide = transposed ? Shape{kBatch, kN, kK} : Shape{kBatch, kK, kN};
    auto each = call(p, "broadcast", {rhs}, {{"shape", std::vector(wide.begin(), wide.end())}});
    p.outputs = {matmul(p, lhs, each, false, transposed)};
    const std::vector<Buffer> in = randomInputs(p);
    auto one = runOnOneAndTwoThreads(p, in);
    Sums sums =
        multiply({0, kBatch * kM, kN, kK, false, transposed}, in[0], in[1]); // one product of stacked rows
    for (std::size_t i = 0; i < sums.value.size(); ++i)
      REQUIRE(std::abs(one[0].as<float>()[i] - sums.value[i]) <= epsilon(f32) * (kK + 1) * sums.size[i]);
  }
}

TEST_CASE("epilogues: bias, relu, a residual and a mask, where tiles come out even and where not") {
  for (auto [m, n, k] : {std::array{1, 1, 3}, {16, 64, 32}, {13, 70, 29}, {130, 33, 600}})
    for (DType dtype : {f32, f64}) {
      ir::Program p;
      auto x = p.add_input({dtype, {m, k}}), w = p.add_input({dtype, {n, k}}), b = p.add_input({dtype, {n}}),
           residual = p.add_input({dtype, {m, n}});
      auto sum = call(p, "add", {matmul(p, x, w, false, true), b});
      p.outputs = {call(p, "add", {call(p, "relu", {sum}), residual}), call(p, "gt", {sum, residual})};
      const std::vector<Buffer> in = randomInputs(p);
      auto one = runOnOneAndTwoThreads(p, in);
      Product product{0, m, n, k, false, true, dtype};
      INFO(product);
      Sums sums = multiply(product, in[0], in[1]);
      for (std::int64_t i = 0; i < m * n; ++i) {
        double biased = sums.value[i] + at(in[2], i % n), r = at(in[3], i);
        double tolerance = epsilon(dtype) * static_cast<double>(k + 3) * (sums.size[i] + 2);
        INFO("element " << i);
        REQUIRE(std::abs(at(one[0], i) - (std::max(biased, 0.0) + r)) <= tolerance);
        if (std::abs(biased - r) > tolerance) REQUIRE(one[1].as<bool>()[i] == (biased > r));
      }
    }
}

TEST_CASE(
    "an output stored in a donated operand of the epilogue, and one stored in an operand of the product") {
  // Square, so that the product's operand has the output's type; of whole tiles and not.
  for (std::int64_t size : {45, 64})
    for (std::uint32_t donated : {2U, 0U, 1U}) {
      ir::Program p;
      TensorType type{f32, {size, size}};
      auto x = p.add_input(type), y = p.add_input(type), residual = p.add_input(type);
      auto product = matmul(p, x, y, false, false);
      p.outputs = {donated == 2 ? call(p, "sub", {product, residual}) : product};
      p.donations = {{0, donated}};
      std::vector in{random(type, 1), random(type, 2), random(type, 3)};
      auto out = run(p, in, 2);
      Sums sums = multiply({0, size, size, size}, in[0], in[1]);
      for (std::size_t i = 0; i < sums.value.size(); ++i) {
        INFO("size " << size << ", output in input " << donated << ", element " << i);
        double wanted = sums.value[i] - (donated == 2 ? in[2].as<float>()[i] : 0);
        double tolerance = epsilon(f32) * static_cast<double>(size + 2) * (sums.size[i] + 1);
        REQUIRE(std::abs(out[0].as<float>()[i] - wanted) <= tolerance);
      }
    }
}

TEST_CASE("operands and results in another order of rows, in part or repeated, as attention has them") {
  using Sizes = std::vector<std::int64_t>;
  constexpr std::int64_t kBatch = 2, kHeads = 3;
  for (auto [length, width] : {std::array{1, 1}, {5, 7}, {16, 8}, {33, 16}, {64, 32}})
    for (DType dtype : {f32, f64}) {
      INFO("length " << length << ", width " << width << ", " << name(dtype));
      const std::int64_t l = length, w = width, columns = kHeads * w;
      ir::Program p;
      // Rows are (position, batch); of three parts, each of all heads, the first and the last are read.
      auto x = p.add_input({dtype, {l * kBatch, 3 * columns}}),
           residual = p.add_input({dtype, {kBatch, kHeads, l, l}}),
           weights = p.add_input({dtype, {kBatch, kHeads, l, l}}),
           shared = p.add_input({dtype, {kBatch, 1, 2 * l, w}});
      auto parts = call(p, "reshape", {x}, {{"shape", Sizes{l, kBatch, 3 * columns}}});
      auto heads = [&](std::int64_t part, Sizes order) {
        auto cut = call(p, "slice", {parts},
                        {{"starts", Sizes{0, 0, part * columns}},
                         {"steps", Sizes{1, 1, 1}},
                         {"stops", Sizes{l, kBatch, (part + 1) * columns}}});
        auto split = call(p, "reshape", {cut}, {{"shape", Sizes{l, kBatch, kHeads, w}}});
        return call(p, "transpose", {split}, {{"permutation", std::move(order)}});
      };
      auto scores = matmul(p, heads(0, {1, 2, 0, 3}), heads(2, {1, 2, 3, 0}), false, false);
      auto sum = call(p, "add", {scores, residual});
      // Every second row of what all heads share.
      auto rows = call(p, "slice", {shared},
                       {{"starts", Sizes{0, 0, 1, 0}},
                        {"steps", Sizes{1, 1, 2, 1}},
                        {"stops", Sizes{kBatch, 1, 2 * l, w}}});
      auto repeated = call(p, "broadcast", {rows}, {{"shape", Sizes{kBatch, kHeads, l, w}}});
      auto mixed = matmul(p, weights, repeated, true, false);
      for (ir::ValueId made : {sum, mixed})
        p.outputs.push_back(call(p, "transpose", {made}, {{"permutation", Sizes{2, 0, 1, 3}}}));
      const std::vector<Buffer> in = randomInputs(p);
      auto one = runOnOneAndTwoThreads(p, in);
      for (std::int64_t i = 0; i < l; ++i)
        for (std::int64_t b = 0; b < kBatch; ++b)
          for (std::int64_t h = 0; h < kHeads; ++h) {
            const std::int64_t head = b * kHeads + h, row = (i * kBatch + b) * kHeads + h;
            for (std::int64_t j = 0; j < l; ++j) {
              double value = at(in[1], (head * l + i) * l + j), size = std::abs(value);
              for (std::int64_t k = 0; k < w; ++k) {
                double term = at(in[0], (i * kBatch + b) * 3 * columns + h * w + k) *
                              at(in[0], (j * kBatch + b) * 3 * columns + 2 * columns + h * w + k);
                value += term, size += std::abs(term);
              }
              REQUIRE(std::abs(at(one[0], row * l + j) - value) <=
                      epsilon(dtype) * static_cast<double>(w + 2) * size);
            }
            for (std::int64_t j = 0; j < w; ++j) {
              double value = 0, size = 0;
              for (std::int64_t k = 0; k < l; ++k) {
                double term = at(in[2], (head * l + k) * l + i) * at(in[3], (b * 2 * l + 2 * k + 1) * w + j);
                value += term, size += std::abs(term);
              }
              REQUIRE(std::abs(at(one[1], row * w + j) - value) <=
                      epsilon(dtype) * static_cast<double>(l + 1) * size);
            }
          }
    }
}
