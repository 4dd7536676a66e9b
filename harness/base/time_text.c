#include "harness/base/time_text.h"

#include "harness/base/buffer.h"

#include <stddef.h>
#include <time.h>

char *tl_time_format(int64_t us, enum tl_time_form form)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    time_t t = (time_t)(us / 1000000);
    struct tm tm = {0}; /* neither of these fails: 64 bits of microseconds are within the years of a tm */
    if (form == TL_TIME_LOCAL)
        localtime_r(&t, &tm);
    else
        gmtime_r(&t, &tm);
    tl_buffer_printf(&b, "%04d-%02d-%02d%c%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                     form == TL_TIME_ISO ? 'T' : ' ', tm.tm_hour, tm.tm_min);
    if (form != TL_TIME_MINUTES && form != TL_TIME_TABLE)
        tl_buffer_printf(&b, ":%02d", tm.tm_sec);
    if (form == TL_TIME_ISO)
        tl_buffer_add_string(&b, "Z");
    else if (form == TL_TIME_SECONDS || form == TL_TIME_MINUTES)
        tl_buffer_add_string(&b, " UTC");
    return tl_buffer_take(&b);
}

int64_t tl_time_of(const char *iso)
{
    struct tm tm = {0};
    const char *end = iso ? strptime(iso, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;
    return end && !*end ? (int64_t)timegm(&tm) * 1000000 : 0;
}
