/* Who watches work that takes long: is told in a line what is being done and how far it is, and answers
 * whether to stop. Nothing below the command line prints or catches a signal: it asks here instead. */
#ifndef TL_WATCH_H
#define TL_WATCH_H

#include <stdarg.h>
#include <stdbool.h>

struct tl_watch {
    /* True: stop. */
    bool (*line)(void *arg, const char *format, va_list values) __attribute__((format(printf, 2, 0)));
    void *arg;
    /* A line that stays; NULL: nobody wants to know. */
    void (*say)(void *arg, const char *format, va_list values) __attribute__((format(printf, 2, 0)));
};

/* Tells the line. The words are made only where the watcher wants them: this may be called for every row of a
 * database. False when nobody watches (w or its function is NULL). */
bool tl_watch_line(const struct tl_watch *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Says something that is to be read later, too. */
void tl_watch_say(const struct tl_watch *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
