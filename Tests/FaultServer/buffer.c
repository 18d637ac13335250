#include "fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buffer_reserve(buffer *b, size_t more) {
  if (b->capacity - b->count >= more) return;
  size_t capacity = b->capacity ? b->capacity : 4096;
  while (capacity - b->count < more) capacity *= 2;
  uint8_t *bytes = realloc(b->bytes, capacity);
  if (!bytes) perror("weir-faultserver"), exit(3);
  b->bytes = bytes;
  b->capacity = capacity;
}

void buffer_put(buffer *b, const void *bytes, size_t count) {
  if (count == 0) return;
  buffer_reserve(b, count);
  memcpy(b->bytes + b->count, bytes, count);
  b->count += count;
}

void buffer_text(buffer *b, const char *text) { buffer_put(b, text, strlen(text)); }

void buffer_format(buffer *b, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  int count = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (count > 0) buffer_put(b, text, (size_t)count < sizeof text ? (size_t)count : sizeof text - 1);
}

void buffer_escaped(buffer *b, const uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (bytes[i] == '"' || bytes[i] == '\\') buffer_put(b, "\\", 1);
    if (bytes[i] < 0x20) buffer_format(b, "\\u%04x", bytes[i]);
    else buffer_put(b, bytes + i, 1);
  }
}

void buffer_take(buffer *b, size_t count) {
  memmove(b->bytes, b->bytes + count, b->count - count);
  b->count -= count;
}

void buffer_free(buffer *b) {
  free(b->bytes);
  *b = (buffer){0};
}
