/* renamex_np(2): both names change places in one transaction of APFS. A file system that does not know
 * RENAME_SWAP says ENOTSUP, and nothing has happened. */
#include "harness/base/files.h"

#include <stdio.h>

int tl_exchange_paths(const char *a, const char *b)
{
    return renamex_np(a, b, RENAME_SWAP);
}
