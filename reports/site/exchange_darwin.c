#include "reports/site/impl.h"

#include <stdio.h>

int tl_site_exchange(const char *a, const char *b)
{
    return renamex_np(a, b, RENAME_SWAP);
}
