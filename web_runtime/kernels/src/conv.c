#include "block.h"
#include "image.h"

// Pixels of a tile of work; pointers and gathered floats that a tile may hold on the stack.
enum { TILE_PIXELS = 64, MAX_POINTERS = 4096, MAX_GATHERED = 6144, FEW_CHANNELS = 16 };

const float zeros[MAX_DEPTH];

typedef struct {
  Window window;
  const float *weights, *bias, *residual;
  float *y;
  int32_t group_channels, group_columns, groups, residual_pixel, y_pixel;
  Activation activation;
} Conv;

INLINE void copy_floats(const float *from, float *to, int32_t count) {
  int32_t k = 0;
  for (; k + 4 <= count; k += 4) store(to + k, load(from + k));
  for (; k < count; k++) to[k] = from[k];
}

// The window of one pixel, tap by tap.
static float *collect_taps(const Conv *c, int32_t channel, Pixel p, float *to) {
  const Window *w = &c->window;
  for (int32_t ky = 0; ky < w->kernel_height; ky++)
    for (int32_t kx = 0; kx < w->kernel_width; kx++, to += c->group_channels) {
      const float *from = under(w, p.n, p.y, p.x, ky, kx);
      copy_floats(from ? from + channel : zeros, to, c->group_channels);
    }
  return to;
}

// Copies the windows of the pixels side by side: rows of taps * channels floats.
static void collect(const Conv *c, int32_t channel, int32_t pixel, int32_t pixels, float *to) {
  const Window *w = &c->window;
  int32_t run = w->kernel_width * c->group_channels, runs = w->dilation_x == 1 && w->pixel == c->group_channels;
  size_t line = (size_t)w->width * w->pixel * w->dilation_y;
  Pixel p = pixel_at(w, pixel);
  for (int32_t i = 0; i < pixels; i++, next_pixel(w, &p)) {
    int32_t left = p.x * w->stride_x - w->pad_left, top = p.y * w->stride_y - w->pad_top;
    int32_t whole = left >= 0 && left + w->kernel_width <= w->width && top >= 0 &&
                    top + (w->kernel_height - 1) * w->dilation_y < w->height;
    if (!runs || !whole) {
      to = collect_taps(c, channel, p, to);
      continue;
    }
    // No tap is skipped and none is padding: each row of the window is one run.
    const float *from = w->x + (((size_t)p.n * w->height + top) * w->width + left) * w->pixel;
    for (int32_t ky = 0; ky < w->kernel_height; ky++, from += line, to += run) copy_floats(from, to, run);
  }
}

// rows[tap * pixels + i]: where the window of each pixel has each tap.
static void point(const Conv *c, int32_t channel, int32_t pixel, int32_t pixels, const float **rows) {
  const Window *w = &c->window;
  Pixel p = pixel_at(w, pixel);
  for (int32_t i = 0; i < pixels; i++, next_pixel(w, &p))
    for (int32_t ky = 0, tap = 0; ky < w->kernel_height; ky++)
      for (int32_t kx = 0; kx < w->kernel_width; kx++, tap++) {
        const float *from = under(w, p.n, p.y, p.x, ky, kx);
        rows[tap * pixels + i] = from ? from + channel : zeros;
      }
}

static void convolve(const Conv *c, int32_t group, int32_t pixel, int32_t pixels, int32_t column, int32_t columns, int gathered) {
  const float *rows[MAX_POINTERS], *residuals[TILE_PIXELS];
  float *results[TILE_PIXELS], buffer[MAX_GATHERED];
  int32_t taps = c->window.kernel_height * c->window.kernel_width, out = group * c->group_columns + column;
  if (gathered) {
    collect(c, group * c->group_channels, pixel, pixels, buffer);
    for (int32_t i = 0; i < pixels; i++) rows[i] = buffer + i * taps * c->group_channels;
  } else {
    point(c, group * c->group_channels, pixel, pixels, rows);
  }
  for (int32_t i = 0; i < pixels; i++) {
    results[i] = c->y + (size_t)(pixel + i) * c->y_pixel + out;
    residuals[i] = c->residual + (size_t)(pixel + i) * c->residual_pixel + out;
  }
  int32_t depth = taps * c->group_channels, panels = ceil_div(c->group_columns, 8);
  Block block = {
      .rows = rows,
      .count = pixels,
      .taps = gathered ? 1 : taps,
      .depth = gathered ? depth : c->group_channels,
      .panels = c->weights + (size_t)(group * panels + column / 8) * 8 * depth,
      .panel_floats = 8 * depth,
      .columns = columns,
      .bias = c->bias ? c->bias + out : 0,
      .residuals = c->residual ? residuals : 0,
      .results = results,
      .activation = c->activation,
  };
  multiply_block(&block);
}

void conv(const float *x, const float *weights, const float *bias, const float *residual, float *y, int32_t batch, int32_t height,
          int32_t width, int32_t channels, int32_t out_channels, int32_t groups, int32_t x_pixel, int32_t residual_pixel,
          int32_t y_pixel, int32_t kernel_height, int32_t kernel_width, int32_t stride_y, int32_t stride_x, int32_t dilation_y,
          int32_t dilation_x, int32_t pad_top, int32_t pad_left, int32_t out_height, int32_t out_width, int32_t activation,
          float p0, float p1) {
  int32_t pixels = batch * out_height * out_width, taps = kernel_height * kernel_width;
  if (!pixels || !out_channels) return;
  Conv c = {
      .window = {x, height, width, x_pixel, kernel_height, kernel_width, stride_y, stride_x, dilation_y, dilation_x, pad_top,
                 pad_left, out_height, out_width},
      .weights = weights,
      .bias = bias,
      .residual = residual,
      .y = y,
      .group_channels = channels / groups,
      .group_columns = out_channels / groups,
      .groups = groups,
      .residual_pixel = residual_pixel,
      .y_pixel = y_pixel,
      .activation = activation_of(activation, p0, p1),
  };
  int gathered = c.group_channels < FEW_CHANNELS && taps * c.group_channels <= MAX_GATHERED / 4;
  int32_t most = gathered ? MAX_GATHERED / max_int(1, taps * c.group_channels) : MAX_POINTERS / taps;
  int32_t at_once = even(pixels, min_int(TILE_PIXELS, most >= 4 ? most / 4 * 4 : most), 4), down = ceil_div(pixels, at_once);
  int32_t wide = tile_columns(c.group_columns, groups * down), across = ceil_div(c.group_columns, wide);
  for_tiles(tile, groups * down * across) {
    int32_t column = tile % across * wide, group = tile / across % groups, pixel = tile / across / groups * at_once;
    convolve(&c, group, pixel, min_int(at_once, pixels - pixel), column, min_int(wide, c.group_columns - column), gathered);
  }
}
