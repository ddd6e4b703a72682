// Reading at places that other tensors name.
#include "box.h"
#include "bytes.h"
#include "half.h"
#include "index.h"
#include "kernels.gen.h"

enum { TILE = 8192 };

void gather(const uint8_t *x, const uint8_t *index, uint8_t *y, int32_t item, int32_t index_item, int32_t outer, int32_t size,
            int32_t inner, int32_t indices) {
  size_t run = (size_t)inner * item;
  if (run == 0) return;
  int32_t rows = outer * indices, together = max_int(1, TILE / inner);
  for_tiles(tile, ceil_div(rows, together)) {
    for (int32_t r = tile * together, end = min_int(rows, r + together); r < end; r++) {
      size_t from = (size_t)(r / indices) * size + index_at(index, index_item, r % indices, size);
      if (run == 4) copy_item(y + r * run, x + from * run, 4);
      else copy_bytes(y + r * run, x + from * run, run);
    }
  }
}

INLINE v128_t widen(const int8_t *x) {
  return wasm_f32x4_convert_i32x4(wasm_i32x4_extend_low_i16x8(wasm_i16x8_extend_low_i8x16(wasm_v128_load32_zero(x))));
}

void gather_rows_int8(const int8_t *x, const float *scale, const uint8_t *index, float *y, int32_t index_item, int32_t size,
                      int32_t columns, int32_t indices) {
  for_tiles(row, indices) {
    int32_t at = index_at(index, index_item, row, size), i = 0;
    const int8_t *from = x + (size_t)at * columns;
    float *to = y + (size_t)row * columns;
    v128_t unit = load_splat(scale + at);
    for (; i + 4 <= columns; i += 4) store(to + i, mul(widen(from + i), unit));
    for (; i < columns; i++) to[i] = (float)from[i] * scale[at];
  }
}

void gather_rows_f16(const uint16_t *x, const uint8_t *index, float *y, int32_t index_item, int32_t size, int32_t columns,
                     int32_t indices) {
  for_tiles(row, indices) {
    const uint16_t *from = x + (size_t)index_at(index, index_item, row, size) * columns;
    float *to = y + (size_t)row * columns;
    int32_t i = 0;
    for (; i + 4 <= columns; i += 4) store(to + i, from_half(wasm_u32x4_load16x4(from + i)));
    for (; i < columns; i++) to[i] = wasm_f32x4_extract_lane(from_half(wasm_i32x4_splat(from[i])), 0);
  }
}

void gather_elements(const uint8_t *x, const uint8_t *index, uint8_t *y, int32_t item, int32_t index_item, int32_t count0,
                     int32_t count1, int32_t count2, int32_t count3, int32_t count4, int32_t x_stride0, int32_t x_stride1,
                     int32_t x_stride2, int32_t x_stride3, int32_t x_stride4, int32_t size, int32_t axis_stride) {
  Box box = {.dims = 5,
             .buffers = 1,
             .count = {count0, count1, count2, count3, count4},
             .stride = {{x_stride0, x_stride1, x_stride2, x_stride3, x_stride4}}};
  if (!box_merge(&box)) return;
  BoxTiles tiles = box_tiles(&box);
  size_t stride = box.stride[0][box.dims - 1];
  for_tiles(tile, tiles.tiles) for_pieces(p, box, tiles, tile) {
    size_t at = (size_t)p.row * box.columns + p.column, from = p.at.start[0] + p.column * stride;
    for (int32_t i = 0; i < p.count; i++, at++, from += stride)
      copy_item(y + at * item, x + (from + (size_t)index_at(index, index_item, at, size) * axis_stride) * item, item);
  }
}

void gather_nd(const uint8_t *x, const uint8_t *index, uint8_t *y, int32_t item, int32_t index_item, int32_t batch, int32_t indices,
               int32_t depth, int32_t size0, int32_t size1, int32_t size2, int32_t size3, int32_t size4, int32_t inner) {
  const int32_t sizes[5] = {size0, size1, size2, size3, size4};
  size_t run = (size_t)inner * item;
  if (run == 0) return;
  for_tiles(row, batch * indices) {
    size_t from = row / indices;
    for (int32_t d = 0; d < 5; d++)
      from = from * sizes[d] + (d < depth ? index_at(index, index_item, (size_t)row * depth + d, sizes[d]) : 0);
    copy_bytes(y + row * run, x + from * run, run);
  }
}

// An index beyond the depth (or before -depth) gives a column of the off value.
void one_hot(const uint8_t *index, const uint8_t *values, uint8_t *y, int32_t item, int32_t index_item, int32_t outer, int32_t depth,
             int32_t inner) {
  if (depth == 0 || inner == 0) return;
  for_tiles(o, outer) {
    for (int32_t d = 0; d < depth; d++)
      for (int32_t i = 0; i < inner; i++) {
        int64_t at = raw_index(index, index_item, (size_t)o * inner + i);
        int on = (at < 0 ? at + depth : at) == d;
        copy_item(y + (((size_t)o * depth + d) * inner + i) * item, values + (on ? item : 0), item);
      }
  }
}
