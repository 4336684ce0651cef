// The prelude: fixed-width integers, vectors for 16-byte loads and stores, bfloat16 and half with arithmetic
// in float, and NaN-propagating extremes. No includes, and inline assembly nowhere else than here, so that
// the text after it compiles for a CPU too (tests/cuda/emulation).
#include "cuda/Prelude.h"

namespace kiln::codegen::cuda {

std::string_view prelude() {
  return R"cuda(// Prelude: the same for every program.
using int8 = signed char;
using uint8 = unsigned char;
using int64 = long long;
using uint64 = unsigned long long;

#define infinity __int_as_float(0x7f800000)
#define nan __int_as_float(0x7fc00000)

// N elements that are loaded and stored at once.
template <class T, int N> struct alignas(sizeof(T) * N) vec {
  T element[N];
  __device__ T& operator[](int i) { return element[i]; }
  __device__ const T& operator[](int i) const { return element[i]; }
};

template <int N, class T> __device__ __forceinline__ vec<T, N> load(const T* from) {
  return *reinterpret_cast<const vec<T, N>*>(from);
}

template <class T, int N> __device__ __forceinline__ void store(T* to, const vec<T, N>& value) {
  *reinterpret_cast<vec<T, N>*>(to) = value;
}

// Pointers to N buffers, as one parameter of a kernel.
template <class T, int N> struct pointers {
  T* buffer[N];
  __device__ __forceinline__ T* operator[](int i) const { return buffer[i]; }
};

template <class To, class From> __device__ __forceinline__ To bits(From from) {
  static_assert(sizeof(To) == sizeof(From), "bits keeps the size");
  To to;
  memcpy(&to, &from, sizeof(To));
  return to;
}

// Upper half of a float, rounded to nearest even.
struct bfloat16 {
  unsigned short pattern;
  bfloat16() = default;
  __device__ bfloat16(float value) {
    unsigned u = bits<unsigned>(value);
    pattern = value != value ? 0x7fff : (u + 0x7fff + ((u >> 16) & 1)) >> 16;
  }
  __device__ operator float() const { return bits<float>(unsigned(pattern) << 16); }
};

// IEEE half precision, rounded to nearest even.
struct half16 {
  unsigned short pattern;
  half16() = default;
  __device__ half16(float value) {
    unsigned u = bits<unsigned>(value), sign = (u >> 16) & 0x8000, magnitude = u & 0x7fffffff;
    if (magnitude > 0x7f800000) {
      pattern = 0x7fff;
    } else if (magnitude >= 0x477ff000) {  // rounds beyond 65504
      pattern = sign | 0x7c00;
    } else if (magnitude < 0x38800000) {  // subnormal: the sum's low bits are the value in units of 2^-24
      pattern = sign | (bits<unsigned>(bits<float>(magnitude) + 0.5f) - 0x3f000000);
    } else {
      pattern = sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1)) >> 13);
    }
  }
  __device__ operator float() const {
    unsigned sign = unsigned(pattern & 0x8000) << 16, magnitude = pattern & 0x7fff;
    if (magnitude >= 0x7c00) return bits<float>(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
    float value = bits<float>(magnitude << 13) * 0x1p112f;
    return sign ? -value : value;
  }
};

// Larger and smaller of two; NaN when either is.
template <class T> __device__ __forceinline__ T maximum(T a, T b) { return a > b || a != a ? a : b; }
template <class T> __device__ __forceinline__ T minimum(T a, T b) { return a < b || a != a ? a : b; }
)cuda";
}

} // namespace kiln::codegen::cuda
