#include "reports/site/impl.h"

#include <fcntl.h>
#include <stdio.h>

int tl_site_exchange(const char *a, const char *b)
{
    return renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}
