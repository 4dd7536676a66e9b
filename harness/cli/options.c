/* One table of all options: usage, checking and completion go by it. */
#include "harness/cli/cli.h"

#include "harness/base/buffer.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *value; /* value NULL: takes none */
    char letter;              /* 0: none */
    bool common;
    const char *about;
} table[] = {
    {"db", "PATH", 0, true, "the database (default: $XDG_STATE_HOME/trapline/trapline.db)"},
    {"json", NULL, 0, true, "one JSON document on stdout and nothing else there"},
    {"verbose", NULL, 'v', true, "say more"},
    {"jobs", "N", 'j', true, "trials at a time (default: one for each core)"},
    {"help", NULL, 'h', true, "this text"},
    {"unit", "UNIT", 'u', false, "where to run: RUNNER[@BUILD]:DEVICE; may be repeated"},
    {"set", "AXIS=VALUE", 's', false, "value of an axis; may be repeated"},
    {"repeat", "N", 'n', false, "run each variant N times (default: 1)"},
    {"fresh", NULL, 0, false, "a process of its own for each trial, never a fork server's child"},
    {"cached", NULL, 0, false, "take outcomes that are known already"},
    {"over", "build", 0, false, "look for the first bad and the first fixed build instead of the trigger"},
    {"exhaustive", NULL, 0, false, "with --over build: try every build, find every bad range"},
    {"frontier", "AXIS,AXIS", 0, false,
     "draw the whole boundary between pass and fail over two ordered axes"},
    {"max-trials", "N", 0, false, "stop after N trials with the best result so far"},
    {"max-time", "SECONDS", 0, false, "stop after that time with the best result so far"},
    {"pairs", NULL, 0, false, "few variants that hold every pair of values, instead of all combinations"},
    {"by", "WHAT", 0, false, "set side by side: unit, build, machine or session (default: unit)"},
    {"only", "changed", 0, false, "only variants in which something differs"},
    {"no-cache", NULL, 0, false, "run everything anew, also what is known already"},
    {"keep-outputs", "DIR", 0, false, "keep every output as DIR/TRIAL/N.npy"},
    {"keep-scratch", NULL, 0, false, "leave the scratch directories of trials behind, and say where"},
    {"no-cgroup", NULL, 0, false, "do not use cgroups"},
    {"case", "NAME", 0, false, "only of this case"},
    {"outcome", "NAME[,NAME]", 0, false, "only with these outcomes"},
    {"signature", "ID", 0, false, "only with this signature"},
    {"since", "WHEN", 0, false, "only since: 2026-01-31, 2026-01-31T06:00, or 90m, 12h, 7d ago"},
    {"limit", "N", 0, false, "at most N lines (default: 50)"},
    {"after", "ID", 0, false, "go on after this trial: the next page"},
    {"format", "md|html|json|junit", 0, false, "what the report is written as (default: md)"},
    {"bundle", "DIR", 0, false, "write report, model, inputs and reproducers to DIR or DIR.tar.zst"},
    {"site", "DIR", 0, false, "write everything in the database as pages for a browser"},
    {"keep-paths", NULL, 0, false, "leave home directories, user and host names as they are"},
    {"junit", "FILE", 0, false, "write the result as JUnit XML as well"},
    {"notify", "CMD", 0, false, "run this program, with its arguments, with the summary on its stdin"},
    {"install", NULL, 0, false, "run the suite every night: a systemd user timer, on macOS a launchd agent"},
    {"at", "HH:MM", 0, false, "with --install: when (default: 03:00)"},
    {"uninstall", NULL, 0, false, "take that back"},
    {"status", NULL, 0, false, "what is installed: last and next run"},
    {"history", "CASE", 0, false, "what each night saw of a case, oldest first"},
    {"case-file", NULL, 0, false, "print the case file as it was when the trial ran, and nothing else"},
    {"stacks", NULL, 0, false, "the stacks of all threads"},
};
#define N_OPTIONS (sizeof table / sizeof table[0])

static bool takes(const struct tl_command *c, size_t i)
{
    if (table[i].common)
        return true;
    size_t n = strlen(table[i].name);
    for (const char *at = c->options; at && (at = strstr(at, table[i].name)); at += n)
        if ((at == c->options || at[-1] == ' ') && (!at[n] || at[n] == ' '))
            return true;
    return false;
}

void tl_options_help(FILE *f, const struct tl_command *c)
{
    fprintf(f, "usage: trapline %s %s\n\n%s\n\n", c->name, c->arguments, c->about);
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (!takes(c, i))
            continue;
        char *left = table[i].letter
                         ? tl_format("-%c, --%s%s%s", table[i].letter, table[i].name,
                                     table[i].value ? " " : "", table[i].value ? table[i].value : "")
                         : tl_format("    --%s%s%s", table[i].name, table[i].value ? " " : "",
                                     table[i].value ? table[i].value : "");
        fprintf(f, "  %-30s %s\n", left, table[i].about);
        free(left);
    }
}

static int number(const struct tl_command *c, const char *name, const char *text, uint64_t most,
                  uint64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    if (errno || *end || end == text || *text == '-' || *value < 1 || *value > most)
        return tl_usage_error(c, "--%s %s: expected an integer from 1 to %llu", name, text,
                              (unsigned long long)most);
    return -1;
}

static int take(const struct tl_command *c, struct tl_options *o, const char *name, const char *value)
{
    uint64_t n;
    int status = -1;
    if (!strcmp(name, "db")) {
        o->db = value;
    } else if (!strcmp(name, "json")) {
        o->json = true;
    } else if (!strcmp(name, "verbose")) {
        o->verbose++;
    } else if (!strcmp(name, "jobs")) {
        status = number(c, name, value, 1024, &n);
        o->jobs = (unsigned)n;
    } else if (!strcmp(name, "unit")) {
        o->units[o->n_units++] = value;
    } else if (!strcmp(name, "set")) {
        o->sets[o->n_sets++] = value;
    } else if (!strcmp(name, "repeat")) {
        status = number(c, name, value, 1000000000, &o->repeat);
    } else if (!strcmp(name, "fresh")) {
        o->fresh = true;
    } else if (!strcmp(name, "cached")) {
        o->cached = true;
    } else if (!strcmp(name, "keep-scratch")) {
        o->keep_scratch = true;
    } else if (!strcmp(name, "over")) {
        o->over = value;
        if (strcmp(value, "build"))
            status = tl_usage_error(c, "--over %s: `build` was expected", value);
    } else if (!strcmp(name, "exhaustive")) {
        o->exhaustive = true;
    } else if (!strcmp(name, "frontier")) {
        o->frontier = value;
    } else if (!strcmp(name, "max-trials")) {
        status = number(c, name, value, 1000000000, &o->max_trials);
    } else if (!strcmp(name, "max-time")) {
        status = number(c, name, value, 1000000000, &o->max_seconds);
    } else if (!strcmp(name, "no-cache")) {
        o->no_cache = true;
    } else if (!strcmp(name, "pairs")) {
        o->pairs = true;
    } else if (!strcmp(name, "by")) {
        o->by = value;
    } else if (!strcmp(name, "only")) {
        o->only_changed = true;
        if (strcmp(value, "changed"))
            status = tl_usage_error(c, "--only %s: `changed` was expected", value);
    } else if (!strcmp(name, "keep-outputs")) {
        o->keep_outputs = value;
    } else if (!strcmp(name, "no-cgroup")) {
        o->no_cgroup = true;
    } else if (!strcmp(name, "case-file")) {
        o->case_file = true;
    } else if (!strcmp(name, "stacks")) {
        o->stacks = true;
    } else if (!strcmp(name, "format")) {
        o->format = value;
    } else if (!strcmp(name, "bundle")) {
        o->bundle = value;
    } else if (!strcmp(name, "site")) {
        o->site = value;
    } else if (!strcmp(name, "keep-paths")) {
        o->keep_paths = true;
    } else if (!strcmp(name, "junit")) {
        o->junit = value;
    } else if (!strcmp(name, "notify")) {
        o->notify = value;
    } else if (!strcmp(name, "install")) {
        o->install = true;
    } else if (!strcmp(name, "at")) {
        o->at = value;
    } else if (!strcmp(name, "uninstall")) {
        o->uninstall = true;
    } else if (!strcmp(name, "status")) {
        o->status = true;
    } else if (!strcmp(name, "history")) {
        o->history = value;
    } else if (!strcmp(name, "limit")) {
        status = number(c, name, value, 1000000000, &o->limit);
    } else if (!strcmp(name, "case")) {
        o->case_name = value;
    } else if (!strcmp(name, "outcome")) {
        o->outcome = value;
    } else if (!strcmp(name, "signature")) {
        o->signature = value;
    } else if (!strcmp(name, "since")) {
        o->since = value;
    } else if (!strcmp(name, "after")) {
        o->after = value;
    } else { /* --help */
        tl_options_help(stdout, c);
        status = tl_finish_output(TL_EXIT_OK);
    }
    return status;
}

int tl_options_parse(const struct tl_command *c, int argc, char **argv, struct tl_options *o)
{
    struct option longs[N_OPTIONS + 1] = {0};
    char shorts[2 * N_OPTIONS + 2] = ":";
    size_t n = 0, at = 1;
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (!takes(c, i))
            continue;
        longs[n++] = (struct option){table[i].name, table[i].value ? required_argument : no_argument, NULL,
                                     256 + (int)i};
        if (table[i].letter) {
            shorts[at++] = table[i].letter;
            if (table[i].value)
                shorts[at++] = ':';
        }
    }
    *o = (struct tl_options){.repeat = 1};
    o->units = tl_calloc((size_t)argc + 1, sizeof *o->units);
    o->sets = tl_calloc((size_t)argc + 1, sizeof *o->sets);
    opterr = 0;
    optind = 1;
    for (int found; (found = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
        if (found == '?')
            return optopt && optopt < 256 ? tl_usage_error(c, "-%c: no such option", optopt)
                                          : tl_usage_error(c, "%s: no such option", argv[optind - 1]);
        if (found == ':')
            return tl_usage_error(c, "%s: a value was expected", argv[optind - 1]);
        size_t i = (size_t)found - 256;
        if (found < 256)
            for (i = 0; table[i].letter != found;)
                i++;
        int status = take(c, o, table[i].name, optarg);
        if (status >= 0)
            return status;
    }
    o->args = argv + optind;
    o->n_args = argc - optind;
    return -1;
}

void tl_options_free(struct tl_options *o)
{
    free(o->units);
    free(o->sets);
}
