/* The limits of a case that names none. */
#include "harness/base/limits.h"

const struct tl_limits tl_limits_default = {
    .timeout_s = 60, .memory_mb = 4096, .processes = 512, .disk_mb = 4096};
