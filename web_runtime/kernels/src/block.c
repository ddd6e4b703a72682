#include "block.h"

// Depth of a pass: 8 columns of it stay in the first-level cache while all rows of the block go by.
enum { PASS_DEPTH = 384, MAX_COLUMN = 2048 };

typedef struct {
  int32_t tap, taps;     // of this pass
  int32_t start, depth;  // within each tap
  int first, last;
} Pass;

// acc[r][v] += A[row + r] · B[4v … 4v + 4) over the pass; V vectors of columns, two to a panel.
INLINE void accumulate(const int R, const int V, v128_t acc[4][8], const Block *block, const Pass *pass, int32_t row, const float *panel) {
  const size_t panel_floats = block->panel_floats;
  for (int32_t t = pass->tap; t < pass->tap + pass->taps; t++) {
    const float *const *rows = block->rows + (size_t)t * block->count + row;
    const int32_t place = block->tap_places ? block->tap_places[t] : t;
    // Variables rather than arrays: the compiler would leave arrays of pointers in memory.
    const float *a0 = rows[0] + pass->start, *a1 = rows[R > 1 ? 1 : 0] + pass->start;
    const float *a2 = rows[R > 2 ? 2 : 0] + pass->start, *a3 = rows[R > 3 ? 3 : 0] + pass->start;
    const float *b0 = panel + 8 * ((size_t)place * block->depth + pass->start), *b1 = b0 + panel_floats;
    const float *b2 = b1 + panel_floats, *b3 = b2 + panel_floats;
// Unsigned offsets become part of the loads; the barrier keeps the compiler from holding many steps' operands at once, which spills.
#define ROW(r) ((r) == 0 ? a0 : (r) == 1 ? a1 : (r) == 2 ? a2 : a3)
#define PANEL(p) ((p) == 0 ? b0 : (p) == 1 ? b1 : (p) == 2 ? b2 : b3)
#define STEP(i)                                                                            \
  {                                                                                        \
    v128_t columns[8];                                                                     \
    EACH(v, V) columns[v] = load(PANEL(v / 2) + (size_t)(8 * (i) + 4 * (v % 2)));          \
    EACH(r, R) {                                                                           \
      v128_t x = load_splat(ROW(r) + (size_t)(i));                                         \
      EACH(v, V) acc[r][v] = madd(x, columns[v], acc[r][v]);                               \
    }                                                                                      \
    EACH(r, R) EACH(v, V) keep(acc[r][v]);                                                 \
  }
#define ADVANCE(i) a0 += i, a1 += i, a2 += i, a3 += i, b0 += 8 * i, b1 += 8 * i, b2 += 8 * i, b3 += 8 * i
    int32_t k = pass->depth;
    for (; k >= 4; k -= 4) {
      keep(a0), keep(a1), keep(a2), keep(a3), keep(b0), keep(b1), keep(b2), keep(b3);
      STEP(0) STEP(1) STEP(2) STEP(3)
      ADVANCE(4);
    }
    for (; k > 0; k--) {
      STEP(0)
      ADVANCE(1);
    }
#undef ROW
#undef PANEL
#undef STEP
#undef ADVANCE
  }
}

INLINE v128_t clamp(v128_t x, const Activation *activation) {
  return at_most(at_least(x, splat(activation->low)), splat(activation->high));
}

// Four columns of a row, of which `left` exist.
INLINE v128_t load_columns(const int whole, const float *p, int32_t left) { return whole ? load(p) : load_part(p, left); }

// R rows by V / 2 panels. Of a single panel, only some columns may exist.
INLINE void tile(const int R, const int V, const Block *block, const Pass *pass, int32_t row, int32_t column) {
  v128_t acc[4][8];
  const int32_t left = block->columns - column, whole = V > 2 || left >= 8;
  if (pass->first)
    EACH(v, V) {
      v128_t bias = block->bias ? load_columns(whole, block->bias + column + 4 * v, left - 4 * v) : splat(0);
      EACH(r, R) acc[r][v] = bias;
    }
  else
    EACH(r, R)
      EACH(v, V) acc[r][v] = load_columns(whole, block->results[row + r] + column + 4 * v, left - 4 * v);
  accumulate(R, V, acc, block, pass, row, block->panels + (size_t)(column / 8) * block->panel_floats);
  if (pass->last) {
    if (block->residuals)
      EACH(r, R)
        EACH(v, V) acc[r][v] = add(acc[r][v], load_columns(whole, block->residuals[row + r] + column + 4 * v, left - 4 * v));
    if (block->activation.clamps)
      EACH(r, R)
        EACH(v, V) acc[r][v] = clamp(acc[r][v], &block->activation);
  }
  EACH(r, R)
    EACH(v, V) {
      float *to = block->results[row + r] + column + 4 * v;
      if (whole) store(to, acc[r][v]);
      else store_part(to, acc[r][v], left - 4 * v);
    }
}

static void rows_of_4(const Block *block, const Pass *pass, int32_t end) {
  for (int32_t column = 0; column < block->columns; column += 8)
    for (int32_t row = 0; row < end; row += 4) tile(4, 2, block, pass, row, column);
}

// What is left of the rows: more panels side by side, so that enough sums are under way at once.
#define FEW(NAME, R, V)                                                                        \
  static void NAME(const Block *block, const Pass *pass, int32_t row) {                        \
    int32_t column = 0;                                                                        \
    if (V > 2)                                                                                 \
      for (; column + 4 * V <= block->columns; column += 4 * V) tile(R, V, block, pass, row, column); \
    for (; column < block->columns; column += 8) tile(R, 2, block, pass, row, column);         \
  }
FEW(rows_of_3, 3, 2)
FEW(rows_of_2, 2, 4)
FEW(rows_of_1, 1, 8)

static void run_pass(const Block *block, const Pass *pass) {
  int32_t fours = block->count / 4 * 4;
  if (fours) rows_of_4(block, pass, fours);
  switch (block->count - fours) {
    case 1:
      rows_of_1(block, pass, fours);
      break;
    case 2:
      rows_of_2(block, pass, fours);
      break;
    case 3:
      rows_of_3(block, pass, fours);
  }
}

// The one column of a block: products along the depth, where panels of 8 would be empty but for one.
INLINE void dots(const int R, const Block *block, const float *column, int32_t row) {
  v128_t sums[4];
  EACH(r, R) sums[r] = splat(0);
  for (int32_t t = 0; t < block->taps; t++, column += block->depth) {
    const float *const *rows = block->rows + (size_t)t * block->count + row;
    for (int32_t k = 0; k < block->depth; k += 4) {
      v128_t w = load_part(column + k, block->depth - k);
      EACH(r, R) sums[r] = madd(load_part(rows[r] + k, block->depth - k), w, sums[r]);
    }
  }
  EACH(r, R) {
    v128_t sum = splat(sum_lanes(sums[r]) + (block->bias ? *block->bias : 0));
    if (block->residuals) sum = add(sum, load_splat(block->residuals[row + r]));
    wasm_v128_store32_lane(block->results[row + r], clamp(sum, &block->activation), 0);
  }
}

static void multiply_column(const Block *block) {
  float column[MAX_COLUMN];
  for (int32_t t = 0, i = 0; t < block->taps; t++) {
    const float *panel = block->panels + 8 * (size_t)(block->tap_places ? block->tap_places[t] : t) * block->depth;
    for (int32_t k = 0; k < block->depth; k++) column[i++] = panel[8 * k];
  }
  int32_t row = 0;
  for (; row + 4 <= block->count; row += 4) dots(4, block, column, row);
  for (; row < block->count; row++) dots(1, block, column, row);
}

static void multiply_panels(const Block *block) {
  int32_t taps_at_once = max_int(1, PASS_DEPTH / max_int(1, block->depth));
  int32_t depth_at_once = block->depth > PASS_DEPTH + PASS_DEPTH / 3 ? PASS_DEPTH : block->depth;
  int32_t tap = 0, start = 0;
  do {
    Pass pass = {tap, min_int(taps_at_once, block->taps - tap), start, min_int(depth_at_once, block->depth - start), 0, 0};
    pass.first = tap == 0 && start == 0;
    start += pass.depth;
    if (start >= block->depth) start = 0, tap += pass.taps;
    pass.last = tap >= block->taps;
    run_pass(block, &pass);
  } while (tap < block->taps);
}

void multiply_block(const Block *block) {
  if (block->columns == 1 && block->taps * block->depth <= MAX_COLUMN) multiply_column(block);
  else multiply_panels(block);
  int32_t id = block->activation.id;
  if (id == ACTIVATION_NONE) return;
  for (int32_t row = 0; row < block->count; row++)
    activate(id, block->activation.p0, block->activation.p1, block->results[row], block->results[row], block->columns);
}
