// Activations by their ids (table/activations.json). A clamp is part of storing a tile; the others pass over what was just stored.
#pragma once
#include "common.h"
#include "kernels.gen.h"

typedef struct {
  float low, high;  // the clamp of none, relu and clip; the others clamp nothing
  int32_t clamps;   // whether the clamp does anything
  float p0, p1;
  int32_t id;  // of the pass over the stored values, ACTIVATION_NONE when the clamp is all
} Activation;

Activation activation_of(int32_t id, float p0, float p1);

// y[i] = activation(x[i]) for `count` floats; x may be y. Any id; an unknown one copies.
void activate(int32_t id, float p0, float p1, const float *x, float *y, int32_t count);
