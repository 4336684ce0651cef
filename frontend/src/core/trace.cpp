// Recording calls, and finishing a recording. The walk of backward() is in trace_backward.cpp.
#include "core/trace.h"

#include "core/random.h"
#include "core/tape.h"
#include "kiln/ir/infer.h"
#include "kiln/ops.h"

#include <algorithm>
#include <atomic>

namespace kiln::internal {

thread_local Trace* Trace::current_ = nullptr;

namespace {
// Storages remember one trace's value, so captures of different threads take turns.
std::recursive_mutex capture_mutex;
std::atomic<std::uint64_t> next_serial{1};
} // namespace

Trace* Trace::current() {
  return current_;
}

Trace::Trace() : exclusive_(capture_mutex), outer_(current_) {
  restart();
  current_ = this;
}

Trace::~Trace() {
  if (!committed_)
    for (GradSlot& slot : grads_)
      slot.leaf->grad = slot.before_tensor;
  for (auto& [storage, input] : captured_)
    storage->trace = 0;
  current_ = outer_;
}

void Trace::commit() {
  committed_ = true;
}

void Trace::restart() {
  for (auto& [storage, input] : captured_)
    storage->trace = 0;
  serial_ = next_serial.fetch_add(1, std::memory_order_relaxed);
  values_.clear();
  calls_.clear();
  freed_.clear();
  locations_.assign(1, {});
  inputs_.clear();
  input_values_.clear();
  captured_.clear();
  created_.clear();
  numbers_.clear();
  random_value_ = -1;
  draws_ = 0;
  checks_.clear();
  grads_.clear();
  functions_.clear();
}

ir::ValueId Trace::new_value(const TensorType& type) {
  values_.push_back({type});
  return static_cast<ir::ValueId>(values_.size() - 1);
}

ir::ValueId Trace::add_input(InputSource source) {
  const ir::ValueId value = new_value(source.type);
  values_[value].needs_grad = source.needs_grad;
  inputs_.push_back(std::move(source));
  input_values_.push_back(value);
  return value;
}

void Trace::argument(const Tensor& value, std::uint32_t index) {
  arguments_.push_back(value);
  const StoragePtr& storage = value.impl()->storage;
  InputSource source{.kind = InputSource::Kind::Argument, .argument = index, .type = storage->type};
  source.needs_grad = storage->needs_grad();
  source.name = "arg" + std::to_string(index);
  const ir::ValueId id = add_input(std::move(source));
  if (storage->needs_grad()) values_[id].leaf = storage;
  storage->trace = serial_;
  storage->value = id;
  captured_.emplace_back(storage, static_cast<std::uint32_t>(inputs_.size() - 1));
}

ir::ValueId Trace::value_of(const Tensor& whole) {
  const StoragePtr& storage = whole.impl()->storage;
  if (storage->trace != serial_) {
    if (!storage->buffer) fail("tensor: this value belongs to a capture that failed or has ended");
    InputSource source{.kind = InputSource::Kind::State, .storage = storage, .type = storage->type};
    source.needs_grad = storage->needs_grad();
    source.name = storage->name;
    const ir::ValueId id = add_input(std::move(source));
    if (storage->needs_grad()) values_[id].leaf = storage;
    storage->trace = serial_;
    storage->value = id;
    captured_.emplace_back(storage, static_cast<std::uint32_t>(inputs_.size() - 1));
  } else if (storage->requires_grad && !storage->grad_fn && values_[storage->value].leaf != storage) {
    // A leaf that was written in this capture: a value of its own, so that its gradient stops here.
    const TensorType type = storage->type;
    const ir::ValueId fresh = add_call("detach", {storage->value}, {}, std::span(&type, 1)).front();
    values_[fresh].leaf = storage;
    values_[fresh].needs_grad = true;
    storage->value = fresh;
  }
  return storage->value;
}

Tensor Trace::tensor_of(ir::ValueId value) {
  Tensor x = make_tensor(values_[value].type, {});
  x.impl()->storage->trace = serial_;
  x.impl()->storage->value = value;
  created_.push_back(x.impl()->storage);
  return x;
}

std::vector<ir::ValueId> Trace::add_call(std::string_view op, std::vector<ir::ValueId> operands,
                                         Attributes attrs, std::span<const TensorType> results) {
  ir::OpCall call;
  call.op = op;
  std::sort(attrs.begin(), attrs.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  call.attrs = std::move(attrs);
  call.operands = std::move(operands);
  for (const TensorType& type : results) {
    call.results.push_back(new_value(type));
    values_.back().call = static_cast<std::int64_t>(calls_.size());
  }
  ir::Location where = caller_location();
  const ir::Location& last = locations_.back();
  if (where.module != last.module || where.file != last.file || where.callers != last.callers)
    locations_.push_back(std::move(where));
  call.location = static_cast<std::uint32_t>(locations_.size() - 1);
  calls_.push_back(std::move(call));
  freed_.push_back(false);
  return calls_.back().results;
}

std::vector<Tensor> Trace::record_typed(std::string_view op, std::span<const Tensor> operands,
                                        Attributes attrs, std::span<const TensorType> result_types) {
  std::vector<ir::ValueId> ids;
  bool any_grad = false, any_tainted = false;
  for (const Tensor& x : operands) {
    ids.push_back(value_of(x));
    any_grad |= values_[ids.back()].needs_grad;
    any_tainted |= values_[ids.back()].needs_grad || values_[ids.back()].tainted;
  }
  const bool records = GradMode::is_enabled() && any_grad && !ir::find_op(op)->detaches;
  if (records)
    for (ir::ValueId& id : ids) {
      // What was computed without gradient must stay without one when it meets values that have one.
      if (values_[id].needs_grad || !values_[id].tainted) continue;
      if (values_[id].detached < 0) {
        const TensorType type = values_[id].type;
        const ir::ValueId fresh = add_call("detach", {id}, {}, std::span(&type, 1)).front();
        values_[id].detached = fresh;
      }
      id = static_cast<ir::ValueId>(values_[id].detached);
    }
  std::vector<Tensor> results;
  for (ir::ValueId id : add_call(op, std::move(ids), std::move(attrs), result_types)) {
    values_[id].needs_grad = records && is_floating(values_[id].type.dtype);
    values_[id].tainted = !values_[id].needs_grad && any_tainted;
    results.push_back(tensor_of(id));
  }
  return results;
}

Tensor Trace::record(std::string_view op, std::span<const Tensor> operands, Attributes attrs,
                     const TensorType& result) {
  return std::move(record_typed(op, operands, std::move(attrs), std::span(&result, 1)).front());
}
std::vector<Tensor> Trace::record_many(std::string_view op, std::span<const Tensor> operands,
                                       Attributes attrs) {
  std::vector<TensorType> types;
  for (const Tensor& x : operands)
    types.push_back(x.impl()->storage->type);
  std::sort(attrs.begin(), attrs.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  const std::vector<TensorType> results = ir::infer(op, attrs, types);
  return record_typed(op, operands, std::move(attrs), results);
}

Tensor Trace::number(const double* value, std::shared_ptr<const void> keepalive, DType dtype) {
  const auto found = numbers_.find({value, dtype});
  if (found != numbers_.end()) return tensor_of(found->second);
  InputSource source{.kind = InputSource::Kind::Number, .number = value, .type = {dtype, {}}};
  source.keepalive = std::move(keepalive);
  source.name = "number";
  const ir::ValueId id = add_input(std::move(source));
  numbers_[{value, dtype}] = id;
  return tensor_of(id);
}

Tensor Trace::random_state() {
  if (random_value_ < 0) {
    InputSource source{.kind = InputSource::Kind::Random, .type = {DType::Int64, {2}}};
    source.name = "random_state";
    random_value_ = add_input(std::move(source));
  }
  return tensor_of(static_cast<ir::ValueId>(random_value_));
}

std::uint64_t Trace::draw(std::uint64_t count) {
  const std::uint64_t offset = draws_;
  draws_ += (count + 63) / 64 * 64;
  return offset;
}

void Trace::check_indices(const Tensor& indices, const IndexRange& range, const std::string& text) {
  ir::ValueId value = value_of(read(indices));
  std::vector<const ir::OpCall*> views; // from the input on, last first
  while (values_[value].call >= 0) {
    const ir::OpCall& call = calls_[static_cast<std::size_t>(values_[value].call)];
    if (call.operands.empty()) return; // computed
    const DType result = values_[value].type.dtype;
    value = call.operands[0];
    const DType from = values_[value].type.dtype;
    if (ir::find_op(call.op)->restride)
      views.push_back(&call);
    else if (call.op != "cast" || result != kInt64 || is_floating(from) || from == kBool)
      return; // computed, or converted in a way that may change the number
  }
  const auto input = static_cast<std::uint32_t>(std::find(input_values_.begin(), input_values_.end(), value) -
                                                input_values_.begin());
  IndexCheck check{.input = input,
                   .dtype = values_[value].type.dtype,
                   .place = {ir::row_major(values_[value].type.shape)},
                   .shape = values_[value].type.shape,
                   .range = range,
                   .text = text,
                   .where = caller_location()};
  for (std::size_t i = views.size(); i-- > 0;) {
    const ir::OpCall& view = *views[i];
    const Shape& to = values_[view.results[0]].type.shape;
    if (!ir::find_op(view.op)->restride(ir::Attrs(view.op, view.attrs), check.shape, to, check.place)) return;
    check.shape = to;
  }
  checks_.push_back(std::move(check));
}

void Trace::read_on_host(const StoragePtr& storage) {
  if (storage->pinned) // changes with nothing to tell
    note_split("a value was read on the host whose address is known");
  else
    reads_.push_back({storage, storage->version, storage->buffer});
}

void Trace::repeat(const void* subject, std::function<void()> change) {
  std::erase_if(changes_, [=](const HostChange& known) { return known.subject == subject; });
  changes_.push_back({subject, std::move(change)});
}

bool Trace::has_changed(const void* subject) const {
  return std::any_of(changes_.begin(), changes_.end(),
                     [=](const HostChange& known) { return known.subject == subject; });
}

bool Trace::needs_grad(const Storage& storage) const {
  if (storage.trace != serial_) return storage.needs_grad();
  return storage.requires_grad || values_[storage.value].needs_grad;
}

void Trace::assign(Storage& storage, const Tensor& value) {
  const ir::ValueId id = value_of(value);
  if (storage.trace != serial_) value_of(Tensor(value.impl())); // keeps the order of inputs stable
  if (storage.trace != serial_) {
    // Written without having been read: its old value is not an input unless the caller must give up its
    // buffer.
    value_of(whole(storage.shared_from_this()));
  }
  storage.value = id;
}

GradSlot& Trace::grad_slot(const StoragePtr& leaf) {
  for (GradSlot& slot : grads_)
    if (slot.leaf == leaf) return slot;
  grads_.push_back({.leaf = leaf, .before_tensor = leaf->grad});
  if (leaf->grad.defined()) grads_.back().before = leaf->grad.impl()->storage;
  return grads_.back();
}

void Trace::note_grad_read(const StoragePtr& leaf) {
  const std::size_t known = grads_.size();
  GradSlot& slot = grad_slot(leaf);
  if (grads_.size() > known) slot.read_first = !is_created(*leaf); // not written by this capture before
}

bool Trace::is_created(const Storage& storage) const {
  return storage.trace == serial_ && std::none_of(captured_.begin(), captured_.end(), [&](const auto& known) {
           return known.first.get() == &storage;
         });
}

// Gradients of leaves that the function made, and that nobody but the recording refers to, are seen by
// nobody.
void Trace::forget_own_leaves() {
  std::erase_if(grads_, [&](GradSlot& slot) {
    if (!is_created(*slot.leaf)) return false;
    const auto known = std::count_if(values_.begin(), values_.end(),
                                     [&](const Value& value) { return value.leaf == slot.leaf; });
    if (slot.leaf.use_count() > known + 1) return false;
    slot.leaf->grad = {};
    return true;
  });
}

void Trace::note_grad_change(const StoragePtr& leaf) {
  grad_slot(leaf);
}

namespace {
// Whether nobody but the returned handles will see this storage's value.
bool only_returned(const std::vector<Tensor>& returned, const StoragePtr& storage) {
  long handles = 0;
  const Tensor* one = nullptr;
  for (const Tensor& x : returned)
    if (x.impl()->storage == storage) ++handles, one = &x;
  // The storage is held by one impl and by the caller's own reference.
  return one && storage.use_count() == 2 && one->impl().use_count() == handles;
}
} // namespace

std::vector<StoragePtr> Trace::written() const {
  std::vector<StoragePtr> storages;
  for (const auto& weak : created_)
    if (StoragePtr storage = weak.lock(); storage && storage->trace == serial_ && !storage->requires_grad)
      storages.push_back(std::move(storage));
  for (const auto& [storage, input] : captured_)
    if (storage->value != input_values_[input] && !storage->requires_grad) storages.push_back(storage);
  return storages;
}

Recording Trace::finish(const std::vector<Tensor>& returned, bool graphs) {
  forget_own_leaves();
  Recording recording;
  std::vector<ir::ValueId> returned_values;
  for (const Tensor& x : returned) {
    const Tensor value = read(x);
    returned_values.push_back(value_of(value));
    recording.returned_types.push_back(value.impl()->storage->type);
  }
  // Inputs come first in a program: renumber.
  std::vector<ir::ValueId> renumbered(values_.size());
  ir::Program& program = recording.program;
  program.locations = locations_;
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    renumbered[input_values_[i]] = program.add_input(inputs_[i].type, inputs_[i].name);
  std::vector<std::int64_t> input_of(values_.size(), -1);
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    input_of[input_values_[i]] = static_cast<std::int64_t>(i);
  for (ir::ValueId id = 0; id < values_.size(); ++id) {
    if (input_of[id] >= 0) continue;
    renumbered[id] = static_cast<ir::ValueId>(program.values.size());
    program.values.push_back(values_[id].type);
  }
  for (ir::OpCall call : calls_) {
    for (ir::ValueId& v : call.operands)
      v = renumbered[v];
    for (ir::ValueId& v : call.results)
      v = renumbered[v];
    program.calls.push_back(std::move(call));
  }
  recording.inputs = inputs_;

  std::unordered_map<ir::ValueId, std::uint32_t> output_of;
  std::vector<bool> passed_through(inputs_.size());
  auto source_of = [&](ir::ValueId id) -> ValueSource {
    if (input_of[id] >= 0) {
      passed_through[static_cast<std::size_t>(input_of[id])] = true;
      return {true, static_cast<std::uint32_t>(input_of[id])};
    }
    const auto [entry, fresh] = output_of.try_emplace(id, static_cast<std::uint32_t>(program.outputs.size()));
    if (fresh) program.outputs.push_back(renumbered[id]);
    return {false, entry->second};
  };
  const std::vector<bool> freed = freed_values();
  auto add_returned = [&](ir::ValueId id) {
    recording.returned.push_back(source_of(id));
    recording.returned_needs_grad.push_back(values_[id].needs_grad && !freed[id]);
    recording.returned_freed.push_back(freed[id]);
  };
  for (const ir::ValueId id : returned_values)
    add_returned(id);
  recording.results = static_cast<std::uint32_t>(returned.size());
  auto add_target = [&](Target target, const StoragePtr& storage) {
    target.source = source_of(storage->value);
    target.has_graph = graphs && values_[storage->value].needs_grad && !storage->requires_grad;
    if (target.has_graph) {
      target.returned = static_cast<std::uint32_t>(recording.returned.size());
      add_returned(storage->value);
      recording.returned_types.push_back(storage->type);
    }
    recording.targets.push_back(std::move(target));
  };
  for (const auto& [storage, input] : captured_) {
    if (storage->value == input_values_[input]) continue;
    if (storage->requires_grad && !storage->grad_fn && input_of[storage->value] < 0)
      if (const ir::OpCall& call = calls_[static_cast<std::size_t>(values_[storage->value].call)];
          ir::find_op(call.op)->detaches && call.operands[0] == input_values_[input])
        continue; // read again, not written
    if (inputs_[input].kind == InputSource::Kind::Argument)
      add_target({.argument = inputs_[input].argument}, storage);
    else
      add_target({.storage = storage}, storage);
  }
  for (const auto& weak : created_) {
    const StoragePtr storage = weak.lock();
    if (!storage || storage->trace != serial_) continue;
    if (only_returned(returned, storage)) continue;
    add_target({.storage = storage}, storage);
  }
  // State is updated in its own buffer, when nothing else wants the old value. A number is made anew: it
  // costs nothing, and all kernels that read the old one may run beside the one that makes it.
  std::vector<bool> given(program.outputs.size());
  for (Target& target : recording.targets) {
    if (target.source.is_input || given[target.source.index]) continue;
    for (std::uint32_t i = 0; i < inputs_.size(); ++i) {
      if (inputs_[i].kind != InputSource::Kind::State || inputs_[i].storage != target.storage ||
          passed_through[i] || inputs_[i].type.shape.rank() == 0)
        continue;
      program.donations.emplace_back(target.source.index, i);
      target.donated = given[target.source.index] = true;
    }
  }
  for (GradSlot& slot : grads_)
    slot.after = slot.leaf->grad;
  recording.grads = grads_;
  recording.random_draws = draws_;
  recording.guards = guards_;
  recording.checks = checks_;
  recording.reads = reads_;
  recording.changes = changes_;
  return recording;
}

TraceSuspend::TraceSuspend() : trace_(Trace::current_) {
  Trace::current_ = nullptr;
}
TraceSuspend::~TraceSuspend() {
  Trace::current_ = static_cast<Trace*>(trace_);
}

bool is_capturing() {
  return Trace::current() != nullptr;
}
void record_guard(std::shared_ptr<const Guard> guard) {
  if (Trace* trace = Trace::current()) trace->guard(std::move(guard));
}
namespace {
std::atomic<std::uint64_t> epoch{1};
}
std::uint64_t structure_epoch() {
  return epoch.load(std::memory_order_relaxed);
}
void bump_structure_epoch() {
  epoch.fetch_add(1, std::memory_order_relaxed);
}

} // namespace kiln::internal
