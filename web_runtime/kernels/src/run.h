// Runs a command buffer: for each command [kernel id, number of words, arguments…], int32 words.
#pragma once
#include "common.h"

void dispatch(int32_t id, const int32_t *arguments);
