/* Calls of the user's systemd, as a nightly run and a service make them. */
#include "harness/schedule/internal.h"

int tl_systemctl(const char *verb, const char *option, const char *unit, char **said)
{
    const char *argv[6] = {"systemctl", "--user", verb};
    size_t n = 3;
    if (option)
        argv[n++] = option;
    if (unit)
        argv[n++] = unit;
    return tl_schedule_ask(argv, NULL, said);
}
