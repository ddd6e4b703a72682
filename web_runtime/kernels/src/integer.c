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
  INLINE void row_of_##NAME(const int32_t operation, const T *a, int32_t as, const T *b, int32_t bs, T *y, int32_t n) {      \
    for (int32_t i = 0; i < n; i++) y[i] = operate_##NAME(operation, a[(size_t)i * as], b[(size_t)i * bs]);                  \
  }                                                                                                                          \
                                                                                                                             \
  static void row_##NAME(int32_t operation, const T *a, int32_t as, const T *b, int32_t bs, T *y, int32_t n) {               \
    switch (operation) {                                                                                                     \
      case BINARY_ADD: BY_STRIDES(ROW_##NAME, BINARY_ADD); break;                                                            \
      case BINARY_SUB: BY_STRIDES(ROW_##NAME, BINARY_SUB); break;                                                            \
      case BINARY_MUL: BY_STRIDES(ROW_##NAME, BINARY_MUL); break;                                                            \
      default: ROW_##NAME(operation, as, bs);                                                                                \
    }                                                                                                                        \
  }                                                                                                                          \
                                                                                                                             \
  void binary_##NAME(const T *a, const T *b, T *y, BOX_ARGUMENTS) {                                                          \
    OVER_BOX(T, T, row_##NAME(operation, from_a, as, from_b, bs, out, n))                                                    \
  }

#define ROW_i32(operation, a_stride, b_stride) row_of_i32(operation, a, a_stride, b, b_stride, y, n)
#define ROW_i64(operation, a_stride, b_stride) row_of_i64(operation, a, a_stride, b, b_stride, y, n)

INTEGERS(int32_t, uint32_t, i32)
INTEGERS(int64_t, uint64_t, i64)
