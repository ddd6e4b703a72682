#include "activation.h"
#include "math.h"

Activation activation_of(int32_t id, float p0, float p1) {
  float infinity = __builtin_inff();
  switch (id) {
    case ACTIVATION_NONE:
      return (Activation){-infinity, infinity, 0, p0, p1, ACTIVATION_NONE};
    case ACTIVATION_RELU:
      return (Activation){0, infinity, 1, p0, p1, ACTIVATION_NONE};
    case ACTIVATION_CLIP:
      return (Activation){p0, p1, 1, p0, p1, ACTIVATION_NONE};
  }
  return (Activation){-infinity, infinity, 0, p0, p1, id};
}

INLINE v128_t one(const int32_t id, v128_t x, v128_t p0, v128_t p1) {
  v128_t zero = splat(0), unit = splat(1.0f);
  switch (id) {
    case ACTIVATION_RELU:
      return at_least(x, zero);
    case ACTIVATION_CLIP:
      return at_most(at_least(x, p0), p1);
    case ACTIVATION_LEAKY_RELU:
      return wasm_v128_bitselect(mul(x, p0), x, wasm_f32x4_lt(x, zero));
    case ACTIVATION_HARD_SIGMOID:
      return at_most(at_least(madd(x, p0, p1), zero), unit);
    case ACTIVATION_HARD_SWISH:
      return mul(x, at_most(at_least(madd(x, splat(1.0f / 6), splat(0.5f)), zero), unit));
    case ACTIVATION_SIGMOID:
      return v_sigmoid(x);
    case ACTIVATION_SILU:
      return mul(x, v_sigmoid(x));
    case ACTIVATION_TANH:
      return v_tanh(x);
    case ACTIVATION_GELU:
      return v_gelu(x);
    case ACTIVATION_GELU_TANH:
      return v_gelu_tanh(x);
    case ACTIVATION_ELU:
      return wasm_v128_bitselect(mul(v_expm1(x), p0), x, wasm_f32x4_lt(x, zero));
    case ACTIVATION_SOFTPLUS:
      return v_softplus(x);
  }
  return x;
}

INLINE void pass(const int32_t id, float p0, float p1, const float *x, float *y, int32_t count) {
  v128_t a = splat(p0), b = splat(p1);
  int32_t i = 0;
  for (; i + 4 <= count; i += 4) store(y + i, one(id, load(x + i), a, b));
  if (i < count) store_part(y + i, one(id, load_part(x + i, count - i), a, b), count - i);
}

#define CASE(id) \
  case id:       \
    pass(id, p0, p1, x, y, count); \
    break

void activate(int32_t id, float p0, float p1, const float *x, float *y, int32_t count) {
  switch (id) {
    CASE(ACTIVATION_RELU);
    CASE(ACTIVATION_CLIP);
    CASE(ACTIVATION_LEAKY_RELU);
    CASE(ACTIVATION_HARD_SIGMOID);
    CASE(ACTIVATION_HARD_SWISH);
    CASE(ACTIVATION_SIGMOID);
    CASE(ACTIVATION_SILU);
    CASE(ACTIVATION_TANH);
    CASE(ACTIVATION_GELU);
    CASE(ACTIVATION_GELU_TANH);
    CASE(ACTIVATION_ELU);
    CASE(ACTIVATION_SOFTPLUS);
    default:
      pass(ACTIVATION_NONE, p0, p1, x, y, count);
  }
}
