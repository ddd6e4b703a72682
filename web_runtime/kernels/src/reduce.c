// The middle dim of [outer, size, inner] becomes one value.
#include "math.h"
#include "kernels.gen.h"

enum { TILE = 8192, BLOCK = 4 };  // elements of a tile; vectors side by side where inner is not 1

INLINE v128_t first_of(const int32_t operation) {
  if (operation == REDUCTION_PROD) return splat(1.0f);
  if (operation == REDUCTION_MAX) return splat(-__builtin_inff());
  if (operation == REDUCTION_MIN) return splat(__builtin_inff());
  return splat(0);
}

INLINE v128_t join(const int32_t operation, v128_t a, v128_t b) {
  if (operation == REDUCTION_PROD) return mul(a, b);
  if (operation == REDUCTION_MAX) return wasm_f32x4_max(a, b);
  if (operation == REDUCTION_MIN) return wasm_f32x4_min(a, b);
  return add(a, b);
}

INLINE v128_t take(const int32_t operation, v128_t sum, v128_t x) {
  if (operation == REDUCTION_L1) return add(sum, wasm_f32x4_abs(x));
  if (operation == REDUCTION_L2 || operation == REDUCTION_SUM_SQUARE) return madd(x, x, sum);
  return join(operation, sum, x);
}

static v128_t finish(int32_t operation, v128_t x, int32_t size) {
  if (operation == REDUCTION_MEAN) return wasm_f32x4_div(x, splat((float)size));
  if (operation == REDUCTION_L2) return wasm_f32x4_sqrt(x);
  if (operation == REDUCTION_LOG_SUM) return v_log(x);
  return x;
}

// Long sums are taken in pieces: a running sum of thousands of floats loses digits.
enum { PIECE = 1024, ROWS = 64 };

INLINE v128_t piece_of(const int32_t operation, const float *x, int32_t count) {
  v128_t a = first_of(operation), b = a, c = a, d = a;
  for (int32_t i = 0; i < count; i += 16) {
    a = take(operation, a, load(x + i));
    b = take(operation, b, load(x + i + 4));
    c = take(operation, c, load(x + i + 8));
    d = take(operation, d, load(x + i + 12));
  }
  return join(operation, join(operation, a, b), join(operation, c, d));
}

INLINE float row_of(const int32_t operation, const float *x, int32_t size) {
  v128_t a = first_of(operation);
  int32_t i = 0;
  for (; i + 16 <= size;) {
    int32_t count = min_int(PIECE, (size - i) & ~15);
    a = join(operation, a, piece_of(operation, x + i, count));
    i += count;
  }
  for (; i + 4 <= size; i += 4) a = take(operation, a, load(x + i));
  a = join(operation, a, wasm_i32x4_shuffle(a, a, 2, 3, 0, 1));
  a = join(operation, a, wasm_i32x4_shuffle(a, a, 1, 0, 3, 2));
  for (; i < size; i++) a = take(operation, a, load_splat(x + i));
  return wasm_f32x4_extract_lane(a, 0);
}

// Up to 16 columns of [size, inner].
INLINE void columns_of(const int32_t operation, const float *x, float *y, int32_t size, int32_t inner, int32_t count) {
  v128_t sums[BLOCK], piece[BLOCK];
  for (int32_t j = 0; j < BLOCK; j++) sums[j] = first_of(operation);
  for (int32_t start = 0; start < size; start += ROWS) {
    int32_t rows = min_int(ROWS, size - start);
    for (int32_t j = 0; j < BLOCK; j++) piece[j] = first_of(operation);
    if (count == 4 * BLOCK) {
      for (int32_t i = 0; i < rows; i++, x += inner)
        for (int32_t j = 0; j < BLOCK; j++) piece[j] = take(operation, piece[j], load(x + 4 * j));
    } else {
      for (int32_t i = 0; i < rows; i++, x += inner)
        for (int32_t j = 0; j < BLOCK; j++) piece[j] = take(operation, piece[j], load_part(x + 4 * j, count - 4 * j));
    }
    for (int32_t j = 0; j < BLOCK; j++) sums[j] = join(operation, sums[j], piece[j]);
  }
  for (int32_t j = 0; j < BLOCK; j++) store_part(y + 4 * j, finish(operation, sums[j], size), count - 4 * j);
}

#define BY_OPERATION(CALL)                                                  \
  switch (operation) {                                                      \
    case REDUCTION_PROD: CALL(REDUCTION_PROD); break;                       \
    case REDUCTION_MAX: CALL(REDUCTION_MAX); break;                         \
    case REDUCTION_MIN: CALL(REDUCTION_MIN); break;                         \
    case REDUCTION_L1: CALL(REDUCTION_L1); break;                           \
    case REDUCTION_L2: CALL(REDUCTION_L2); break;                           \
    case REDUCTION_SUM_SQUARE: CALL(REDUCTION_SUM_SQUARE); break;           \
    case REDUCTION_MEAN: CALL(REDUCTION_MEAN); break;                       \
    case REDUCTION_LOG_SUM: CALL(REDUCTION_LOG_SUM); break;                 \
    default: CALL(REDUCTION_SUM);                                           \
  }

static float reduce_row(int32_t operation, const float *x, int32_t size) {
  float y;
#define ROW(operation) y = row_of(operation, x, size)
  BY_OPERATION(ROW)
  return wasm_f32x4_extract_lane(finish(operation, splat(y), size), 0);
}

static void reduce_columns(int32_t operation, const float *x, float *y, int32_t size, int32_t inner, int32_t count) {
#define COLUMNS(operation) columns_of(operation, x, y, size, inner, count)
  BY_OPERATION(COLUMNS)
}

// log(sum(exp(x))) of 4 columns or fewer, from their largest.
static v128_t log_sum_exp(const float *x, int32_t size, int32_t inner, int32_t count) {
  v128_t top = splat(-__builtin_inff()), sum = splat(0);
  for (int32_t i = 0; i < size; i++) top = wasm_f32x4_max(top, load_part(x + (size_t)i * inner, count));
  // Infinity minus itself is no number.
  v128_t base = wasm_v128_bitselect(splat(0), top, wasm_f32x4_eq(wasm_f32x4_abs(top), splat(__builtin_inff())));
  for (int32_t i = 0; i < size; i++) sum = add(sum, v_exp(sub(load_part(x + (size_t)i * inner, count), base)));
  return add(v_log(sum), base);
}

static void reduce_log_sum_exp(const float *x, float *y, int32_t outer, int32_t size, int32_t inner) {
  int32_t across = ceil_div(inner, 4);
  for_tiles(tile, outer * across) {
    int32_t o = tile / across, i = tile % across * 4, count = min_int(4, inner - i);
    store_part(y + (size_t)o * inner + i, log_sum_exp(x + (size_t)o * size * inner + i, size, inner, count), count);
  }
}

void reduce_f32(const float *x, float *y, int32_t outer, int32_t size, int32_t inner, int32_t operation) {
  if (operation == REDUCTION_LOG_SUM_EXP) {
    reduce_log_sum_exp(x, y, outer, size, inner);
    return;
  }
  int32_t single = inner == 1, across = single ? 1 : ceil_div(inner, 4 * BLOCK);
  int32_t units = outer * across, together = max_int(1, TILE / max_int(1, size) / (single ? 1 : 4 * BLOCK));
  for_tiles(tile, ceil_div(units, together)) {
    for (int32_t u = tile * together, end = min_int(units, u + together); u < end; u++) {
      int32_t o = u / across, i = u % across * 4 * BLOCK;
      const float *from = x + (size_t)o * size * inner + i;
      if (single) y[o] = reduce_row(operation, from, size);
      else reduce_columns(operation, from, y + (size_t)o * inner + i, size, inner, min_int(4 * BLOCK, inner - i));
    }
  }
}
