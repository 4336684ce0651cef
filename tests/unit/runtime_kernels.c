// What the compiler would make, written by hand: two kernels in artifact.h's calling convention.
#include <stdint.h>

void add(void* const* args, int64_t begin, int64_t end, void* scratch) {
  const float *a = args[0], *b = args[1];
  float* out = args[2];
  for (int64_t i = begin; i < end; ++i)
    out[i] = a[i] + b[i];
}

// Through the scratch memory, so that a missing one shows.
void twice(void* const* args, int64_t begin, int64_t end, void* scratch) {
  const float* a = args[0];
  float *out = args[1], *stage = scratch;
  for (int64_t i = begin; i < end; ++i)
    stage[i - begin] = 2 * a[i];
  for (int64_t i = begin; i < end; ++i)
    out[i] = stage[i - begin];
}
