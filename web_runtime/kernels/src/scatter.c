// Writing at places that other tensors name; on one thread, since places may be named twice.
#include "box.h"
#include "bytes.h"
#include "index.h"
#include "kernels.gen.h"

#define TAKE(T, NAME, SUM, PRODUCT)                                    \
  static void take_##NAME(T *y, const T *update, int32_t reduction) {  \
    T a = *y, b = *update;                                             \
    if (reduction == SCATTER_ADD) a = SUM;                             \
    else if (reduction == SCATTER_MUL) a = PRODUCT;                    \
    else if (reduction == SCATTER_MIN) a = a < b || a != a ? a : b;    \
    else if (reduction == SCATTER_MAX) a = a > b || a != a ? a : b;    \
    *y = a;                                                            \
  }

TAKE(float, f32, a + b, a * b)
TAKE(int32_t, i32, (int32_t)((uint32_t)a + (uint32_t)b), (int32_t)((uint32_t)a * (uint32_t)b))
TAKE(int64_t, i64, (int64_t)((uint64_t)a + (uint64_t)b), (int64_t)((uint64_t)a * (uint64_t)b))

// One update of `item` bytes; an element that is not of that size is left alone.
static void take(uint8_t *y, const uint8_t *update, int32_t item, int32_t element, int32_t reduction) {
  if (reduction == SCATTER_SET) copy_item(y, update, item);
  else if (element == SCATTER_ELEMENT_F32 && item == 4) take_f32((float *)y, (const float *)update, reduction);
  else if (element == SCATTER_ELEMENT_I32 && item == 4) take_i32((int32_t *)y, (const int32_t *)update, reduction);
  else if (element == SCATTER_ELEMENT_I64 && item == 8) take_i64((int64_t *)y, (const int64_t *)update, reduction);
}

void scatter_elements(uint8_t *y, const uint8_t *index, const uint8_t *updates, int32_t item, int32_t index_item, int32_t count0,
                      int32_t count1, int32_t count2, int32_t count3, int32_t count4, int32_t y_stride0, int32_t y_stride1,
                      int32_t y_stride2, int32_t y_stride3, int32_t y_stride4, int32_t size, int32_t axis_stride, int32_t element,
                      int32_t reduction) {
  Box box = {.dims = 5,
             .buffers = 1,
             .count = {count0, count1, count2, count3, count4},
             .stride = {{y_stride0, y_stride1, y_stride2, y_stride3, y_stride4}}};
  if (!box_merge(&box)) return;
  BoxRow at = box_row(&box, 0);
  size_t place = 0, stride = box.stride[0][box.dims - 1];
  for (int32_t row = 0; row < box.rows; row++, box_next(&box, &at, 1))
    for (int32_t i = 0; i < box.columns; i++, place++) {
      size_t to = at.start[0] + i * stride + (size_t)index_at(index, index_item, place, size) * axis_stride;
      take(y + to * item, updates + place * item, item, element, reduction);
    }
}

void scatter_nd(uint8_t *y, const uint8_t *index, const uint8_t *updates, int32_t item, int32_t index_item, int32_t indices,
                int32_t depth, int32_t size0, int32_t size1, int32_t size2, int32_t size3, int32_t size4, int32_t inner,
                int32_t element, int32_t reduction) {
  const int32_t sizes[5] = {size0, size1, size2, size3, size4};
  size_t run = (size_t)inner * item;
  if (run == 0) return;
  for (int32_t row = 0; row < indices; row++) {
    size_t to = 0;
    for (int32_t d = 0; d < 5; d++)
      to = to * sizes[d] + (d < depth ? index_at(index, index_item, (size_t)row * depth + d, sizes[d]) : 0);
    if (reduction == SCATTER_SET) copy_bytes(y + to * run, updates + row * run, run);
    else
      for (int32_t i = 0; i < inner; i++)
        take(y + to * run + (size_t)i * item, updates + row * run + (size_t)i * item, item, element, reduction);
  }
}
