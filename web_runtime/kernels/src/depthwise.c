#include "activation.h"
#include "image.h"

// Output pixels side by side in one go (as many sums as registers allow), taps across that are done so, channels of a tile of work.
enum { MOST_PIXELS = 8, MOST_TAPS = 5, TILE_CHANNELS = 64, MOST_COLUMNS = (MOST_PIXELS - 1) * 2 + MOST_TAPS };

typedef struct {
  Window window;
  const float *weights, *bias, *residual;
  float *y;
  int32_t channels, multiplier, residual_pixel, y_pixel;
  Activation activation;
} Depthwise;

INLINE v128_t finish(v128_t sum, const Depthwise *d, size_t pixel, int32_t channel) {
  if (d->residual) sum = add(sum, load(d->residual + pixel * d->residual_pixel + channel));
  return at_most(at_least(sum, splat(d->activation.low)), splat(d->activation.high));
}

// P pixels in a row, a kernel K wide, stride S: each column of the input is loaded once and goes into every sum that it is part of.
INLINE void row_of(const int K, const int S, const int P, const Depthwise *d, const float *const *columns, int32_t first_row,
                   int32_t rows, size_t pixel, int32_t channel, int32_t end) {
  const int C = (P - 1) * S + K;
  const size_t channels = d->channels;
  for (; channel + 4 <= end; channel += 4) {
    v128_t sums[MOST_PIXELS], taps[MOST_TAPS], bias = d->bias ? load(d->bias + channel) : splat(0);
    EACH(p, P) sums[p] = bias;
    const float *w = d->weights + first_row * K * channels + channel;
    const float *const *at = columns;
    for (int32_t ky = 0; ky < rows; ky++, at += C, w += K * channels) {
      keep(at);
      EACH(k, K) taps[k] = load(w + k * channels);
      EACH(c, C) {
        v128_t x = load(at[(size_t)c] + channel);
        EACH(p, P) if (c - p * S >= 0 && c - p * S < K) {
          sums[p] = madd(x, taps[c - p * S], sums[p]);
          keep(sums[p]);
        }
      }
    }
    float *y = d->y + pixel * d->y_pixel + channel;
    EACH(p, P) store(y + p * (size_t)d->y_pixel, finish(sums[p], d, pixel + p, channel));
  }
}

typedef void Row(const Depthwise *, const float *const *, int32_t, int32_t, size_t, int32_t, int32_t);

#define ROW(K, S, P)                                                                                                             \
  static void row_##K##_##S##_##P(const Depthwise *d, const float *const *columns, int32_t first_row, int32_t rows, size_t pixel, \
                                  int32_t channel, int32_t end) {                                                                \
    row_of(K, S, P, d, columns, first_row, rows, pixel, channel, end);                                                           \
  }
#define ROWS(K, S) ROW(K, S, 8) ROW(K, S, 4) ROW(K, S, 1)
ROWS(3, 1) ROWS(3, 2) ROWS(5, 1) ROWS(5, 2)

#define NAMES(K, S) {row_##K##_##S##_1, row_##K##_##S##_4, row_##K##_##S##_8}
static Row *const fast[2][2][3] = {{NAMES(3, 1), NAMES(3, 2)}, {NAMES(5, 1), NAMES(5, 2)}};

// Any kernel, stride, dilation and multiplier, one float at a time.
static void any(const Depthwise *d, int32_t n, int32_t out_y, int32_t out_x, int32_t channel, int32_t end) {
  const Window *w = &d->window;
  int32_t outs = d->channels * d->multiplier;
  size_t pixel = ((size_t)n * w->out_height + out_y) * w->out_width + out_x;
  for (int32_t c = channel; c < end; c++) {
    float sum = d->bias ? d->bias[c] : 0;
    for (int32_t ky = 0; ky < w->kernel_height; ky++)
      for (int32_t kx = 0; kx < w->kernel_width; kx++) {
        const float *x = under(w, n, out_y, out_x, ky, kx);
        if (x) sum += x[c / d->multiplier] * d->weights[((size_t)ky * w->kernel_width + kx) * outs + c];
      }
    if (d->residual) sum += d->residual[pixel * d->residual_pixel + c];
    float *y = d->y + pixel * d->y_pixel + c;
    wasm_v128_store32_lane(y, at_most(at_least(splat(sum), splat(d->activation.low)), splat(d->activation.high)), 0);
  }
}

// Any kernel, stride and dilation, four channels at a time.
static void any_by_4(const Depthwise *d, int32_t n, int32_t out_y, int32_t out_x, int32_t channel, int32_t end) {
  const Window *w = &d->window;
  size_t pixel = ((size_t)n * w->out_height + out_y) * w->out_width + out_x;
  for (; channel + 4 <= end; channel += 4) {
    v128_t sum = d->bias ? load(d->bias + channel) : splat(0);
    for (int32_t ky = 0; ky < w->kernel_height; ky++)
      for (int32_t kx = 0; kx < w->kernel_width; kx++) {
        const float *x = under(w, n, out_y, out_x, ky, kx);
        if (x) sum = madd(load(x + channel), load(d->weights + ((size_t)ky * w->kernel_width + kx) * d->channels + channel), sum);
      }
    store(d->y + pixel * d->y_pixel + channel, finish(sum, d, pixel, channel));
  }
}

// One output row of up to TILE_CHANNELS channels by the fast kernels; channels beyond a multiple of 4 are left.
static void fast_row(Row *const *kernels, const Depthwise *d, int32_t n, int32_t out_y, int32_t channel, int32_t end) {
  const Window *w = &d->window;
  const float *columns[MOST_TAPS * MOST_COLUMNS];
  int32_t top = out_y * w->stride_y - w->pad_top;
  int32_t first = max_int(0, -top), last = min_int(w->kernel_height, w->height - top), rows = max_int(0, last - first);
  int32_t size = w->out_width >= 8 ? 2 : w->out_width >= 4, pixels = size == 2 ? 8 : size == 1 ? 4 : 1;
  int32_t across = (pixels - 1) * w->stride_x + w->kernel_width;
  for (int32_t out_x = 0; out_x < w->out_width; out_x += pixels) {
    // The last group begins where it ends with the row, and computes some pixels once more.
    out_x = min_int(out_x, w->out_width - pixels);
    for (int32_t ky = 0; ky < rows; ky++)
      for (int32_t c = 0; c < across; c++) {
        int32_t x = out_x * w->stride_x - w->pad_left + c;
        columns[ky * across + c] = x < 0 || x >= w->width ? zeros
                                   : w->x + (((size_t)n * w->height + top + first + ky) * w->width + x) * w->pixel;
      }
    kernels[size](d, columns, first, rows, ((size_t)n * w->out_height + out_y) * w->out_width + out_x, channel, end);
  }
}

static void tile_row(const Depthwise *d, int32_t n, int32_t out_y, int32_t channel, int32_t end) {
  const Window *w = &d->window;
  int32_t fours = d->multiplier == 1 ? channel + (end - channel) / 4 * 4 : channel, k = w->kernel_width;
  int square = k == w->kernel_height && (k == 3 || k == 5) && w->stride_x <= 2 && w->dilation_x == 1 && w->dilation_y == 1;
  if (fours > channel && square && d->channels <= MAX_DEPTH)
    fast_row(fast[k == 5][w->stride_x - 1], d, n, out_y, channel, fours);
  else if (fours > channel)
    for (int32_t x = 0; x < w->out_width; x++) any_by_4(d, n, out_y, x, channel, fours);
  if (fours < end)
    for (int32_t x = 0; x < w->out_width; x++) any(d, n, out_y, x, fours, end);
  if (d->activation.id == ACTIVATION_NONE) return;
  float *y = d->y + ((size_t)n * w->out_height + out_y) * w->out_width * d->y_pixel + channel;
  for (int32_t x = 0; x < w->out_width; x++, y += d->y_pixel)
    activate(d->activation.id, d->activation.p0, d->activation.p1, y, y, end - channel);
}

void depthwise(const float *x, const float *weights, const float *bias, const float *residual, float *y, int32_t batch,
               int32_t height, int32_t width, int32_t channels, int32_t multiplier, int32_t x_pixel, int32_t residual_pixel,
               int32_t y_pixel, int32_t kernel_height, int32_t kernel_width, int32_t stride_y, int32_t stride_x,
               int32_t dilation_y, int32_t dilation_x, int32_t pad_top, int32_t pad_left, int32_t out_height, int32_t out_width,
               int32_t activation, float p0, float p1) {
  int32_t outs = channels * multiplier, across = ceil_div(outs, TILE_CHANNELS);
  if (!outs || !out_width) return;
  Depthwise d = {
      .window = {x, height, width, x_pixel, kernel_height, kernel_width, stride_y, stride_x, dilation_y, dilation_x, pad_top,
                 pad_left, out_height, out_width},
      .weights = weights,
      .bias = bias,
      .residual = residual,
      .y = y,
      .channels = channels,
      .multiplier = multiplier,
      .residual_pixel = residual_pixel,
      .y_pixel = y_pixel,
      .activation = activation_of(activation, p0, p1),
  };
  for_tiles(tile, batch * out_height * across) {
    int32_t row = tile % (batch * out_height), channel = tile / (batch * out_height) * TILE_CHANNELS;
    tile_row(&d, row / out_height, row % out_height, channel, min_int(outs, channel + TILE_CHANNELS));
  }
}
