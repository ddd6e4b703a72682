// Windows over images [batch, height, width, channels].
#pragma once
#include "common.h"

typedef struct {
  const float *x;
  int32_t height, width, pixel;  // of x
  int32_t kernel_height, kernel_width, stride_y, stride_x, dilation_y, dilation_x, pad_top, pad_left;
  int32_t out_height, out_width;
} Window;

// The pixel of x under tap (ky, kx) of output pixel (n, y, x), or null in the padding.
INLINE const float *under(const Window *w, int32_t n, int32_t out_y, int32_t out_x, int32_t ky, int32_t kx) {
  int32_t y = out_y * w->stride_y - w->pad_top + ky * w->dilation_y;
  int32_t x = out_x * w->stride_x - w->pad_left + kx * w->dilation_x;
  if (y < 0 || y >= w->height || x < 0 || x >= w->width) return 0;
  return w->x + (((size_t)n * w->height + y) * w->width + x) * w->pixel;
}

// An output pixel that goes along without divisions.
typedef struct {
  int32_t n, y, x;
} Pixel;

INLINE Pixel pixel_at(const Window *w, int32_t pixel) {
  int32_t line = pixel / w->out_width;
  return (Pixel){line / w->out_height, line % w->out_height, pixel % w->out_width};
}

INLINE void next_pixel(const Window *w, Pixel *p) {
  if (++p->x < w->out_width) return;
  p->x = 0;
  if (++p->y < w->out_height) return;
  p->y = 0;
  p->n++;
}

// A row of zeros stands for the padding.
enum { MAX_DEPTH = 8192 };
extern const float zeros[MAX_DEPTH];
