// The choice between two boxes by a third.
#include "box.h"
#include "kernels.gen.h"

typedef struct {
  const uint8_t *condition;
  const void *a, *b;
  void *y;
  size_t condition_stride, a_stride, b_stride;
} Row;

#define CHOOSE(T, BITS)                                                                                       \
  static void choose_##BITS(const Row *row, int32_t count) {                                                  \
    const T *a = row->a, *b = row->b;                                                                         \
    T *y = row->y;                                                                                            \
    for (int32_t i = 0; i < count; i++)                                                                       \
      y[i] = row->condition[i * row->condition_stride] ? a[i * row->a_stride] : b[i * row->b_stride];         \
  }

CHOOSE(uint8_t, 8)
CHOOSE(uint16_t, 16)
CHOOSE(uint32_t, 32)
CHOOSE(uint64_t, 64)

static void choose(int32_t item, const Row *row, int32_t count) {
  if (item == 1) choose_8(row, count);
  else if (item == 2) choose_16(row, count);
  else if (item == 4) choose_32(row, count);
  else choose_64(row, count);
}

void where(const uint8_t *condition, const uint8_t *a, const uint8_t *b, uint8_t *y, int32_t item, int32_t count0, int32_t count1,
           int32_t count2, int32_t count3, int32_t count4, int32_t condition_stride0, int32_t condition_stride1,
           int32_t condition_stride2, int32_t condition_stride3, int32_t condition_stride4, int32_t a_stride0, int32_t a_stride1,
           int32_t a_stride2, int32_t a_stride3, int32_t a_stride4, int32_t b_stride0, int32_t b_stride1, int32_t b_stride2,
           int32_t b_stride3, int32_t b_stride4) {
  Box box = {
      .dims = 5,
      .buffers = 3,
      .count = {count0, count1, count2, count3, count4},
      .stride = {{condition_stride0, condition_stride1, condition_stride2, condition_stride3, condition_stride4},
                 {a_stride0, a_stride1, a_stride2, a_stride3, a_stride4},
                 {b_stride0, b_stride1, b_stride2, b_stride3, b_stride4}},
  };
  if (!box_merge(&box)) return;
  BoxTiles tiles = box_tiles(&box);
  int32_t last = box.dims - 1;
  for_tiles(tile, tiles.tiles) for_pieces(p, box, tiles, tile) {
    size_t cs = box.stride[0][last], as = box.stride[1][last], bs = box.stride[2][last], *start = p.at.start;
    Row row = {.condition = condition + start[0] + p.column * cs, .condition_stride = cs,
               .a = a + (start[1] + p.column * as) * item, .a_stride = as,
               .b = b + (start[2] + p.column * bs) * item, .b_stride = bs,
               .y = y + ((size_t)p.row * box.columns + p.column) * item};
    choose(item, &row, p.count);
  }
}
