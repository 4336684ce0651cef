// Printing in PyTorch's C++ layout: one format for all numbers, columns aligned, the type in the last line.
#include "core/element_type.h"
#include "kiln/ops.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <ostream>
#include <sstream>

namespace kiln {

using namespace internal;

namespace {

constexpr std::int64_t kLineWidth = 80;

struct Format {
  double scale = 1;
  int width = 1;
  bool fixed = false, scientific = false;
  void set(std::ostream& out) const {
    if (scientific)
      out << std::scientific << std::setprecision(4);
    else if (fixed)
      out << std::fixed << std::setprecision(4);
    else
      out << std::defaultfloat;
  }
};

std::vector<double> values_of(const Tensor& x) {
  const runtime::Buffer buffer = host_value(x);
  std::vector<double> values(static_cast<std::size_t>(x.numel()));
  with_element_type("print", x.dtype(), [&]<class T> {
    const T* from = buffer.as<T>();
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<double>(from[i]);
  });
  return values;
}

int digits(double magnitude) {
  return magnitude != 0 ? static_cast<int>(std::floor(std::log10(magnitude))) + 1 : 1;
}

Format choose(const std::vector<double>& values) {
  Format format;
  bool whole = true, any = false;
  double least = 0, most = 0;
  for (double value : values) {
    if (!std::isfinite(value)) continue;
    whole &= value == std::ceil(value);
    const double magnitude = std::abs(value);
    least = any ? std::min(least, magnitude) : magnitude;
    most = any ? std::max(most, magnitude) : magnitude;
    any = true;
  }
  const int low = digits(least), high = digits(most);
  if (whole) {
    format.scientific = high > 9;
    format.width = format.scientific ? 11 : high + 1;
  } else if (high - low > 4) {
    format.scientific = true;
    format.width = std::abs(high) > 99 || std::abs(low) > 99 ? 12 : 11;
  } else {
    format.fixed = true;
    if (high > 5 || high < 0)
      format.width = 7, format.scale = std::pow(10.0, high - 1);
    else
      format.width = high == 0 ? 7 : high + 6;
  }
  return format;
}

void print_scale(std::ostream& out, const Format& format) {
  if (format.scale != 1) out << std::defaultfloat << format.scale << " *" << std::endl;
  format.set(out);
}

void print_matrix(std::ostream& out, const double* values, std::int64_t rows, std::int64_t columns,
                  int indent) {
  const Format format = choose({values, values + rows * columns});
  const std::string margin(static_cast<std::size_t>(indent), ' ');
  const std::int64_t per_line = std::max<std::int64_t>(1, (kLineWidth - indent) / (format.width + 1));
  for (std::int64_t first = 0; first < columns; first += per_line) {
    const std::int64_t last = std::min(columns, first + per_line) - 1;
    if (per_line < columns) {
      if (first != 0) out << std::endl;
      out << margin << "Columns " << first + 1 << " to " << last + 1;
      out << margin;
      if (format.scale == 1) out << std::endl;
    }
    if (format.scale != 1) out << margin, print_scale(out, format);
    format.set(out);
    for (std::int64_t r = 0; r < rows; ++r) {
      out << margin;
      if (format.scale != 1) out << " ";
      for (std::int64_t c = first; c <= last; ++c)
        out << std::setw(format.width) << values[r * columns + c] / format.scale << (c == last ? "" : " ");
      out << std::endl;
    }
  }
}

} // namespace

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) {
  if (!tensor.defined()) return out << "[ Tensor (undefined) ]";
  const std::vector<double> values = values_of(tensor);
  const Shape shape = tensor.sizes().shape();
  std::ios state(nullptr);
  state.copyfmt(out);
  if (shape.rank() == 0) {
    out << std::defaultfloat << values[0] << std::endl;
  } else if (shape.rank() == 1) {
    if (!values.empty()) {
      const Format format = choose(values);
      print_scale(out, format);
      for (double value : values)
        out << std::setw(format.width) << value / format.scale << std::endl;
    }
  } else if (shape.rank() == 2) {
    if (!values.empty()) print_matrix(out, values.data(), shape[0], shape[1], 0);
  } else if (!values.empty()) {
    const std::int64_t rows = shape[shape.rank() - 2], columns = shape[shape.rank() - 1];
    const std::int64_t slices = shape.numel() / (rows * columns);
    for (std::int64_t s = 0; s < slices; ++s) {
      if (s) out << std::endl;
      out << "(";
      std::int64_t rest = s, below = slices;
      for (std::size_t d = 0; d + 2 < shape.rank(); ++d) {
        below /= shape[d];
        out << rest / below + 1 << ",";
        rest %= below;
      }
      out << ".,.) = " << std::endl;
      print_matrix(out, values.data() + s * rows * columns, rows, columns, 1);
    }
  }
  out << "[ " << tensor.toString() << "{";
  for (std::size_t d = 0; d < shape.rank(); ++d)
    out << (d ? "," : "") << shape[d];
  out << "}";
  out << " ]";
  out.copyfmt(state);
  return out;
}

} // namespace kiln
