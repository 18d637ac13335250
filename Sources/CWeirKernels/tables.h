#pragma once
#include "internal.h"

/// "00" ... "ff", two bytes each.
extern const uint8_t weir_hex_pairs[513];

/// The JSON writer's escape of an ASCII byte: 8 bytes, so that one store writes it.
typedef struct {
  char text[7];
  uint8_t size;
} weir_escape_text;

extern const weir_escape_text weir_escapes[128];
