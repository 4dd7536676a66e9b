/* By the C++ runtime, where there is no libiberty: C++ only. */
#include "harness/stack/demangle.h"

#include <stddef.h>
#include <string.h>

#define LONGEST 16384

extern char *__cxa_demangle(const char *name, char *buffer, size_t *size, int *status);

char *tl_demangle(const char *symbol)
{
    int status;
    if (strncmp(symbol, "_Z", 2) || strlen(symbol) > LONGEST)
        return NULL;
    return __cxa_demangle(symbol, NULL, NULL, &status);
}
