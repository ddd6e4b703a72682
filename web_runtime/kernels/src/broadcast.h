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

// BODY for each piece of a row: `from_a` and `from_b` are its starts, `as` and `bs` their strides, `out` takes its `n` results.
#define OVER_BOX(T, Y, BODY)                                                         \
  Box box = THE_BOX;                                                                 \
  if (!box_merge(&box)) return;                                                      \
  BoxTiles tiles = box_tiles(&box);                                                  \
  int32_t as = box.stride[0][box.dims - 1], bs = box.stride[1][box.dims - 1];        \
  for_tiles(tile, tiles.tiles) for_pieces(piece, box, tiles, tile) {                 \
    const T *from_a = a + piece.at.start[0] + (size_t)piece.column * as;             \
    const T *from_b = b + piece.at.start[1] + (size_t)piece.column * bs;             \
    Y *out = y + (size_t)piece.row * box.columns + piece.column;                     \
    int32_t n = piece.count;                                                         \
    BODY;                                                                            \
  }

// CALL(operation, stride of a, stride of b) with the usual strides written as constants, so that they get code of their own.
#define BY_STRIDES(CALL, operation)                   \
  if (as == 1 && bs == 1) CALL(operation, 1, 1);      \
  else if (as == 1 && bs == 0) CALL(operation, 1, 0); \
  else if (as == 0 && bs == 1) CALL(operation, 0, 1); \
  else CALL(operation, as, bs)
