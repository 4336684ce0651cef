// See run_program.h.
#include "run_program.h"

#include "kiln/ir/compiler.h"
#include "kiln/runtime/executable.h"

namespace kiln::test {
std::vector<Buffer> run(const ir::Program& program, std::span<const Buffer> inputs, int threads) {
  ir::CompileOptions options;
  options.threads = threads;
  runtime::Executable executable(kiln_compiler()->compile(program, options).artifact);
  std::vector<Buffer> arguments(inputs.begin(), inputs.end()), outputs;
  std::vector<void*> inputPointers, outputPointers;
  for (Buffer& argument : arguments)
    inputPointers.push_back(argument.bytes.data());
  for (ir::ValueId output : program.outputs)
    outputs.push_back(zeros(program.values[output]));
  for (Buffer& output : outputs)
    outputPointers.push_back(output.bytes.data());
  executable.run(inputPointers, outputPointers);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    std::int64_t alias = executable.output_alias(i);
    if (alias < 0) continue;
    auto from = static_cast<std::size_t>(alias);
    outputs[i].bytes =
        from < arguments.size() ? arguments[from].bytes : outputs[from - arguments.size()].bytes;
  }
  return outputs;
}

} // namespace kiln::test
