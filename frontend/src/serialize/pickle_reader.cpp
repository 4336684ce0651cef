// The interpreter of pickles. It knows a fixed list of names (PyTorch's storages, rebuilders, OrderedDict,
// Size); "calling" one builds a node here, and no other name gets further than an error.
#include "serialize/pickle.h"

#include "kiln/runtime/error.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>

namespace kiln::serialize::detail {

namespace {

using Kind = Pickled::Kind;

// Each costs memory that one byte of a pickle can ask for.
constexpr std::size_t kMostContainers = 4'000'000;

std::optional<DType> storage_dtype(std::string_view global) {
  static constexpr std::array<std::pair<std::string_view, DType>, 9> kStorages = {
      {{"torch.FloatStorage", DType::Float32},
       {"torch.DoubleStorage", DType::Float64},
       {"torch.HalfStorage", DType::Float16},
       {"torch.BFloat16Storage", DType::BFloat16},
       {"torch.LongStorage", DType::Int64},
       {"torch.IntStorage", DType::Int32},
       {"torch.CharStorage", DType::Int8},
       {"torch.ByteStorage", DType::UInt8},
       {"torch.BoolStorage", DType::Bool}}};
  for (const auto& [name, dtype] : kStorages)
    if (name == global) return dtype;
  return std::nullopt;
}

// A class of a TorchScript archive: what LibTorch's C++ torch::save writes. Its instances are read as
// dictionaries.
bool is_script_class(std::string_view global) {
  return global.starts_with("__torch__.");
}

bool known(std::string_view global) {
  static constexpr std::string_view kNames[] = {"torch._utils._rebuild_tensor",
                                                "torch._utils._rebuild_tensor_v2",
                                                "torch._utils._rebuild_parameter",
                                                "collections.OrderedDict",
                                                "torch.Size",
                                                "torch.device",
                                                "torch.jit._pickle.build_intlist",
                                                "torch.jit._pickle.build_doublelist",
                                                "torch.jit._pickle.build_boollist",
                                                "torch.jit._pickle.build_tensorlist",
                                                "torch.jit._pickle.restore_type_tag"};
  return storage_dtype(global) || is_script_class(global) ||
         std::find(std::begin(kNames), std::end(kNames), global) != std::end(kNames);
}

class Interpreter {
public:
  Interpreter(const std::string& origin, std::span<const std::byte> bytes) : origin_(origin), bytes_(bytes) {}

  Pickle run() {
    while (step()) {
    }
    return std::move(pickle_);
  }

private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(origin_ + ": damaged pickle: " + what + " (at its byte " + std::to_string(at_) + ")");
  }
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(origin_ + ": refused: the pickle " + what +
                "; only tensors, numbers, text, lists and dictionaries are read, and nothing is ever called");
  }

  // Bytes.

  std::span<const std::byte> take(std::uint64_t count) {
    if (count > bytes_.size() - at_) fail("it is cut");
    const auto piece = bytes_.subspan(at_, count);
    at_ += count;
    return piece;
  }
  template <class T> T number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view text(std::uint64_t count) {
    const auto piece = take(count);
    return {reinterpret_cast<const char*>(piece.data()), piece.size()};
  }
  std::string_view line() {
    const char* begin = reinterpret_cast<const char*>(bytes_.data()) + at_;
    const auto* end = static_cast<const char*>(std::memchr(begin, '\n', bytes_.size() - at_));
    if (!end) fail("it is cut");
    at_ += static_cast<std::size_t>(end - begin) + 1;
    return {begin, static_cast<std::size_t>(end - begin)};
  }

  // Nodes.

  static Pickled none() { return {}; }
  static Pickled boolean(bool value) {
    Pickled node;
    node.kind = Kind::Bool;
    node.boolean = value;
    return node;
  }
  static Pickled integer(std::int64_t value) {
    Pickled node;
    node.kind = Kind::Integer;
    node.integer = value;
    return node;
  }
  static Pickled real(double value) {
    Pickled node;
    node.kind = Kind::Number;
    node.number = value;
    return node;
  }
  static Pickled of_text(Kind kind, std::string_view value) {
    Pickled node;
    node.kind = kind;
    node.text = value;
    return node;
  }
  Pickled container(Kind kind, Pickled::Items items = {}) {
    if (pickle_.containers.size() >= kMostContainers)
      fail("it makes more than " + std::to_string(kMostContainers) + " lists and dictionaries");
    items.shrink_to_fit();
    pickle_.containers.push_back(std::make_unique<Pickled::Items>(std::move(items)));
    Pickled node;
    node.kind = kind;
    node.items = pickle_.containers.back().get();
    return node;
  }
  Pickled tensor(Kind kind, PickledTensor value) {
    if (pickle_.tensors.size() >= kMostContainers) fail("it makes too many tensors");
    pickle_.tensors.push_back(std::make_unique<PickledTensor>(std::move(value)));
    Pickled node;
    node.kind = kind;
    node.tensor = pickle_.tensors.back().get();
    return node;
  }

  // The stack.

  void push(Pickled node) { stack_.push_back(node); }
  Pickled pop() {
    if (stack_.empty()) fail("its stack is empty");
    const Pickled node = stack_.back();
    stack_.pop_back();
    if (node.kind == Kind::Mark) fail("a mark is in the way");
    return node;
  }
  Pickled& top() {
    if (stack_.empty() || stack_.back().kind == Kind::Mark) fail("its stack is empty");
    return stack_.back();
  }
  Pickled::Items pop_to_mark() {
    auto mark =
        std::find_if(stack_.rbegin(), stack_.rend(), [](const Pickled& n) { return n.kind == Kind::Mark; });
    if (mark == stack_.rend()) fail("a mark is missing");
    Pickled::Items items(mark.base(), stack_.end());
    stack_.erase(mark.base() - 1, stack_.end());
    return items;
  }
  Pickled pop_tuple(std::size_t count) {
    Pickled::Items items(count);
    for (std::size_t i = count; i-- > 0;)
      items[i] = pop();
    return container(Kind::Tuple, std::move(items));
  }
  void memoize(std::size_t place) {
    // Places are dense in every pickle that a pickler writes.
    if (place > memo_.size()) fail("memo place " + std::to_string(place) + " is out of order");
    if (place == memo_.size()) memo_.push_back(top());
    memo_[place] = top();
  }
  void recall(std::size_t place) {
    if (place >= memo_.size()) fail("memo place " + std::to_string(place) + " is empty");
    push(memo_[place]);
  }
  void append(const Pickled::Items& items) {
    const Pickled& list = top();
    if (list.kind != Kind::List) fail("it appends to something that is no list");
    list.items->insert(list.items->end(), items.begin(), items.end());
  }
  void set_items(const Pickled::Items& items) {
    const Pickled& dict = top();
    if (dict.kind != Kind::Dict || items.size() % 2)
      fail("it sets items of something that is no dictionary, or a key without a value");
    dict.items->insert(dict.items->end(), items.begin(), items.end());
  }

  bool step();
  void long_integer(std::uint64_t count);
  void global(std::string_view module, std::string_view name);
  void persistent_id();
  void reduce();
  void build();
  Pickled rebuild_tensor(const Pickled::Items& arguments);
  std::int64_t size(const Pickled& node, const char* what) {
    if (node.kind != Kind::Integer || node.integer < 0)
      fail(std::string("a tensor's ") + what + " is no size");
    return node.integer;
  }

  const std::string& origin_;
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  Pickled::Items stack_, memo_;
  Pickle pickle_;
};

void Interpreter::long_integer(std::uint64_t count) {
  if (count > 8) fail("an integer of " + std::to_string(count) + " bytes");
  const auto piece = take(count);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i)
    value |= std::uint64_t{static_cast<std::uint8_t>(piece[i])} << (8 * i);
  if (count > 0 && count < 8 && (static_cast<std::uint8_t>(piece[count - 1]) & 0x80))
    value |= ~std::uint64_t{0} << (8 * count);
  push(integer(static_cast<std::int64_t>(value)));
}

void Interpreter::global(std::string_view module, std::string_view name) {
  std::string full = std::string(module) + "." + std::string(name);
  if (full.starts_with("torch.") && full.ends_with("Storage") && !storage_dtype(full))
    throw Error(origin_ + ": tensors of " + full + " are not supported");
  if (!known(full)) refuse("asks for " + full);
  pickle_.names.push_back(std::make_unique<std::string>(std::move(full)));
  push(of_text(Kind::Global, *pickle_.names.back()));
}

// ('storage', FloatStorage, key, device, elements)
void Interpreter::persistent_id() {
  const Pickled id = pop();
  if (id.kind != Kind::Tuple || id.items->size() < 5 || (*id.items)[0].kind != Kind::Text ||
      (*id.items)[0].text != "storage")
    refuse("has a persistent id that is no tensor storage");
  const Pickled::Items& parts = *id.items;
  const auto dtype = parts[1].kind == Kind::Global ? storage_dtype(parts[1].text) : std::nullopt;
  if (!dtype || parts[2].kind != Kind::Text) fail("a storage without dtype or key");
  PickledTensor storage;
  storage.type.dtype = *dtype;
  storage.storage = parts[2].text;
  storage.storage_elements = size(parts[4], "storage");
  push(tensor(Kind::Storage, std::move(storage)));
}

// (storage, offset, sizes, strides, …)
Pickled Interpreter::rebuild_tensor(const Pickled::Items& arguments) {
  if (arguments.size() < 4 || arguments[0].kind != Kind::Storage || arguments[2].kind != Kind::Tuple ||
      arguments[3].kind != Kind::Tuple)
    fail("a tensor without storage, sizes or strides");
  PickledTensor result = *arguments[0].tensor;
  result.offset = size(arguments[1], "offset");
  const Pickled::Items &sizes = *arguments[2].items, &strides = *arguments[3].items;
  if (sizes.size() != strides.size()) fail("a tensor with other numbers of sizes and strides");
  if (sizes.size() > Shape::kMaxRank)
    throw Error(origin_ + ": a tensor has " + std::to_string(sizes.size()) + " dimensions, at most " +
                std::to_string(Shape::kMaxRank) + " are supported");
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    result.type.shape.push_back(size(sizes[i], "shape"));
    result.strides.push_back(size(strides[i], "stride"));
  }
  return tensor(Kind::Tensor, std::move(result));
}

void Interpreter::reduce() {
  const Pickled arguments = pop(), function = pop();
  if (function.kind != Kind::Global || arguments.kind != Kind::Tuple)
    refuse("calls something that is no function");
  const std::string_view name = function.text;
  const Pickled::Items& items = *arguments.items;
  if (name == "torch._utils._rebuild_tensor" || name == "torch._utils._rebuild_tensor_v2") {
    push(rebuild_tensor(items));
  } else if (name == "torch._utils._rebuild_parameter") {
    if (items.empty() || items[0].kind != Kind::Tensor) fail("a parameter without its tensor");
    push(items[0]);
  } else if (name == "collections.OrderedDict") {
    if (!items.empty()) refuse("makes an OrderedDict out of arguments");
    push(container(Kind::Dict));
  } else if (name.starts_with("torch.jit._pickle.") || name == "torch.Size" || name == "torch.device") {
    if (items.empty()) fail(std::string(name) + " without arguments");
    push(items[0]);
  } else {
    refuse("calls " + std::string(name));
  }
}

// What is left to say of an object: a module's attributes. An OrderedDict's (_metadata: versions of layers)
// do not matter here.
void Interpreter::build() {
  const Pickled state = pop();
  if (top().kind != Kind::Dict) refuse("sets the state of something that is no module");
  if (!top().items->empty() || state.kind != Kind::Dict) return;
  const bool metadata = std::any_of(state.items->begin(), state.items->end(), [](const Pickled& n) {
    return n.kind == Kind::Text && n.text == "_metadata";
  });
  if (!metadata) *top().items = *state.items;
}

bool Interpreter::step() {
  const auto opcode = number<std::uint8_t>();
  switch (opcode) {
  case 0x80: // PROTO
    if (const auto protocol = number<std::uint8_t>(); protocol < 2 || protocol > 5)
      fail("protocol " + std::to_string(protocol) + ", wanted 2 to 5");
    return true;
  case 0x95: // FRAME
    number<std::uint64_t>();
    return true;
  case '.': // STOP
    pickle_.root = pop();
    return false;
  case '(': // MARK
    push(of_text(Kind::Mark, {}));
    return true;
  case '0': // POP
    if (stack_.empty()) fail("its stack is empty");
    stack_.pop_back();
    return true;
  case 'N':
    return push(none()), true;
  case 0x88: // NEWTRUE
    return push(boolean(true)), true;
  case 0x89: // NEWFALSE
    return push(boolean(false)), true;
  case 'J': // BININT
    return push(integer(number<std::int32_t>())), true;
  case 'K': // BININT1
    return push(integer(number<std::uint8_t>())), true;
  case 'M': // BININT2
    return push(integer(number<std::uint16_t>())), true;
  case 0x8a: // LONG1
    return long_integer(number<std::uint8_t>()), true;
  case 0x8b: // LONG4
    return long_integer(number<std::uint32_t>()), true;
  case 'G': // BINFLOAT: big-endian
    return push(real(std::bit_cast<double>(__builtin_bswap64(number<std::uint64_t>())))), true;
  case 'X': // BINUNICODE
  case 'T': // BINSTRING
    return push(of_text(Kind::Text, text(number<std::uint32_t>()))), true;
  case 0x8c: // SHORT_BINUNICODE
  case 'U':  // SHORT_BINSTRING
    return push(of_text(Kind::Text, text(number<std::uint8_t>()))), true;
  case 0x8d: // BINUNICODE8
    return push(of_text(Kind::Text, text(number<std::uint64_t>()))), true;
  case '}': // EMPTY_DICT
    return push(container(Kind::Dict)), true;
  case ']': // EMPTY_LIST
    return push(container(Kind::List)), true;
  case ')': // EMPTY_TUPLE
    return push(container(Kind::Tuple)), true;
  case 'd': { // DICT
    const Pickled::Items items = pop_to_mark();
    push(container(Kind::Dict));
    return set_items(items), true;
  }
  case 'l': // LIST
    return push(container(Kind::List, pop_to_mark())), true;
  case 't': // TUPLE
    return push(container(Kind::Tuple, pop_to_mark())), true;
  case 0x85: // TUPLE1
  case 0x86:
  case 0x87: // TUPLE3
    return push(pop_tuple(opcode - 0x84U)), true;
  case 'a': { // APPEND
    const Pickled item = pop();
    return append({item}), true;
  }
  case 'e': { // APPENDS
    const Pickled::Items items = pop_to_mark();
    return append(items), true;
  }
  case 's': { // SETITEM
    const Pickled value = pop(), key = pop();
    return set_items({key, value}), true;
  }
  case 'u': { // SETITEMS
    const Pickled::Items items = pop_to_mark();
    return set_items(items), true;
  }
  case 'q': // BINPUT
    return memoize(number<std::uint8_t>()), true;
  case 'r': // LONG_BINPUT
    return memoize(number<std::uint32_t>()), true;
  case 0x94: // MEMOIZE
    return memoize(memo_.size()), true;
  case 'h': // BINGET
    return recall(number<std::uint8_t>()), true;
  case 'j': // LONG_BINGET
    return recall(number<std::uint32_t>()), true;
  case 'c': { // GLOBAL
    const std::string_view module = line();
    return global(module, line()), true;
  }
  case 0x93: { // STACK_GLOBAL
    const Pickled name = pop(), module = pop();
    if (name.kind != Kind::Text || module.kind != Kind::Text) fail("a global without a name");
    return global(module.text, name.text), true;
  }
  case 'Q': // BINPERSID
    return persistent_id(), true;
  case 'R': // REDUCE
    return reduce(), true;
  case 0x81: { // NEWOBJ
    pop();
    const Pickled type = pop();
    if (type.kind != Kind::Global || !is_script_class(type.text)) refuse("makes an object");
    return push(container(Kind::Dict)), true;
  }
  case 'b': // BUILD
    return build(), true;
  default:
    refuse("uses opcode " + std::to_string(opcode));
  }
}

} // namespace

Pickle read_pickle(const std::string& origin, std::span<const std::byte> bytes) {
  return Interpreter(origin, bytes).run();
}

} // namespace kiln::serialize::detail
