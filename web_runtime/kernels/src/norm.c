// Softmax and normalisations.
#include "activation.h"
#include "math.h"
#include "kernels.gen.h"

enum { TILE = 8192 };

// The lanes from `count` on become `value`.
INLINE v128_t fill_lanes(v128_t v, int32_t count, v128_t value) {
  return wasm_v128_bitselect(v, value, wasm_i32x4_lt(wasm_i32x4_make(0, 1, 2, 3), wasm_i32x4_splat(count)));
}

// The largest of a row; what is no number may be passed over, the sum of exponentials has it.
static float largest(const float *x, int32_t size) {
  v128_t a = splat(-__builtin_inff()), b = a, c = a, d = a;
  int32_t i = 0;
  for (; i + 16 <= size; i += 16) {
    a = wasm_f32x4_pmax(a, load(x + i));
    b = wasm_f32x4_pmax(b, load(x + i + 4));
    c = wasm_f32x4_pmax(c, load(x + i + 8));
    d = wasm_f32x4_pmax(d, load(x + i + 12));
  }
  for (; i + 4 <= size; i += 4) a = wasm_f32x4_pmax(a, load(x + i));
  if (i < size) a = wasm_f32x4_pmax(a, fill_lanes(load_part(x + i, size - i), size - i, a));
  return max_lanes(wasm_f32x4_pmax(wasm_f32x4_pmax(a, b), wasm_f32x4_pmax(c, d)));
}

static void softmax_row(const float *x, float *y, int32_t size, int32_t logarithm) {
  v128_t base = splat(largest(x, size)), sum = splat(0), other = sum;
  int32_t i = 0, whole = size & ~3, rest = size & 3;
  for (; i + 8 <= whole; i += 8) {
    v128_t e = v_exp_normal(sub(load(x + i), base)), f = v_exp_normal(sub(load(x + i + 4), base));
    sum = add(sum, e), other = add(other, f);
    if (!logarithm) store(y + i, e), store(y + i + 4, f);
  }
  for (; i < size; i += 4) {
    int32_t count = min_int(4, size - i);
    v128_t e = fill_lanes(v_exp_normal(sub(load_part(x + i, count), base)), count, splat(0));
    sum = add(sum, e);
    if (!logarithm) store_part(y + i, e, count);
  }
  v128_t total = splat(sum_lanes(add(sum, other)));
  v128_t scale = wasm_f32x4_div(splat(1.0f), total), shift = v_log(total);
  for (i = 0; i < whole; i += 4) store(y + i, logarithm ? sub(sub(load(x + i), base), shift) : mul(load(y + i), scale));
  if (!rest) return;
  v128_t end = logarithm ? sub(sub(load_part(x + i, rest), base), shift) : mul(load_part(y + i, rest), scale);
  store_part(y + i, end, rest);
}

// 4 columns or fewer of [size, inner].
static void softmax_columns(const float *x, float *y, int32_t size, int32_t inner, int32_t count, int32_t logarithm) {
  v128_t top = splat(-__builtin_inff()), sum = splat(0);
  size_t end = (size_t)size * inner;
  for (size_t i = 0; i < end; i += inner) top = wasm_f32x4_max(top, load_part(x + i, count));
  for (size_t i = 0; i < end; i += inner) {
    v128_t e = v_exp_normal(sub(load_part(x + i, count), top));
    sum = add(sum, e);
    if (!logarithm) store_part(y + i, e, count);
  }
  v128_t scale = wasm_f32x4_div(splat(1.0f), sum), shift = add(top, v_log(sum));
  for (size_t i = 0; i < end; i += inner)
    store_part(y + i, logarithm ? sub(load_part(x + i, count), shift) : mul(load_part(y + i, count), scale), count);
}

void softmax(const float *x, float *y, int32_t outer, int32_t size, int32_t inner, int32_t logarithm) {
  if (size == 0) return;
  int32_t single = inner == 1, across = single ? 1 : ceil_div(inner, 4);
  int32_t units = outer * across, together = max_int(1, TILE / 8 / size);
  for_tiles(tile, ceil_div(units, together)) {
    for (int32_t u = tile * together, end = min_int(units, u + together); u < end; u++) {
      int32_t i = u % across * 4;
      size_t start = (size_t)(u / across) * size * inner + i;
      if (single) softmax_row(x + start, y + start, size, logarithm);
      else softmax_columns(x + start, y + start, size, inner, min_int(4, inner - i), logarithm);
    }
  }
}

// The sum of (x - centre)^power, power 1 or 2.
INLINE float moment(const float *x, int32_t size, float centre, const int32_t power) {
  v128_t a = splat(0), b = a, middle = splat(centre);
  int32_t i = 0;
  for (; i + 8 <= size; i += 8) {
    v128_t u = sub(load(x + i), middle), v = sub(load(x + i + 4), middle);
    a = power == 1 ? add(a, u) : madd(u, u, a);
    b = power == 1 ? add(b, v) : madd(v, v, b);
  }
  float sum = sum_lanes(add(a, b));
  for (; i < size; i++) sum += power == 1 ? x[i] - centre : (x[i] - centre) * (x[i] - centre);
  return sum;
}

static void normalise_row(const float *x, const float *scale, const float *bias, float *y, int32_t size, float centre, float factor) {
  v128_t middle = splat(centre), unit = splat(factor);
  int32_t i = 0;
  for (; i + 4 <= size; i += 4) {
    v128_t v = mul(sub(load(x + i), middle), unit);
    if (scale) v = mul(v, load(scale + i));
    store(y + i, bias ? add(v, load(bias + i)) : v);
  }
  for (; i < size; i++) y[i] = (x[i] - centre) * factor * (scale ? scale[i] : 1) + (bias ? bias[i] : 0);
}

INLINE float inverse_root(float variance, float epsilon) { return 1 / __builtin_sqrtf(variance + epsilon); }

void layer_norm(const float *x, const float *scale, const float *bias, float *y, int32_t rows, int32_t columns, float epsilon) {
  if (columns == 0) return;
  int32_t together = max_int(1, TILE / 4 / columns);
  for_tiles(tile, ceil_div(rows, together)) {
    for (int32_t r = tile * together, end = min_int(rows, r + together); r < end; r++) {
      const float *from = x + (size_t)r * columns;
      float mean = moment(from, columns, 0, 1) / columns;
      float variance = moment(from, columns, mean, 2) / columns;
      normalise_row(from, scale, bias, y + (size_t)r * columns, columns, mean, inverse_root(variance, epsilon));
    }
  }
}

void rms_norm(const float *x, const float *scale, float *y, int32_t rows, int32_t columns, float epsilon) {
  if (columns == 0) return;
  int32_t together = max_int(1, TILE / 4 / columns);
  for_tiles(tile, ceil_div(rows, together)) {
    for (int32_t r = tile * together, end = min_int(rows, r + together); r < end; r++) {
      const float *from = x + (size_t)r * columns;
      float factor = inverse_root(moment(from, columns, 0, 2) / columns, epsilon);
      normalise_row(from, scale, 0, y + (size_t)r * columns, columns, 0, factor);
    }
  }
}
