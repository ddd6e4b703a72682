// Scalar functions in double precision, about 1e-11 right: for what is rare, or where floats lose too much on the way.
#pragma once
#include "common.h"

INLINE double from_bits(uint64_t bits) { return ((union { uint64_t i; double f; }){bits}).f; }
INLINE uint64_t to_bits(double x) { return ((union { double f; uint64_t i; }){.f = x}).i; }

static inline double polynomial(const double *coefficients, int32_t count, double x) {
  double y = coefficients[count - 1];
  for (int32_t i = count - 2; i >= 0; i--) y = y * x + coefficients[i];
  return y;
}

// e^x; what is beyond every float is infinity or 0 once converted to float.
static inline double exp64(double x) {
  static const double rest[] = {0.5, 0.16666666666664023, 0.041666666666239444, 0.008333333334954035, 0.0013888889019411244,
                                0.00019841266370712935, 2.4801415197306937e-05, 2.7560378420606287e-06};
  if (x != x) return x;
  x = x > 700 ? 700 : x < -700 ? -700 : x;
  double n = __builtin_nearbyint(x * 1.4426950408889634);
  double r = x - n * 0.6931471801362932 - n * 4.236521365809284e-10;
  double y = 1 + r + r * r * polynomial(rest, 8, r);
  return y * from_bits((uint64_t)((int64_t)n + 1023) << 52);
}

static inline double log64(double x) {
  static const double rest[] = {0.6666666666666738, 0.39999999999347835, 0.28571428761677825, 0.22222196369243716,
                                0.18183682991325284, 0.15311040519085967, 0.1482491994403992};
  if (!(x > 0) || x == __builtin_inf()) return x == 0 ? -__builtin_inf() : x > 0 ? x : __builtin_nan("");
  int64_t exponent = (int64_t)(to_bits(x) - 0x3fe6a09e667f3bcdull) >> 52;
  double f = from_bits(to_bits(x) - ((uint64_t)exponent << 52)) - 1, s = f / (2 + f), z = s * s;
  return exponent * 0.6931471805599453 + (2 * s + s * z * polynomial(rest, 7, z));
}

static inline double atan64(double x) {
  static const double rest[] = {-0.3333333333167291, 0.19999999681594907, -0.14285693372531497, 0.11110444157037191,
                                -0.09079057003238365, 0.07567931113212305, -0.058886874441546146, 0.030857485922282938};
  double a = __builtin_fabs(x), start = 0;
  if (a > 2.414213562373095) start = 1.5707963267948966, a = -1 / a;
  else if (a > 0.4142135623730951) start = 0.7853981633974483, a = (a - 1) / (a + 1);
  double z = a * a;
  return __builtin_copysign(start + (a + a * z * polynomial(rest, 8, z)), x);
}

// x - n pi / 2 for the nearest n; returns n modulo 4.
static inline int32_t quadrant(float x, double *r) {
  static const uint32_t two_over_pi[] = {0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0,
                                         0xdb629599, 0x3c439041, 0xfe5163ab, 0xdebbc561};
  double a = __builtin_fabs((double)x);
  if (a < 1e6) {
    double n = __builtin_nearbyint(x * 0.6366197723675814);
    *r = x - n * 1.570796251296997 - n * 7.549789954891882e-08;
    return (int32_t)n & 3;
  }
  // x = m 2^e: of 2 / pi, the bits that weigh less than 4 once multiplied by 2^e.
  int32_t e = (int32_t)(to_bits(a) >> 52) - 1023 - 23, word = (e - 2) / 32, shift = (e - 2) % 32;
  uint64_t m = (to_bits(a) >> 29 & 0x7fffff) | 0x800000;
  if (e < 2) word = 0, shift = 0;
  uint64_t high = (uint64_t)two_over_pi[word] << 32 | two_over_pi[word + 1];
  uint64_t low = (uint64_t)two_over_pi[word + 2] << 32 | two_over_pi[word + 3];
  if (shift) high = high << shift | low >> (64 - shift), low <<= shift;
  if (e < 2) low = low >> (2 - e) | high << (62 + e), high >>= 2 - e;
  uint64_t product = high * m + ((low >> 32) * m >> 32);
  int32_t n = (int32_t)((product + (1ull << 61)) >> 62);
  double fraction = (double)(int64_t)(product - ((uint64_t)n << 62)) * 0x1p-62 * 1.5707963267948966;
  *r = x < 0 ? -fraction : fraction;
  return (x < 0 ? -n : n) & 3;
}

// The sine of x + quarters * pi / 2.
static inline double sin64(float x, int32_t quarters) {
  static const double sine[] = {-0.16666666666631247, 0.008333333325210097, -0.00019841263788852932, 2.7555350397806483e-06,
                                -2.476111099213209e-08};
  static const double cosine[] = {0.04166666666660078, -0.0013888888878102633, 2.4801580902088498e-05, -2.7555555186190427e-07,
                                  2.0646997877517134e-09};
  if (!(__builtin_fabsf(x) < __builtin_inff())) return __builtin_nan("");
  double r;
  int32_t n = quadrant(x, &r) + quarters;
  double z = r * r;
  double y = n & 1 ? 1 - z / 2 + z * z * polynomial(cosine, 5, z) : r + r * z * polynomial(sine, 5, z);
  return n & 2 ? -y : y;
}
