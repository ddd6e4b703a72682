// Operations on two boxes that broadcast against each other.
#include "broadcast.h"
#include "math64.h"

// The remainder of a / b with the sign of a.
static double remainder64(double a, double b) {
  double r = __builtin_fabs(a), d = __builtin_fabs(b);
  if (!(r < __builtin_inf()) || !(d > 0)) return __builtin_nan("");
  while (r >= d) {
    double multiple = from_bits((to_bits(d) & 0xfffffffffffffull) | (to_bits(r) & 0x7ff0000000000000ull));
    r -= multiple > r ? multiple / 2 : multiple;
  }
  return __builtin_copysign(r, a);
}

static double pow64(double a, double b) {
  if (b == 0 || a == 1) return 1;
  if (a != a || b != b) return __builtin_nan("");
  double size = __builtin_fabs(a), y = size == 1 ? 1 : exp64(b * log64(size));
  if (!__builtin_signbit(a)) return y;
  int whole = __builtin_floor(b) == b, odd = whole && __builtin_floor(b / 2) * 2 != b;
  if (!whole && a < 0 && size < __builtin_inf()) return __builtin_nan("");
  return odd ? -y : y;
}
INLINE float rare(const int32_t operation, float a, float b) {
  if (operation == BINARY_POW) return (float)pow64(a, b);
  double r = remainder64(a, b);
  if (operation == BINARY_FMOD) return (float)r;
  if (r == 0) return __builtin_copysignf(0, b);
  return (float)((r < 0) != (b < 0) ? r + b : r);
}

INLINE v128_t by_lane(const int32_t operation, v128_t a, v128_t b) {
  return wasm_f32x4_make(rare(operation, wasm_f32x4_extract_lane(a, 0), wasm_f32x4_extract_lane(b, 0)),
                         rare(operation, wasm_f32x4_extract_lane(a, 1), wasm_f32x4_extract_lane(b, 1)),
                         rare(operation, wasm_f32x4_extract_lane(a, 2), wasm_f32x4_extract_lane(b, 2)),
                         rare(operation, wasm_f32x4_extract_lane(a, 3), wasm_f32x4_extract_lane(b, 3)));
}

// Powers that need no logarithm.
enum { POW_SQUARE = 100, POW_CUBE, POW_ONE, POW_INVERSE, POW_ROOT, POW_INVERSE_ROOT, POW_THREE_QUARTERS };

// a to the power 1/2: -0 becomes 0 and -infinity infinity, unlike their square roots.
INLINE v128_t root(v128_t a) {
  v128_t lowest = wasm_f32x4_eq(a, splat(-__builtin_inff()));
  return wasm_v128_bitselect(splat(__builtin_inff()), wasm_f32x4_sqrt(add(a, splat(0))), lowest);
}

INLINE v128_t operate(const int32_t operation, v128_t a, v128_t b) {
  switch (operation) {
    case BINARY_ADD:
      return add(a, b);
    case BINARY_SUB:
      return sub(a, b);
    case BINARY_MUL:
      return mul(a, b);
    case BINARY_DIV:
      return wasm_f32x4_div(a, b);
    case BINARY_MIN:
      return wasm_f32x4_min(a, b);
    case BINARY_MAX:
      return wasm_f32x4_max(a, b);
    case BINARY_PRELU:
      return wasm_v128_bitselect(mul(a, b), a, wasm_f32x4_lt(a, splat(0)));
    case POW_SQUARE:
      return mul(a, a);
    case POW_CUBE:
      return mul(mul(a, a), a);
    case POW_ONE:
      return a;
    case POW_INVERSE:
      return wasm_f32x4_div(splat(1.0f), a);
    case POW_ROOT:
      return root(a);
    case POW_INVERSE_ROOT:
      return wasm_f32x4_div(splat(1.0f), root(a));
    case POW_THREE_QUARTERS:
      return mul(root(a), wasm_f32x4_sqrt(root(a)));
    case BINARY_POW:
    case BINARY_MOD:
    case BINARY_FMOD:
      return by_lane(operation, a, b);
  }
  return a;
}

// `count` (at most 4) floats, each `stride` after the last.
INLINE v128_t load_steps(const float *p, int32_t stride, int32_t count) {
  v128_t v = wasm_v128_load32_zero(p);
  if (count > 1) v = wasm_v128_load32_lane(p + stride, v, 1);
  if (count > 2) v = wasm_v128_load32_lane(p + (size_t)stride * 2, v, 2);
  if (count > 3) v = wasm_v128_load32_lane(p + (size_t)stride * 3, v, 3);
  return v;
}

INLINE v128_t fetch(const float *p, int32_t i, int32_t stride, int32_t count) {
  if (stride == 0) return load_splat(p);
  if (stride == 1) return count == 4 ? load(p + i) : load_part(p + i, count);
  return load_steps(p + (size_t)i * stride, stride, count);
}

INLINE void run_of(const int32_t operation, const float *a, int32_t as, const float *b, int32_t bs, float *y, const Run *run) {
  int32_t n = run->columns, whole = n & ~3;
  for (int32_t r = 0; r < run->rows; r++, a += run->a_row, b += run->b_row, y += n) {
    for (int32_t i = 0; i < whole; i += 4) store(y + i, operate(operation, fetch(a, i, as, 4), fetch(b, i, bs, 4)));
    if (whole == n) continue;
    int32_t rest = n - whole;
    store_part(y + whole, operate(operation, fetch(a, whole, as, rest), fetch(b, whole, bs, rest)), rest);
  }
}

#define RUN(operation, as, bs) run_of(operation, a, as, b, bs, y, run)
#define CASE(operation)               \
  case operation:                     \
    BY_STRIDES(RUN, operation);       \
    break;
#define RARE(operation)               \
  case operation:                     \
    RUN(operation, run->a_stride, run->b_stride); \
    break;

// The power of a run that has one exponent.
static int32_t power_by(float exponent) {
  static const struct { float exponent; int32_t operation; } known[] = {
      {2, POW_SQUARE}, {3, POW_CUBE}, {1, POW_ONE}, {-1, POW_INVERSE},
      {0.5f, POW_ROOT}, {-0.5f, POW_INVERSE_ROOT}, {0.75f, POW_THREE_QUARTERS},
  };
  for (int32_t i = 0; i < 7; i++)
    if (exponent == known[i].exponent) return known[i].operation;
  return BINARY_POW;
}

static void run_f32(int32_t operation, const float *a, const float *b, float *y, const Run *run) {
  int one = run->b_stride == 0 && (run->b_row == 0 || run->rows == 1);
  if (operation == BINARY_POW && one) operation = power_by(*b);
  switch (operation) {
    CASE(BINARY_ADD)
    CASE(BINARY_SUB)
    CASE(BINARY_MUL)
    CASE(BINARY_DIV)
    CASE(BINARY_MIN)
    CASE(BINARY_MAX)
    CASE(BINARY_PRELU)
    RARE(BINARY_POW)
    RARE(BINARY_MOD)
    RARE(BINARY_FMOD)
    RARE(POW_SQUARE)
    RARE(POW_CUBE)
    RARE(POW_ONE)
    RARE(POW_INVERSE)
    RARE(POW_ROOT)
    RARE(POW_INVERSE_ROOT)
    RARE(POW_THREE_QUARTERS)
  }
}

void binary_f32(const float *a, const float *b, float *y, BOX_ARGUMENTS) {
  OVER_BOX(float, float, run_f32(operation, from_a, from_b, out, &run))
}

