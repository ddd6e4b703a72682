// Normalisation by the neighbours along the middle dim of [outer, size, inner] (channels).
#include "math.h"
#include "kernels.gen.h"

enum { MARGIN = 64, PIECE = 512 };

typedef struct {
  int32_t before, after, roots;  // roots: the power is -3/4
  float alpha, beta, bias;
} Norm;

INLINE v128_t factor(const Norm *norm, v128_t sum) {
  v128_t base = madd(sum, splat(norm->alpha), splat(norm->bias));
  if (!norm->roots) return v_exp(mul(v_log(base), splat(-norm->beta)));
  v128_t root = wasm_f32x4_sqrt(base);
  return wasm_f32x4_div(splat(1.0f), mul(root, wasm_f32x4_sqrt(root)));
}

// Places start to start + count of one row of `size`: their squares, and those of their neighbours, go side by side first.
static void along_row(const Norm *norm, const float *x, float *y, int32_t size, int32_t start, int32_t count) {
  float squares[PIECE + 2 * MARGIN + 4];
  int32_t first = start - norm->before, span = count + norm->before + norm->after;
  for (int32_t i = 0; i < span + 3; i++) {
    int32_t at = first + i;
    squares[i] = i < span && at >= 0 && at < size ? x[at] * x[at] : 0;
  }
  for (int32_t i = 0; i < count; i += 4) {
    v128_t sum = load(squares + i);
    for (int32_t j = 1; j <= norm->before + norm->after; j++) sum = add(sum, load(squares + i + j));
    int32_t rest = min_int(4, count - i);
    store_part(y + start + i, mul(load_part(x + start + i, rest), factor(norm, sum)), rest);
  }
}

// 4 columns or fewer of [size, inner].
static void down_columns(const Norm *norm, const float *x, float *y, int32_t size, int32_t inner, int32_t count) {
  for (int32_t i = 0; i < size; i++) {
    v128_t sum = splat(0);
    for (int32_t j = max_int(0, i - norm->before); j <= min_int(size - 1, i + norm->after); j++) {
      v128_t v = load_part(x + (size_t)j * inner, count);
      sum = madd(v, v, sum);
    }
    size_t at = (size_t)i * inner;
    store_part(y + at, mul(load_part(x + at, count), factor(norm, sum)), count);
  }
}

void local_response_norm(const float *x, float *y, int32_t outer, int32_t size, int32_t inner, int32_t before, int32_t after,
                         float alpha, float beta, float bias) {
  if (size == 0 || inner == 0) return;
  Norm norm = {before, after, beta == 0.75f, alpha, beta, bias};
  int32_t single = inner == 1, piece = single ? PIECE : 4, pieces = ceil_div(single ? size : inner, piece);
  int32_t units = outer * pieces, together = max_int(1, 2048 / min_int(size, PIECE));
  for_tiles(tile, ceil_div(units, together)) {
    for (int32_t u = tile * together, end = min_int(units, u + together); u < end; u++) {
      int32_t start = u % pieces * piece, count = min_int(piece, (single ? size : inner) - start);
      size_t at = (size_t)(u / pieces) * size * inner;
      if (single) along_row(&norm, x + at, y + at, size, start, count);
      else down_columns(&norm, x + at + start, y + at + start, size, inner, count);
    }
  }
}
