#include "block.h"
#include "math.h"

// Queries of a tile of work; keys that it looks at in one go, and floats that their packed K may take on the stack.
enum { TILE_QUERIES = 32, MAX_KEYS = 128, MAX_PACKED = 8192 };

typedef struct {
  const float *q, *k, *v, *mask;  // of one head
  float *out;
  int32_t queries, keys, depth, columns, q_row, k_row, v_row, mask_row, mask_column, out_row;
  float scale;
} Head;

// What is known of a query's scores so far: the largest one and the sum of e^(score - largest).
typedef struct {
  float largest[TILE_QUERIES], sum[TILE_QUERIES];
} Running;

// K transposed into a panel: [depth][8 keys], zeros for keys beyond `keys`.
static void pack_keys(const Head *h, int32_t key, float *panel) {
  int32_t keys = min_int(8, h->keys - key), d = 0;
  for (; d + 4 <= h->depth; d += 4) {
    for (int32_t half = 0; half < 8; half += 4) {
      v128_t r[4];
      for (int32_t i = 0; i < 4; i++) r[i] = half + i < keys ? load(h->k + (size_t)(key + half + i) * h->k_row + d) : splat(0);
      v128_t a = wasm_i32x4_shuffle(r[0], r[1], 0, 4, 1, 5), b = wasm_i32x4_shuffle(r[0], r[1], 2, 6, 3, 7);
      v128_t c = wasm_i32x4_shuffle(r[2], r[3], 0, 4, 1, 5), e = wasm_i32x4_shuffle(r[2], r[3], 2, 6, 3, 7);
      store(panel + 8 * d + half, wasm_i64x2_shuffle(a, c, 0, 2));
      store(panel + 8 * d + 8 + half, wasm_i64x2_shuffle(a, c, 1, 3));
      store(panel + 8 * d + 16 + half, wasm_i64x2_shuffle(b, e, 0, 2));
      store(panel + 8 * d + 24 + half, wasm_i64x2_shuffle(b, e, 1, 3));
    }
  }
  for (; d < h->depth; d++)
    for (int32_t i = 0; i < 8; i++) panel[8 * d + i] = i < keys ? h->k[(size_t)(key + i) * h->k_row + d] : 0;
}

static void pack_values(const Head *h, int32_t key, int32_t keys, int32_t column, float *panel) {
  int32_t left = h->columns - column;
  const float *v = h->v + (size_t)key * h->v_row + column;
  for (int32_t i = 0; i < keys; i++, v += h->v_row, panel += 8) {
    store(panel, load_part(v, left));
    store(panel + 4, load_part(v + 4, left - 4));
  }
}

INLINE v128_t mask_of(const float *mask, int32_t column_stride, int32_t key, int32_t count) {
  if (column_stride == 1) return load_part(mask + key, count);
  if (column_stride == 0) return load_splat(mask);
  float lanes[4] = {0, 0, 0, 0};
  for (int32_t i = 0; i < 4 && i < count; i++) lanes[i] = mask[(size_t)(key + i) * column_stride];
  return load(lanes);
}

// Scores to weights e^(score - largest); returns the factor by which earlier sums shrink.
static float weigh(const Head *h, float *scores, int32_t query, int32_t key, int32_t keys, float *largest, float *sum) {
  float infinity = __builtin_inff();
  const float *mask = h->mask ? h->mask + (size_t)query * h->mask_row : 0;
  v128_t top = splat(-infinity), total = splat(0), scale = splat(h->scale);
  for (int32_t i = 0; i < keys; i += 4) {
    v128_t s = mul(load(scores + i), scale);
    if (mask) s = add(s, mask_of(mask, h->mask_column, key + i, keys - i));
    if (keys - i < 4) {
      v128_t beyond = wasm_i32x4_ge(wasm_i32x4_make(0, 1, 2, 3), wasm_i32x4_splat(keys - i));
      s = wasm_v128_bitselect(splat(-infinity), s, beyond);
    }
    store(scores + i, s);
    top = at_least(top, s);  // a NaN is left to the sum
  }
  float before = *largest, now = max_lanes(top);
  now = now < before ? before : now;
  // With every key masked so far, any finite base keeps e^(-infinity) at 0.
  v128_t base = splat(now == -infinity ? 0 : now);
  for (int32_t i = 0; i < keys; i += 4) {
    v128_t e = v_exp_normal(sub(load(scores + i), base));
    store(scores + i, e);
    total = add(total, e);
  }
  float factor = wasm_f32x4_extract_lane(v_exp_normal(sub(splat(before), base)), 0);
  *largest = now;
  *sum = *sum * factor + sum_lanes(total);
  return factor;
}

INLINE void scale_row(float *row, int32_t columns, v128_t factor) {
  for (int32_t j = 0; j < columns; j += 4) store_part(row + j, mul(load_part(row + j, columns - j), factor), columns - j);
}

// scores[query][key] = Q · K
static void score(const Head *h, int32_t query, int32_t queries, int32_t key, int32_t keys, float (*scores)[MAX_KEYS]) {
  float packed[MAX_PACKED];
  const float *rows[TILE_QUERIES];
  float *results[TILE_QUERIES];
  int32_t panels = ceil_div(keys, 8);
  for (int32_t p = 0; p < panels; p++) pack_keys(h, key + 8 * p, packed + (size_t)p * 8 * h->depth);
  for (int32_t i = 0; i < queries; i++) rows[i] = h->q + (size_t)(query + i) * h->q_row, results[i] = scores[i];
  Block block = {.rows = rows, .count = queries, .taps = 1, .depth = h->depth, .panels = packed, .panel_floats = 8 * h->depth,
                 .columns = 8 * panels, .results = results, .activation = activation_of(ACTIVATION_NONE, 0, 0)};
  multiply_block(&block);
}

// out += weights × V, or out = of the first keys.
static void mix(const Head *h, int32_t query, int32_t queries, int32_t key, int32_t keys, float (*weights)[MAX_KEYS]) {
  float packed[MAX_KEYS * 8];
  const float *rows[TILE_QUERIES];
  float *results[TILE_QUERIES];
  for (int32_t i = 0; i < queries; i++) rows[i] = weights[i], results[i] = h->out + (size_t)(query + i) * h->out_row;
  for (int32_t column = 0; column < h->columns; column += 8) {
    pack_values(h, key, keys, column, packed);
    Block block = {.rows = rows, .count = queries, .taps = 1, .depth = keys, .panels = packed, .panel_floats = 8 * keys,
                   .columns = min_int(8, h->columns - column), .residuals = key ? (const float *const *)results : 0,
                   .results = results, .activation = activation_of(ACTIVATION_NONE, 0, 0)};
    multiply_block(&block);
    for (int32_t i = 0; i < queries; i++) results[i] += 8;
  }
}

static void attend(const Head *h, int32_t query, int32_t queries) {
  float scores[TILE_QUERIES][MAX_KEYS];
  Running running;
  for (int32_t i = 0; i < queries; i++) running.largest[i] = -__builtin_inff(), running.sum[i] = 0;
  int32_t at_once = min_int(MAX_KEYS, MAX_PACKED / (8 * max_int(1, h->depth)) * 8);
  for (int32_t key = 0; key < h->keys; key += at_once) {
    int32_t keys = min_int(at_once, h->keys - key);
    score(h, query, queries, key, keys, scores);
    for (int32_t i = 0; i < queries; i++) {
      float factor = weigh(h, scores[i], query + i, key, keys, &running.largest[i], &running.sum[i]);
      if (key) scale_row(h->out + (size_t)(query + i) * h->out_row, h->columns, splat(factor));
    }
    mix(h, query, queries, key, keys, scores);
  }
  for (int32_t i = 0; i < queries; i++)
    scale_row(h->out + (size_t)(query + i) * h->out_row, h->columns, splat(1 / running.sum[i]));
}

void attention(const float *q, const float *k, const float *v, const float *mask, float *out, int32_t batch, int32_t heads,
               int32_t queries, int32_t keys, int32_t depth, int32_t columns, int32_t q_batch, int32_t q_head, int32_t q_row,
               int32_t k_batch, int32_t k_head, int32_t k_row, int32_t v_batch, int32_t v_head, int32_t v_row,
               int32_t mask_batch, int32_t mask_head, int32_t mask_row, int32_t mask_column, int32_t out_batch,
               int32_t out_head, int32_t out_row, float scale) {
  if (!columns || !keys) return;
  int32_t down = ceil_div(queries, TILE_QUERIES);
  for_tiles(tile, batch * heads * down) {
    int32_t query = tile % down * TILE_QUERIES;
    size_t b = tile / down / heads, i = tile / down % heads;
    Head head = {
        .q = q + b * q_batch + i * q_head,
        .k = k + b * k_batch + i * k_head,
        .v = v + b * v_batch + i * v_head,
        .mask = mask ? mask + b * mask_batch + i * mask_head : 0,
        .out = out + b * out_batch + i * out_head,
        .queries = queries,
        .keys = keys,
        .depth = depth,
        .columns = columns,
        .q_row = q_row,
        .k_row = k_row,
        .v_row = v_row,
        .mask_row = mask_row,
        .mask_column = mask_column,
        .out_row = out_row,
        .scale = scale,
    };
    attend(&head, query, min_int(TILE_QUERIES, queries - query));
  }
}
