// See summary_writer.h. Fields are those of tensorboard/compat/proto/{event,summary,tensor}.proto.
#include "kiln/watch/summary_writer.h"

#include "core/tensor_impl.h"
#include "core/trace.h"
#include "kiln/autograd.h"
#include "watch/event_file.h"
#include "watch/graph.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <map>
#include <mutex>
#include <unistd.h>

namespace kiln::watch {
namespace fs = std::filesystem;
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// Event fields: wall_time 1, step 2, file_version 3, graph_def 4, summary 5, session_log 7.
Message event(std::optional<double> walltime, std::int64_t step) {
  Message message;
  message.real(1, walltime.value_or(now())).integer(2, step);
  return message;
}

/// Summary's value 1: tag 1, simple_value 2, histo 5, tensor 8, metadata 9.
std::string summary(const Message& value, std::int64_t step, std::optional<double> walltime) {
  return event(walltime, step).message(5, Message().message(1, value)).bytes();
}
std::string scalar(const std::string& tag, double value, std::int64_t step, std::optional<double> walltime) {
  return summary(Message().text(1, tag).single(2, static_cast<float>(value)), step, walltime);
}

fs::path default_directory(const std::string& comment) {
  char host[256] = {}, date[32];
  if (gethostname(host, sizeof host - 1) != 0) host[0] = '\0';
  const std::time_t time = std::time(nullptr);
  std::tm local{};
  localtime_r(&time, &local);
  std::strftime(date, sizeof date, "%b%d_%H-%M-%S", &local);
  return fs::path("runs") / (std::string(date) + "_" + host + comment);
}

/// Limits of buckets, as TensorFlow's: 0 and ±1e-12 * 1.1^n up to 1e20.
const std::vector<double>& bucket_limits() {
  static const std::vector<double> limits = [] {
    std::vector<double> positive, all;
    for (double v = 1e-12; v < 1e20; v *= 1.1)
      positive.push_back(v);
    for (auto v = positive.rbegin(); v != positive.rend(); ++v)
      all.push_back(-*v);
    all.push_back(0);
    all.insert(all.end(), positive.begin(), positive.end());
    return all;
  }();
  return limits;
}

/// HistogramProto: min 1, max 2, num 3, sum 4, sum_squares 5, bucket_limit 6, bucket 7. A bucket is named by
/// its right limit, so an empty one goes before the first to say where that starts.
Message histogram(const std::vector<double>& values) {
  const std::vector<double>& limits = bucket_limits();
  std::vector<double> counts(limits.size() - 1);
  double least = values.front(), most = least, sum = 0, squares = 0;
  for (double v : values) {
    least = std::min(least, v), most = std::max(most, v);
    sum += v, squares += v * v;
    const auto above = std::upper_bound(limits.begin(), limits.end(), v) - limits.begin();
    ++counts[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(above - 1, 0, std::ssize(counts) - 1))];
  }
  std::size_t first = 0, last = counts.size();
  while (counts[first] == 0)
    ++first;
  while (counts[last - 1] == 0)
    --last;
  std::vector<double> buckets{0};
  buckets.insert(buckets.end(), counts.begin() + static_cast<std::ptrdiff_t>(first),
                 counts.begin() + static_cast<std::ptrdiff_t>(last));
  Message message;
  message.real(1, least)
      .real(2, most)
      .real(3, static_cast<double>(values.size()))
      .real(4, sum)
      .real(5, squares);
  message.packed(6, std::span(limits).subspan(first, buckets.size()));
  return message.packed(7, buckets), message;
}

std::vector<double> finite_values(const Tensor& values) {
  NoGradGuard no_grad;
  const Tensor wide = internal::read(values.detach().to(kFloat64));
  const runtime::Buffer bytes = internal::host_value(wide);
  const auto* data = static_cast<const double*>(bytes.data());
  std::vector<double> finite;
  std::copy_if(data, data + wide.numel(), std::back_inserter(finite),
               [](double v) { return std::isfinite(v); });
  return finite;
}

/// What `body` does with inputs of these types, as a program; nothing is run.
ir::Program capture(const std::vector<Tensor>& inputs,
                    const std::vector<std::pair<std::string, Tensor>>& names,
                    std::vector<Tensor> (*body)(void*, const std::vector<Tensor>&), void* context) {
  if (internal::is_capturing())
    throw Error("add_graph: called in a function that is being captured; call it before or after that one");
  NoGradGuard no_grad;
  std::vector<Tensor> whole;
  for (const Tensor& input : inputs) {
    internal::checked(input, "add_graph");
    whole.push_back(internal::read(input));
  }
  internal::Trace trace;
  for (std::size_t i = 0; i < whole.size(); ++i)
    trace.argument(whole[i], static_cast<std::uint32_t>(i));
  internal::Recording recording = trace.finish(body(context, whole));
  ir::Program program = std::move(recording.program);
  for (std::size_t i = 0; i < recording.inputs.size(); ++i) {
    const internal::InputSource& source = recording.inputs[i];
    std::string& name = program.inputNames[i];
    if (source.kind == internal::InputSource::Kind::Argument)
      name = "input" + std::to_string(source.argument);
    for (const auto& [known, tensor] : names)
      if (source.storage && tensor.defined() && tensor.impl()->storage == source.storage) name = known;
  }
  return program;
}

} // namespace

struct SummaryWriter::State {
  fs::path directory;
  SummaryWriterOptions options;
  std::map<fs::path, std::unique_ptr<EventFile>> files; ///< of this run and of those that add_scalars makes
  bool closed = false;
  std::mutex mutex;

  EventFile& file(const fs::path& run) {
    auto& file = files[run];
    if (file) return *file;
    auto made = std::make_unique<EventFile>(run, options.filename_suffix());
    made->append(event({}, 0).text(3, "brain.Event:2").bytes());
    // SessionLog: status 1, of which START is 1. TensorBoard takes the first START that it sees in a run for
    // the run's own, and those after it for restarts that hide what came before.
    for (int i = 0; options.purge_step() && i < 2; ++i)
      made->append(event({}, *options.purge_step()).message(7, Message().integer(1, 1)).bytes());
    file = std::move(made);
    return *file;
  }
  void add(const std::string& tag, const std::string& record) {
    std::lock_guard lock(mutex);
    check(tag);
    file(directory).append(record);
  }
  void check(const std::string& tag) const {
    if (closed) throw Error("SummaryWriter: " + directory.string() + " is closed: nothing can be added");
    if (tag.empty()) throw Error("SummaryWriter: a tag must not be empty");
  }
};

SummaryWriter::SummaryWriter(const fs::path& log_dir, const SummaryWriterOptions& options)
    : state_(std::make_unique<State>()) {
  state_->directory = log_dir.empty() ? default_directory(options.comment()) : log_dir;
  state_->options = options;
  state_->file(state_->directory);
}

SummaryWriter::~SummaryWriter() = default; // every record is written already
SummaryWriter::SummaryWriter(SummaryWriter&&) noexcept = default;
SummaryWriter& SummaryWriter::operator=(SummaryWriter&&) noexcept = default;

const fs::path& SummaryWriter::log_dir() const {
  return state_->directory;
}

void SummaryWriter::add_scalar(const std::string& tag, double value, std::int64_t global_step,
                               std::optional<double> walltime) {
  state_->add(tag, scalar(tag, value, global_step, walltime));
}

void SummaryWriter::add_scalar(const std::string& tag, const Tensor& value, std::int64_t global_step,
                               std::optional<double> walltime) {
  const Shape& shape = internal::checked(value, "add_scalar").type.shape;
  if (shape.numel() != 1) throw Error("add_scalar: " + tag + ": wants one element, got " + to_string(shape));
  add_scalar(tag, value.item<double>(), global_step, walltime);
}

void SummaryWriter::add_scalars(const std::string& main_tag,
                                const std::vector<std::pair<std::string, double>>& tag_scalar_dict,
                                std::int64_t global_step, std::optional<double> walltime) {
  std::lock_guard lock(state_->mutex);
  state_->check(main_tag);
  for (const auto& [tag, value] : tag_scalar_dict) {
    std::string run = main_tag + "_" + tag;
    std::replace(run.begin(), run.end(), '/', '_');
    state_->file(state_->directory / run).append(scalar(main_tag, value, global_step, walltime));
  }
}

void SummaryWriter::add_histogram(const std::string& tag, const Tensor& values, std::int64_t global_step,
                                  std::optional<double> walltime) {
  const std::vector<double> finite = finite_values(values);
  if (finite.empty())
    throw Error("add_histogram: " + tag + ": none of the " + std::to_string(values.numel()) +
                " elements is finite");
  state_->add(tag, summary(Message().text(1, tag).message(5, histogram(finite)), global_step, walltime));
}

void SummaryWriter::add_text(const std::string& tag, const std::string& text, std::int64_t global_step,
                             std::optional<double> walltime) {
  // TensorProto: dtype 1 (7 is a string), shape 2, string_val 8. Metadata: plugin_data 1, whose name 1
  // chooses the panel.
  const Message shape = Message().message(2, Message().integer(1, 1));
  const Message tensor = Message().integer(1, 7).message(2, shape).text(8, text);
  const Message metadata = Message().message(1, Message().text(1, "text"));
  const std::string full = tag + "/text_summary";
  state_->add(
      tag, summary(Message().text(1, full).message(9, metadata).message(8, tensor), global_step, walltime));
}

void SummaryWriter::add_graph(const std::vector<Tensor>& inputs, const Names& names, Body body,
                              void* context) {
  const Message graph = graph_of(capture(inputs, names, body, context));
  state_->add("graph", event({}, 0).message(4, graph).bytes());
}

void SummaryWriter::flush() {
  std::lock_guard lock(state_->mutex);
  for (auto& [run, file] : state_->files)
    file->sync();
}

void SummaryWriter::close() {
  std::lock_guard lock(state_->mutex);
  for (auto& [run, file] : state_->files)
    file->sync();
  state_->files.clear();
  state_->closed = true;
}

} // namespace kiln::watch
