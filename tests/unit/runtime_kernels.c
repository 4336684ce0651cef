// What the compiler would make, written by hand: two kernels and an entry point, in artifact.h's calling
// convention.
#include <stdint.h>

struct runtime_table {
  void (*launch)(const struct runtime_table*, void (*kernel)(void* const*, int64_t, int64_t, void*),
                 void* const* args, int64_t items, int64_t grain);
  int64_t scratchBytes;
};

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

// Slots: 0 a, 1 b, 2 out, 3 temporary, 4 constant, 5 alias of 3. out = 2 * (a + b) + constant
void entry(void* const* slots, const struct runtime_table* runtime) {
  void* first[] = {slots[0], slots[1], slots[3]};
  runtime->launch(runtime, add, first, 1000, 64);
  void* second[] = {slots[5], slots[5]};
  runtime->launch(runtime, twice, second, 1000, 64);
  void* third[] = {slots[3], slots[4], slots[2]};
  runtime->launch(runtime, add, third, 1000, 64);
}
