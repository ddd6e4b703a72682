#include "half.h"
#include "kernels.gen.h"

enum { TILE_FLOATS = 1 << 14 };

INLINE v128_t widen(const int8_t *x) {
  return wasm_f32x4_convert_i32x4(wasm_i32x4_extend_low_i16x8(wasm_i16x8_extend_low_i8x16(wasm_v128_load32_zero(x))));
}

void expand_f16(const uint16_t *x, float *y, int32_t count) {
  for_tiles(tile, ceil_div(count, TILE_FLOATS)) {
    int32_t i = tile * TILE_FLOATS, end = min_int(count, i + TILE_FLOATS);
    for (; i + 4 <= end; i += 4) store(y + i, from_half(wasm_u32x4_load16x4(x + i)));
    for (; i < end; i++) y[i] = wasm_f32x4_extract_lane(from_half(wasm_i32x4_splat(x[i])), 0);
  }
}

void expand_int8_panels(const int8_t *x, const float *scale, float *y, int32_t panels, int32_t rows) {
  for_tiles(panel, panels) {
    size_t at = (size_t)panel * rows * 8;
    v128_t left = load(scale + 8 * panel), right = load(scale + 8 * panel + 4);
    for (int32_t k = 0; k < rows; k++, at += 8) {
      store(y + at, mul(widen(x + at), left));
      store(y + at + 4, mul(widen(x + at + 4), right));
    }
  }
}

void expand_int8_columns(const int8_t *x, const float *scale, float *y, int32_t rows, int32_t columns) {
  for_tiles(row, rows) {
    size_t at = (size_t)row * columns;
    int32_t j = 0;
    for (; j + 4 <= columns; j += 4) store(y + at + j, mul(widen(x + at + j), load(scale + j)));
    for (; j < columns; j++) y[at + j] = x[at + j] * scale[j];
  }
}

void expand_int8_rows(const int8_t *x, const float *scale, float *y, int32_t rows, int32_t columns) {
  for_tiles(row, rows) {
    size_t at = (size_t)row * columns;
    int32_t j = 0;
    for (; j + 4 <= columns; j += 4) store(y + at + j, mul(widen(x + at + j), splat(scale[row])));
    for (; j < columns; j++) y[at + j] = x[at + j] * scale[row];
  }
}
