/* Functions that end a process for somebody else: they report a failed check, print its message and abort. They are the same
 * whatever failed, so they neither tell one failure from another nor make two the same. This is the only list of those
 * that stand in libraries of any name; what libc, the languages and sanitizers have beside it is known by its module
 * (harness/verdict/frame_role.c). */
#ifndef TL_REPORTING_H
#define TL_REPORTING_H

#include <stdbool.h>

/* name: of a function, without its parameters. */
bool tl_is_reporting_function(const char *name);
/* The functions that raise a signal in the process that calls them: of a process that ended itself they say no more than
 * the signal does. */
bool tl_is_raising_function(const char *name);

#endif
