/* renameat2(2): both names change places in one transaction of the file system. One that does not know
 * RENAME_EXCHANGE says EINVAL, and nothing has happened. */
#include "harness/base/files.h"

#include <fcntl.h>
#include <stdio.h>

int tl_exchange_paths(const char *a, const char *b)
{
    return renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}
