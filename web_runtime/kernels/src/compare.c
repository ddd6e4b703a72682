// Comparisons, logic, and the choice between two boxes.
#include "broadcast.h"

#define COMPARISONS(T, NAME)                                                                              \
  INLINE int compare_one_##NAME(const int32_t operation, T a, T b) {                                      \
    switch (operation) {                                                                                  \
      case COMPARISON_EQUAL: return a == b;                                                               \
      case COMPARISON_NOT_EQUAL: return a != b;                                                           \
      case COMPARISON_LESS: return a < b;                                                                 \
      case COMPARISON_LESS_EQUAL: return a <= b;                                                          \
      case COMPARISON_GREATER: return a > b;                                                              \
    }                                                                                                     \
    return a >= b;                                                                                        \
  }                                                                                                       \
                                                                                                          \
  static void row_##NAME(const int32_t operation, const T *a, int32_t as, const T *b, int32_t bs, uint8_t *y, int32_t n) { \
    for (int32_t i = 0; i < n; i++) y[i] = (uint8_t)compare_one_##NAME(operation, a[(size_t)i * as], b[(size_t)i * bs]);   \
  }                                                                                                       \
                                                                                                          \
  void compare_##NAME(const T *a, const T *b, uint8_t *y, BOX_ARGUMENTS) {                                \
    OVER_BOX(T, uint8_t, row_##NAME(operation, from_a, as, from_b, bs, out, n))                           \
  }

COMPARISONS(float, f32)
COMPARISONS(int32_t, i32)
COMPARISONS(int64_t, i64)

INLINE uint8_t logic(const int32_t operation, uint8_t a, uint8_t b) {
  switch (operation) {
    case LOGIC_AND:
      return a && b;
    case LOGIC_OR:
      return a || b;
    case LOGIC_XOR:
      return !a != !b;
  }
  return !a == !b;
}

static void logic_row(int32_t operation, const uint8_t *a, int32_t as, const uint8_t *b, int32_t bs, uint8_t *y, int32_t n) {
  for (int32_t i = 0; i < n; i++) y[i] = logic(operation, a[(size_t)i * as], b[(size_t)i * bs]);
}

void logic_bool(const uint8_t *a, const uint8_t *b, uint8_t *y, BOX_ARGUMENTS) {
  OVER_BOX(uint8_t, uint8_t, logic_row(operation, from_a, as, from_b, bs, out, n))
}
