/* What services of all systems share: checks, and the mark in their files. */
#include "harness/schedule/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char doing[] = "cannot install a service";

int tl_service_check(const struct tl_service *s, struct tl_error *e)
{
    if (tl_schedule_suite_valid(s->name, e) || tl_schedule_check_text(s->about, e))
        return -1;
    for (const char *const *at = s->argv; *at; at++)
        if (tl_schedule_check_text(*at, e))
            return -1;
    for (const char *const *at = s->environment; at && *at; at++)
        if (tl_schedule_check_text(*at, e))
            return -1;
    if (*s->argv[0] != '/' || strpbrk(s->argv[0], "\"'\\"))
        return tl_fail(
            e, TL_ERROR_INPUT, doing, s->argv[0],
            "an absolute path without quotes and backslashes was expected: systemd starts no other");
    if (access(s->argv[0], X_OK))
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, s->argv[0], "it is what would be run");
    return 0;
}

char *tl_service_mark(const struct tl_service *s)
{
    json_t *command = json_array();
    for (const char *const *at = s->argv; *at; at++)
        json_array_append_new(command, json_string(*at));
    json_t *j = json_pack("{s:s,s:o}", "service", s->name, "command", command);
    char *mark = tl_schedule_mark_of(j);
    json_decref(j);
    return mark;
}

bool tl_systemd_lingers(void)
{
    char *uid = tl_format("%lu", (unsigned long)getuid()), *said;
    const char *argv[] = {"loginctl", "show-user", uid, "--property=Linger", NULL};
    struct tl_buffer out = TL_BUFFER_INIT;
    bool lingers = !tl_schedule_ask(argv, &out, &said) && !strcmp(out.data ? out.data : "", "Linger=yes\n");
    tl_buffer_free(&out);
    free(said);
    free(uid);
    return lingers;
}
