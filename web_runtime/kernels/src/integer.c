// Operations on two boxes of integers. Arithmetic is on unsigned numbers, which wraps; nothing traps.
#include "broadcast.h"

#define INTEGERS(T, U, NAME)                                                                                                 \
  static T power_##NAME(T base, T exponent) {                                                                                \
    if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent & 1 ? -1 : 1) : 0;                                       \
    U result = 1, factor = (U)base;                                                                                          \
    for (; exponent; exponent >>= 1, factor *= factor)                                                                       \
      if (exponent & 1) result *= factor;                                                                                    \
    return (T)result;                                                                                                        \
  }                                                                                                                          \
                                                                                                                             \
  static T divide_##NAME(const int32_t operation, T a, T b) {                                                                \
    if (b == 0) return 0;                                                                                                    \
    if (b == -1) return operation == BINARY_DIV ? (T)(0 - (U)a) : 0;                                                         \
    if (operation == BINARY_DIV) return a / b;                                                                               \
    T r = a % b;                                                                                                             \
    return operation == BINARY_MOD && r != 0 && (r < 0) != (b < 0) ? r + b : r;                                              \
  }                                                                                                                          \
                                                                                                                             \
  INLINE T operate_##NAME(const int32_t operation, T a, T b) {                                                               \
    const int32_t bits = sizeof(T) * 8;                                                                                      \
    switch (operation) {                                                                                                     \
      case BINARY_ADD: return (T)((U)a + (U)b);                                                                              \
      case BINARY_SUB: return (T)((U)a - (U)b);                                                                              \
      case BINARY_MUL: return (T)((U)a * (U)b);                                                                              \
      case BINARY_MIN: return a < b ? a : b;                                                                                 \
      case BINARY_MAX: return a > b ? a : b;                                                                                 \
      case BINARY_PRELU: return a < 0 ? (T)((U)a * (U)b) : a;                                                                \
      case BINARY_BIT_AND: return a & b;                                                                                     \
      case BINARY_BIT_OR: return a | b;                                                                                      \
      case BINARY_BIT_XOR: return a ^ b;                                                                                     \
      case BINARY_SHIFT_LEFT: return b >= 0 && b < bits ? (T)((U)a << b) : 0;                                                \
      case BINARY_SHIFT_RIGHT: return a >> (b >= 0 && b < bits ? b : bits - 1);                                              \
      case BINARY_POW: return power_##NAME(a, b);                                                                            \
    }                                                                                                                        \
    return divide_##NAME(operation, a, b);                                                                                   \
  }                                                                                                                          \
                                                                                                                             \
  INLINE void run_of_##NAME(const int32_t operation, const T *a, int32_t a_stride, const T *b, int32_t b_stride, T *y, const Run *run) {\
    OVER_RUN(T, operate_##NAME(operation, v, w))                                                                             \
  }                                                                                                                          \
                                                                                                                             \
  static void run_##NAME(int32_t operation, const T *a, const T *b, T *y, const Run *run) {                                  \
    switch (operation) {                                                                                                     \
      case BINARY_ADD: BY_STRIDES(RUN_##NAME, BINARY_ADD); break;                                                            \
      case BINARY_SUB: BY_STRIDES(RUN_##NAME, BINARY_SUB); break;                                                            \
      case BINARY_MUL: BY_STRIDES(RUN_##NAME, BINARY_MUL); break;                                                            \
      default: RUN_##NAME(operation, run->a_stride, run->b_stride);                                                          \
    }                                                                                                                        \
  }                                                                                                                          \
                                                                                                                             \
  void binary_##NAME(const T *a, const T *b, T *y, BOX_ARGUMENTS) {                                                          \
    OVER_BOX(T, T, run_##NAME(operation, from_a, from_b, out, &run))                                                         \
  }

#define RUN_i32(operation, a_stride, b_stride) run_of_i32(operation, a, a_stride, b, b_stride, y, run)
#define RUN_i64(operation, a_stride, b_stride) run_of_i64(operation, a, a_stride, b, b_stride, y, run)

INTEGERS(int32_t, uint32_t, i32)
INTEGERS(int64_t, uint64_t, i64)
