// Functions of four floats, within a few units in the last place. Coefficients are minimax fits made for this file. NaN stays NaN.
#pragma once
#include "common.h"

INLINE v128_t pow2(v128_t n) { return wasm_i32x4_shl(wasm_i32x4_add(n, wasm_i32x4_splat(127)), 23); }

// e^r and n, with x = r + n ln 2. Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
typedef struct { v128_t power, n; } Exp;
INLINE Exp split_exp(v128_t x) {
  v128_t round = splat(12582912.0f), shifted = madd(x, splat(1.44269504f), round), n = sub(shifted, round);
  v128_t r = madd(n, splat(-0.693359375f), x);
  r = madd(n, splat(2.12194440e-4f), r);
  v128_t square = mul(r, r), low = madd(splat(0.166665185f), r, splat(0.50000001f));
  v128_t high = madd(splat(0.00139505538f), square, madd(splat(0.00836892935f), r, splat(0.0416662049f)));
  v128_t p = madd(high, square, low);
  return (Exp){add(madd(p, square, r), splat(1.0f)), wasm_i32x4_sub(shifted, round)};
}

// e^x: infinity past 88.7, gradually 0 below -87.
INLINE v128_t v_exp(v128_t x) {
  Exp e = split_exp(at_most(at_least(x, splat(-105.0f)), splat(89.5f)));
  // Two factors, since 2^n alone may not be a normal number.
  v128_t half = wasm_i32x4_shr(e.n, 1);
  return mul(mul(e.power, pow2(half)), pow2(wasm_i32x4_sub(e.n, half)));
}

// e^x for x up to 88; 0 below -87.
INLINE v128_t v_exp_normal(v128_t x) {
  Exp e = split_exp(x);
  return wasm_v128_andnot(mul(e.power, pow2(e.n)), wasm_f32x4_lt(x, splat(-87.0f)));
}

// e^x - 1, exact near 0 too.
INLINE v128_t v_expm1(v128_t x) {
  v128_t p = madd(splat(0.0013814596f), x, splat(0.008368718f));
  p = madd(p, x, splat(0.04166839f));
  p = madd(p, x, splat(0.16666521f));
  p = madd(p, x, splat(0.49999994f));
  v128_t small = madd(mul(x, x), p, x), large = sub(v_exp(x), splat(1.0f));
  return wasm_v128_bitselect(small, large, wasm_f32x4_lt(wasm_f32x4_abs(x), splat(0.3465f)));
}

// Natural logarithm: -infinity of 0, NaN of negative numbers.
INLINE v128_t v_log(v128_t x) {
  v128_t tiny = wasm_f32x4_lt(x, splat(1.17549435e-38f));
  v128_t normal = wasm_v128_bitselect(mul(x, splat(8388608.0f)), x, tiny);
  // The exponent that leaves a mantissa in [sqrt(1/2), sqrt(2)), 1 + f.
  v128_t exponent = wasm_i32x4_shr(wasm_i32x4_sub(normal, wasm_i32x4_splat(0x3f3504f3)), 23);
  v128_t f = sub(wasm_i32x4_sub(normal, wasm_i32x4_shl(exponent, 23)), splat(1.0f));
  v128_t n = wasm_f32x4_convert_i32x4(wasm_i32x4_add(exponent, wasm_v128_and(tiny, wasm_i32x4_splat(-23))));
  // log((1 + s) / (1 - s)), odd in s = f / (2 + f).
  v128_t s = wasm_f32x4_div(f, add(f, splat(2.0f))), z = mul(s, s);
  v128_t p = madd(splat(0.29874423f), z, splat(0.39977449f));
  p = mul(madd(p, z, splat(0.66666776f)), z);
  v128_t half = mul(mul(f, f), splat(0.5f));
  v128_t low = madd(s, add(half, p), mul(n, splat(-2.12194440e-4f)));
  v128_t y = madd(n, splat(0.693359375f), sub(f, sub(half, low)));
  // Zero, negative numbers, infinity and NaN.
  v128_t zero = wasm_f32x4_eq(x, splat(0)), finite = wasm_f32x4_lt(x, splat(__builtin_inff()));
  y = wasm_v128_bitselect(y, x, finite);
  y = wasm_v128_bitselect(splat(__builtin_nanf("")), y, wasm_f32x4_lt(x, splat(0)));
  return wasm_v128_bitselect(splat(-__builtin_inff()), y, zero);
}

// log(1 + x) for x in [0, 1]: what the sum loses is put back.
INLINE v128_t v_log1p(v128_t x) {
  v128_t w = add(x, splat(1.0f)), lost = sub(x, sub(w, splat(1.0f)));
  return add(v_log(w), wasm_f32x4_div(lost, w));
}

INLINE v128_t with_sign_of(v128_t magnitude, v128_t x) {
  return wasm_v128_bitselect(x, magnitude, splat(-0.0f));
}

INLINE v128_t v_tanh(v128_t x) {
  v128_t z = mul(x, x), positive = wasm_f32x4_abs(x);
  v128_t p = madd(splat(-0.00554309563f), z, splat(0.0204966177f));
  p = madd(p, z, splat(-0.0536971283f));
  p = madd(p, z, splat(0.133309501f));
  p = madd(p, z, splat(-0.333332647f));
  v128_t small = madd(mul(p, z), x, x);
  v128_t e = v_exp_normal(at_most(add(positive, positive), splat(20.0f)));
  v128_t large = sub(splat(1.0f), wasm_f32x4_div(splat(2.0f), add(e, splat(1.0f))));
  return wasm_v128_bitselect(small, with_sign_of(large, x), wasm_f32x4_lt(positive, splat(0.64f)));
}

INLINE v128_t v_erf(v128_t x) {
  v128_t z = mul(x, x), positive = at_most(wasm_f32x4_abs(x), splat(4.0f));
  v128_t p = madd(splat(7.853858e-05f), z, splat(-0.00080101925f));
  p = madd(p, z, splat(0.0051883277f));
  p = madd(p, z, splat(-0.026853811f));
  p = madd(p, z, splat(0.112835854f));
  p = madd(p, z, splat(-0.37612626f));
  p = madd(p, z, splat(0.12837917f));
  v128_t small = madd(p, x, x);
  // log(1 - erf(|x|)) is smooth past 1.
  v128_t q = madd(splat(0.000185576519f), positive, splat(-0.00293963125f));
  q = madd(q, positive, splat(0.0218054116f));
  q = madd(q, positive, splat(-0.103037558f));
  q = madd(q, positive, splat(-0.638225465f));
  q = madd(q, positive, splat(-1.12704016f));
  q = madd(q, positive, splat(-0.000353689494f));
  v128_t large = sub(splat(1.0f), v_exp_normal(q));
  return wasm_v128_bitselect(small, with_sign_of(large, x), wasm_f32x4_lt(positive, splat(1.0f)));
}

INLINE v128_t v_sigmoid(v128_t x) {
  return wasm_f32x4_div(splat(1.0f), add(splat(1.0f), v_exp(wasm_f32x4_neg(x))));
}

INLINE v128_t v_softplus(v128_t x) {
  v128_t tail = v_log1p(v_exp(wasm_f32x4_neg(wasm_f32x4_abs(x))));
  return add(at_least(x, splat(0)), tail);
}

// x / 2 (1 + erf(t)), t = x / sqrt(2), with erf as one quotient of polynomials: right to 2e-7 of x, and cheaper than an exponential.
INLINE v128_t v_gelu(v128_t x) {
  v128_t t = mul(x, splat(0.707106781f)), half = mul(x, splat(0.5f)), z = mul(t, t);
  v128_t p = madd(splat(2.10825965e-06f), z, splat(0.00028567572f));
  v128_t q = madd(splat(3.87317559e-05f), z, splat(0.00114551629f));
  p = madd(p, z, splat(0.00367399887f)), q = madd(q, z, splat(0.0147850309f));
  p = madd(p, z, splat(0.052479919f)), q = madd(q, z, splat(0.113129646f));
  p = madd(p, z, splat(0.187899381f)), q = madd(q, z, splat(0.499854356f));
  p = madd(p, z, splat(1.12837911f)), q = madd(q, z, splat(1.0f));
  v128_t erf = wasm_f32x4_div(mul(t, p), q);
  // Past 3.85 it is 1 to all digits.
  erf = wasm_v128_bitselect(with_sign_of(splat(1.0f), t), erf, wasm_f32x4_gt(z, splat(14.8225f)));
  return madd(half, erf, half);
}

// x / 2 (1 + tanh(u)) = x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3).
INLINE v128_t v_gelu_tanh(v128_t x) {
  v128_t u = mul(madd(mul(x, x), splat(0.044715f), splat(1.0f)), x);
  return wasm_f32x4_div(x, add(v_exp(mul(u, splat(-1.59576912f))), splat(1.0f)));
}
