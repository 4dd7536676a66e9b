/* By libiberty, which knows C++ and both manglings of Rust, and bounds its recursion. */
#include "harness/stack/demangle.h"

#include <libiberty/demangle.h>
#include <string.h>

#define LONGEST 16384 /* hostile names make demangling slow */

char *tl_demangle(const char *symbol)
{
    /* Only these: the library would take a C function named _Dx for one of another language. */
    if ((strncmp(symbol, "_Z", 2) && strncmp(symbol, "_R", 2)) || strlen(symbol) > LONGEST)
        return NULL;
    return cplus_demangle(symbol, DMGL_PARAMS | DMGL_ANSI | DMGL_AUTO);
}
