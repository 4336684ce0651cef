// Checkpoints of a whole run.
#include "core/random.h"
#include "core/run_gate.h"
#include "kiln/ops.h"
#include "kiln/serialize.h"
#include "serialize/contents.h"
#include "serialize/state.h"

namespace kiln {

void save_checkpoint(const std::string& filename, const nn::Module& model, const optim::Optimizer& optimizer,
                     std::int64_t epoch) {
  serialize::OutputArchive archive, optimizer_archive;
  optimizer.save(optimizer_archive);
  const internal::RandomState random = internal::random_state();
  archive.write("model_state_dict", serialize::detail::state_dict_value(model));
  archive.write("optimizer_state_dict", optimizer_archive.value());
  archive.write("epoch", IValue(epoch));
  archive.write("random_state",
                tensor({static_cast<std::int64_t>(random.seed), static_cast<std::int64_t>(random.offset)}));
  archive.save_to(filename);
}

std::int64_t load_checkpoint(const std::string& filename, nn::Module& model, optim::Optimizer& optimizer) {
  serialize::InputArchive archive;
  archive.load_from(filename);
  IValue epoch;
  archive.read("epoch", epoch);
  const std::int64_t number = epoch.toInt();
  // A checkpoint from Python has none: the present one goes on.
  Tensor random;
  if (archive.try_read("random_state", random) && (random.dtype() != kInt64 || random.numel() != 2))
    throw Error(filename + ": its random_state is not one of Kiln's");
  const auto commit_model = serialize::detail::prepare_module(model, archive);
  const auto commit_optimizer = optimizer.prepare_load(archive);

  internal::ExclusiveGate alone("load_checkpoint");
  commit_model();
  commit_optimizer();
  if (random.defined()) {
    const auto* words = random.data_ptr<std::int64_t>();
    internal::set_random_state({static_cast<std::uint64_t>(words[0]), static_cast<std::uint64_t>(words[1])});
  }
  return number;
}

} // namespace kiln
