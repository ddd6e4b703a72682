// Indices out of buffers: int32 or int64, negative ones count from the end, and none leads outside.
#pragma once
#include "common.h"

INLINE int64_t raw_index(const uint8_t *index, int32_t item, size_t i) {
  return item == 8 ? ((const int64_t *)index)[i] : ((const int32_t *)index)[i];
}

// A place from 0 to size - 1; size is at least 1.
INLINE int32_t index_at(const uint8_t *index, int32_t item, size_t i, int32_t size) {
  int64_t at = raw_index(index, item, i);
  if (at < 0) at += size;
  return at < 0 ? 0 : at >= size ? size - 1 : (int32_t)at;
}
