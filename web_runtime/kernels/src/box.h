// A box of elements that several buffers see, each by its own strides.
#pragma once
#include "common.h"

enum { BOX_DIMS = 6, BOX_BUFFERS = 4 };

typedef struct {
  int32_t dims, buffers;
  int32_t count[BOX_DIMS];
  int32_t stride[BOX_BUFFERS][BOX_DIMS];
  int32_t rows;     // all counts but the last: what box_row goes over
  int32_t columns;  // the last count
} Box;

// Merges neighbouring dims that every buffer steps through evenly, drops those of one element. False when the box is empty.
static inline int box_merge(Box *box) {
  int32_t kept = 0;
  for (int32_t i = 0; i < box->dims; i++) {
    int32_t count = box->count[i];
    if (count == 0) return 0;
    if (count == 1) continue;
    int together = kept > 0;
    for (int32_t b = 0; b < box->buffers && together; b++)
      together = (uint32_t)box->stride[b][kept - 1] == (uint32_t)box->stride[b][i] * (uint32_t)count;
    if (together) count *= box->count[kept - 1];
    else kept++;
    box->count[kept - 1] = count;
    for (int32_t b = 0; b < box->buffers; b++) box->stride[b][kept - 1] = box->stride[b][i];
  }
  if (kept == 0) {
    box->count[0] = kept = 1;
    for (int32_t b = 0; b < box->buffers; b++) box->stride[b][0] = 1;
  }
  box->dims = kept;
  box->columns = box->count[kept - 1];
  box->rows = 1;
  for (int32_t i = 0; i < kept - 1; i++) box->rows *= box->count[i];
  return 1;
}

// A row of the box: its place in the outer dims, and where it starts in each buffer, in elements.
typedef struct {
  int32_t at[BOX_DIMS];
  size_t start[BOX_BUFFERS];
} BoxRow;

static inline BoxRow box_row(const Box *box, int32_t row) {
  BoxRow r = {{0}, {0}};
  for (int32_t i = box->dims - 2; i >= 0; i--) {
    r.at[i] = row % box->count[i];
    row /= box->count[i];
    for (int32_t b = 0; b < box->buffers; b++) r.start[b] += (size_t)r.at[i] * box->stride[b][i];
  }
  return r;
}

// Goes `steps` rows on; these must not go past the end of the last outer dim.
INLINE void box_next(const Box *box, BoxRow *r, int32_t steps) {
  for (int32_t i = box->dims - 2; i >= 0; i--, steps = 1) {
    r->at[i] += steps;
    int32_t wraps = r->at[i] == box->count[i], moved = wraps ? steps - box->count[i] : steps;
    for (int32_t b = 0; b < box->buffers; b++) r->start[b] += (size_t)moved * box->stride[b][i];
    if (!wraps) return;
    r->at[i] = 0;
  }
}

// Work is shared out in tiles of about this many elements: whole rows, or pieces of one.
enum { BOX_TILE = 8192 };

typedef struct {
  int32_t piece, pieces;  // columns of a piece, pieces of a row
  int32_t rows, tiles;    // rows of a tile (1 when rows have several pieces), tiles in all
} BoxTiles;

static inline BoxTiles box_tiles(const Box *box) {
  BoxTiles t = {.piece = min_int(box->columns, BOX_TILE), .rows = 1};
  t.pieces = ceil_div(box->columns, t.piece);
  if (t.pieces == 1) t.rows = max_int(1, BOX_TILE / box->columns);
  t.tiles = ceil_div(box->rows, t.rows) * t.pieces;
  return t;
}

// Pieces of `rows` rows that lie evenly in every buffer: `count` columns from `column` on.
typedef struct {
  int32_t row, last_row, rows, column, count;
  BoxRow at;
} BoxPiece;

INLINE int32_t box_run(const Box *box, const BoxPiece *p) {
  int32_t left = p->last_row - p->row + 1, last = box->dims - 2;
  return last < 0 ? left : min_int(left, box->count[last] - p->at.at[last]);
}

static inline BoxPiece box_piece(const Box *box, const BoxTiles *t, int32_t tile) {
  BoxPiece p = {.row = tile / t->pieces * t->rows, .column = tile % t->pieces * t->piece};
  p.last_row = p.row + min_int(t->rows, box->rows - p.row) - 1;
  p.count = min_int(t->piece, box->columns - p.column);
  p.at = box_row(box, p.row);
  p.rows = box_run(box, &p);
  return p;
}

INLINE void box_step(const Box *box, BoxPiece *p) {
  p->row += p->rows;
  box_next(box, &p->at, p->rows);
  p->rows = box_run(box, p);
}

// Runs the block for each run of rows in the tile.
#define for_runs(p, box, tiles, tile) for (BoxPiece p = box_piece(&box, &tiles, tile); p.row <= p.last_row; box_step(&box, &p))

// Runs the block for each row in the tile.
#define for_pieces(p, box, tiles, tile) \
  for (BoxPiece p = box_piece(&box, &tiles, tile); p.row <= p.last_row; p.row++, box_next(&box, &p.at, 1))
