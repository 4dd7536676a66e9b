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
