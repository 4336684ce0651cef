// MNIST's IDX files, plain or gzip: arrays of unsigned bytes behind a big-endian header.
// Every error names the file, what was got and what was wanted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace kiln::data {

/// An array of bytes, row-major. Images: [N, H, W]; labels: [N].
struct IdxArray {
  std::vector<std::int64_t> dims;
  std::vector<std::uint8_t> bytes;
};

/// Reads an IDX file of unsigned bytes with `rank` dimensions; gzip is recognised by its content, not by its
/// name. Throws Error when the file cannot be opened, is cut, is of another magic, or holds more bytes than
/// its sizes say.
IdxArray read_idx(const std::filesystem::path& file, std::size_t rank);

/// Writes to a temporary name in the same directory and renames, so that no reader ever sees half a file.
/// Throws Error when the dimensions and bytes do not add up or the disk refuses.
void write_idx(const std::filesystem::path& file, const IdxArray& array);

/// One half of MNIST: images [N, H, W] and labels [N].
struct LabelledImages {
  IdxArray images, labels;
  std::int64_t count() const { return images.dims.empty() ? 0 : images.dims[0]; }
};

/// Which half: the names of MNIST's files begin with "train" and "t10k".
enum class Split { Train, Test };

/// "train-images-idx3-ubyte" and "train-labels-idx1-ubyte", or the same of t10k.
std::string images_name(Split split);
std::string labels_name(Split split);

/// Whether any of MNIST's four files is in `directory`, under one of the names that `load` looks for.
bool any_present(const std::filesystem::path& directory);

/// Loads one half from `directory` (NAME, NAME.gz, and "-idx" also as ".idx"). Throws Error for a missing
/// file, for counts of images and labels that differ, for images that are not height x width, and for a label
/// >= `classes`.
LabelledImages load(const std::filesystem::path& directory, Split split, std::int64_t height,
                    std::int64_t width, int classes);

} // namespace kiln::data
