// From one dtype to another.
#include "common.h"
#include "kernels.gen.h"

enum { TILE = 8192 };

#define CAST(name, FROM, TO, EXPRESSION)                                         \
  void name(const FROM *x, TO *y, int32_t count) {                               \
    for_tiles(tile, ceil_div(count, TILE)) {                                     \
      int32_t start = tile * TILE, end = start + min_int(count - start, TILE);   \
      for (int32_t i = start; i < end; i++) {                                    \
        FROM v = x[i];                                                           \
        y[i] = EXPRESSION;                                                       \
      }                                                                          \
    }                                                                            \
  }

INLINE int32_t whole(float x) { return wasm_i32x4_extract_lane(wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_make(x, 0, 0, 0)), 0); }

static uint16_t to_half(float x) {
  union { float f; uint32_t i; } bits = {x};
  uint32_t sign = bits.i >> 16 & 0x8000, size = bits.i & 0x7fffffff;
  if (size > 0x7f800000) return (uint16_t)(sign | 0x7e00);
  if (size >= 0x477ff000) return (uint16_t)(sign | 0x7c00);  // rounds to beyond 65504
  if (size < 0x38800000) {  // a subnormal number: its unit is that of 1/2 as a float
    bits.i = size;
    bits.f += 0.5f;
    return (uint16_t)(sign | (bits.i - 0x3f000000));
  }
  size += 0xfff + (size >> 13 & 1);
  return (uint16_t)(sign | ((size >> 13) - (112 << 10)));
}

CAST(cast_i64_f32, int64_t, float, (float)v)
CAST(cast_i32_f32, int32_t, float, (float)v)
CAST(cast_i8_f32, int8_t, float, (float)v)
CAST(cast_u8_f32, uint8_t, float, (float)v)
CAST(cast_bool_f32, uint8_t, float, v ? 1.0f : 0.0f)
CAST(cast_f32_i64, float, int64_t, __builtin_wasm_trunc_saturate_s_i64_f32(v))
CAST(cast_f32_i32, float, int32_t, whole(v))
CAST(cast_f32_i8, float, int8_t, (int8_t)whole(v))
CAST(cast_f32_u8, float, uint8_t, (uint8_t)whole(v))
CAST(cast_f32_f16, float, uint16_t, to_half(v))
CAST(cast_f32_bool, float, uint8_t, v != 0)
CAST(cast_i64_bool, int64_t, uint8_t, v != 0)
CAST(cast_i32_bool, int32_t, uint8_t, v != 0)
CAST(cast_i8_bool, int8_t, uint8_t, v != 0)
CAST(cast_u8_bool, uint8_t, uint8_t, v != 0)
CAST(cast_bool_i64, uint8_t, int64_t, v != 0)
CAST(cast_bool_i32, uint8_t, int32_t, v != 0)
CAST(cast_i64_i32, int64_t, int32_t, (int32_t)v)
CAST(cast_i32_i64, int32_t, int64_t, v)
CAST(cast_i8_i32, int8_t, int32_t, v)
CAST(cast_u8_i32, uint8_t, int32_t, v)
CAST(cast_i32_i8, int32_t, int8_t, (int8_t)v)
CAST(cast_i32_u8, int32_t, uint8_t, (uint8_t)v)

void cast_f16_f32(const uint16_t *x, float *y, int32_t count) { expand_f16(x, y, count); }
