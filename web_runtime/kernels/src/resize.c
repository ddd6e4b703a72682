// Images of another size, NHWC, and any separable resampling from tables.
#include "bytes.h"
#include "kernels.gen.h"

typedef struct {
  int32_t in, out, mode;
  float scale;
} Axis;

static Axis axis_of(int32_t in, int32_t out, int32_t mode, float scale) {
  return (Axis){in, out, mode, scale > 0 ? scale : (float)out / (float)in};
}

// Where place i of the result lies in the source.
static float coordinate(const Axis *axis, int32_t i) {
  float centre = ((float)i + 0.5f) / axis->scale;
  switch (axis->mode) {
    case COORDINATE_HALF_PIXEL:
      return centre - 0.5f;
    case COORDINATE_HALF_PIXEL_SYMMETRIC: {
      float exact = (float)axis->out / (axis->scale * (float)axis->in);
      return (float)axis->in / 2 * (1 - exact) + centre - 0.5f;
    }
    case COORDINATE_PYTORCH_HALF_PIXEL:
      return axis->out > 1 ? centre - 0.5f : 0;
    case COORDINATE_ALIGN_CORNERS:
      return axis->out == 1 ? 0 : (float)i * (float)(axis->in - 1) / (float)(axis->out - 1);
    case COORDINATE_ASYMMETRIC:
      return (float)i / axis->scale;
  }
  return centre;
}

// Keeps x between low and high; what is no number becomes low.
INLINE float between(float x, float low, float high) { return x > low ? (x < high ? x : high) : low; }

static int32_t nearest(const Axis *axis, int32_t rounding, int32_t i) {
  float x = coordinate(axis, i);
  if (rounding == ROUNDING_ROUND_PREFER_FLOOR) x = __builtin_ceilf(x - 0.5f);
  else if (rounding == ROUNDING_ROUND_PREFER_CEIL) x = __builtin_floorf(x + 0.5f);
  else x = rounding == ROUNDING_FLOOR ? __builtin_floorf(x) : __builtin_ceilf(x);
  return min_int((int32_t)between(x, 0, (float)(axis->in - 1)), axis->in - 1);
}

// A tile is some rows of some columns, whose places are worked out once.
enum { ROWS = 8, COLUMNS = 512 };

void resize_nearest(const float *x, float *y, int32_t batch, int32_t height, int32_t width, int32_t channels, int32_t x_pixel,
                    int32_t y_pixel, int32_t out_height, int32_t out_width, int32_t coordinates, int32_t rounding, float scale_y,
                    float scale_x) {
  Axis down = axis_of(height, out_height, coordinates, scale_y), across = axis_of(width, out_width, coordinates, scale_x);
  if (channels == 0 || out_width == 0) return;
  int32_t rows = batch * out_height, pieces = ceil_div(out_width, COLUMNS), from_column[COLUMNS];
  for_tiles(tile, ceil_div(rows, ROWS) * pieces) {
    int32_t start = tile % pieces * COLUMNS, count = min_int(COLUMNS, out_width - start), row = tile / pieces * ROWS;
    for (int32_t i = 0; i < count; i++) from_column[i] = nearest(&across, rounding, start + i);
    for (int32_t end = min_int(rows, row + ROWS); row < end; row++) {
      const float *from = x + ((size_t)(row / out_height) * height + nearest(&down, rounding, row % out_height)) * width * x_pixel;
      float *to = y + ((size_t)row * out_width + start) * y_pixel;
      for (int32_t i = 0; i < count; i++, to += y_pixel) {
        const float *pixel = from + (size_t)from_column[i] * x_pixel;
        if (channels == 1) *to = *pixel;
        else copy_bytes((uint8_t *)to, (const uint8_t *)pixel, (size_t)channels * 4);
      }
    }
  }
}

// Two neighbours and how far the place is from the first to the second.
typedef struct {
  int32_t first, second;
  float part;
} Pair;

static Pair pair_of(const Axis *axis, int32_t i) {
  float x = between(coordinate(axis, i), 0, (float)(axis->in - 1));
  int32_t first = min_int((int32_t)x, axis->in - 1);
  return (Pair){first, min_int(first + 1, axis->in - 1), x - (float)first};
}

INLINE v128_t mix(v128_t a, v128_t b, v128_t part) { return madd(sub(b, a), part, a); }

// One row of pixels between the rows `top` and `bottom` of the source.
static void linear_row(const float *top, const float *bottom, float part, const Pair *pairs, int32_t count, int32_t channels,
                       int32_t x_pixel, float *to, int32_t y_pixel) {
  v128_t dy = splat(part);
  for (int32_t i = 0; i < count; i++, to += y_pixel) {
    size_t left = (size_t)pairs[i].first * x_pixel, right = (size_t)pairs[i].second * x_pixel;
    v128_t dx = splat(pairs[i].part);
    int32_t c = 0, n = channels & 3;
    for (; c + 4 <= channels; c += 4) {
      v128_t above = mix(load(top + left + c), load(top + right + c), dx);
      store(to + c, mix(above, mix(load(bottom + left + c), load(bottom + right + c), dx), dy));
    }
    if (n == 0) continue;
    v128_t above = mix(load_part(top + left + c, n), load_part(top + right + c, n), dx);
    store_part(to + c, mix(above, mix(load_part(bottom + left + c, n), load_part(bottom + right + c, n), dx), dy), n);
  }
}

INLINE v128_t four_from(const float *x, const int32_t *at) {
  v128_t v = wasm_v128_load32_zero(x + at[0]);
  v = wasm_v128_load32_lane(x + at[1], v, 1);
  v = wasm_v128_load32_lane(x + at[2], v, 2);
  return wasm_v128_load32_lane(x + at[3], v, 3);
}

// The same for images of one channel: four pixels at once.
static void linear_plane_row(const float *top, const float *bottom, float part, const Pair *pairs, int32_t count, float *to) {
  v128_t dy = splat(part);
  for (int32_t i = 0; i < count; i += 4) {
    int32_t left[4], right[4], last = count - 1;
    float parts[4];
    for (int32_t j = 0; j < 4; j++) {
      Pair p = pairs[min_int(i + j, last)];
      left[j] = p.first, right[j] = p.second, parts[j] = p.part;
    }
    v128_t dx = load(parts), above = mix(four_from(top, left), four_from(top, right), dx);
    store_part(to + i, mix(above, mix(four_from(bottom, left), four_from(bottom, right), dx), dy), count - i);
  }
}

void resize_linear(const float *x, float *y, int32_t batch, int32_t height, int32_t width, int32_t channels, int32_t x_pixel,
                   int32_t y_pixel, int32_t out_height, int32_t out_width, int32_t coordinates, float scale_y, float scale_x) {
  Axis down = axis_of(height, out_height, coordinates, scale_y), across = axis_of(width, out_width, coordinates, scale_x);
  if (channels == 0 || out_width == 0) return;
  int32_t rows = batch * out_height, pieces = ceil_div(out_width, COLUMNS);
  Pair pairs[COLUMNS];
  for_tiles(tile, ceil_div(rows, ROWS) * pieces) {
    int32_t start = tile % pieces * COLUMNS, count = min_int(COLUMNS, out_width - start), row = tile / pieces * ROWS;
    for (int32_t i = 0; i < count; i++) pairs[i] = pair_of(&across, start + i);
    for (int32_t end = min_int(rows, row + ROWS); row < end; row++) {
      Pair at = pair_of(&down, row % out_height);
      const float *image = x + (size_t)(row / out_height) * height * width * x_pixel;
      const float *top = image + (size_t)at.first * width * x_pixel, *bottom = image + (size_t)at.second * width * x_pixel;
      float *to = y + ((size_t)row * out_width + start) * y_pixel;
      if (x_pixel == 1 && y_pixel == 1) linear_plane_row(top, bottom, at.part, pairs, count, to);
      else linear_row(top, bottom, at.part, pairs, count, channels, x_pixel, to, y_pixel);
    }
  }
}

typedef struct {
  int32_t at[4];
  float weight[4];
} Cubic;

static Cubic cubic_of(const Axis *axis, int32_t i, float a, int32_t exclude_outside) {
  float x = between(coordinate(axis, i), -4, (float)axis->in + 4), first = __builtin_floorf(x), t = x - first, sum = 0;
  float u = 1 - t;
  Cubic c = {.weight = {((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a, ((a + 2) * t - (a + 3)) * t * t + 1,
                        ((a + 2) * u - (a + 3)) * u * u + 1, ((a * (u + 1) - 5 * a) * (u + 1) + 8 * a) * (u + 1) - 4 * a}};
  for (int32_t k = 0; k < 4; k++) {
    int32_t at = (int32_t)first - 1 + k;
    if (exclude_outside && (at < 0 || at >= axis->in)) c.weight[k] = 0;
    sum += c.weight[k];
    c.at[k] = min_int(max_int(at, 0), axis->in - 1);
  }
  if (exclude_outside)
    for (int32_t k = 0; k < 4; k++) c.weight[k] /= sum;
  return c;
}

void resize_cubic(const float *x, float *y, int32_t batch, int32_t height, int32_t width, int32_t channels, int32_t x_pixel,
                  int32_t y_pixel, int32_t out_height, int32_t out_width, int32_t coordinates, int32_t exclude_outside,
                  float scale_y, float scale_x, float a) {
  Axis down = axis_of(height, out_height, coordinates, scale_y), across = axis_of(width, out_width, coordinates, scale_x);
  if (channels == 0 || out_width == 0) return;
  for_tiles(row, batch * out_height) {
    Cubic rows = cubic_of(&down, row % out_height, a, exclude_outside);
    const float *image = x + (size_t)(row / out_height) * height * width * x_pixel;
    float *to = y + (size_t)row * out_width * y_pixel;
    for (int32_t i = 0; i < out_width; i++, to += y_pixel) {
      Cubic columns = cubic_of(&across, i, a, exclude_outside);
      for (int32_t c = 0; c < channels; c += 4) {
        int32_t count = min_int(4, channels - c);
        v128_t sum = splat(0);
        for (int32_t k = 0; k < 16; k++) {
          const float *pixel = image + ((size_t)rows.at[k / 4] * width + columns.at[k % 4]) * x_pixel + c;
          sum = madd(load_part(pixel, count), splat(rows.weight[k / 4] * columns.weight[k % 4]), sum);
        }
        store_part(to + c, sum, count);
      }
    }
  }
}

void resample(const float *x, const int32_t *index, const float *weight, float *y, int32_t outer, int32_t size, int32_t inner,
              int32_t out_size, int32_t taps) {
  if (inner == 0) return;
  for_tiles(row, outer * out_size) {
    const float *image = x + (size_t)(row / out_size) * size * inner;
    float *to = y + (size_t)row * inner;
    size_t first = (size_t)(row % out_size) * taps;
    fill_items((uint8_t *)to, splat(0), inner, 4);
    for (int32_t t = 0; t < taps; t++) {
      const float *from = image + (size_t)min_int(max_int(index[first + t], 0), size - 1) * inner;
      v128_t w = splat(weight[first + t]);
      int32_t i = 0;
      for (; i + 4 <= inner; i += 4) store(to + i, madd(load(from + i), w, load(to + i)));
      for (; i < inner; i++) to[i] += from[i] * weight[first + t];
    }
  }
}
