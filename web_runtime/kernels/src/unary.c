// One operation on every element.
#include "activation.h"
#include "math.h"
#include "math64.h"

enum { TILE = 8192 };

INLINE v128_t choose(v128_t mask, v128_t yes, v128_t no) { return wasm_v128_bitselect(yes, no, mask); }

INLINE v128_t sign(v128_t x) {
  v128_t one = with_sign_of(splat(1.0f), x);
  return choose(wasm_f32x4_gt(wasm_f32x4_abs(x), splat(0)), one, x);
}

// x tanh(softplus(x)): with e = exp(x), tanh(log(1 + e)) = (e^2 + 2 e) / (e^2 + 2 e + 2).
INLINE v128_t mish(v128_t x) {
  v128_t e = v_exp(at_most(x, splat(20.0f))), t = mul(e, add(e, splat(2.0f)));
  return mul(x, wasm_f32x4_div(t, add(t, splat(2.0f))));
}

INLINE v128_t shrink(v128_t x, v128_t threshold, v128_t bias) {
  v128_t below = wasm_f32x4_lt(x, wasm_f32x4_neg(threshold)), above = wasm_f32x4_gt(x, threshold);
  return choose(below, add(x, bias), choose(above, sub(x, bias), splat(0)));
}

INLINE v128_t simple(const int32_t operation, v128_t x, v128_t p0, v128_t p1) {
  v128_t zero = splat(0), one = splat(1.0f);
  switch (operation) {
    case UNARY_F32_SELU:
      return mul(p1, choose(wasm_f32x4_gt(x, zero), x, mul(p0, v_expm1(x))));
    case UNARY_F32_CELU:
      return choose(wasm_f32x4_gt(x, zero), x, mul(p0, v_expm1(wasm_f32x4_div(x, p0))));
    case UNARY_F32_MISH:
      return mish(x);
    case UNARY_F32_SOFTSIGN:
      return wasm_f32x4_div(x, add(wasm_f32x4_abs(x), one));
    case UNARY_F32_THRESHOLDED_RELU:
      return wasm_v128_and(x, wasm_v128_not(wasm_f32x4_le(x, p0)));
    case UNARY_F32_SHRINK:
      return shrink(x, p0, p1);
    case UNARY_F32_SWISH:
      return wasm_f32x4_div(x, add(v_exp(wasm_f32x4_neg(mul(p0, x))), one));
    case UNARY_F32_AFFINE:
      return madd(x, p0, p1);
    case UNARY_F32_NEG:
      return wasm_f32x4_neg(x);
    case UNARY_F32_ABS:
      return wasm_f32x4_abs(x);
    case UNARY_F32_SIGN:
      return sign(x);
    case UNARY_F32_FLOOR:
      return wasm_f32x4_floor(x);
    case UNARY_F32_CEIL:
      return wasm_f32x4_ceil(x);
    case UNARY_F32_ROUND:
      return wasm_f32x4_nearest(x);
    case UNARY_F32_SQRT:
      return wasm_f32x4_sqrt(x);
    case UNARY_F32_RSQRT:
      return wasm_f32x4_div(one, wasm_f32x4_sqrt(x));
    case UNARY_F32_RECIPROCAL:
      return wasm_f32x4_div(one, x);
    case UNARY_F32_SQUARE:
      return mul(x, x);
    case UNARY_F32_EXP:
      return v_exp(x);
    case UNARY_F32_LOG:
      return v_log(x);
    case UNARY_F32_ERF:
      return v_erf(x);
  }
  return x;
}

static double sinh64(double x) {
  static const double rest[] = {1.0 / 6, 1.0 / 120, 1.0 / 5040, 1.0 / 362880};
  if (__builtin_fabs(x) < 0.3) return x + x * x * x * polynomial(rest, 4, x * x);
  return (exp64(x) - exp64(-x)) / 2;
}

static double asinh64(double x) {
  double a = __builtin_fabs(x);
  if (a < 1e-3) return x - x * x * x / 6;
  return __builtin_copysign(log64(a + __builtin_sqrt(a * a + 1)), x);
}

static double atanh64(double x) {
  return __builtin_fabs(x) < 1e-3 ? x + x * x * x / 3 : log64((1 + x) / (1 - x)) / 2;
}

static double asin64(double x) { return atan64(x / __builtin_sqrt((1 - x) * (1 + x))); }

// The operations that are computed one by one, in double precision.
static float rare(int32_t operation, float x) {
  switch (operation) {
    case UNARY_F32_SIN:
      return x == 0 ? x : (float)sin64(x, 0);
    case UNARY_F32_COS:
      return (float)sin64(x, 1);
    case UNARY_F32_TAN:
      return x == 0 ? x : (float)(sin64(x, 0) / sin64(x, 1));
    case UNARY_F32_ASIN:
      return (float)asin64(x);
    case UNARY_F32_ACOS:
      return (float)(1.5707963267948966 - asin64(x));
    case UNARY_F32_ATAN:
      return (float)atan64(x);
    case UNARY_F32_SINH:
      return (float)sinh64(x);
    case UNARY_F32_COSH:
      return (float)((exp64(x) + exp64(-(double)x)) / 2);
    case UNARY_F32_ASINH:
      return (float)asinh64(x);
    case UNARY_F32_ACOSH:
      return x < 1 ? __builtin_nanf("") : (float)log64(x + __builtin_sqrt(((double)x - 1) * ((double)x + 1)));
    case UNARY_F32_ATANH:
      return (float)atanh64(x);
  }
  return x;
}

INLINE void pass(const int32_t operation, const float *x, float *y, int32_t count, float p0, float p1) {
  v128_t a = splat(p0), b = splat(p1);
  int32_t i = 0;
  for (; i + 4 <= count; i += 4) store(y + i, simple(operation, load(x + i), a, b));
  if (i < count) store_part(y + i, simple(operation, load_part(x + i, count - i), a, b), count - i);
}

#define CASE(operation)                  \
  case operation:                        \
    pass(operation, x, y, count, p0, p1); \
    break;

static void operate(int32_t operation, const float *x, float *y, int32_t count, float p0, float p1) {
  switch (operation) {
    CASE(UNARY_F32_SELU)
    CASE(UNARY_F32_CELU)
    CASE(UNARY_F32_MISH)
    CASE(UNARY_F32_SOFTSIGN)
    CASE(UNARY_F32_THRESHOLDED_RELU)
    CASE(UNARY_F32_SHRINK)
    CASE(UNARY_F32_SWISH)
    CASE(UNARY_F32_AFFINE)
    CASE(UNARY_F32_NEG)
    CASE(UNARY_F32_ABS)
    CASE(UNARY_F32_SIGN)
    CASE(UNARY_F32_FLOOR)
    CASE(UNARY_F32_CEIL)
    CASE(UNARY_F32_ROUND)
    CASE(UNARY_F32_SQRT)
    CASE(UNARY_F32_RSQRT)
    CASE(UNARY_F32_RECIPROCAL)
    CASE(UNARY_F32_SQUARE)
    CASE(UNARY_F32_EXP)
    CASE(UNARY_F32_LOG)
    CASE(UNARY_F32_ERF)
    default:
      for (int32_t i = 0; i < count; i++) y[i] = rare(operation, x[i]);
  }
}

void unary_f32(const float *x, float *y, int32_t count, int32_t operation, float p0, float p1) {
  for_tiles(tile, ceil_div(count, TILE)) {
    int32_t start = tile * TILE, part = min_int(TILE, count - start);
    if (operation < ACTIVATIONS) activate(operation, p0, p1, x + start, y + start, part);
    else operate(operation, x + start, y + start, part, p0, p1);
  }
}

// Arithmetic on unsigned numbers, which wraps.
#define UNARY_INT(name, T, U)                                        \
  void name(const T *x, T *y, int32_t count, int32_t operation) {    \
    for_tiles(tile, ceil_div(count, TILE)) {                         \
      int32_t end = min_int(count - tile * TILE, TILE) + tile * TILE; \
      for (int32_t i = tile * TILE; i < end; i++) {                  \
        T v = x[i];                                                  \
        if (operation == UNARY_INT_NEG) v = (T)(0 - (U)v);           \
        else if (operation == UNARY_INT_ABS) v = v < 0 ? (T)(0 - (U)v) : v; \
        else if (operation == UNARY_INT_SIGN) v = (v > 0) - (v < 0); \
        else v = ~v;                                                 \
        y[i] = v;                                                    \
      }                                                              \
    }                                                                \
  }

UNARY_INT(unary_i32, int32_t, uint32_t)
UNARY_INT(unary_i64, int64_t, uint64_t)

void not_bool(const uint8_t *x, uint8_t *y, int32_t count) {
  for_tiles(tile, ceil_div(count, TILE)) {
    int32_t start = tile * TILE, end = start + min_int(count - start, TILE);
    for (int32_t i = start; i < end; i++) y[i] = !x[i];
  }
}

void test_f32(const float *x, uint8_t *y, int32_t count, int32_t operation) {
  float infinity = __builtin_inff();
  for_tiles(tile, ceil_div(count, TILE)) {
    int32_t start = tile * TILE, end = start + min_int(count - start, TILE);
    for (int32_t i = start; i < end; i++) {
      float v = x[i];
      if (operation == TEST_F32_IS_NAN) y[i] = v != v;
      else if (operation == TEST_F32_IS_INF) y[i] = __builtin_fabsf(v) == infinity;
      else y[i] = v == (operation == TEST_F32_IS_POSITIVE_INF ? infinity : -infinity);
    }
  }
}
