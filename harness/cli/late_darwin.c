/* On macOS the loader brings every library before main begins, or says which one is missing. */
#include "harness/cli/cli.h"

bool tl_cli_late_libraries(void)
{
    return true;
}
