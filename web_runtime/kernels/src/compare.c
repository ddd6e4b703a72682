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
  static void run_##NAME(const int32_t operation, const T *a, const T *b, uint8_t *y, const Run *run) {   \
    const size_t a_stride = run->a_stride, b_stride = run->b_stride;                                      \
    OVER_RUN(T, (uint8_t)compare_one_##NAME(operation, v, w))                                             \
  }                                                                                                       \
                                                                                                          \
  void compare_##NAME(const T *a, const T *b, uint8_t *y, BOX_ARGUMENTS) {                                \
    OVER_BOX(T, uint8_t, run_##NAME(operation, from_a, from_b, out, &run))                                \
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

static void logic_run(int32_t operation, const uint8_t *a, const uint8_t *b, uint8_t *y, const Run *run) {
  const size_t a_stride = run->a_stride, b_stride = run->b_stride;
  OVER_RUN(uint8_t, logic(operation, v, w))
}

void logic_bool(const uint8_t *a, const uint8_t *b, uint8_t *y, BOX_ARGUMENTS) {
  OVER_BOX(uint8_t, uint8_t, logic_run(operation, from_a, from_b, out, &run))
}
