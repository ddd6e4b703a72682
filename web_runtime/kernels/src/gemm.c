#include "gemm.h"

#include "block.h"
#include "int8.h"

// Rows of a tile of work: as many as the second-level cache holds.
enum { TILE_ROWS = 64 };

// Of int8 panels, so many floats are expanded at once, for so many rows: what the first-level cache holds, used often.
enum { EXPANDED = 12288, EXPANDED_ROWS = 256 };

static void multiply_part(const Product *p, Activation activation, int32_t row, int32_t rows, int32_t column, int32_t columns) {
  const float *a[TILE_ROWS], *residuals[TILE_ROWS];
  float *results[TILE_ROWS];
  for (int32_t r = 0; r < rows; r++) {
    a[r] = p->a + (size_t)(row + r) * p->a_row;
    residuals[r] = p->residual + (size_t)(row + r) * p->residual_row + column;
    results[r] = p->c + (size_t)(row + r) * p->c_row + column;
  }
  Block block = {
      .rows = a,
      .count = rows,
      .taps = 1,
      .depth = p->depth,
      .panels = p->b + (size_t)column * p->depth,
      .panel_floats = 8 * p->depth,
      .columns = columns,
      .bias = p->bias ? p->bias + column : 0,
      .residuals = p->residual ? residuals : 0,
      .results = results,
      .activation = activation,
  };
  multiply_block(&block);
}

void multiply(const Product *p, Activation activation) {
  for (int32_t row = 0; row < p->rows; row += TILE_ROWS)
    multiply_part(p, activation, row, min_int(TILE_ROWS, p->rows - row), 0, p->columns);
}

void gemm(const float *a, const float *b, const float *bias, const float *residual, float *c, int32_t rows, int32_t columns,
          int32_t depth, int32_t outer, int32_t inner, int32_t a_row, int32_t residual_row, int32_t c_row, int32_t a_outer,
          int32_t a_inner, int32_t b_outer, int32_t b_inner, int32_t residual_outer, int32_t residual_inner, int32_t c_outer,
          int32_t c_inner, int32_t activation, float p0, float p1) {
  if (!rows || !columns || !outer || !inner) return;
  Activation act = activation_of(activation, p0, p1);
  int32_t high = even(rows, TILE_ROWS, 4), down = ceil_div(rows, high);
  int32_t wide = tile_columns(columns, outer * inner * down), across = ceil_div(columns, wide);
  for_tiles(tile, outer * inner * down * across) {
    int32_t column = tile % across * wide, row = tile / across % down * high;
    int32_t matrix = tile / across / down;
    size_t o = matrix / inner, i = matrix % inner;
    Product product = {
        .a = a + o * a_outer + i * a_inner,
        .b = b + o * b_outer + i * b_inner,
        .bias = bias,
        .residual = residual ? residual + o * residual_outer + i * residual_inner : 0,
        .c = c + o * c_outer + i * c_inner,
        .rows = rows,
        .columns = columns,
        .depth = depth,
        .a_row = a_row,
        .residual_row = residual_row,
        .c_row = c_row,
    };
    multiply_part(&product, act, row, min_int(high, rows - row), column, min_int(wide, columns - column));
  }
}

void gemm_int8(const float *a, const int8_t *b, const float *scale, const float *bias, const float *residual, float *c, int32_t rows,
               int32_t columns, int32_t depth, int32_t a_row, int32_t residual_row, int32_t c_row, int32_t activation, float p0,
               float p1) {
  if (!rows || !columns) return;
  Activation act = activation_of(activation, p0, p1);
  int32_t wide = 8 * min_int(4, EXPANDED / 8 / max_int(1, depth)), across = ceil_div(columns, wide);
  int32_t high = even(rows, EXPANDED_ROWS, 4), down = ceil_div(rows, high);
  for_tiles(tile, down * across) {
    float expanded[EXPANDED];
    int32_t first = tile % across * wide, count = min_int(wide, columns - first), row = tile / across * high;
    for (int32_t column = 0; column < count; column += 8)
      expand_panel(b + (size_t)(first + column) * depth, scale + first + column, expanded + (size_t)column * depth, depth);
    Product product = {
        .a = a,
        .b = expanded,
        .bias = bias ? bias + first : 0,
        .residual = residual ? residual + first : 0,
        .c = c + first,
        .rows = rows,
        .columns = count,
        .depth = depth,
        .a_row = a_row,
        .residual_row = residual_row,
        .c_row = c_row,
    };
    for (int32_t end = min_int(rows, row + high); row < end; row += TILE_ROWS)
      multiply_part(&product, act, row, min_int(TILE_ROWS, end - row), 0, count);
  }
}

static void pack_panel(const float *b, float *panel, int32_t rows, int32_t columns, int32_t b_row, int32_t b_column) {
  if (columns == 8 && b_column == 1) {
    for (int32_t k = 0; k < rows; k++, b += b_row, panel += 8) store(panel, load(b)), store(panel + 4, load(b + 4));
    return;
  }
  for (int32_t k = 0; k < rows; k++)
    for (int32_t j = 0; j < 8; j++) panel[8 * k + j] = j < columns ? b[(size_t)k * b_row + (size_t)j * b_column] : 0;
}

void pack_b(const float *b, float *packed, int32_t batch, int32_t rows, int32_t columns, int32_t b_batch, int32_t b_row, int32_t b_column) {
  if (!rows) return;
  int32_t panels = ceil_div(columns, 8);
  for_tiles(tile, batch * panels) {
    int32_t panel = tile % panels;
    const float *from = b + (size_t)(tile / panels) * b_batch + (size_t)panel * 8 * b_column;
    pack_panel(from, packed + (size_t)tile * 8 * rows, rows, min_int(8, columns - 8 * panel), b_row, b_column);
  }
}
