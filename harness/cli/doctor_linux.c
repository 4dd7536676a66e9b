/* Linux has no dialogs and no programs that it shields from their user: what matters is found out by trials. */
#include "harness/cli/doctor_system.h"

bool tl_doctor_is_macos(void)
{
    return false;
}

bool tl_doctor_has_selftest(void)
{
    return true;
}

void tl_doctor_system(void (*say)(void *arg, const char *check, struct tl_doctor_answer *answer), void *arg)
{
    (void)say;
    (void)arg;
}
