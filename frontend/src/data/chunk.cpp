// The parts of chunk datasets that do not depend on types.
#include "kiln/data/chunk.h"

#include <string>

namespace kiln::data::detail {

void check(const datasets::ChunkDatasetOptions& options) {
  if (options.preloader_count() == 0)
    throw Error("ChunkDataset: Preloader count is 0. At least one preloader needs to be specified.");
  if (options.batch_size() == 0)
    throw Error("ChunkDataset: Batch size is 0. A positive batch size needs to be specified.");
  if (options.cache_size() == 0)
    throw Error("ChunkDataset: Cache size is 0. A positive cache size needs to be specified.");
  if (options.cache_size() < options.batch_size())
    throw Error("ChunkDataset: Cache size is less than batch size. Cache needs to be large enough to hold at "
                "least one batch.");
  if (options.cross_chunk_shuffle_count() == 0)
    throw Error("ChunkDataset: cross_chunk_shuffle_count needs to be greater than 0.");
}

void fail_batch_size(std::size_t requested, std::size_t created) {
  throw Error("ChunkDataset: The requested batch size does not match with the initialized batch size.\n The "
              "requested batch size is " +
              std::to_string(requested) + ", while the dataset is created with batch size equal to " +
              std::to_string(created));
}

} // namespace kiln::data::detail
