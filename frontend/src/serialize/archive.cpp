// Archives.
#include "kiln/serialize/archive.h"

#include "core/run_gate.h"
#include "core/tensor_impl.h"
#include "kiln/autograd.h"
#include "serialize/contents.h"

#include <algorithm>
#include <istream>
#include <iterator>
#include <ostream>
#include <unordered_set>
#include <variant>

namespace kiln::serialize {

using namespace detail;

// Entries in order; a nested archive shares its own.
struct OutputArchive::Entries {
  struct Item {
    std::string key;
    std::variant<IValue, std::shared_ptr<Entries>> value;
  };
  std::vector<Item> items;
  std::unordered_set<std::string> keys;
  std::optional<IValue> root;

  void add(const std::string& key, std::variant<IValue, std::shared_ptr<Entries>> value) {
    if (key.empty()) throw Error("OutputArchive: a key must not be empty");
    if (!keys.insert(key).second) throw Error("OutputArchive: '" + key + "' was written before");
    items.push_back({key, std::move(value)});
  }
  void list(const std::string& prefix, IValue::Dict& out) const {
    for (const Item& item : items) {
      if (const auto* nested = std::get_if<std::shared_ptr<Entries>>(&item.value))
        (*nested)->list(prefix + item.key + ".", out);
      else
        out.emplace_back(prefix + item.key, std::get<IValue>(item.value));
    }
  }
};

OutputArchive::OutputArchive() : entries_(std::make_shared<Entries>()) {}
OutputArchive::OutputArchive(OutputArchive&&) noexcept = default;
OutputArchive& OutputArchive::operator=(OutputArchive&&) noexcept = default;
OutputArchive::~OutputArchive() = default;

void OutputArchive::write(const std::string& key, const Tensor& tensor, bool) {
  if (!tensor.defined()) return write(key, IValue());
  entries_->add(key, IValue(tensor.detach()));
}
void OutputArchive::write(const std::string& key, const IValue& value) {
  entries_->add(key, value);
}
void OutputArchive::write(const std::string& key, OutputArchive& nested) {
  entries_->add(key, nested.entries_);
}
void OutputArchive::write_root(const IValue& value) {
  entries_->root = value;
}

IValue OutputArchive::value() const {
  if (entries_->root) return *entries_->root;
  IValue::Dict dict;
  entries_->list({}, dict);
  return IValue::dict(std::move(dict));
}

namespace {

bool is_pytorch_name(const std::string& filename) {
  return filename.ends_with(".pt") || filename.ends_with(".pth") || filename.ends_with(".bin");
}

} // namespace

void OutputArchive::save_to(const std::string& filename) const {
  const IValue value = this->value();
  write_atomically(filename, [&](const Sink& sink) {
    is_pytorch_name(filename) ? write_pytorch(value, sink) : write_safetensors(value, sink);
  });
}
void OutputArchive::save_to(std::ostream& stream) const {
  write_safetensors(value(), [&](const void* data, std::size_t bytes) {
    if (!stream.write(static_cast<const char*>(data), static_cast<std::streamsize>(bytes)))
      throw Error("save: the stream takes no more");
  });
}
void OutputArchive::save_to(const std::function<std::size_t(const void*, std::size_t)>& write) const {
  write_safetensors(value(), [&](const void* data, std::size_t bytes) {
    if (write(data, bytes) != bytes) throw Error("save: the function takes no more");
  });
}

InputArchive::InputArchive() = default;
InputArchive::InputArchive(InputArchive&&) noexcept = default;
InputArchive& InputArchive::operator=(InputArchive&&) noexcept = default;
InputArchive::~InputArchive() = default;

namespace {

void check_device(const std::optional<Device>& device) {
  if (device && !device->is_cpu()) throw Error("load: device " + device->str() + " is not available");
}
Bytes own(std::vector<std::byte> bytes) {
  auto owner = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  return {std::span(*owner), owner};
}

} // namespace

void InputArchive::load_from(const std::string& filename, std::optional<Device> device) {
  check_device(device);
  contents_ = read_contents(filename, map_file(filename));
  prefix_.clear();
}
void InputArchive::load_from(std::istream& stream, std::optional<Device> device) {
  check_device(device);
  std::vector<std::byte> bytes;
  char piece[1 << 16];
  while (stream.read(piece, sizeof piece), stream.gcount() > 0) {
    const auto* from = reinterpret_cast<const std::byte*>(piece);
    bytes.insert(bytes.end(), from, from + stream.gcount());
  }
  if (stream.bad()) throw Error("load: cannot read the stream");
  stream.clear(std::ios::eofbit); // so that the caller may go back and read again
  contents_ = read_contents("stream", own(std::move(bytes)));
  prefix_.clear();
}
void InputArchive::load_from(const char* data, std::size_t size, std::optional<Device> device) {
  check_device(device);
  const auto* from = reinterpret_cast<const std::byte*>(data);
  contents_ = read_contents("memory", own({from, from + size}));
  prefix_.clear();
}
void InputArchive::load_from(
    const std::function<std::size_t(std::uint64_t position, void* buffer, std::size_t bytes)>& read,
    const std::function<std::size_t()>& size, std::optional<Device> device) {
  check_device(device);
  std::vector<std::byte> bytes(size());
  const std::size_t got = bytes.empty() ? 0 : read(0, bytes.data(), bytes.size());
  if (got != bytes.size())
    throw Error("load: cut: the function gave " + std::to_string(got) + " bytes, wanted " +
                std::to_string(bytes.size()));
  contents_ = read_contents("memory", own(std::move(bytes)));
  prefix_.clear();
}

const Contents& InputArchive::contents() const {
  if (!contents_) throw Error("InputArchive: nothing has been loaded yet");
  return *contents_;
}
InputArchive InputArchive::share() const {
  InputArchive other;
  other.contents_ = contents_;
  other.prefix_ = prefix_;
  return other;
}
std::string InputArchive::full(const std::string& key) const {
  return prefix_ + key;
}
void InputArchive::missing(const char* what, const std::string& key) const {
  std::string text = contents().origin() + ": " + what + " '" + full(key) + "'; it has";
  std::size_t listed = 0;
  for (const std::string& name : keys()) {
    if (listed == 10) {
      text += ", …";
      break;
    }
    text += (listed++ ? ", " : " ") + name;
  }
  throw Error(listed ? text : text + " nothing" + (prefix_.empty() ? "" : " under '" + prefix_ + "'"));
}

bool InputArchive::try_read(const std::string& key, Tensor& tensor, bool) {
  const Entry* entry = contents().find(full(key));
  if (!entry || !entry->tensor()) return false;
  Tensor value = contents().read(*entry);
  if (!tensor.defined()) {
    tensor = std::move(value);
    return true;
  }
  NoGradGuard no_grad;
  internal::ExclusiveGate alone("InputArchive::read");
  if (tensor.impl()->type == value.impl()->type)
    internal::write(tensor, value, "read");
  else
    internal::set_data(tensor, value);
  return true;
}
void InputArchive::read(const std::string& key, Tensor& tensor, bool is_buffer) {
  if (!try_read(key, tensor, is_buffer)) missing("No such serialized tensor", key);
}

bool InputArchive::try_read(const std::string& key, IValue& value) {
  const Entry* entry = contents().find(full(key));
  if (!entry) return false;
  value = entry->tensor() ? IValue(contents().read(*entry)) : std::get<IValue>(entry->value);
  return true;
}
void InputArchive::read(const std::string& key, IValue& value) {
  if (!try_read(key, value)) missing("it does not have a field with name", key);
}

bool InputArchive::try_read(const std::string& key, InputArchive& nested) {
  const std::string prefix = full(key) + ".";
  const auto& entries = contents().entries();
  if (std::none_of(entries.begin(), entries.end(),
                   [&](const Entry& e) { return e.name.starts_with(prefix); }))
    return false;
  nested.contents_ = contents_;
  nested.prefix_ = prefix;
  return true;
}
void InputArchive::read(const std::string& key, InputArchive& nested) {
  if (!try_read(key, nested)) missing("No such serialized submodule:", key);
}

std::vector<std::string> InputArchive::keys() const {
  std::vector<std::string> keys;
  std::unordered_set<std::string> seen;
  for (const Entry& entry : contents().entries()) {
    if (!entry.name.starts_with(prefix_)) continue;
    std::string key = entry.name.substr(prefix_.size());
    key = key.substr(0, key.find('.'));
    if (seen.insert(key).second) keys.push_back(std::move(key));
  }
  return keys;
}

} // namespace kiln::serialize
