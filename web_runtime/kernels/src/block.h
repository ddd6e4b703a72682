// The product that gemm, conv and conv_transpose share: a block of rows, each gathered from `taps` runs of `depth` floats, times
// panels of 8 columns. Row r of A is rows[0 * count + r][0 … depth), rows[1 * count + r][0 … depth), …
#pragma once
#include "activation.h"

typedef struct {
  const float *const *rows;  // [taps][count]
  int32_t count, taps, depth;
  const int32_t *tap_places;  // [taps]: which tap of the panel each is; null: 0, 1, 2, …
  const float *panels;        // the first panel
  int32_t panel_floats;       // from one panel to the next
  int32_t columns;            // of the panels together; the last panel may have fewer than 8
  const float *bias;          // [columns] or null
  const float *const *residuals;  // [count] rows of `columns`, or null
  float *const *results;          // [count] rows of `columns`
  Activation activation;
} Block;

// results = activation(rows × panels + bias + residuals)
void multiply_block(const Block *block);
