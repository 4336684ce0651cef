// save and load: modules, optimizers, tensors and lists of tensors; checkpoints of a whole training run.
// Names and layouts are PyTorch's, so that Python loads what is written here, and the other way round.
#pragma once

#include "kiln/module.h"
#include "kiln/optim/optimizer.h"
#include "kiln/serialize/archive.h"

#include <vector>

namespace kiln {

namespace serialize {
OutputArchive& operator<<(OutputArchive& archive, const Tensor& tensor);
InputArchive& operator>>(InputArchive& archive, Tensor& tensor);
OutputArchive& operator<<(OutputArchive& archive, const std::vector<Tensor>& tensors);
/// Appends what the archive holds.
InputArchive& operator>>(InputArchive& archive, std::vector<Tensor>& tensors);
OutputArchive& operator<<(OutputArchive& archive, const nn::Module& module);
InputArchive& operator>>(InputArchive& archive, nn::Module& module);
OutputArchive& operator<<(OutputArchive& archive, const optim::Optimizer& optimizer);
InputArchive& operator>>(InputArchive& archive, optim::Optimizer& optimizer);

template <class M>
  requires std::is_base_of_v<nn::Module, M>
OutputArchive& operator<<(OutputArchive& archive, const std::shared_ptr<M>& module) {
  if (!module) throw Error("save: got an empty module");
  return archive << static_cast<const nn::Module&>(*module);
}
template <class M>
  requires std::is_base_of_v<nn::Module, M>
InputArchive& operator>>(InputArchive& archive, const std::shared_ptr<M>& module) {
  if (!module) throw Error("load: got an empty module");
  return archive >> static_cast<nn::Module&>(*module);
}
template <class M> OutputArchive& operator<<(OutputArchive& archive, const nn::ModuleHolder<M>& holder) {
  return archive << holder.ptr();
}
template <class M> InputArchive& operator>>(InputArchive& archive, nn::ModuleHolder<M>& holder) {
  return archive >> holder.ptr();
}
} // namespace serialize

/// Writes a module's state dict, an optimizer's state, a tensor, a vector of tensors, or anything that has an
/// operator<< for archives. Where to: a file's name, a std::ostream, or a function as archives take it.
template <class Value, class... Where> void save(const Value& value, Where&&... where) {
  serialize::OutputArchive archive;
  archive << value;
  archive.save_to(std::forward<Where>(where)...);
}

/// Reads it back. A module must find each of its names with the right shape and no others
/// (Module::load_state_dict says it all at once otherwise); of a checkpoint, its `model_state_dict`,
/// `state_dict` or `model` is read.
template <class Value, class... From> void load(Value&& value, From&&... from) {
  serialize::InputArchive archive;
  archive.load_from(std::forward<From>(from)...);
  archive >> value;
}

/// Everything that a run needs to go on bit for bit: the model, the optimizer, the random state and the
/// number of the epoch. Python sees {"model_state_dict", "optimizer_state_dict", "epoch", "random_state"}.
void save_checkpoint(const std::string& filename, const nn::Module& model, const optim::Optimizer& optimizer,
                     std::int64_t epoch = 0);
/// Returns the epoch. On an Error nothing has changed.
std::int64_t load_checkpoint(const std::string& filename, nn::Module& model, optim::Optimizer& optimizer);

} // namespace kiln
