// Reductions of integers, running sums, and places of the largest.
#include "common.h"
#include "kernels.gen.h"

static uint64_t root(uint64_t x) {
  uint64_t y = (uint64_t)__builtin_sqrt((double)x);
  while (y && y > x / y) y--;
  while (y + 1 <= x / (y + 1)) y++;
  return y;
}

// Arithmetic is on unsigned numbers, which wraps.
#define REDUCE(T, U, NAME, LOWEST, HIGHEST)                                                                    \
  static T reduce_one_##NAME(const T *x, int32_t size, int32_t inner, int32_t operation) {                     \
    U y = operation == REDUCTION_INT_PROD ? 1 : operation == REDUCTION_INT_MAX ? (U)LOWEST                     \
        : operation == REDUCTION_INT_MIN ? (U)HIGHEST : 0;                                                     \
    for (int32_t i = 0; i < size; i++, x += inner) {                                                           \
      U v = (U)*x;                                                                                             \
      if (operation == REDUCTION_INT_PROD) y *= v;                                                             \
      else if (operation == REDUCTION_INT_MAX) y = (T)v > (T)y ? v : y;                                        \
      else if (operation == REDUCTION_INT_MIN) y = (T)v < (T)y ? v : y;                                        \
      else if (operation == REDUCTION_INT_L1) y += (T)v < 0 ? 0 - v : v;                                       \
      else if (operation == REDUCTION_INT_L2 || operation == REDUCTION_INT_SUM_SQUARE) y += v * v;             \
      else y += v;                                                                                             \
    }                                                                                                          \
    if (operation == REDUCTION_INT_MEAN) return size ? (T)y / size : 0;                                        \
    return operation == REDUCTION_INT_L2 ? (T)root(y) : (T)y;                                                  \
  }                                                                                                            \
                                                                                                               \
  void reduce_##NAME(const T *x, T *y, int32_t outer, int32_t size, int32_t inner, int32_t operation) {        \
    if (inner == 0) return;                                                                                    \
    for_tiles(o, outer) {                                                                                      \
      for (int32_t i = 0; i < inner; i++)                                                                      \
        y[(size_t)o * inner + i] = reduce_one_##NAME(x + (size_t)o * size * inner + i, size, inner, operation); \
    }                                                                                                          \
  }

REDUCE(int32_t, uint32_t, i32, INT32_MIN, INT32_MAX)
REDUCE(int64_t, uint64_t, i64, INT64_MIN, INT64_MAX)

#define RUNNING(T, U, NAME)                                                                                              \
  void cumsum_##NAME(const T *x, T *y, int32_t outer, int32_t size, int32_t inner, int32_t exclusive, int32_t reverse) { \
    if (inner == 0) return;                                                                                              \
    for_tiles(o, outer) {                                                                                                \
      for (int32_t i = 0; i < inner; i++) {                                                                              \
        U sum = 0;                                                                                                       \
        for (int32_t s = 0; s < size; s++) {                                                                             \
          size_t at = ((size_t)o * size + (reverse ? size - 1 - s : s)) * inner + i;                                     \
          U v = (U)x[at];                                                                                                \
          y[at] = (T)(exclusive ? sum : sum + v);                                                                        \
          sum += v;                                                                                                      \
        }                                                                                                                \
      }                                                                                                                  \
    }                                                                                                                    \
  }

RUNNING(float, float, f32)
RUNNING(int32_t, uint32_t, i32)
RUNNING(int64_t, uint64_t, i64)

enum { COLUMNS = 16 };

// The best so far of some columns, one after the other down the rows.
#define PLACE(T, NAME)                                                                                                \
  static void place_##NAME(const T *x, int64_t *y, int32_t size, int32_t inner, int32_t count, int32_t smallest, int32_t from_end) { \
    T best[COLUMNS];                                                                                                  \
    for (int32_t c = 0; c < count; c++) best[c] = x[c], y[c] = 0;                                                     \
    for (int32_t s = 1; s < size; s++)                                                                                \
      for (int32_t c = 0; c < count; c++) {                                                                           \
        T v = x[(size_t)s * inner + c];                                                                               \
        int better = smallest ? v < best[c] : v > best[c];                                                            \
        if (better || (from_end && v == best[c])) best[c] = v, y[c] = s;                                                  \
      }                                                                                                               \
  }                                                                                                                   \
                                                                                                                      \
  void arg_##NAME(const T *x, int64_t *y, int32_t outer, int32_t size, int32_t inner, int32_t smallest, int32_t from_end) { \
    int32_t across = ceil_div(inner, COLUMNS);                                                                        \
    for_tiles(tile, outer * across) {                                                                                 \
      int32_t i = tile % across * COLUMNS;                                                                            \
      size_t o = tile / across;                                                                                       \
      place_##NAME(x + o * size * inner + i, y + o * inner + i, size, inner, min_int(COLUMNS, inner - i), smallest, from_end); \
    }                                                                                                                 \
  }

PLACE(float, f32)
PLACE(int32_t, i32)
PLACE(int64_t, i64)

void top_k(const float *x, float *values, int64_t *places, int32_t outer, int32_t size, int32_t inner, int32_t k, int32_t smallest) {
  if (inner == 0 || k == 0) return;
  for_tiles(tile, outer * inner) {
    size_t o = tile / inner, i = tile % inner, start = o * k * inner + i;
    int32_t held = 0;
    for (int32_t s = 0; s < size; s++) {
      float v = x[(o * size + s) * inner + i];
      int32_t at = held;  // moves up past what is worse
      while (at > 0) {
        float other = values[start + (size_t)(at - 1) * inner];
        if (!(smallest ? v < other : v > other)) break;
        if (at < k) values[start + (size_t)at * inner] = other, places[start + (size_t)at * inner] = places[start + (size_t)(at - 1) * inner];
        at--;
      }
      if (at < k) values[start + (size_t)at * inner] = v, places[start + (size_t)at * inner] = s;
      if (held < k) held++;
    }
  }
}
