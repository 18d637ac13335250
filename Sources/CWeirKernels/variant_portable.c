// The kernels over 8-byte words: every processor, and the reference of the others.
#define WEIR_ISA 0
#include "json.h"
#include "tables.h"
#include "vector.h"

#include "escape_body.h"
#include "json_body.h"
#include "lines_body.h"
