// See graph.h. Fields are those of
// tensorflow/core/framework/{graph,node_def,attr_value,tensor_shape,types}.proto.
#include "watch/graph.h"

#include "core/trace.h"

#include <algorithm>
#include <set>

namespace kiln::watch {
namespace {

/// "encoder.layers.0" as a path of TensorBoard's, whose names start with a letter, digit or dot.
std::string path_of(const std::string& name) {
  std::string path;
  for (char c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-';
    path += c == '.' ? '/' : plain ? c : '_';
  }
  return path;
}

/// Gives each node a name of its own: a second "fc1/linear" becomes "fc1/linear_1".
class Names {
public:
  std::string pick(const std::string& scope, const std::string& name) {
    const std::string base = scope.empty() ? name : scope + "/" + name;
    std::string candidate = base;
    for (int i = 1; !taken_.insert(candidate).second; ++i)
      candidate = base + "_" + std::to_string(i);
    return candidate;
  }
  /// A node must not be called what a group is called.
  void reserve_groups(const std::string& path) {
    for (std::size_t end = path.find('/'); end != path.npos; end = path.find('/', end + 1))
      taken_.insert(path.substr(0, end));
    taken_.insert(path);
  }

private:
  std::set<std::string> taken_;
};

int type_number(DType dtype) {
  switch (dtype) {
  case DType::Float32:
    return 1;
  case DType::Float64:
    return 2;
  case DType::Int32:
    return 3;
  case DType::UInt8:
    return 4;
  case DType::Int8:
    return 6;
  case DType::Int64:
    return 9;
  case DType::Bool:
    return 10;
  case DType::BFloat16:
    return 14;
  case DType::Float16:
    return 19;
  }
  return 0;
}

/// AttrValue fields: list 1, s 2, i 3, f 4, b 5, type 6; ListValue: i 3, shape 7.
Message value_of(const ir::Attr& attr) {
  Message value;
  if (const auto* truth = std::get_if<bool>(&attr)) return value.integer(5, *truth), value;
  if (const auto* number = std::get_if<std::int64_t>(&attr)) return value.integer(3, *number), value;
  if (const auto* real = std::get_if<double>(&attr)) return value.single(4, static_cast<float>(*real)), value;
  if (const auto* text = std::get_if<std::string>(&attr)) return value.text(2, *text), value;
  return value.message(1, Message().packed(3, std::get<std::vector<std::int64_t>>(attr))), value;
}

Message shape_of(const Shape& shape) {
  Message message;
  for (std::int64_t size : shape.dims())
    message.message(2, Message().integer(1, size));
  return message;
}

/// NodeDef fields: name 1, op 2, input 3, attr 5 (a map: key 1, value 2).
class Node {
public:
  Node(const std::string& name, const std::string& op) { message_.text(1, name).text(2, op); }
  void input(const std::string& name) { message_.text(3, name); }
  void attr(const std::string& name, const Message& value) {
    message_.message(5, Message().text(1, name).message(2, value));
  }
  void results(const std::vector<TensorType>& types) {
    Message shapes;
    for (const TensorType& type : types)
      shapes.message(7, shape_of(type.shape));
    attr("_output_shapes", Message().message(1, shapes));
    if (!types.empty()) attr("dtype", Message().integer(6, type_number(types.front().dtype)));
  }
  const Message& message() const { return message_; }

private:
  Message message_;
};

} // namespace

Message graph_of(const ir::Program& program) {
  Message graph;
  Names names;
  for (const ir::Location& location : program.locations)
    if (!location.module.empty()) names.reserve_groups(path_of(location.module));
  std::vector<std::string> value_names(program.values.size());

  for (ir::ValueId id = 0; id < program.inputs; ++id) {
    const std::string given = id < program.inputNames.size() ? program.inputNames[id] : "";
    const std::string path = path_of(given.empty() ? "input" : given);
    const std::size_t slash = path.rfind('/');
    value_names[id] =
        slash == path.npos ? names.pick("", path) : names.pick(path.substr(0, slash), path.substr(slash + 1));
    Node node(value_names[id], slash == path.npos ? "Input" : "Parameter");
    node.results({program.values[id]});
    graph.message(1, node.message());
  }
  for (const ir::OpCall& call : program.calls) {
    const ir::Location& location = program.locations.at(call.location);
    const std::string name = names.pick(path_of(location.module), call.op);
    Node node(name, call.op);
    for (ir::ValueId operand : call.operands)
      node.input(value_names[operand]);
    std::vector<TensorType> types;
    for (std::size_t i = 0; i < call.results.size(); ++i) {
      value_names[call.results[i]] = i ? name + ":" + std::to_string(i) : name;
      types.push_back(program.values[call.results[i]]);
    }
    node.results(types);
    for (const ir::NamedAttr& attr : call.attrs)
      node.attr(attr.name, value_of(attr.value));
    graph.message(1, node.message());
  }
  for (std::size_t i = 0; i < program.outputs.size(); ++i) {
    Node node(names.pick("", "output"), "Output");
    node.input(value_names[program.outputs[i]]);
    node.results({program.values[program.outputs[i]]});
    graph.message(1, node.message());
  }
  return graph.message(4, Message().integer(1, 22)), graph; // VersionDef.producer
}

} // namespace kiln::watch
