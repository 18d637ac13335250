// The kernels over 16-byte SSE2 vectors: the x86-64 baseline.
#if defined(__x86_64__)
#define WEIR_ISA 1
#include "json.h"
#include "tables.h"
#include "vector.h"

#include "escape_body.h"
#include "json_body.h"
#include "lines_body.h"
#endif
