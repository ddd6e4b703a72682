// Moving elements of 1, 2, 4 or 8 bytes whatever they hold.
#pragma once
#include "common.h"

// For short runs memory.copy costs more than it moves.
INLINE void copy_bytes(uint8_t *to, const uint8_t *from, size_t count) {
  if (count >= 4096) {
    __builtin_memcpy(to, from, count);
    return;
  }
  size_t i = 0;
  for (; i + 16 <= count; i += 16) wasm_v128_store(to + i, wasm_v128_load(from + i));
  if (i == count) return;
  if (count >= 16) {  // once more the last 16
    wasm_v128_store(to + count - 16, wasm_v128_load(from + count - 16));
    return;
  }
  if (count & 8) wasm_v128_store64_lane(to + i, wasm_v128_load64_zero(from + i), 0), i += 8;
  if (count & 4) wasm_v128_store32_lane(to + i, wasm_v128_load32_zero(from + i), 0), i += 4;
  for (; i < count; i++) to[i] = from[i];
}

INLINE void copy_item(uint8_t *to, const uint8_t *from, int32_t item) {
  if (item == 4) *(uint32_t *)to = *(const uint32_t *)from;
  else if (item == 8) *(uint64_t *)to = *(const uint64_t *)from;
  else if (item == 2) *(uint16_t *)to = *(const uint16_t *)from;
  else *to = *from;
}

// 16 bytes of one element after the other, from its words.
INLINE v128_t repeated(int32_t item, int32_t low, int32_t high) {
  if (item == 1) return wasm_i8x16_splat((int8_t)low);
  if (item == 2) return wasm_i16x8_splat((int16_t)low);
  if (item == 4) return wasm_i32x4_splat(low);
  return wasm_i32x4_make(low, high, low, high);
}

INLINE void fill_items(uint8_t *to, v128_t pattern, size_t count, int32_t item) {
  size_t bytes = count * item, i = 0;
  for (; i + 16 <= bytes; i += 16) wasm_v128_store(to + i, pattern);
  if (i == bytes) return;
  _Alignas(16) uint8_t rest[16];
  wasm_v128_store(rest, pattern);
  copy_bytes(to + i, rest, bytes - i);
}
