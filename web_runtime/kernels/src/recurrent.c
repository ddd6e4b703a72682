// Recurrent layers, one direction: the products with the inputs are done (gemm), here is what depends on the step before.
#include "activation.h"
#include "bytes.h"
#include "kernels.gen.h"

// Four panels of 8 columns of h R at once, h [depth]; R's panels are `panel` floats apart.
static void four_panels(const float *h, const float *r, size_t panel, int32_t depth, v128_t *sums) {
  const float *b = r + panel, *c = b + panel, *d = c + panel;
  v128_t s0 = splat(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  for (int32_t k = 0; k < depth; k++) {
    v128_t v = load_splat(h + k);
    s0 = madd(v, load(r), s0), s1 = madd(v, load(r + 4), s1), r += 8;
    s2 = madd(v, load(b), s2), s3 = madd(v, load(b + 4), s3), b += 8;
    s4 = madd(v, load(c), s4), s5 = madd(v, load(c + 4), s5), c += 8;
    s6 = madd(v, load(d), s6), s7 = madd(v, load(d + 4), s7), d += 8;
  }
  sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3, sums[4] = s4, sums[5] = s5, sums[6] = s6, sums[7] = s7;
}

static void one_panel(const float *h, const float *r, int32_t depth, v128_t *sums) {
  v128_t left = splat(0), right = left;
  for (int32_t k = 0; k < depth; k++, r += 8) {
    v128_t v = load_splat(h + k);
    left = madd(v, load(r), left), right = madd(v, load(r + 4), right);
  }
  sums[0] = left, sums[1] = right;
}

static void store_columns(float *y, v128_t left, v128_t right, int32_t column, int32_t from, int32_t to) {
  if (column >= from && column + 8 <= to) {
    store(y + column, left);
    store(y + column + 4, right);
    return;
  }
  float lanes[8];
  store(lanes, left);
  store(lanes + 4, right);
  for (int32_t i = 0; i < 8; i++)
    if (column + i >= from && column + i < to) y[column + i] = lanes[i];
}

// y[from..to) = columns from..to of h R: h [depth], R in panels of 8 columns.
static void multiply(const float *h, const float *r, float *y, int32_t depth, int32_t from, int32_t to) {
  size_t panel = (size_t)depth * 8;
  int32_t p = from / 8, end = ceil_div(to, 8);
  v128_t sums[8];
  for (; p + 4 <= end; p += 4) {
    four_panels(h, r + p * panel, panel, depth, sums);
    for (int32_t j = 0; j < 4; j++) store_columns(y, sums[2 * j], sums[2 * j + 1], 8 * (p + j), from, to);
  }
  for (; p < end; p++) {
    one_panel(h, r + p * panel, depth, sums);
    store_columns(y, sums[0], sums[1], 8 * p, from, to);
  }
}

// y += a * b, b left out when it is null.
static void accumulate(float *y, const float *a, const float *b, int32_t count) {
  int32_t i = 0;
  for (; i + 4 <= count; i += 4) store(y + i, b ? madd(load(a + i), load(b + i), load(y + i)) : add(load(y + i), load(a + i)));
  for (; i < count; i++) y[i] += b ? a[i] * b[i] : a[i];
}

// y = a * b
static void product(float *y, const float *a, const float *b, int32_t count) {
  int32_t i = 0;
  for (; i + 4 <= count; i += 4) store(y + i, mul(load(a + i), load(b + i)));
  for (; i < count; i++) y[i] = a[i] * b[i];
}

static void copy_floats(float *to, const float *from, int32_t count) {
  copy_bytes((uint8_t *)to, (const uint8_t *)from, (size_t)count * 4);
}

INLINE size_t up8(int32_t n) { return (size_t)ceil_div(n, 8) * 8; }

void lstm(const float *xw, const float *r, const float *peephole, float *h, float *c, float *y, float *scratch, int32_t steps,
          int32_t batch, int32_t hidden, int32_t y_step, int32_t reverse, int32_t gate, int32_t candidate, int32_t output, float alpha,
          float beta) {
  if (hidden == 0) return;
  for_tiles(b, batch) {
    float *gates = scratch + b * (up8(4 * hidden) + hidden), *cell = c + (size_t)b * hidden, *state = h + (size_t)b * hidden;
    float *in = gates, *out = gates + hidden, *forget = gates + 2 * hidden, *fresh = gates + 3 * hidden;
    for (int32_t s = 0; s < steps; s++) {
      size_t t = reverse ? steps - 1 - s : s;
      multiply(state, r, gates, hidden, 0, 4 * hidden);
      accumulate(gates, xw + (t * batch + b) * 4 * hidden, 0, 4 * hidden);
      if (peephole) {
        accumulate(in, peephole, cell, hidden);
        accumulate(forget, peephole + 2 * hidden, cell, hidden);
      }
      activate(gate, alpha, beta, in, in, hidden);
      activate(gate, alpha, beta, forget, forget, hidden);
      activate(candidate, alpha, beta, fresh, fresh, hidden);
      product(cell, cell, forget, hidden);
      accumulate(cell, in, fresh, hidden);
      if (peephole) accumulate(out, peephole + hidden, cell, hidden);
      activate(gate, alpha, beta, out, out, hidden);
      activate(output, alpha, beta, cell, fresh, hidden);
      product(state, out, fresh, hidden);
      copy_floats(y + t * y_step + (size_t)b * hidden, state, hidden);
    }
  }
}

// h = (1 - z) candidate + z h
static void update(float *h, const float *z, const float *fresh, int32_t count) {
  int32_t i = 0;
  for (; i + 4 <= count; i += 4) {
    v128_t v = load(fresh + i);
    store(h + i, madd(load(z + i), sub(load(h + i), v), v));
  }
  for (; i < count; i++) h[i] = fresh[i] + z[i] * (h[i] - fresh[i]);
}

void gru(const float *xw, const float *r, const float *candidate_bias, float *h, float *y, float *scratch, int32_t steps, int32_t batch,
         int32_t hidden, int32_t y_step, int32_t reverse, int32_t reset_after, int32_t gate, int32_t candidate, float alpha, float beta) {
  if (hidden == 0) return;
  for_tiles(b, batch) {
    float *gates = scratch + b * (up8(3 * hidden) + hidden), *kept = gates + up8(3 * hidden), *state = h + (size_t)b * hidden;
    float *reset = gates + hidden, *fresh = gates + 2 * hidden;
    for (int32_t s = 0; s < steps; s++) {
      size_t t = reverse ? steps - 1 - s : s;
      const float *input = xw + (t * batch + b) * 3 * hidden;
      multiply(state, r, gates, hidden, 0, (reset_after ? 3 : 2) * hidden);
      accumulate(gates, input, 0, 2 * hidden);
      activate(gate, alpha, beta, gates, gates, 2 * hidden);
      if (reset_after) {
        if (candidate_bias) accumulate(fresh, candidate_bias, 0, hidden);
        product(fresh, fresh, reset, hidden);
      } else {
        product(kept, reset, state, hidden);
        multiply(kept, r, gates, hidden, 2 * hidden, 3 * hidden);
      }
      accumulate(fresh, input + 2 * hidden, 0, hidden);
      activate(candidate, alpha, beta, fresh, fresh, hidden);
      update(state, gates, fresh, hidden);
      copy_floats(y + t * y_step + (size_t)b * hidden, state, hidden);
    }
  }
}

void rnn(const float *xw, const float *r, float *h, float *y, float *scratch, int32_t steps, int32_t batch, int32_t hidden,
         int32_t y_step, int32_t reverse, int32_t activation, float alpha, float beta) {
  if (hidden == 0) return;
  for_tiles(b, batch) {
    float *sums = scratch + b * (up8(hidden) + hidden), *state = h + (size_t)b * hidden;
    for (int32_t s = 0; s < steps; s++) {
      size_t t = reverse ? steps - 1 - s : s;
      multiply(state, r, sums, hidden, 0, hidden);
      accumulate(sums, xw + (t * batch + b) * hidden, 0, hidden);
      activate(activation, alpha, beta, sums, state, hidden);
      copy_floats(y + t * y_step + (size_t)b * hidden, state, hidden);
    }
  }
}
