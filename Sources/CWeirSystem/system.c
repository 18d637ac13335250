#include "weir_system.h"
