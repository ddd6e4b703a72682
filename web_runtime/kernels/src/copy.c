// Copies between boxes of any strides: runs, transposes of planes, or element by element.
#include "box.h"
#include "bytes.h"
#include "kernels.gen.h"

#define STEPS(T, BITS)                                                                                           \
  static void steps_##BITS(const uint8_t *from, size_t x_stride, uint8_t *to, size_t y_stride, int32_t count) {  \
    const T *x = (const T *)from;                                                                                \
    T *y = (T *)to;                                                                                              \
    for (int32_t i = 0; i < count; i++) y[i * y_stride] = x[i * x_stride];                                       \
  }

STEPS(uint8_t, 8)
STEPS(uint16_t, 16)
STEPS(uint32_t, 32)
STEPS(uint64_t, 64)

static void steps(int32_t item, const uint8_t *x, size_t x_stride, uint8_t *y, size_t y_stride, int32_t count) {
  if (item == 4) steps_32(x, x_stride, y, y_stride, count);
  else if (item == 8) steps_64(x, x_stride, y, y_stride, count);
  else if (item == 1) steps_8(x, x_stride, y, y_stride, count);
  else steps_16(x, x_stride, y, y_stride, count);
}

INLINE v128_t low_halves(v128_t a, v128_t b) { return wasm_i32x4_shuffle(a, b, 0, 4, 1, 5); }
INLINE v128_t high_halves(v128_t a, v128_t b) { return wasm_i32x4_shuffle(a, b, 2, 6, 3, 7); }

// y[r, c] = x[c, r]: 4 x 4 floats, strides between rows of either.
INLINE void transpose_4x4(const float *x, size_t x_stride, float *y, size_t y_stride) {
  v128_t a = load(x), b = load(x + x_stride), c = load(x + 2 * x_stride), d = load(x + 3 * x_stride);
  v128_t ac = low_halves(a, c), bd = low_halves(b, d), ac2 = high_halves(a, c), bd2 = high_halves(b, d);
  store(y, low_halves(ac, bd));
  store(y + y_stride, high_halves(ac, bd));
  store(y + 2 * y_stride, low_halves(ac2, bd2));
  store(y + 3 * y_stride, high_halves(ac2, bd2));
}

// y[r * y_stride + c] = x[c * x_stride + r] for a block of words.
static void transpose_words(const float *x, size_t x_stride, float *y, size_t y_stride, int32_t rows, int32_t columns) {
  int32_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    int32_t c = 0;
    for (; c + 4 <= columns; c += 4) transpose_4x4(x + c * x_stride + r, x_stride, y + r * y_stride + c, y_stride);
    for (; c < columns; c++)
      for (int32_t i = r; i < r + 4; i++) y[i * y_stride + c] = x[c * x_stride + i];
  }
  for (; r < rows; r++) steps_32((const uint8_t *)(x + r), x_stride, (uint8_t *)(y + r * y_stride), 1, columns);
}

// y[r * y_stride + c] = x[c * x_stride + r] for three columns: planes of red, green and blue into pixels.
static void interleave(const float *x, size_t x_stride, float *y, size_t y_stride, int32_t rows) {
  const float *a = x, *b = x + x_stride, *c = b + x_stride;
  int32_t r = 0;
  if (y_stride == 3)
    for (; r + 4 <= rows; r += 4, y += 12) {
      v128_t u = load(a + r), v = load(b + r), w = load(c + r), uv = wasm_i32x4_shuffle(u, v, 0, 4, 1, 5);
      store(y, wasm_i32x4_shuffle(uv, w, 0, 1, 4, 2));
      v128_t vw = wasm_i32x4_shuffle(v, w, 1, 5, 2, 6);
      store(y + 4, wasm_i32x4_shuffle(vw, u, 0, 1, 6, 2));
      v128_t wu = wasm_i32x4_shuffle(w, u, 2, 7, 3, 6);
      store(y + 8, wasm_i32x4_shuffle(wu, v, 0, 1, 7, 2));
    }
  for (; r < rows; r++, y += y_stride) y[0] = a[r], y[1] = b[r], y[2] = c[r];
}

enum { BLOCK_ROWS = 16, BLOCK_COLUMNS = 128, LONG_BLOCK = 2048 };

// y[r, c] = x[c, r], by the size of an element.
static void copy_block(int32_t item, const uint8_t *x, size_t x_stride, uint8_t *y, size_t y_stride, int32_t rows, int32_t columns) {
  if (item == 4 && columns == 3) interleave((const float *)x, x_stride, (float *)y, y_stride, rows);
  else if (item == 4) transpose_words((const float *)x, x_stride, (float *)y, y_stride, rows, columns);
  else
    for (int32_t i = 0; i < rows; i++) steps(item, x + i * item, x_stride, y + i * y_stride * item, 1, columns);
}

// The last dim is contiguous in y, the one before in x: blocks of their plane, for every place of the outer dims.
static void copy_planes(const Box *box, int32_t item, const uint8_t *x, uint8_t *y) {
  int32_t last = box->dims - 1, rows = box->count[last - 1], columns = box->columns;
  size_t x_stride = box->stride[0][last], y_stride = box->stride[1][last - 1];
  int32_t tall = min_int(rows, columns < BLOCK_ROWS ? LONG_BLOCK : BLOCK_ROWS);  // few columns: fewer blocks
  int32_t across = ceil_div(columns, BLOCK_COLUMNS), blocks = ceil_div(rows, tall) * across;
  Box outer = *box;
  outer.dims--;  // its "rows" are the planes
  outer.rows = box->rows / rows;
  int32_t units = outer.rows * blocks, together = max_int(1, 8192 / tall / min_int(columns, BLOCK_COLUMNS));
  for_tiles(tile, ceil_div(units, together)) for (int32_t unit = tile * together, n = min_int(together, units - unit); n > 0; unit++, n--) {
    BoxRow at = box_row(&outer, unit / blocks);
    int32_t block = unit % blocks, r = block / across * tall, c = block % across * BLOCK_COLUMNS;
    int32_t height = min_int(tall, rows - r), width = min_int(BLOCK_COLUMNS, columns - c);
    const uint8_t *from = x + (at.start[0] + r + c * x_stride) * item;
    uint8_t *to = y + (at.start[1] + r * y_stride + c) * item;
    copy_block(item, from, x_stride, to, y_stride, height, width);
  }
}

// Puts the dim that is contiguous in x before the last, which is contiguous in y. False where there is no such plane.
static int arrange_plane(Box *box) {
  int32_t last = box->dims - 1, found = -1;
  if (last < 1 || box->stride[1][last] != 1 || box->stride[0][last] == 1 || box->columns < 3) return 0;
  for (int32_t i = 0; i < last; i++)
    if (box->stride[0][i] == 1 && box->count[i] >= 4) found = i;
  if (found < 0) return 0;
  int32_t count = box->count[found], x_stride = box->stride[0][found], y_stride = box->stride[1][found];
  for (int32_t i = found; i < last - 1; i++) {
    box->count[i] = box->count[i + 1];
    box->stride[0][i] = box->stride[0][i + 1];
    box->stride[1][i] = box->stride[1][i + 1];
  }
  box->count[last - 1] = count, box->stride[0][last - 1] = x_stride, box->stride[1][last - 1] = y_stride;
  return 1;
}

static void copy_rows(const Box *box, int32_t item, const uint8_t *x, uint8_t *y) {
  int32_t last = box->dims - 1;
  size_t x_stride = box->stride[0][last], y_stride = box->stride[1][last];
  BoxTiles tiles = box_tiles(box);
  for_tiles(tile, tiles.tiles) for_pieces(p, *box, tiles, tile) {
    const uint8_t *from = x + (p.at.start[0] + p.column * x_stride) * item;
    uint8_t *to = y + (p.at.start[1] + p.column * y_stride) * item;
    if (x_stride == 1 && y_stride == 1) copy_bytes(to, from, (size_t)p.count * item);
    else steps(item, from, x_stride, to, y_stride, p.count);
  }
}

void copy(const uint8_t *x, uint8_t *y, int32_t item, int32_t count0, int32_t count1, int32_t count2, int32_t count3, int32_t count4,
          int32_t count5, int32_t x_stride0, int32_t x_stride1, int32_t x_stride2, int32_t x_stride3, int32_t x_stride4,
          int32_t x_stride5, int32_t y_stride0, int32_t y_stride1, int32_t y_stride2, int32_t y_stride3, int32_t y_stride4,
          int32_t y_stride5, int32_t reversed) {
  Box box = {
      .dims = 6,
      .buffers = 2,
      .count = {count0, count1, count2, count3, count4, count5},
      .stride = {{x_stride0, x_stride1, x_stride2, x_stride3, x_stride4, x_stride5},
                 {y_stride0, y_stride1, y_stride2, y_stride3, y_stride4, y_stride5}},
  };
  for (int32_t i = 0; i < 6; i++) {
    if (!(reversed >> i & 1) || box.count[i] == 0) continue;
    x += (size_t)(box.count[i] - 1) * box.stride[0][i] * item;
    box.stride[0][i] = -box.stride[0][i];
  }
  if (!box_merge(&box)) return;
  if (arrange_plane(&box)) copy_planes(&box, item, x, y);
  else copy_rows(&box, item, x, y);
}
