// SummaryWriter: a run's scalars, histograms, texts and its model's graph as TensorBoard event files, under
// the names of Python's torch.utils.tensorboard. `tensorboard --logdir runs` shows them while the run goes
// on.
#pragma once

#include "kiln/arg.h"
#include "kiln/tensor.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kiln::watch {

struct SummaryWriterOptions {
  /// What an interrupted run wrote from this step on is hidden: set it when resuming.
  KILN_ARG(std::optional<std::int64_t>, purge_step);
  KILN_ARG(std::string, comment);         ///< ends the name of the default directory
  KILN_ARG(std::string, filename_suffix); ///< ends the name of each event file
};

/// Each add_ call appends whole records with one write: a run that is killed leaves files that can be read up
/// to the last call. May be used from several threads. Every call throws Error when the disk refuses, and
/// leaves the file as it was.
class SummaryWriter {
public:
  /// Makes `log_dir` (without one: "runs/DATE_HOST" and the comment) and an event file in it. Throws Error
  /// when it cannot.
  explicit SummaryWriter(const std::filesystem::path& log_dir = {}, const SummaryWriterOptions& options = {});
  ~SummaryWriter(); ///< closes
  SummaryWriter(SummaryWriter&&) noexcept;
  SummaryWriter& operator=(SummaryWriter&&) noexcept;

  /// `walltime`: seconds since 1970; the present without it.
  void add_scalar(const std::string& tag, double value, std::int64_t global_step = 0,
                  std::optional<double> walltime = {});
  /// value: one element. Throws Error otherwise.
  void add_scalar(const std::string& tag, const Tensor& value, std::int64_t global_step = 0,
                  std::optional<double> walltime = {});
  /// Several curves in one chart. Each is a run of its own, in the directory `log_dir/MAIN_TAG_TAG`, as in
  /// Python.
  void add_scalars(const std::string& main_tag,
                   const std::vector<std::pair<std::string, double>>& tag_scalar_dict,
                   std::int64_t global_step = 0, std::optional<double> walltime = {});
  /// The distribution of all elements, in buckets that grow by a tenth. Elements that are not finite are left
  /// out; throws Error when none is left.
  void add_histogram(const std::string& tag, const Tensor& values, std::int64_t global_step = 0,
                     std::optional<double> walltime = {});
  /// Markdown.
  void add_text(const std::string& tag, const std::string& text, std::int64_t global_step = 0,
                std::optional<double> walltime = {});
  /// The ops of `model(inputs…)`, grouped by module path. The model is captured, not run: no parameter,
  /// buffer or random state changes. What a forward does after it has read a value of a tensor (item(),
  /// printing) is all that is shown of it, since reading runs what came before.
  template <class Holder, class... Inputs> void add_graph(const Holder& model, const Inputs&... inputs) {
    auto forward = [&]<std::size_t... i>(const std::vector<Tensor>& traced, std::index_sequence<i...>) {
      return results(model(static_cast<const Inputs&>(traced[i])...));
    };
    auto body = [&](const std::vector<Tensor>& traced) {
      return forward(traced, std::index_sequence_for<Inputs...>());
    };
    Names names;
    for (const auto& item : model->named_parameters())
      names.emplace_back(item.key(), item.value());
    for (const auto& item : model->named_buffers())
      names.emplace_back(item.key(), item.value());
    add_graph(
        {inputs...}, names,
        [](void* context, const std::vector<Tensor>& traced) {
          return (*static_cast<decltype(body)*>(context))(traced);
        },
        &body);
  }

  /// All that was added is on the disk when this returns.
  void flush();
  /// Flushes and ends the files. Adding afterwards is an Error; closing again is not.
  void close();
  const std::filesystem::path& log_dir() const;

private:
  using Names = std::vector<std::pair<std::string, Tensor>>;
  using Body = std::vector<Tensor> (*)(void* context, const std::vector<Tensor>& traced);
  static std::vector<Tensor> results(Tensor result) { return {std::move(result)}; }
  static std::vector<Tensor> results(std::vector<Tensor> result) { return result; }
  template <class... T> static std::vector<Tensor> results(const std::tuple<T...>& result) {
    return std::apply([](const auto&... parts) { return std::vector<Tensor>{parts...}; }, result);
  }
  void add_graph(const std::vector<Tensor>& inputs, const Names& names, Body body, void* context);

  struct State;
  std::unique_ptr<State> state_;
};

} // namespace kiln::watch
