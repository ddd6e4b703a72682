// Group and instance norm, batch norm.
#include "activation.h"
#include "kernels.gen.h"

// A group: `outer` runs of `channels` x `inner` floats, `step` apart.
typedef struct {
  const float *x, *scale, *bias;
  float *y;
  int32_t outer, channels, inner;
  size_t step;
} Group;

static double group_moment(const Group *g, float centre, int32_t power) {
  double sum = 0;
  v128_t middle = splat(centre);
  int32_t run = g->channels * g->inner;
  for (int32_t o = 0; o < g->outer; o++) {
    const float *x = g->x + o * g->step;
    int32_t i = 0;
    while (i + 4 <= run) {  // in pieces, since a running sum of many floats loses digits
      v128_t lanes = splat(0);
      for (int32_t end = min_int(run & ~3, i + 1024); i < end; i += 4) {
        v128_t v = sub(load(x + i), middle);
        lanes = power == 1 ? add(lanes, v) : madd(v, v, lanes);
      }
      sum += sum_lanes(lanes);
    }
    for (; i < run; i++) sum += power == 1 ? x[i] - centre : (x[i] - centre) * (x[i] - centre);
  }
  return sum;
}

static void normalise_run(const float *x, float *y, int32_t count, float factor, float shift) {
  v128_t a = splat(factor), b = splat(shift);
  int32_t i = 0;
  for (; i + 4 <= count; i += 4) store(y + i, madd(load(x + i), a, b));
  for (; i < count; i++) y[i] = x[i] * factor + shift;
}

static void normalise_group(const Group *g, float epsilon) {
  double count = (double)g->outer * g->channels * g->inner;
  float mean = (float)(group_moment(g, 0, 1) / count);
  float unit = 1 / __builtin_sqrtf((float)(group_moment(g, mean, 2) / count) + epsilon);
  for (int32_t o = 0; o < g->outer; o++)
    for (int32_t c = 0; c < g->channels; c++) {
      float factor = g->scale ? unit * g->scale[c] : unit, shift = (g->bias ? g->bias[c] : 0) - mean * factor;
      size_t at = o * g->step + (size_t)c * g->inner;
      normalise_run(g->x + at, g->y + at, g->inner, factor, shift);
    }
}

// The means of (x - centre)^power over 4 channels or fewer of [outer, step], in pieces; 0 beyond `count`.
static v128_t channel_moments(const Group *g, const float *x, int32_t count, v128_t centre, int32_t power) {
  v128_t sum = splat(0), beyond = wasm_i32x4_ge(wasm_i32x4_make(0, 1, 2, 3), wasm_i32x4_splat(count));
  for (int32_t o = 0; o < g->outer;) {
    v128_t piece = splat(0);
    for (int32_t end = min_int(g->outer, o + 64); o < end; o++) {
      v128_t v = sub(load_part(x + o * g->step, count), centre);
      piece = power == 1 ? add(piece, v) : madd(v, v, piece);
    }
    sum = add(sum, piece);
  }
  return wasm_v128_andnot(wasm_f32x4_div(sum, splat((float)g->outer)), beyond);
}

// y = (x - mean) * unit, scaled, for 4 channels or fewer from channel c on.
static void normalise_channels(const Group *g, int32_t c, int32_t count, v128_t mean, v128_t unit) {
  if (g->scale) unit = mul(unit, load_part(g->scale + c, count));
  v128_t shift = sub(g->bias ? load_part(g->bias + c, count) : splat(0), mul(mean, unit));
  for (int32_t o = 0; o < g->outer; o++) {
    size_t at = o * g->step + c;
    store_part(g->y + at, madd(load_part(g->x + at, count), unit, shift), count);
  }
}

INLINE v128_t inverse_root(v128_t variance, float epsilon) {
  return wasm_f32x4_div(splat(1.0f), wasm_f32x4_sqrt(add(variance, splat(epsilon))));
}

// 4 channels or fewer, each a group of its own.
static void normalise_apart(const Group *g, int32_t count, float epsilon) {
  v128_t mean = channel_moments(g, g->x, count, splat(0), 1), variance = channel_moments(g, g->x, count, mean, 2);
  normalise_channels(g, 0, count, mean, inverse_root(variance, epsilon));
}

// The mean of (x - centre)^power over a group of few channels, side by side.
static float narrow_moment(const Group *g, float centre, int32_t power) {
  float sum = 0;
  for (int32_t c = 0; c < g->channels; c += 4)
    sum += sum_lanes(channel_moments(g, g->x + c, min_int(4, g->channels - c), splat(centre), power));
  return sum / (float)g->channels;
}

static void normalise_narrow(const Group *g, float epsilon) {
  float mean = narrow_moment(g, 0, 1);
  v128_t unit = inverse_root(splat(narrow_moment(g, mean, 2)), epsilon);
  for (int32_t c = 0; c < g->channels; c += 4) normalise_channels(g, c, min_int(4, g->channels - c), splat(mean), unit);
}

void group_norm(const float *x, const float *scale, const float *bias, float *y, int32_t batch, int32_t outer, int32_t channels,
                int32_t inner, int32_t groups, float epsilon) {
  if (outer == 0 || channels == 0 || inner == 0) return;
  int32_t width = channels / groups, apart = inner == 1 && width == 1;
  if (apart) width = 4;
  int32_t across = ceil_div(channels, width);
  size_t image = (size_t)outer * channels * inner;
  for_tiles(tile, batch * across) {
    int32_t c = tile % across * width;
    size_t at = tile / across * image + (size_t)c * inner;
    Group g = {x + at, scale ? scale + c : 0, bias ? bias + c : 0, y + at, outer, width, inner, (size_t)channels * inner};
    if (apart) normalise_apart(&g, min_int(4, channels - c), epsilon);
    else if (inner == 1 && width <= 64) normalise_narrow(&g, epsilon);
    else normalise_group(&g, epsilon);
  }
}

void scale_shift(const float *x, const float *scale, const float *shift, float *y, int32_t outer, int32_t channels, int32_t inner,
                 int32_t activation, float p0, float p1) {
  if (channels == 0 || inner == 0) return;
  int32_t apart = inner == 1, units = apart ? outer : outer * channels, length = apart ? channels : inner;
  int32_t together = max_int(1, 8192 / length);
  for_tiles(tile, ceil_div(units, together)) {
    int32_t first = tile * together, end = min_int(units, first + together);
    for (int32_t u = first; u < end; u++) {
      const float *from = x + (size_t)u * length;
      float *to = y + (size_t)u * length;
      if (!apart) {
        normalise_run(from, to, length, scale[u % channels], shift[u % channels]);
        continue;
      }
      int32_t i = 0;
      for (; i + 4 <= length; i += 4) store(to + i, madd(load(from + i), load(scale + i), load(shift + i)));
      for (; i < length; i++) to[i] = from[i] * scale[i] + shift[i];
    }
    float *done = y + (size_t)first * length;
    if (activation != ACTIVATION_NONE) activate(activation, p0, p1, done, done, (end - first) * length);
  }
}
