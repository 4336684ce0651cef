// Building a Program call by call, and its readable listing.
#include "kiln/ir/program.h"

#include "kiln/ir/compiler.h"
#include "kiln/ir/infer.h"

#include <algorithm>
#include <charconv>

namespace kiln::ir {
namespace {

std::string text(ValueId id) {
  return "%" + std::to_string(id);
}

std::string text(const Attr& attr) {
  struct Visitor {
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(std::int64_t value) const { return std::to_string(value); }
    std::string operator()(double value) const {
      char buffer[32];
      auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
      return {buffer, end};
    }
    std::string operator()(const std::string& value) const { return '"' + value + '"'; }
    std::string operator()(const std::vector<std::int64_t>& value) const {
      std::string list;
      for (std::int64_t element : value)
        list += (list.empty() ? "" : ", ") + std::to_string(element);
      return "[" + list + "]";
    }
  };
  return std::visit(Visitor{}, attr);
}

template <typename Range, typename F> std::string join(const Range& range, F&& toText) {
  std::string list;
  for (const auto& element : range)
    list += (list.empty() ? "" : ", ") + toText(element);
  return list;
}

} // namespace

ValueId Program::add_input(const TensorType& type, std::string name) {
  if (!calls.empty()) throw Error("an input is added before the first call");
  values.push_back(type);
  inputNames.resize(inputs);
  inputNames.push_back(std::move(name));
  return inputs++;
}

ValueId Program::insert_inputs(std::span<const TensorType> types) {
  const ValueId first = inputs;
  const auto count = static_cast<std::uint32_t>(types.size());
  auto move = [&](std::vector<ValueId>& ids) {
    for (ValueId& id : ids)
      if (id >= first) id += count;
  };
  for (OpCall& call : calls)
    move(call.operands), move(call.results);
  move(outputs);
  values.insert(values.begin() + first, types.begin(), types.end());
  inputs += count;
  return first;
}

std::vector<ValueId> Program::add_call(std::string_view op, std::vector<ValueId> operands,
                                       std::vector<NamedAttr> attrs, std::uint32_t location) {
  std::ranges::sort(attrs, {}, &NamedAttr::name);
  std::vector<TensorType> types;
  types.reserve(operands.size());
  for (ValueId operand : operands)
    types.push_back(values.at(operand));
  std::vector<ValueId> results;
  for (const TensorType& type : infer(op, attrs, types)) {
    results.push_back(static_cast<ValueId>(values.size()));
    values.push_back(type);
  }
  calls.push_back({std::string(op), std::move(operands), std::move(attrs), results, location});
  return results;
}

std::string to_string(const Location& location) {
  std::string result;
  if (!location.module.empty()) result = "in " + location.module;
  if (!location.file.empty())
    result += (result.empty() ? "at " : ", at ") + location.file + ":" + std::to_string(location.line);
  return result;
}

std::string to_string(const Program& program) {
  auto typed = [&](ValueId id) { return text(id) + ": " + to_string(program.values[id]); };
  std::string result = program.name + "(";
  for (ValueId i = 0; i < program.inputs; ++i) {
    result += (i ? ", " : "") + typed(i);
    if (i < program.inputNames.size() && !program.inputNames[i].empty())
      result += " \"" + program.inputNames[i] + '"';
  }
  result += ") {\n";
  for (const OpCall& call : program.calls) {
    result += "  " + join(call.results, typed) + " = " + call.op + "(" +
              join(call.operands, [](ValueId id) { return text(id); }) + ")";
    if (!call.attrs.empty())
      result +=
          " {" + join(call.attrs, [](const NamedAttr& a) { return a.name + " = " + text(a.value); }) + "}";
    if (std::string where = to_string(program.locations.at(call.location)); !where.empty())
      result += "  // " + where;
    result += "\n";
  }
  for (auto [output, input] : program.donations)
    result += "  // output " + std::to_string(output) + " is stored in input " + text(input) + "\n";
  return result + "  return " + join(program.outputs, [](ValueId id) { return text(id); }) + "\n}\n";
}

std::string_view name(Stage stage) {
  constexpr std::array<std::string_view, kStages.size()> names = {
      "captured", "differentiated", "decomposed", "simplified", "laid-out", "fused", "planned"};
  return names[static_cast<std::size_t>(stage)];
}

} // namespace kiln::ir
