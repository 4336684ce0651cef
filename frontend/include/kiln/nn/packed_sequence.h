// nn::utils::rnn: sequences of different lengths in one tensor, padded (a rectangle) or packed (no padding:
// step by step, all sequences that are still going on). As torch.nn.utils.rnn.
#pragma once

#include "kiln/array_ref.h"
#include "kiln/tensor.h"

#include <tuple>

namespace kiln::nn::utils::rnn {

/// Sequences that were packed, longest first.
class PackedSequence {
public:
  PackedSequence() = default;
  /// Throws Error unless batch_sizes, i64 [steps] on the CPU, does not grow and sums up to the rows of data.
  /// One of the permutations suffices; without either the sequences are in the order of their lengths.
  explicit PackedSequence(Tensor data, Tensor batch_sizes, Tensor sorted_indices = {},
                          Tensor unsorted_indices = {});

  const Tensor& data() const { return data_; }                     ///< [sum of lengths, …]
  const Tensor& batch_sizes() const { return batch_sizes_; }       ///< i64 [steps]: rows of each step
  const Tensor& sorted_indices() const { return sorted_indices_; } ///< i64 [batch]: caller's order -> ours
  const Tensor& unsorted_indices() const { return unsorted_indices_; } ///< and back; perhaps undefined

  /// The data moved or converted; this one when nothing changes.
  PackedSequence to(const TensorOptions& options, bool non_blocking = false, bool copy = false) const;
  PackedSequence cpu() const { return to(TensorOptions(kCPU)); }
  PackedSequence cuda() const { return to(TensorOptions(kCUDA)); }
  bool is_cuda() const { return data_.is_cuda(); }

private:
  Tensor data_, batch_sizes_, sorted_indices_, unsorted_indices_;
};

/// input: [steps, batch, …], or [batch, steps, …] with batch_first; lengths: i64 [batch], each of 1 to steps.
/// With enforce_sorted they must not grow, else they are sorted here. Reads lengths: under capture this
/// splits the program. Gradients flow through the data.
PackedSequence pack_padded_sequence(const Tensor& input, const Tensor& lengths, bool batch_first = false,
                                    bool enforce_sorted = true);

/// The sequences in the caller's order, padded to total_length (the longest unless given; Error when it is
/// shorter): [steps, batch, …], or [batch, steps, …] with batch_first; and their lengths, i64 [batch].
std::tuple<Tensor, Tensor> pad_packed_sequence(const PackedSequence& sequence, bool batch_first = false,
                                               double padding_value = 0,
                                               std::optional<std::int64_t> total_length = {});

/// Sequences [length, …] to [longest, batch, …], or [batch, longest, …] with batch_first. Throws Error unless
/// they differ in length alone.
Tensor pad_sequence(ArrayRef<Tensor> sequences, bool batch_first = false, double padding_value = 0);

/// pad_sequence, then pack_padded_sequence.
PackedSequence pack_sequence(ArrayRef<Tensor> sequences, bool enforce_sorted = true);

} // namespace kiln::nn::utils::rnn
