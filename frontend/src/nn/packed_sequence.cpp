// Padded and packed sequences. Either way a sequence's element is a row of a table; packing and padding
// choose rows by number, so that one index_select does all the work and has the gradient.
#include "kiln/nn/packed_sequence.h"

#include "core/shapes.h"
#include "kiln/ops.h"

#include <algorithm>

namespace kiln::nn::utils::rnn {

namespace {

std::vector<std::int64_t> numbers(const Tensor& list) {
  const Tensor host = list.detach().to(kInt64).clone();
  const auto* data = host.data_ptr<std::int64_t>();
  return {data, data + host.numel()};
}
Tensor indices(const std::vector<std::int64_t>& list) {
  return from_blob(const_cast<std::int64_t*>(list.data()), {static_cast<std::int64_t>(list.size())}, kInt64)
      .clone();
}

/// Where each element of a permutation stands.
std::vector<std::int64_t> inverse(const std::vector<std::int64_t>& permutation) {
  std::vector<std::int64_t> result(permutation.size());
  for (std::size_t i = 0; i < permutation.size(); ++i) {
    if (permutation[i] < 0 || permutation[i] >= static_cast<std::int64_t>(permutation.size()))
      throw Error("PackedSequence: got the index " + std::to_string(permutation[i]) +
                  ", wanted a permutation of " + std::to_string(permutation.size()));
    result[static_cast<std::size_t>(permutation[i])] = static_cast<std::int64_t>(i);
  }
  return result;
}
Tensor inverse(const Tensor& permutation) {
  return permutation.defined() ? indices(inverse(numbers(permutation))) : Tensor();
}

/// x: [a, b, …] as a table [a * b, …].
Tensor rows(const Tensor& x) {
  std::vector<std::int64_t> sizes = x.sizes().vec();
  sizes[1] *= sizes[0];
  sizes.erase(sizes.begin());
  return x.reshape(sizes);
}

/// table: [rows, …] -> [a, b, …], element by element the rows of these numbers.
Tensor arranged(const Tensor& table, const std::vector<std::int64_t>& chosen, std::int64_t a,
                std::int64_t b) {
  std::vector<std::int64_t> sizes = table.sizes().vec();
  sizes[0] = b;
  sizes.insert(sizes.begin(), a);
  return table.index_select(0, indices(chosen)).reshape(sizes);
}

/// The table with a row of the padding value behind its last.
Tensor with_padding(const Tensor& table, double value) {
  std::vector<std::int64_t> sizes = table.sizes().vec();
  sizes[0] = 1;
  return cat({table, full(sizes, value, table.dtype())});
}

} // namespace

PackedSequence::PackedSequence(Tensor data, Tensor batch_sizes, Tensor sorted_indices,
                               Tensor unsorted_indices)
    : data_(std::move(data)), batch_sizes_(std::move(batch_sizes)),
      sorted_indices_(std::move(sorted_indices)), unsorted_indices_(std::move(unsorted_indices)) {
  if (!batch_sizes_.device().is_cpu())
    throw Error("PackedSequence: batch_sizes should always be on CPU, got " + batch_sizes_.device().str());
  std::int64_t sum = 0, last = batch_sizes_.numel() ? batch_sizes_[0].item<std::int64_t>() : 0;
  for (std::int64_t size : numbers(batch_sizes_)) {
    if (size > last || size < 1)
      throw Error("PackedSequence: batch_sizes must be above 0 and not grow, got " + std::to_string(size) +
                  " after " + std::to_string(last));
    sum += last = size;
  }
  if (data_.dim() == 0 || data_.size(0) != sum)
    throw Error("PackedSequence: data is " + internal::sizes_of(data_) + ", batch_sizes wants " +
                std::to_string(sum) + " rows");
  if (!unsorted_indices_.defined()) unsorted_indices_ = inverse(sorted_indices_);
  if (!sorted_indices_.defined()) sorted_indices_ = inverse(unsorted_indices_);
}

PackedSequence PackedSequence::to(const TensorOptions& options, bool non_blocking, bool copy) const {
  PackedSequence moved = *this;
  moved.data_ = data_.to(options, non_blocking, copy);
  return moved;
}

PackedSequence pack_padded_sequence(const Tensor& input, const Tensor& lengths, bool batch_first,
                                    bool enforce_sorted) {
  if (input.dim() < 2)
    throw Error("pack_padded_sequence: got " + internal::sizes_of(input) + ", wanted [steps, batch, …]");
  if (input.numel() == 0) throw Error("pack_padded_sequence: Cannot pack empty tensors.");
  const std::int64_t steps = input.size(batch_first ? 1 : 0), batch = input.size(batch_first ? 0 : 1);
  std::vector<std::int64_t> each = numbers(lengths);
  if (lengths.dim() != 1 || static_cast<std::int64_t>(each.size()) != batch)
    throw Error("pack_padded_sequence: Expected `len(lengths)` to be equal to batch_size, got " +
                internal::sizes_of(lengths) + ", wanted [" + std::to_string(batch) + "]");
  for (std::int64_t length : each)
    if (length < 1 || length > steps)
      throw Error("pack_padded_sequence: Length of all samples has to be greater than 0 and at most " +
                  std::to_string(steps) + ", got " + std::to_string(length));

  std::vector<std::int64_t> order(each.size()); // our order -> the caller's
  for (std::size_t i = 0; i < order.size(); ++i)
    order[i] = static_cast<std::int64_t>(i);
  auto before = [&](std::int64_t a, std::int64_t b) { // the longer; of equal ones the first
    const std::int64_t one = each[static_cast<std::size_t>(a)], two = each[static_cast<std::size_t>(b)];
    return one != two ? one > two : a < b;
  };
  if (!enforce_sorted)
    std::sort(order.begin(), order.end(), before);
  else if (!std::is_sorted(order.begin(), order.end(), before))
    throw Error("pack_padded_sequence: `lengths` array must be sorted in decreasing order when "
                "`enforce_sorted` is True. You can pass `enforce_sorted=False` to pack_padded_sequence "
                "and/or pack_sequence to sidestep this requirement");

  std::vector<std::int64_t> chosen, batch_sizes;
  for (std::int64_t step = 0; step < each[static_cast<std::size_t>(order[0])]; ++step) {
    const auto start = chosen.size();
    for (std::int64_t place : order) {
      if (each[static_cast<std::size_t>(place)] <= step) break;
      chosen.push_back(batch_first ? place * steps + step : step * batch + place);
    }
    batch_sizes.push_back(static_cast<std::int64_t>(chosen.size() - start));
  }
  return PackedSequence(rows(input).index_select(0, indices(chosen)), indices(batch_sizes),
                        enforce_sorted ? Tensor() : indices(order));
}

std::tuple<Tensor, Tensor> pad_packed_sequence(const PackedSequence& sequence, bool batch_first,
                                               double padding_value,
                                               std::optional<std::int64_t> total_length) {
  const std::vector<std::int64_t> batch_sizes = numbers(sequence.batch_sizes());
  const auto longest = static_cast<std::int64_t>(batch_sizes.size());
  const std::int64_t steps = total_length.value_or(longest);
  if (steps < longest)
    throw Error("pad_packed_sequence: Expected total_length to be at least the length of the longest "
                "sequence in input, but got total_length=" +
                std::to_string(steps) + " and max sequence length being " + std::to_string(longest));
  const std::int64_t batch = batch_sizes.empty() ? 0 : batch_sizes[0];
  std::vector<std::int64_t> order; // the caller's -> ours
  if (sequence.unsorted_indices().defined())
    order = numbers(sequence.unsorted_indices());
  else
    for (std::int64_t i = 0; i < batch; ++i)
      order.push_back(i);

  const std::int64_t padding = sequence.data().size(0);
  std::vector<std::int64_t> chosen(static_cast<std::size_t>(steps * batch), padding),
      lengths(static_cast<std::size_t>(batch));
  std::int64_t start = 0;
  for (std::int64_t step = 0; step < longest; ++step) {
    const std::int64_t going_on = batch_sizes[static_cast<std::size_t>(step)];
    for (std::int64_t i = 0; i < batch; ++i) {
      const std::int64_t ours = order[static_cast<std::size_t>(i)];
      if (ours >= going_on) continue;
      chosen[static_cast<std::size_t>(batch_first ? i * steps + step : step * batch + i)] = start + ours;
      ++lengths[static_cast<std::size_t>(i)];
    }
    start += going_on;
  }
  const Tensor table = with_padding(sequence.data(), padding_value);
  return {batch_first ? arranged(table, chosen, batch, steps) : arranged(table, chosen, steps, batch),
          indices(lengths)};
}

Tensor pad_sequence(ArrayRef<Tensor> sequences, bool batch_first, double padding_value) {
  if (sequences.empty()) throw Error("pad_sequence: received an empty list of sequences");
  const auto batch = static_cast<std::int64_t>(sequences.size());
  std::int64_t steps = 0, padding = 0;
  for (const Tensor& one : sequences) {
    if (one.dim() == 0 || one.dim() != sequences[0].dim() ||
        !std::equal(one.sizes().begin() + 1, one.sizes().end(), sequences[0].sizes().begin() + 1))
      throw Error("pad_sequence: got sequences of " + internal::sizes_of(sequences[0]) + " and " +
                  internal::sizes_of(one) + ", wanted them to differ in length alone");
    steps = std::max(steps, one.size(0));
    padding += one.size(0);
  }
  std::vector<std::int64_t> chosen(static_cast<std::size_t>(steps * batch), padding);
  std::int64_t start = 0;
  for (std::int64_t i = 0; i < batch; ++i) {
    const std::int64_t length = sequences[static_cast<std::size_t>(i)].size(0);
    for (std::int64_t step = 0; step < length; ++step)
      chosen[static_cast<std::size_t>(batch_first ? i * steps + step : step * batch + i)] = start + step;
    start += length;
  }
  const Tensor table = with_padding(cat(sequences.vec()), padding_value);
  return batch_first ? arranged(table, chosen, batch, steps) : arranged(table, chosen, steps, batch);
}

PackedSequence pack_sequence(ArrayRef<Tensor> sequences, bool enforce_sorted) {
  std::vector<std::int64_t> lengths;
  for (const Tensor& one : sequences)
    lengths.push_back(one.dim() ? one.size(0) : 0);
  return pack_padded_sequence(pad_sequence(sequences), indices(lengths), false, enforce_sorted);
}

} // namespace kiln::nn::utils::rnn
