// Numbers of half precision.
#pragma once
#include "common.h"

// Half precision by moving its bits up and scaling; infinities and NaN need their exponent filled.
INLINE v128_t from_half(v128_t bits) {
  v128_t sign = wasm_i32x4_shl(wasm_v128_and(bits, wasm_i32x4_splat(0x8000)), 16);
  v128_t rest = wasm_i32x4_shl(wasm_v128_and(bits, wasm_i32x4_splat(0x7fff)), 13);
  v128_t value = mul(rest, splat(0x1p112f));
  v128_t special = wasm_i32x4_ge(rest, wasm_i32x4_splat(0x7c00 << 13));
  value = wasm_v128_or(value, wasm_v128_and(special, wasm_i32x4_splat(0x7f800000)));
  return wasm_v128_or(value, sign);
}
