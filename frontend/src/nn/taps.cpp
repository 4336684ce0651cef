// The formulas are ATen's, in its precision: which sample is nearest depends on how a product was rounded.
#include "nn/taps.h"

#include <algorithm>
#include <cmath>

namespace kiln::internal {

namespace {

/// `T` is float or double.
template <class T> class Maker {
public:
  explicit Maker(const Resampling& how) : how(how) {
    if (how.align_corners)
      step = how.to > 1 ? static_cast<T>(how.from - 1) / static_cast<T>(how.to - 1) : T(0);
    else if (how.scale && *how.scale > 0)
      step = static_cast<T>(1.0 / *how.scale);
    else
      step = static_cast<T>(how.from) / static_cast<T>(how.to);
  }

  Taps nearest(bool exact) {
    Taps taps = start(1);
    for (std::int64_t i = 0; i < how.to; ++i) {
      const T at = exact ? std::max(centre(i), T(0)) + T(0.5) : step * static_cast<T>(i);
      put(taps, i, 0, static_cast<std::int64_t>(std::floor(static_cast<float>(at))), 1);
    }
    return taps;
  }

  Taps linear() {
    Taps taps = start(2);
    for (std::int64_t i = 0; i < how.to; ++i) {
      const auto [sample, past] = split(std::max(place(i), T(0)));
      put(taps, i, 0, sample, T(1) - past);
      put(taps, i, 1, sample + 1, past);
    }
    return taps;
  }

  Taps cubic() {
    Taps taps = start(4);
    for (std::int64_t i = 0; i < how.to; ++i) {
      const auto [sample, past] = split(place(i));
      for (int k = 0; k < 4; ++k)
        put(taps, i, k, sample + k - 1, cubic_weight(std::abs(past + T(1 - k)), T(-0.75)));
    }
    return taps;
  }

  Taps area() {
    auto begin = [&](std::int64_t i) { return i * how.from / how.to; };
    auto end = [&](std::int64_t i) { return ((i + 1) * how.from + how.to - 1) / how.to; };
    std::int64_t width = 1;
    for (std::int64_t i = 0; i < how.to; ++i)
      width = std::max(width, end(i) - begin(i));
    Taps taps = start(width);
    for (std::int64_t i = 0; i < how.to; ++i)
      for (std::int64_t k = 0; k < width; ++k)
        put(taps, i, k, begin(i) + k,
            begin(i) + k < end(i) ? T(1) / static_cast<T>(end(i) - begin(i)) : T(0));
    return taps;
  }

  /// reach: of the filter, in samples, where it is not widened.
  Taps smoothed(bool is_cubic) {
    const T wider = std::max(step, T(1)), reach = T(is_cubic ? 2 : 1) * wider;
    Taps taps = start(static_cast<std::int64_t>(std::ceil(reach)) * 2 + 1);
    for (std::int64_t i = 0; i < how.to; ++i) {
      const T middle = step * (static_cast<T>(i) + T(0.5));
      const std::int64_t first =
          std::max<std::int64_t>(static_cast<std::int64_t>(middle - reach + T(0.5)), 0);
      const std::int64_t last = std::min(static_cast<std::int64_t>(middle + reach + T(0.5)), how.from);
      auto weight = [&](std::int64_t k) {
        if (first + k >= last) return T(0);
        const T away = std::abs((static_cast<T>(first + k) - middle + T(0.5)) / wider);
        return is_cubic ? cubic_weight(away, T(-0.5)) : std::max(T(1) - away, T(0));
      };
      T sum = 0;
      for (std::int64_t k = 0; k < taps.width; ++k)
        sum += weight(k);
      for (std::int64_t k = 0; k < taps.width; ++k)
        put(taps, i, k, first + k, weight(k) / sum);
    }
    return taps;
  }

private:
  Taps start(std::int64_t width) const {
    const auto count = static_cast<std::size_t>(width * how.to);
    return {how.to, width, std::vector<std::int64_t>(count), std::vector<double>(count)};
  }
  void put(Taps& taps, std::int64_t place, std::int64_t tap, std::int64_t sample, T weight) const {
    const auto at = static_cast<std::size_t>(tap * how.to + place);
    taps.sample[at] = std::clamp<std::int64_t>(sample, 0, how.from - 1);
    taps.weight[at] = weight;
  }

  T centre(std::int64_t i) const { return step * (static_cast<T>(i) + T(0.5)) - T(0.5); }
  T place(std::int64_t i) const { return how.align_corners ? step * static_cast<T>(i) : centre(i); }
  /// The sample at or before a place, and how far past it the place is: 0 to 1.
  std::pair<std::int64_t, T> split(T at) const {
    const std::int64_t sample = std::min(static_cast<std::int64_t>(std::floor(at)), how.from - 1);
    return {sample, std::clamp(at - static_cast<T>(sample), T(0), T(1))};
  }
  /// Keys' kernel at a distance of `x` samples.
  static T cubic_weight(T x, T a) {
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
    return 0;
  }

  const Resampling& how;
  T step; ///< samples from one place to the next
};

template <class T> Taps make(Filter filter, const Resampling& how) {
  Maker<T> maker(how);
  if (how.antialias) return maker.smoothed(filter == Filter::Cubic);
  switch (filter) {
  case Filter::Nearest:
    return maker.nearest(false);
  case Filter::NearestExact:
    return maker.nearest(true);
  case Filter::Linear:
    return maker.linear();
  case Filter::Cubic:
    return maker.cubic();
  case Filter::Area:
    return maker.area();
  }
  return {};
}

} // namespace

Taps make_taps(Filter filter, const Resampling& how) {
  return how.single_precision ? make<float>(filter, how) : make<double>(filter, how);
}

} // namespace kiln::internal
