/* Which trials: the options that `list`, `compare` and `db export` have in common. */
#include "harness/cli/cli.h"

#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* 2026-01-31, 2026-01-31T06:00 (local time), or 90m, 12h, 7d before now. 0, or -1. */
static int parse_since(const char *text, int64_t *us)
{
    struct tm tm = {.tm_isdst = -1};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M", &tm);
    if (!end || *end) {
        tm = (struct tm){.tm_isdst = -1};
        end = strptime(text, "%Y-%m-%d", &tm);
    }
    if (end && !*end) {
        *us = (int64_t)mktime(&tm) * 1000000;
        return 0;
    }
    char *unit;
    long long n = strtoll(text, &unit, 10), seconds = 0;
    if (!strcmp(unit, "m"))
        seconds = 60;
    else if (!strcmp(unit, "h"))
        seconds = 3600;
    else if (!strcmp(unit, "d"))
        seconds = 86400;
    if (unit == text || n < 0 || n > 100000000 || !seconds)
        return -1;
    *us = tl_wall_us() - n * seconds * 1000000;
    return 0;
}

static int parse_outcomes(const char *text, unsigned *bits)
{
    char *copy = tl_strdup(text), *save;
    int result = 0;
    for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
        int o = tl_outcome_parse(word);
        if (o < 0)
            result = -1;
        else
            *bits |= 1u << o;
    }
    free(copy);
    return result;
}

int tl_filter_of(const struct tl_command *c, const struct tl_options *o, struct tl_filter *f)
{
    *f = (struct tl_filter){
        .case_name = o->case_name,
        .unit = o->n_units ? o->units[0] : NULL,
        .signature_id = o->signature,
        .limit = o->limit,
        .after = o->after,
    };
    if (o->since && parse_since(o->since, &f->since_us))
        return tl_usage_error(c, "--since %s: expected 2026-01-31, 2026-01-31T06:00, 90m, 12h or 7d",
                              o->since);
    if (o->outcome && parse_outcomes(o->outcome, &f->outcomes))
        return tl_usage_error(
            c,
            "--outcome %s: expected pass, crash, hang, oom, error, wrong, fallback, unsupported or "
            "lost, with commas between",
            o->outcome);
    return -1;
}
