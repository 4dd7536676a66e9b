/* --notify: somebody is told of a night in which something changed. The summary goes to a program's stdin; counts, exit
 * status and the address of the site are in its environment, so that a line of a script can decide whom to wake. */
#include "harness/cli/nightly.h"

#include "harness/base/buffer.h"
#include "harness/base/program.h"
#include "reports/members.h"
#include "reports/night.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define NOTIFY_S 300

/* Where a browser finds the site: where it is served, or the file on this disk. NULL: there is none. The caller's. */
static char *site_address(const struct tl_options *o)
{
    if (o->site_url)
        return tl_strdup(o->site_url);
    char *real = o->site ? realpath(o->site, NULL) : NULL;
    if (!real)
        return NULL;
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "file://");
    for (const unsigned char *at = (const unsigned char *)real; *at; at++)
        tl_buffer_printf(&b, isalnum(*at) || strchr("/-._~", *at) ? "%c" : "%%%02X", *at);
    tl_buffer_add_string(&b, "/index.html");
    free(real);
    return tl_buffer_take(&b);
}

static void add(struct tl_buffer *list, const char *name, char *value) /* takes it */
{
    if (value) {
        char *line = tl_format("TRAPLINE_NIGHT%s=%s", name, value);
        tl_buffer_add(list, &line, sizeof line);
    }
    free(value);
}

static char *number(json_int_t n)
{
    return tl_format("%lld", (long long)n);
}

/* NAME=VALUE…, NULL-terminated: for tl_strings_free. */
static char **environment(const struct tl_options *o, const json_t *document, int status)
{
    const json_t *counts = json_object_get(document, "counts");
    struct tl_buffer list = TL_BUFFER_INIT;
    const char *end = NULL;
    add(&list, "", tl_strdup(tl_member_text(document, "night")));
    add(&list, "_SUITE", tl_strdup(tl_member_text(document, "suite")));
    add(&list, "_RUN", number(tl_member_integer(document, "n")));
    add(&list, "_EXIT_STATUS", tl_format("%d", status));
    add(&list, "_NEWS", tl_night_news(document));
    add(&list, "_COUNTS", tl_night_counts(document));
    add(&list, "_REGRESSIONS", number(tl_member_integer(document, "regressions")));
    add(&list, "_NEW", number(tl_member_integer(counts, "new-failure")));
    add(&list, "_FIXED", number(tl_member_integer(counts, "fixed")));
    add(&list, "_STILL_FAILING", number(tl_member_integer(counts, "still-failing")));
    add(&list, "_KNOWN", number(tl_member_integer(counts, "known-failure")));
    add(&list, "_CLOSED", number((json_int_t)tl_night_closed(document)));
    add(&list, "_BACK", number((json_int_t)tl_night_back(document)));
    add(&list, "_SITE", site_address(o));
    tl_buffer_add(&list, &end, sizeof end);
    return (char **)tl_buffer_take(&list);
}

int tl_cli_night_notify(const struct tl_options *o, char *const *words, const json_t *document,
                        const char *summary, int night_status, struct tl_error *e)
{
    char **variables = environment(o, document, night_status);
    struct tl_program p = {.argv = (const char *const *)words,
                           .environment = (const char *const *)variables,
                           .input = summary,
                           .timeout_s = NOTIFY_S};
    int result = tl_program_run(&p, e);
    tl_strings_free(variables);
    if (!result && !(WIFEXITED(p.status) && WEXITSTATUS(p.status) == 0))
        result =
            WIFEXITED(p.status)
                ? tl_fail(e, TL_ERROR_ENVIRONMENT, "nobody was notified", words[0],
                          "it ended with exit status %d; the night itself is stored", WEXITSTATUS(p.status))
                : tl_fail(e, TL_ERROR_ENVIRONMENT, "nobody was notified", words[0],
                          "it was killed by signal %d; the night itself is stored", WTERMSIG(p.status));
    return result;
}
