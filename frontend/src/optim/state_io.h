// What options and states read and write in archives.
#pragma once

#include "kiln/ops.h"
#include "kiln/serialize/archive.h"

namespace kiln::optim {

inline void read_option(serialize::InputArchive& archive, const char* name, double& value) {
  if (IValue stored; archive.try_read(name, stored)) value = stored.toDouble();
}
inline void read_option(serialize::InputArchive& archive, const char* name, bool& value) {
  if (IValue stored; archive.try_read(name, stored)) value = stored.toBool();
}
inline void read_option(serialize::InputArchive& archive, const char* name, std::int64_t& value) {
  if (IValue stored; archive.try_read(name, stored)) value = stored.toInt();
}
inline void read_option(serialize::InputArchive& archive, const char* name,
                        std::optional<std::int64_t>& value) {
  if (IValue stored; archive.try_read(name, stored))
    value = stored.isNone() ? std::nullopt : std::optional(stored.toInt());
}
inline void read_option(serialize::InputArchive& archive, const char* name,
                        std::optional<std::string>& value) {
  if (IValue stored; archive.try_read(name, stored))
    value = stored.isNone() ? std::nullopt : std::optional(stored.toStringRef());
}
/// A pair of numbers, as Python's betas.
inline void read_option(serialize::InputArchive& archive, const char* name,
                        std::tuple<double, double>& value) {
  read_option(archive, (std::string(name) + ".0").c_str(), std::get<0>(value));
  read_option(archive, (std::string(name) + ".1").c_str(), std::get<1>(value));
}

template <class T> IValue as_value(const T& value) {
  return IValue(value);
}
inline IValue as_value(const std::tuple<double, double>& pair) {
  return IValue::tuple({std::get<0>(pair), std::get<1>(pair)});
}

// A source lists its options once, under Python's names:
//   template <class Visit, class... Options> static void each_option(Visit visit, Options&... options) {
//     visit("lr", options.lr()...);
//   }
template <class Options> void write_options(serialize::OutputArchive& archive, const Options& options) {
  each_option([&](const char* name, const auto& value) { archive.write(name, as_value(value)); }, options);
}
template <class Options> void read_options(serialize::InputArchive& archive, Options& options) {
  each_option([&](const char* name, auto& value) { read_option(archive, name, value); }, options);
}
template <class Options> bool same_options(const Options& a, const Options& b) {
  bool same = true;
  each_option([&](const char*, const auto& x, const auto& y) { same = same && x == y; }, a, b);
  return same;
}

/// A single number that Python keeps as a float32 tensor: counts of steps. Reads integers too, as older
/// versions have them.
inline void write_step(serialize::OutputArchive& archive, double step) {
  archive.write("step", full({}, step, kFloat32));
}
inline std::optional<double> read_number(serialize::InputArchive& archive, const char* name) {
  IValue stored;
  if (!archive.try_read(name, stored) || stored.isNone()) return std::nullopt;
  return stored.isTensor() ? stored.toTensor().item<double>() : stored.toDouble();
}

/// Both undefined, or of one shape, dtype and all values.
inline bool same_values(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  return a.dtype() == b.dtype() && a.sizes() == b.sizes() && a.equal(b);
}

/// A 0-d float64 tensor in place, or a new one.
inline void set_number(Tensor& slot, double value) {
  if (slot.defined())
    slot.fill_(value);
  else
    slot = full({}, value, kFloat64);
}

} // namespace kiln::optim
