// What every kernel needs: vectors of four floats, tiles of work, restrained inlining.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <wasm_simd128.h>

#define INLINE static inline __attribute__((always_inline))

// The next tile of the running command that no thread has taken; 0, 1, 2, … over all threads.
#ifdef THREADS
extern int32_t next_tile;
INLINE int32_t take_tile(void) { return __atomic_fetch_add(&next_tile, 1, __ATOMIC_RELAXED); }
#else
extern int32_t next_tile;
INLINE int32_t take_tile(void) { return next_tile++; }
#endif

// Runs the block once for each of `count` tiles, every tile on one thread. A parallel kernel has exactly one such loop (or none),
// and its tiles write apart from each other.
#define for_tiles(tile, count) for (int32_t tile = take_tile(); tile < (count); tile = take_tile())

// A loop that is gone after compilation.
#define EACH(i, n) _Pragma("unroll") for (int i = 0; i < (n); i++)

// The compiler computes x here and not later.
#define keep(x) ({ __asm__ volatile("" : "+r"(x)); })

INLINE int32_t min_int(int32_t a, int32_t b) { return a < b ? a : b; }
INLINE int32_t max_int(int32_t a, int32_t b) { return a > b ? a : b; }
INLINE int32_t ceil_div(int32_t a, int32_t b) { return a / b + (a % b != 0); }

// The size of tiles of `count` places, at most `most` each, as even as multiples of `step` allow.
INLINE int32_t even(int32_t count, int32_t most, int32_t step) {
  int32_t size = ceil_div(count, ceil_div(count, most));
  return min_int(most, ceil_div(size, step) * step);
}

// Columns of a tile where there are `down` tiles one below the other: many, but few enough that threads share evenly.
INLINE int32_t tile_columns(int32_t columns, int32_t down) {
  int32_t most = 128;
#ifdef THREADS
  while (most > 32 && (int64_t)down * ceil_div(columns, most) < 16) most /= 2;
#endif
  (void)down;
  return even(columns, most, 8);
}

INLINE v128_t load(const float *p) { return wasm_v128_load(p); }
INLINE void store(float *p, v128_t v) { wasm_v128_store(p, v); }
INLINE v128_t splat(float x) { return wasm_f32x4_splat(x); }
INLINE v128_t load_splat(const float *p) { return wasm_v128_load32_splat(p); }
INLINE v128_t add(v128_t a, v128_t b) { return wasm_f32x4_add(a, b); }
INLINE v128_t sub(v128_t a, v128_t b) { return wasm_f32x4_sub(a, b); }
INLINE v128_t mul(v128_t a, v128_t b) { return wasm_f32x4_mul(a, b); }

// a * b + c
INLINE v128_t madd(v128_t a, v128_t b, v128_t c) {
#ifdef RELAXED
  return wasm_f32x4_relaxed_madd(a, b, c);
#else
  return wasm_f32x4_add(wasm_f32x4_mul(a, b), c);
#endif
}

// The bounds must not be NaN; a NaN in x stays. One instruction each, unlike f32x4.max.
INLINE v128_t at_least(v128_t x, v128_t low) { return wasm_f32x4_pmax(x, low); }
INLINE v128_t at_most(v128_t x, v128_t high) { return wasm_f32x4_pmin(x, high); }

// Up to four floats; the lanes beyond `count` are 0, and memory beyond is not touched.
INLINE v128_t load_part(const float *p, int32_t count) {
  if (count >= 4) return load(p);
  v128_t v = count > 0 ? wasm_v128_load32_zero(p) : splat(0);
  if (count > 1) v = wasm_v128_load32_lane(p + 1, v, 1);
  if (count > 2) v = wasm_v128_load32_lane(p + 2, v, 2);
  return v;
}

INLINE void store_part(float *p, v128_t v, int32_t count) {
  if (count >= 4) {
    store(p, v);
    return;
  }
  if (count > 0) wasm_v128_store32_lane(p, v, 0);
  if (count > 1) wasm_v128_store32_lane(p + 1, v, 1);
  if (count > 2) wasm_v128_store32_lane(p + 2, v, 2);
}

INLINE float sum_lanes(v128_t v) {
  v = add(v, wasm_i32x4_shuffle(v, v, 2, 3, 0, 1));
  return wasm_f32x4_extract_lane(add(v, wasm_i32x4_shuffle(v, v, 1, 0, 3, 2)), 0);
}

INLINE float max_lanes(v128_t v) {
  v = wasm_f32x4_max(v, wasm_i32x4_shuffle(v, v, 2, 3, 0, 1));
  return wasm_f32x4_extract_lane(wasm_f32x4_max(v, wasm_i32x4_shuffle(v, v, 1, 0, 3, 2)), 0);
}
