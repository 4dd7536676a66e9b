/* What sanitizers are told in the environment of a trial. */
#ifndef TL_SANITIZER_OPTIONS_H
#define TL_SANITIZER_OPTIONS_H

#include <stdbool.h>

#define TL_SANITIZERS 6

/* Settings "NAME=OPTIONS" for programs that were built with a sanitizer: a report ends the process by SIGABRT at the place that it
 * is about, and a fault of the hardware kills it as it would without. Options that the user gives, in added (a list that ends in
 * NULL, or NULL) or else in trapline's own environment, count more; but leaks are not looked for, since that
 * cannot work in a process that is traced. The strings are new. */
void tl_sanitizer_options(char *const *added, char *settings[TL_SANITIZERS]);

/* Whether a setting is one of those. */
bool tl_is_sanitizer_setting(const char *setting);

#endif
