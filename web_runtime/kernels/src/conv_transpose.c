#include "block.h"
#include "image.h"

// Pixels that a block takes; pointers and taps that it may hold on the stack.
enum { BLOCK_PIXELS = 64, MAX_POINTERS = 4096 };

typedef struct {
  Window window;  // of the convolution that this is the transpose of: from y to x
  const float *weights, *bias, *residual;
  float *y;
  int32_t group_channels, group_columns, residual_pixel, y_pixel;
  Activation activation;
} Transpose;

// Whether output place `out` meets x under this tap, and where: out = place * stride - pad + tap * dilation.
INLINE int meets(int32_t out, int32_t pad, int32_t tap, int32_t dilation, int32_t stride, int32_t *place) {
  int32_t from = out + pad - tap * dilation;
  *place = from / stride;
  return from % stride == 0;
}

typedef struct {
  int32_t n, group, out_y, column, columns;
} Row;

// Output pixels out_x, out_x + stride, …: these have the same taps, and are the rows of one product.
static void multiply_pixels(const Transpose *t, const Row *row, int32_t out_x, int32_t pixels) {
  const float *rows[MAX_POINTERS], *residuals[BLOCK_PIXELS];
  float *results[BLOCK_PIXELS];
  int32_t places[MAX_POINTERS], taps = 0, y, x;
  const Window *w = &t->window;
  for (int32_t ky = 0; ky < w->kernel_height; ky++) {
    if (!meets(row->out_y, w->pad_top, ky, w->dilation_y, w->stride_y, &y) || y < 0 || y >= w->height) continue;
    for (int32_t kx = 0; kx < w->kernel_width; kx++) {
      if (!meets(out_x, w->pad_left, kx, w->dilation_x, w->stride_x, &x)) continue;
      // The next output pixel meets the next pixel of x.
      const float *line = w->x + ((size_t)row->n * w->height + y) * w->width * w->pixel + row->group * t->group_channels;
      for (int32_t i = 0; i < pixels; i++, x++)
        rows[taps * pixels + i] = x < 0 || x >= w->width ? zeros : line + (size_t)x * w->pixel;
      places[taps++] = ky * w->kernel_width + kx;
    }
  }
  int32_t out = row->group * t->group_columns + row->column;
  for (int32_t i = 0; i < pixels; i++) {
    size_t pixel = ((size_t)row->n * w->out_height + row->out_y) * w->out_width + out_x + i * w->stride_x;
    results[i] = t->y + pixel * t->y_pixel + out;
    residuals[i] = t->residual + pixel * t->residual_pixel + out;
  }
  int32_t depth = w->kernel_height * w->kernel_width * t->group_channels, panels = ceil_div(t->group_columns, 8);
  Block block = {
      .rows = rows,
      .count = pixels,
      .taps = taps,
      .depth = t->group_channels,
      .tap_places = places,
      .panels = t->weights + (size_t)(row->group * panels + row->column / 8) * 8 * depth,
      .panel_floats = 8 * depth,
      .columns = row->columns,
      .bias = t->bias ? t->bias + out : 0,
      .residuals = t->residual ? residuals : 0,
      .results = results,
      .activation = t->activation,
  };
  multiply_block(&block);
}

void conv_transpose(const float *x, const float *weights, const float *bias, const float *residual, float *y, int32_t batch,
                    int32_t height, int32_t width, int32_t channels, int32_t out_channels, int32_t groups, int32_t x_pixel,
                    int32_t residual_pixel, int32_t y_pixel, int32_t kernel_height, int32_t kernel_width, int32_t stride_y,
                    int32_t stride_x, int32_t dilation_y, int32_t dilation_x, int32_t pad_top, int32_t pad_left,
                    int32_t out_height, int32_t out_width, int32_t activation, float p0, float p1) {
  if (!out_channels || !out_width) return;
  Transpose t = {
      .window = {x, height, width, x_pixel, kernel_height, kernel_width, stride_y, stride_x, dilation_y, dilation_x, pad_top,
                 pad_left, out_height, out_width},
      .weights = weights,
      .bias = bias,
      .residual = residual,
      .y = y,
      .group_channels = channels / groups,
      .group_columns = out_channels / groups,
      .residual_pixel = residual_pixel,
      .y_pixel = y_pixel,
      .activation = activation_of(activation, p0, p1),
  };
  int32_t wide = tile_columns(t.group_columns, batch * out_height * groups), across = ceil_div(t.group_columns, wide);
  int32_t most = MAX_POINTERS / (kernel_height * kernel_width);
  int32_t at_once = min_int(BLOCK_PIXELS, most >= 4 ? most / 4 * 4 : most);
  for_tiles(tile, batch * out_height * groups * across) {
    int32_t column = tile % across * wide, line = tile / across / groups;
    Row row = {line / out_height, tile / across % groups, line % out_height, column, min_int(wide, t.group_columns - column)};
    for (int32_t phase = 0; phase < min_int(stride_x, out_width); phase++) {
      int32_t pixels = ceil_div(out_width - phase, stride_x);
      for (int32_t i = 0; i < pixels; i += at_once)
        multiply_pixels(&t, &row, phase + i * stride_x, min_int(at_once, pixels - i));
    }
  }
}
