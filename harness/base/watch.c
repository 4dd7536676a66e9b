#include "harness/base/watch.h"

#include <stddef.h>

bool tl_watch_line(const struct tl_watch *w, const char *format, ...)
{
    if (!w || !w->line)
        return false;
    va_list values;
    va_start(values, format);
    bool stop = w->line(w->arg, format, values);
    va_end(values);
    return stop;
}

void tl_watch_say(const struct tl_watch *w, const char *format, ...)
{
    if (!w || !w->say)
        return;
    va_list values;
    va_start(values, format);
    w->say(w->arg, format, values);
    va_end(values);
}
