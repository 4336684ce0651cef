// Whole programs through every pass: the CUDA kernels, emulated in the planned memory, give what the CPU's
// code gives.
#include "numeric_support.h"
#include "program_support.h"

#include "Passes.h"
#include "cpu/Build.h"
#include "cpu/Lower.h"
#include "kiln/ir/compiler.h"
#include "kiln/runtime/error.h"
#include "kiln/runtime/executable.h"

#include "KilnOps.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

using namespace mlir;
using namespace kiln;
using namespace kiln::testing;

namespace {

struct Artifacts {
  runtime::Artifact cpu, cuda;
};

Artifacts compile(const std::string& text) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<ir::KilnDialect>();
  codegen::cpu::loadKernelDialects(context);
  std::string diagnostics;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic& d) {
    diagnostics += d.str() + "\n";
    return success();
  });
  auto module = parseSourceString<ModuleOp>(text, &context);
  if (!module) throw Error("the test's program does not parse: " + diagnostics);
  PassManager passes(&context);
  passes.addNestedPass<func::FuncOp>(passes::createAutodiff());
  passes.addNestedPass<func::FuncOp>(passes::createDecompose());
  passes.addNestedPass<func::FuncOp>(passes::createSimplify());
  codegen::cpu::Target target = codegen::cpu::hostTarget();
  passes.addNestedPass<func::FuncOp>(passes::createPack({target.vectorBits, target.vectorRegisters()}));
  passes.addNestedPass<func::FuncOp>(passes::createFuse());
  passes.addNestedPass<func::FuncOp>(passes::createPlanMemory());
  if (failed(passes.run(*module))) throw Error(diagnostics);
  auto main = module->lookupSymbol<func::FuncOp>("main");
  auto cuda = codegen::cuda::buildArtifact(main, "sm_90a");
  if (failed(cuda)) throw Error("cuda: " + diagnostics);
  auto cpu = codegen::cpu::buildArtifact(main, target, {});
  if (failed(cpu)) throw Error("cpu: " + diagnostics);
  return {std::move(*cpu), std::move(*cuda)};
}

std::vector<Buffer> runOnCpu(const runtime::Artifact& artifact, std::vector<Buffer> inputs) {
  std::vector<runtime::Slot> slots = artifact.slots;
  std::vector<Buffer> outputs;
  std::vector<void*> inputPointers, outputPointers;
  for (Buffer& input : inputs)
    inputPointers.push_back(input.bytes.data());
  for (int i = artifact.inputs; i < artifact.inputs + artifact.outputs; ++i)
    outputs.push_back({std::vector<std::byte>(slots[i].type.bytes())});
  for (Buffer& output : outputs)
    outputPointers.push_back(output.bytes.data());
  runtime::Executable executable{runtime::Artifact(artifact)};
  executable.run(inputPointers, outputPointers);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    std::int64_t alias = executable.output_alias(i);
    if (alias >= 0)
      outputs[i] = std::size_t(alias) < inputs.size() ? inputs[alias] : outputs[alias - inputs.size()];
  }
  return outputs;
}

runtime::Artifact checkSame(const std::string& text, const std::vector<Buffer>& inputs, double tolerance) {
  Artifacts artifacts = compile(text);
  std::string source(reinterpret_cast<const char*>(artifacts.cuda.image.data()), artifacts.cuda.image.size());
  if (const char* folder = std::getenv("KILN_DUMP")) // to read the kernels of a test
    std::ofstream(std::string(folder) + "/" + std::to_string(artifacts.cuda.kernels.size()) + "_kernels.cu")
        << source;
  auto want = runOnCpu(artifacts.cpu, inputs), got = runArtifact(artifacts.cuda, inputs);
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    auto expected = want[i].as<float>();
    checkClose(got[i].as<float>(), {expected.begin(), expected.end()}, tolerance);
  }
  CHECK(nvrtcProblems(source, artifacts.cuda.kernels.size()) == "");
  return std::move(artifacts.cuda);
}

/// Text of a program, line by line: %name = op, with types written once.
class Writer {
public:
  std::string argument(const std::string& name, const std::string& type, int donated = -1) {
    arguments_ << (arguments_.tellp() ? ", " : "") << "%" << name << ": " << type << " {kiln.name = \""
               << name << "\"";
    if (donated >= 0) arguments_ << ", kiln.donated = " << donated << " : i64";
    arguments_ << "}";
    types_["%" + name] = type;
    return "%" + name;
  }
  std::string op(const std::string& name, const std::vector<std::string>& operands, const std::string& type,
                 const std::string& attributes = "") {
    std::string result = "%v" + std::to_string(count_++);
    body_ << "  " << result << " = kiln." << name << " " << join(operands) << " {" << attributes << "} : ("
          << typesOf(operands) << ") -> " << type << "\n";
    types_[result] = type;
    return result;
  }
  std::string scalar(double value) {
    std::string result = "%v" + std::to_string(count_++);
    body_ << "  " << result
          << " = kiln.constant {dtype = \"f32\", shape = array<i64>, value = " << std::scientific << value
          << " : f64} : tensor<f32>\n";
    types_[result] = "tensor<f32>";
    return result;
  }
  std::vector<std::string> gradients(const std::string& loss, const std::vector<std::string>& of) {
    std::vector<std::string> operands = {loss, scalar(1)}, results;
    operands.insert(operands.end(), of.begin(), of.end());
    std::string all = "%g" + std::to_string(count_++);
    body_ << "  " << all << ":" << of.size() << " = kiln.gradient " << join(operands)
          << " {outputs = 1 : i64} : (" << typesOf(operands) << ") -> (" << typesOf(of) << ")\n";
    for (std::size_t i = 0; i < of.size(); ++i) {
      results.push_back(all + "#" + std::to_string(i));
      types_[results.back()] = types_[of[i]];
    }
    return results;
  }
  std::string finish(const std::vector<std::string>& outputs) {
    return "func.func @main(" + arguments_.str() + ") -> (" + typesOf(outputs) + ") {\n" + body_.str() +
           "  return " + join(outputs) + " : " + typesOf(outputs) + "\n}";
  }
  std::string type(const std::string& value) { return types_[value]; }

private:
  static std::string join(const std::vector<std::string>& parts) {
    std::string text;
    for (const std::string& part : parts)
      text += (text.empty() ? "" : ", ") + part;
    return text;
  }
  std::string typesOf(const std::vector<std::string>& values) {
    std::vector<std::string> types;
    for (const std::string& value : values)
      types.push_back(types_[value]);
    return join(types);
  }
  std::ostringstream arguments_, body_;
  std::map<std::string, std::string> types_;
  int count_ = 0;
};

std::string tensor(std::vector<int> shape) {
  std::string text = "tensor<";
  for (int size : shape)
    text += std::to_string(size) + "x";
  return text + "f32>";
}

} // namespace

TEST_CASE("a perceptron's training step: dropout, cross entropy, momentum in place") {
  constexpr int kBatch = 16, kIn = 52, kHidden = 40, kOut = 10;
  Writer w;
  std::vector<Buffer> inputs;
  std::string x = w.argument("x", tensor({kBatch, kIn}));
  inputs.push_back(Buffer::of(numbers(kBatch * kIn)));
  std::string y = w.argument("y", "tensor<16xi64>");
  std::vector<std::int64_t> targets(kBatch);
  for (int i = 0; i < kBatch; ++i)
    targets[i] = (i * 7) % kOut;
  inputs.push_back(Buffer::of(targets));
  std::string state = w.argument("state", "tensor<2xi64>");
  inputs.push_back(Buffer::of(std::vector<std::int64_t>{42, 128}));
  std::vector<std::string> parameters, velocities;
  std::vector<std::vector<int>> shapes = {{kHidden, kIn}, {kHidden}, {kOut, kHidden}, {kOut}};
  int donated = 1;
  for (const char* kind : {"", "velocity_"})
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      std::string name = kind + std::string(i % 2 ? "bias" : "weight") + std::to_string(i / 2);
      (*kind ? velocities : parameters).push_back(w.argument(name, tensor(shapes[i]), donated++));
      std::size_t count = shapes[i][0] * (shapes[i].size() > 1 ? shapes[i][1] : 1);
      inputs.push_back(Buffer::of(numbers(count, 0.5f, i + 10)));
    }
  std::string a = w.op("linear", {x, parameters[0], parameters[1]}, tensor({kBatch, kHidden}));
  std::string r = w.op("relu", {a}, w.type(a));
  std::string h = w.op("dropout", {r, state}, w.type(a), "p = 0.25 : f64, offset = 64 : i64");
  std::string z = w.op("linear", {h, parameters[2], parameters[3]}, tensor({kBatch, kOut}));
  std::string loss =
      w.op("cross_entropy", {z, y}, "tensor<f32>", "reduction = \"mean\", ignore_index = -100 : i64");
  auto gradients = w.gradients(loss, parameters);
  std::string momentum = w.scalar(0.9), rate = w.scalar(0.1);
  std::vector<std::string> outputs = {loss}, updated;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    std::string type = w.type(parameters[i]);
    std::string scaled = w.op("mul", {velocities[i], momentum}, type);
    updated.push_back(w.op("add", {scaled, gradients[i]}, type));
    std::string step = w.op("mul", {updated.back(), rate}, type);
    outputs.push_back(w.op("sub", {parameters[i], step}, type));
  }
  outputs.insert(outputs.end(), updated.begin(), updated.end());
  checkSame(w.finish(outputs), inputs, 2e-5);
}

TEST_CASE("an attention block, forward and backward") {
  constexpr int kBatch = 2, kSequence = 12, kWidth = 24, kInner = 48;
  Writer w;
  std::vector<Buffer> inputs;
  std::string x = w.argument("x", tensor({kBatch, kSequence, kWidth}));
  inputs.push_back(Buffer::of(numbers(kBatch * kSequence * kWidth, 2)));
  std::vector<std::string> parameters = {x};
  auto parameter = [&](const char* name, std::vector<int> shape) {
    parameters.push_back(w.argument(name, tensor(shape)));
    std::size_t count = shape[0] * (shape.size() > 1 ? shape[1] : 1);
    inputs.push_back(Buffer::of(numbers(count, 0.6f, parameters.size())));
    return parameters.back();
  };
  std::string type = w.type(x), inner = tensor({kBatch, kSequence, kInner});
  auto norm = [&](const std::string& value, const char* weight, const char* bias) {
    std::string g = parameter(weight, {kWidth}), b = parameter(bias, {kWidth});
    return w.op("layer_norm", {value, g, b}, type, "dims = 1 : i64, eps = 1.0e-5 : f64");
  };
  std::string n1 = norm(x, "norm1_weight", "norm1_bias");
  auto linear = [&](const std::string& value, const std::string& name, int in, int out,
                    const std::string& result) {
    std::string weight = parameter((name + "_weight").c_str(), {out, in}),
                bias = parameter((name + "_bias").c_str(), {out});
    return w.op("linear", {value, weight, bias}, result);
  };
  std::string q = linear(n1, "query", kWidth, kWidth, type), k = linear(n1, "key", kWidth, kWidth, type),
              v = linear(n1, "value", kWidth, kWidth, type);
  std::string scores = w.op("matmul", {q, k}, tensor({kBatch, kSequence, kSequence}),
                            "transpose_lhs = false, transpose_rhs = true");
  std::string scaled = w.op("mul", {scores, w.scalar(0.2)}, w.type(scores));
  std::string weights = w.op("softmax", {scaled}, w.type(scores), "dim = 2 : i64");
  std::string mixed = w.op("matmul", {weights, v}, type, "transpose_lhs = false, transpose_rhs = false");
  std::string attended = w.op("add", {x, linear(mixed, "output", kWidth, kWidth, type)}, type);
  std::string n2 = norm(attended, "norm2_weight", "norm2_bias");
  std::string hidden =
      w.op("gelu", {linear(n2, "up", kWidth, kInner, inner)}, inner, "approximate = \"none\"");
  std::string result = w.op("add", {attended, linear(hidden, "down", kInner, kWidth, type)}, type);
  std::string squares = w.op("mul", {result, result}, type);
  std::string loss = w.op("mean", {squares}, "tensor<f32>", "dims = array<i64: 0, 1, 2>, keepdim = false");
  auto outputs = w.gradients(loss, parameters);
  outputs.insert(outputs.begin(), {loss, result});
  checkSame(w.finish(outputs), inputs, 1e-4);
}

namespace {

/// AdamW's update of `count` tensors of many sizes, state in place: weights of whole vectors and biases that
/// are not.
struct Updates {
  Writer w;
  std::vector<Buffer> inputs;
  std::string text;

  explicit Updates(int count) {
    std::string rate = w.argument("rate", "tensor<f32>");
    inputs.push_back(Buffer::of(std::vector<float>{0.01f}));
    std::vector<std::string> values;
    int donated = 0;
    auto state = [&](const std::string& name, int size, bool positive, int output) {
      auto x = numbers(size, 0.5f, inputs.size());
      for (float& each : x)
        each = positive ? std::abs(each) : each;
      inputs.push_back(Buffer::of(x));
      return w.argument(name, tensor({size}), output);
    };
    for (int k = 0; k < count; ++k) {
      int size = k % 2 ? 1 + k % 37 : 4 * (1 + k * 7 % 600); // the largest take two blocks
      std::string type = tensor({size}), n = std::to_string(k);
      auto scaled = [&](const std::string& x, double by) { return w.op("mul", {x, w.scalar(by)}, type); };
      std::string g = state("gradient" + n, size, false, -1), p = state("weight" + n, size, false, donated++),
                  m = state("average" + n, size, false, donated++),
                  v = state("square" + n, size, true, donated++);
      std::string average = w.op("add", {scaled(m, 0.9), scaled(g, 0.1)}, type);
      std::string square = w.op("add", {scaled(v, 0.99), scaled(w.op("mul", {g, g}, type), 0.01)}, type);
      std::string root = w.op("add", {w.op("sqrt", {square}, type), w.scalar(1e-8)}, type);
      std::string step = w.op("mul", {w.op("div", {average, root}, type), rate}, type);
      values.insert(values.end(), {w.op("sub", {scaled(p, 0.999), step}, type), average, square});
    }
    text = w.finish(values);
  }
};

} // namespace

TEST_CASE("AdamW of a hundred and of four hundred tensors is one kernel that does not grow with them") {
  std::size_t length = 0;
  for (int count : {100, 400}) {
    Updates updates(count);
    auto cuda = checkSame(updates.text, updates.inputs, 1e-6);
    CHECK(cuda.kernels.size() == 1);
    const runtime::KernelInfo& kernel = cuda.kernels.front();
    CHECK(kernel.kind == "multi");
    // What is updated in place is one pointer, and the rate one for all.
    CHECK(cuda.launches.front().slots.size() == std::size_t(4 * count + 1));
    std::string code = kernel.source.substr(kernel.source.find("__forceinline__"));
    if (length) CHECK(code.size() < length + 40 * count);
    length = code.size();
  }
}

TEST_CASE("more pointers than a kernel's parameters hold are dealt to two kernels") {
  Updates updates(1100);
  auto cuda = checkSame(updates.text, updates.inputs, 1e-6);
  REQUIRE(cuda.launches.size() == 2);
  for (const runtime::Launch& launch : cuda.launches)
    CHECK(launch.slots.size() * 8 <= 32764);
  CHECK(cuda.launches[0].slots.size() + cuda.launches[1].slots.size() == 4 * 1100 + 2); // the rate in both
}

TEST_CASE("the compiler's door makes CUDA artifacts, and refuses targets that it does not know") {
  ir::Program program;
  program.name = "nothing";
  ir::CompileOptions options;
  options.target = "cuda:sm_90a";
  auto artifact = kiln_compiler()->compile(program, options).artifact;
  CHECK(artifact.target == "cuda sm_90a");
  CHECK(artifact.image.size() > 1000); // the prelude is always there
  options.target = "cuda:fast";
  CHECK_THROWS_WITH(kiln_compiler()->compile(program, options),
                    "compile: 'cuda:fast' names no CUDA architecture, wanted cuda:sm_90a or the like");
  options.target = "tpu";
  CHECK_THROWS_WITH(kiln_compiler()->compile(program, options),
                    "compile: target 'tpu' is not supported, wanted cpu or cuda:sm_90a");
}
