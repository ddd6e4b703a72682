// Matrix products for other families.
#pragma once
#include "activation.h"

typedef struct {
  const float *a, *b;  // b in panels
  const float *bias, *residual;  // or null
  float *c;
  int32_t rows, columns, depth;
  int32_t a_row, residual_row, c_row;
} Product;

// c = activation(a × b + bias + residual) on the calling thread.
void multiply(const Product *product, Activation activation);
