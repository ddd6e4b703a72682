// Filling, padding and other movement that no strides describe.
#include "bytes.h"
#include "kernels.gen.h"

enum { TILE = 8192 };

void fill(uint8_t *y, int32_t item, int32_t count, int32_t low, int32_t high) {
  v128_t pattern = repeated(item, low, high);
  for_tiles(tile, ceil_div(count, TILE)) {
    size_t start = (size_t)tile * TILE;
    fill_items(y + start * item, pattern, min_int(TILE, count - (int32_t)start), item);
  }
}

#define RANGE(name, T, S)                                                        \
  void name(T *y, int32_t count, S start, S step) {                              \
    for_tiles(tile, ceil_div(count, TILE)) {                                     \
      int32_t first = tile * TILE, end = first + min_int(count - first, TILE);   \
      for (int32_t i = first; i < end; i++) y[i] = RANGE_VALUE(i);               \
    }                                                                            \
  }

#define RANGE_VALUE(i) start + (float)(i) * step
RANGE(range_f32, float, float)
#undef RANGE_VALUE
#define RANGE_VALUE(i) (int32_t)((uint32_t)start + (uint32_t)(i) * (uint32_t)step)
RANGE(range_i32, int32_t, int32_t)
#undef RANGE_VALUE
#define RANGE_VALUE(i) start + (int64_t)(i) * step
RANGE(range_i64, int64_t, int32_t)

// Where place i of a padded dim comes from, -1 for nowhere. `i` counts from the first element of x.
static int32_t padding_source(int32_t mode, int32_t i, int32_t count) {
  if (i >= 0 && i < count) return i;
  if (mode == PAD_CONSTANT || count == 0) return -1;
  if (mode == PAD_EDGE) return i < 0 ? 0 : count - 1;
  int32_t period = mode == PAD_WRAP ? count : max_int(1, 2 * (count - 1));
  i %= period;
  if (i < 0) i += period;
  return i < count ? i : period - i;
}

typedef struct {
  int32_t item, mode, before, count, after;
  v128_t pattern;
} PadRow;

static void pad_row(const PadRow *row, const uint8_t *x, uint8_t *y) {
  size_t item = row->item, before = row->before * item, inner = row->count * item;
  copy_bytes(y + before, x, inner);
  if (row->mode == PAD_CONSTANT || row->count == 0) {
    fill_items(y, row->pattern, row->before, row->item);
    fill_items(y + before + inner, row->pattern, row->after, row->item);
    return;
  }
  for (int32_t i = 0; i < row->before; i++)
    copy_item(y + i * item, x + padding_source(row->mode, i - row->before, row->count) * item, row->item);
  for (int32_t i = row->count; i < row->count + row->after; i++)
    copy_item(y + before + i * item, x + padding_source(row->mode, i, row->count) * item, row->item);
}

void pad(const uint8_t *x, uint8_t *y, int32_t item, int32_t count0, int32_t count1, int32_t count2, int32_t count3, int32_t before0,
         int32_t before1, int32_t before2, int32_t before3, int32_t after0, int32_t after1, int32_t after2, int32_t after3,
         int32_t mode, int32_t low, int32_t high) {
  PadRow row = {item, mode, before3, count3, after3, repeated(item, low, high)};
  int32_t size0 = before0 + count0 + after0, size1 = before1 + count1 + after1, size2 = before2 + count2 + after2;
  int32_t columns = before3 + count3 + after3, rows = size0 * size1 * size2;
  if (columns == 0) return;
  int32_t together = max_int(1, TILE / columns);
  for_tiles(tile, ceil_div(rows, together)) {
    for (int32_t r = tile * together, end = min_int(rows, r + together); r < end; r++) {
      int32_t i0 = padding_source(mode, r / size2 / size1 - before0, count0);
      int32_t i1 = padding_source(mode, r / size2 % size1 - before1, count1);
      int32_t i2 = padding_source(mode, r % size2 - before2, count2);
      uint8_t *to = y + (size_t)r * columns * item;
      if (i0 < 0 || i1 < 0 || i2 < 0) fill_items(to, row.pattern, columns, item);
      else pad_row(&row, x + (((size_t)i0 * count1 + i1) * count2 + i2) * count3 * item, to);
    }
  }
}

void triangle(const uint8_t *x, uint8_t *y, int32_t item, int32_t batch, int32_t rows, int32_t columns, int32_t diagonal, int32_t upper) {
  if (columns == 0 || rows == 0) return;
  int32_t together = max_int(1, TILE / columns), all = batch * rows;
  for_tiles(tile, ceil_div(all, together)) {
    for (int32_t r = tile * together, end = min_int(all, r + together); r < end; r++) {
      // Kept: [from, to) of the row.
      int32_t edge = min_int(max_int(r % rows + diagonal + !upper, 0), columns);
      size_t from = upper ? edge : 0, to = upper ? columns : edge, start = (size_t)r * columns;
      if (y != x) copy_bytes(y + (start + from) * item, x + (start + from) * item, (to - from) * item);
      fill_items(y + start * item, wasm_i32x4_splat(0), from, item);
      fill_items(y + (start + to) * item, wasm_i32x4_splat(0), columns - to, item);
    }
  }
}
