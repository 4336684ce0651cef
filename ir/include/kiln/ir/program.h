// A captured computation as plain records: what the frontend writes, the cache hashes and the compiler reads.
// Standard library only, so that a process whose programs are all cached never loads MLIR.
#pragma once

#include "kiln/runtime/error.h"
#include "kiln/runtime/types.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace kiln::ir {

using ValueId = std::uint32_t;

/// Attribute of a call. Element types travel as their name ("f32").
using Attr = std::variant<bool, std::int64_t, double, std::string, std::vector<std::int64_t>>;

struct NamedAttr {
  std::string name;
  Attr value;
  bool operator==(const NamedAttr&) const = default;
};

/// Where a call came from: the module path ("encoder.block1.attn") and the user's own line.
struct Location {
  std::string module;
  std::string file;
  std::uint32_t line = 0;
  /// Callers not yet looked up, innermost first: addresses within the binary that `file` names after an '@'.
  std::vector<std::uint64_t> callers;
};
std::string
to_string(const Location& location); ///< "in encoder.fc1, at train.cpp:41"; "" when nothing is known

/// One op applied to values. `op` is the dialect's mnemonic without its prefix: "add", "matmul", "gradient".
struct OpCall {
  std::string op;
  std::vector<ValueId> operands;
  std::vector<NamedAttr> attrs; ///< sorted by name
  std::vector<ValueId> results;
  std::uint32_t location = 0; ///< index into Program::locations
};

struct Program {
  std::string name = "main";
  std::vector<TensorType> values; ///< type of each ValueId; the inputs are values 0 … inputs-1
  std::uint32_t inputs = 0;
  std::vector<std::string> inputNames; ///< "fc1.weight", "x"; may be shorter than inputs
  std::vector<OpCall> calls;           ///< in program order
  std::vector<ValueId> outputs;
  /// (output, input): that output is stored in that input's buffer, which the caller gives up.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> donations;
  /// When set, the program is a joint forward and backward: its first `forwardInputs` inputs and first
  /// `forwardOutputs` outputs belong to the forward half. The compiler splits it and picks what to save
  /// between.
  std::uint32_t forwardInputs = 0, forwardOutputs = 0;
  std::vector<Location> locations{1};

  ValueId add_input(const TensorType& type, std::string name = {}); ///< only before the first call
  /// Adds inputs behind those there are: the ids of all other values move up. Returns the first one's id.
  ValueId insert_inputs(std::span<const TensorType> types);
  /// Appends a call, inferring its result types. Throws Error when the operands do not fit the op.
  std::vector<ValueId> add_call(std::string_view op, std::vector<ValueId> operands,
                                std::vector<NamedAttr> attrs = {}, std::uint32_t location = 0);
};

/// 128-bit content hash: all that determines the compiled code. Names and locations do not count.
struct Hash {
  std::uint64_t hi = 0, lo = 0;
  bool operator==(const Hash&) const = default;
  std::string hex() const;
};
Hash hash(const Program& program);
std::string to_string(const Program& program); ///< readable listing, one call a line

} // namespace kiln::ir
