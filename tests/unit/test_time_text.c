/* Points in time as text. */
#include "harness/base/time_text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

static void assert_text(int64_t us, enum tl_time_form form, const char *expected)
{
    char *text = tl_time_format(us, form);
    cr_expect_str_eq(text, expected, "%s, not %s", text, expected);
    free(text);
}

Test(time_text, has_a_form_for_each_use)
{
    const int64_t us = 1795918402999999; /* the rest of a second is left out */
    assert_text(us, TL_TIME_ISO, "2026-11-29T02:13:22Z");
    assert_text(us, TL_TIME_SECONDS, "2026-11-29 02:13:22 UTC");
    assert_text(us, TL_TIME_MINUTES, "2026-11-29 02:13 UTC");
    assert_text(us, TL_TIME_TABLE, "2026-11-29 02:13");
}

Test(time_text, of_the_user_goes_by_his_clock)
{
    setenv("TZ", "XYZ-3", 1);
    tzset();
    assert_text(1795918402000000, TL_TIME_LOCAL, "2026-11-29 05:13:22");
    assert_text(1795918402000000, TL_TIME_ISO, "2026-11-29T02:13:22Z");
}

Test(time_text, ends_are_held)
{
    assert_text(0, TL_TIME_ISO, "1970-01-01T00:00:00Z");
    assert_text(INT64_MAX, TL_TIME_MINUTES, "294247-01-10 04:00 UTC");
}

Test(time_text, is_read_back)
{
    cr_expect_eq(tl_time_of("1970-01-01T00:01:40Z"), 100000000);
    char *text = tl_time_format(1764382402000000, TL_TIME_ISO);
    cr_expect_eq(tl_time_of(text), 1764382402000000);
    free(text);
    static const char *const others[] = {"", "2026-11-29", "2026-11-29 02:13:22 UTC", "2026-11-29T02:13:22Z ",
                                         "x"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        cr_expect_eq(tl_time_of(others[i]), 0, "%s", others[i]);
    cr_expect_eq(tl_time_of(NULL), 0);
}
