#pragma once
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stddef.h>

// glibc declares memmem only under _GNU_SOURCE, which Swift's importer does not set.
void *memmem(const void *haystack, size_t haystack_count, const void *needle, size_t needle_count);
