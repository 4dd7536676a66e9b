/* Points in time as text. What is stored or published is UTC and says so; only a terminal shows the clock of
 * the machine's user. */
#ifndef TL_TIME_TEXT_H
#define TL_TIME_TEXT_H

#include <stdint.h>

enum tl_time_form {
    TL_TIME_ISO,     /* 2026-11-29T02:13:22Z */
    TL_TIME_SECONDS, /* 2026-11-29 02:13:22 UTC */
    TL_TIME_MINUTES, /* 2026-11-29 02:13 UTC */
    TL_TIME_TABLE,   /* 2026-11-29 02:13, where a page says once that all times are UTC */
    TL_TIME_LOCAL,   /* 2026-11-29 02:13:22 by the clock of this machine's user */
};

/* Microseconds since 1970-01-01 UTC as text, the caller's. */
char *tl_time_format(int64_t us, enum tl_time_form form);
/* Of a text of the form TL_TIME_ISO; 0 for NULL and for any other. */
int64_t tl_time_of(const char *iso);

#endif
