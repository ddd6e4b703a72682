#include "half.h"
#include "int8.h"
#include "kernels.gen.h"

enum { TILE_FLOATS = 1 << 14 };

void expand_f16(const uint16_t *x, float *y, int32_t count) {
  for_tiles(tile, ceil_div(count, TILE_FLOATS)) {
    int32_t i = tile * TILE_FLOATS, end = min_int(count, i + TILE_FLOATS);
    for (; i + 4 <= end; i += 4) store(y + i, from_half(wasm_u32x4_load16x4(x + i)));
    for (; i < end; i++) y[i] = wasm_f32x4_extract_lane(from_half(wasm_i32x4_splat(x[i])), 0);
  }
}

void expand_int8_panels(const int8_t *x, const float *scale, float *y, int32_t panels, int32_t rows) {
  for_tiles(panel, panels) expand_panel(x + (size_t)panel * rows * 8, scale + 8 * panel, y + (size_t)panel * rows * 8, rows);
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
