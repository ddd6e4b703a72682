// Two operands that broadcast against each other over a box of 5 dims.
#pragma once
#include "box.h"
#include "kernels.gen.h"

#define BOX_ARGUMENTS                                                                                                     \
  int32_t count0, int32_t count1, int32_t count2, int32_t count3, int32_t count4, int32_t a_stride0, int32_t a_stride1,   \
      int32_t a_stride2, int32_t a_stride3, int32_t a_stride4, int32_t b_stride0, int32_t b_stride1, int32_t b_stride2,   \
      int32_t b_stride3, int32_t b_stride4, int32_t operation

#define THE_BOX                                                                                                       \
  {                                                                                                                   \
    .dims = 5, .buffers = 2, .count = {count0, count1, count2, count3, count4}, .stride = {                            \
      {a_stride0, a_stride1, a_stride2, a_stride3, a_stride4}, {b_stride0, b_stride1, b_stride2, b_stride3, b_stride4} \
    }                                                                                                                 \
  }

// The rows of one run of the box: `columns` elements each, the operands' rows a_row and b_row apart.
typedef struct {
  int32_t a_stride, b_stride, columns, rows;
  size_t a_row, b_row;
} Run;

// BODY for each run: `from_a` and `from_b` are its starts, `out` takes its results.
#define OVER_BOX(T, Y, BODY)                                                                        \
  Box box = THE_BOX;                                                                                \
  if (!box_merge(&box)) return;                                                                     \
  BoxTiles tiles = box_tiles(&box);                                                                 \
  int32_t last = box.dims - 1, above = max_int(last - 1, 0);                                        \
  Run run = {box.stride[0][last], box.stride[1][last], 0, 0, box.stride[0][above], box.stride[1][above]}; \
  for_tiles(tile, tiles.tiles) for_runs(piece, box, tiles, tile) {                                  \
    const T *from_a = a + piece.at.start[0] + (size_t)piece.column * run.a_stride;                  \
    const T *from_b = b + piece.at.start[1] + (size_t)piece.column * run.b_stride;                  \
    Y *out = y + (size_t)piece.row * box.columns + piece.column;                                    \
    run.columns = piece.count, run.rows = piece.rows;                                               \
    BODY;                                                                                           \
  }

// Goes over the elements of a run: EXPRESSION of v and w.
#define OVER_RUN(T, EXPRESSION)                                                                     \
  for (int32_t r = 0; r < run->rows; r++, a += run->a_row, b += run->b_row, y += run->columns)      \
    for (int32_t i = 0; i < run->columns; i++) {                                                    \
      T v = a[(size_t)i * a_stride], w = b[(size_t)i * b_stride];                                   \
      y[i] = EXPRESSION;                                                                            \
    }

// CALL(operation, stride of a, stride of b) with the usual strides written as constants, so that they get code of their own.
#define BY_STRIDES(CALL, operation)                                         \
  if (run->a_stride == 1 && run->b_stride == 1) CALL(operation, 1, 1);      \
  else if (run->a_stride == 1 && run->b_stride == 0) CALL(operation, 1, 0); \
  else if (run->a_stride == 0 && run->b_stride == 1) CALL(operation, 0, 1); \
  else CALL(operation, run->a_stride, run->b_stride)
