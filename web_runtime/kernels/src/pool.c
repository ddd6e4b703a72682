#include "image.h"
#include "kernels.gen.h"

enum { TILE_CHANNELS = 64, SUMMED = 64 };

// The extent of a window along one axis: taps [first, last) lie on the image.
typedef struct { int32_t start, first, last; } Extent;

INLINE Extent extent(int32_t out, int32_t stride, int32_t pad, int32_t dilation, int32_t taps, int32_t size) {
  int32_t start = out * stride - pad;
  int32_t first = start < 0 ? ceil_div(-start, dilation) : 0;
  int32_t last = start < size ? min_int(taps, (size - 1 - start) / dilation + 1) : 0;
  return (Extent){start, first, last};
}

// V vectors of channels under a window; with V = 1 the last may have fewer than 4.
INLINE void under_window(const int largest, const int V, const Window *w, int32_t n, Extent v, Extent h, int32_t channel,
                         int32_t count, v128_t *result) {
  v128_t total[4];
  EACH(j, V) total[j] = splat(largest ? -__builtin_inff() : 0.0f);
  for (int32_t ky = v.first; ky < v.last; ky++) {
    size_t row = ((size_t)n * w->height + v.start + ky * w->dilation_y) * w->width + h.start;
    // Sums of few places each: a running sum of thousands would lose digits.
    for (int32_t kx = h.first, end; kx < h.last; kx = end) {
      v128_t part[4];
      end = min_int(h.last, kx + SUMMED);
      EACH(j, V) part[j] = largest ? total[j] : splat(0);
      for (; kx < end; kx++) {
        const float *from = w->x + (row + (size_t)kx * w->dilation_x) * w->pixel + channel;
        // A NaN on either side of max stays.
        EACH(j, V) {
          v128_t x = V == 1 ? load_part(from, count) : load(from + 4 * j);
          part[j] = largest ? wasm_f32x4_max(part[j], x) : add(part[j], x);
        }
      }
      EACH(j, V) total[j] = largest ? part[j] : add(total[j], part[j]);
    }
  }
  EACH(j, V) result[j] = total[j];
}

// The number of taps that divide a sum: those on the image, or those on the image and its padding.
INLINE int32_t counted(Extent e, int32_t pad_first, int32_t pad_last, int32_t dilation, int32_t taps, int32_t size, int padding) {
  if (!padding) return max_int(0, e.last - e.first);
  Extent padded = extent(0, 0, -(e.start + pad_first), dilation, taps, size + pad_first + pad_last);
  return max_int(0, padded.last - padded.first);
}

INLINE void pool_row(const int largest, const Window *w, float *y, int32_t y_pixel, int32_t n, int32_t out_y, int32_t channel,
                     int32_t end, int32_t pad_bottom, int32_t pad_right, int padding) {
  Extent v = extent(out_y, w->stride_y, w->pad_top, w->dilation_y, w->kernel_height, w->height);
  int32_t down = largest ? 0 : counted(v, w->pad_top, pad_bottom, w->dilation_y, w->kernel_height, w->height, padding);
  for (int32_t x = 0; x < w->out_width; x++) {
    Extent h = extent(x, w->stride_x, w->pad_left, w->dilation_x, w->kernel_width, w->width);
    int32_t across = largest ? 0 : counted(h, w->pad_left, pad_right, w->dilation_x, w->kernel_width, w->width, padding);
    float *to = y + (((size_t)n * w->out_height + out_y) * w->out_width + x) * y_pixel;
    v128_t result[4], count = splat((float)down * (float)across);
    int32_t c = channel;
    for (; c + 16 <= end; c += 16) {
      under_window(largest, 4, w, n, v, h, c, 16, result);
      EACH(j, 4) store(to + c + 4 * j, largest ? result[j] : wasm_f32x4_div(result[j], count));
    }
    for (; c < end; c += 4) {
      under_window(largest, 1, w, n, v, h, c, end - c, result);
      store_part(to + c, largest ? result[0] : wasm_f32x4_div(result[0], count), end - c);
    }
  }
}

void max_pool(const float *x, float *y, int32_t batch, int32_t height, int32_t width, int32_t channels, int32_t x_pixel,
              int32_t y_pixel, int32_t kernel_height, int32_t kernel_width, int32_t stride_y, int32_t stride_x,
              int32_t dilation_y, int32_t dilation_x, int32_t pad_top, int32_t pad_left, int32_t out_height, int32_t out_width) {
  Window w = {x, height, width, x_pixel, kernel_height, kernel_width, stride_y, stride_x, dilation_y, dilation_x, pad_top,
              pad_left, out_height, out_width};
  if (!channels || !out_width) return;
  int32_t rows = batch * out_height;
  for_tiles(tile, rows * ceil_div(channels, TILE_CHANNELS)) {
    int32_t row = tile % rows, channel = tile / rows * TILE_CHANNELS;
    pool_row(1, &w, y, y_pixel, row / out_height, row % out_height, channel, min_int(channels, channel + TILE_CHANNELS), 0, 0, 0);
  }
}

void average_pool(const float *x, float *y, int32_t batch, int32_t height, int32_t width, int32_t channels, int32_t x_pixel,
                  int32_t y_pixel, int32_t kernel_height, int32_t kernel_width, int32_t stride_y, int32_t stride_x,
                  int32_t dilation_y, int32_t dilation_x, int32_t pad_top, int32_t pad_left, int32_t out_height,
                  int32_t out_width, int32_t pad_bottom, int32_t pad_right, int32_t count_padding) {
  Window w = {x, height, width, x_pixel, kernel_height, kernel_width, stride_y, stride_x, dilation_y, dilation_x, pad_top,
              pad_left, out_height, out_width};
  if (!channels || !out_width) return;
  int32_t rows = batch * out_height;
  for_tiles(tile, rows * ceil_div(channels, TILE_CHANNELS)) {
    int32_t row = tile % rows, channel = tile / rows * TILE_CHANNELS;
    pool_row(0, &w, y, y_pixel, row / out_height, row % out_height, channel, min_int(channels, channel + TILE_CHANNELS),
             pad_bottom, pad_right, count_padding);
  }
}
