// int8 weights as floats.
#pragma once
#include "common.h"

// Four codes as floats.
INLINE v128_t widen(const int8_t *x) {
  return wasm_f32x4_convert_i32x4(wasm_i32x4_extend_low_i16x8(wasm_i16x8_extend_low_i8x16(wasm_v128_load32_zero(x))));
}

// A panel [rows][8] times one scale a column.
INLINE void expand_panel(const int8_t *x, const float *scale, float *y, int32_t rows) {
  v128_t left = load(scale), right = load(scale + 4);
  for (int32_t k = 0; k < rows; k++, x += 8, y += 8) {
    store(y, mul(widen(x), left));
    store(y + 4, mul(widen(x + 4), right));
  }
}
