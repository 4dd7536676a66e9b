/* The name of a function as people and other builds know it. Pure. */
#ifndef TL_FUNCTION_NAME_H
#define TL_FUNCTION_NAME_H

#include "harness/base/record.h"

#include <stdbool.h>
#include <stddef.h>

/* A function as people and other builds know it: without return type, parameters, template arguments, clone
 * suffixes and numbers of lambdas. A new string, one line, never empty, of at most 90 bytes. */
char *tl_function_name(const char *demangled);
/* The same of a symbol whose source file may tell its language. */
char *tl_symbol_name(const struct tl_symbol *s);
/* Whether a source file is Go's. */
bool tl_is_of_go(const char *file);

#endif
