#pragma once
#include <stddef.h>
#include <stdint.h>
size_t weir_json_escape(uint8_t *dst, const uint8_t *src, size_t n, int escape_unicode);
