/* trapline list: what is here, and what is in the database. */
#include "harness/cli/cli.h"
#include "harness/cli/units.h"

#include "cases/family.h"
#include "cases/load.h"
#include "db/finding.h"
#include "db/finding_join.h"
#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/devices.h"
#include "harness/base/paths.h"
#include "harness/base/plural.h"
#include "harness/base/style.h"
#include "harness/base/unit_name.h"
#include "harness/builds/builds.h"
#include "harness/cli/last.h"
#include "harness/executor/describe.h"
#include "harness/executor/unit.h"
#include "reports/finding/title.h"
#include "reports/members.h"

#include <fts.h>
#include <stdlib.h>
#include <string.h>

static int list_trials(const struct tl_options *o, struct tl_store *s, const struct tl_filter *f)
{
    struct tl_trial_lines lines;
    struct tl_error e;
    if (tl_query_trials(s, f, &lines, &e))
        return tl_print_error(&e);
    bool colour = tl_colour(stdout);
    json_t *all = json_array();
    for (size_t i = 0; i < lines.n; i++) {
        const struct tl_trial_line *l = &lines.list[i];
        if (o->json) {
            json_t *j = json_pack("{s:s,s:I,s:s,s:s,s:o,s:s,s:s,s:f}", "id", l->id, "started_us",
                                  (json_int_t)l->started_us, "case", l->case_name, "unit", l->unit, "variant",
                                  json_loads(l->variant, JSON_DECODE_ANY, NULL), "outcome",
                                  tl_outcome_name(l->outcome), "phase", tl_phase_name(l->phase), "wall_s",
                                  l->wall_seconds);
            json_object_set_new(j, "signal",
                                l->signal ? json_string(tl_signal_name(l->signal)) : json_null());
            json_object_set_new(j, "signature",
                                *l->signature_id
                                    ? json_pack("{s:s,s:s?}", "id", l->signature_id, "title", l->title)
                                    : json_null());
            if (*l->set_aside)
                json_object_set_new(j, "set_aside", json_string(l->set_aside));
            json_array_append_new(all, j);
            continue;
        }
        char *when = tl_time_text(l->started_us);
        tl_cli_line("%s  %s  %s%-11s%s %-8s %-24s %s%s%s%s", l->id, when,
                    colour ? tl_outcome_colour(l->outcome) : "", tl_outcome_name(l->outcome),
                    colour ? tl_style(TL_STYLE_PLAIN) : "", tl_phase_name(l->phase), l->unit, l->case_name,
                    l->title ? "  " : "", l->title ? l->title : "", *l->set_aside ? "  (set aside)" : "");
        free(when);
    }
    tl_trial_lines_free(&lines);
    if (o->json)
        return tl_print_json(json_pack("{s:o}", "trials", all));
    json_decref(all);
    return tl_finish_output(TL_EXIT_OK);
}

static int list_sums(const struct tl_options *o, struct tl_store *s, enum tl_sum_by by,
                     const struct tl_filter *f)
{
    struct tl_sums sums;
    struct tl_error e;
    if (tl_query_sums(s, by, f, &sums, &e))
        return tl_print_error(&e);
    json_t *all = json_array();
    for (size_t i = 0; i < sums.n; i++) {
        const struct tl_sum *u = &sums.list[i];
        json_t *counts = json_object();
        struct tl_buffer text = TL_BUFFER_INIT;
        tl_buffer_add_string(&text, "");
        for (int k = 0; k < TL_OUTCOME_COUNT; k++)
            if (u->by_outcome[k]) {
                const char *name = tl_outcome_name((enum tl_outcome)k);
                json_object_set_new(counts, name, json_integer((json_int_t)u->by_outcome[k]));
                tl_buffer_printf(&text, " %llu %s", (unsigned long long)u->by_outcome[k], name);
            }
        if (o->json) {
            json_t *j = json_pack("{s:s,s:I,s:o,s:I,s:I,s:I,s:I}", by == TL_SUM_SIGNATURE ? "id" : "name",
                                  u->name, "trials", (json_int_t)u->trials, "outcomes", counts, "cases",
                                  (json_int_t)u->cases, "units", (json_int_t)u->units, "first_us",
                                  (json_int_t)u->first_us, "last_us", (json_int_t)u->last_us);
            if (by == TL_SUM_SIGNATURE) {
                json_object_set_new(j, "title", json_string(u->title ? u->title : ""));
                json_object_set_new(j, "outcome", json_string(tl_outcome_name(u->outcome)));
                json_object_set_new(j, "phase", json_string(tl_phase_name(u->phase)));
                json_object_set_new(j, "signal",
                                    u->signal ? json_string(tl_signal_name(u->signal)) : json_null());
            }
            json_array_append_new(all, j);
        } else {
            char *last = tl_time_text(u->last_us);
            if (by == TL_SUM_SIGNATURE)
                tl_cli_line("%.12s  %6llu trials, last %s  %s %s %s  %s", u->name,
                            (unsigned long long)u->trials, last, tl_outcome_name(u->outcome),
                            tl_phase_name(u->phase), u->signal ? tl_signal_name(u->signal) : "",
                            u->title ? u->title : "");
            else
                tl_cli_line("%-32s %6llu trials, last %s:%s", u->name, (unsigned long long)u->trials, last,
                            text.data);
            free(last);
            json_decref(counts);
        }
        tl_buffer_free(&text);
    }
    tl_sums_free(&sums);
    if (o->json)
        return tl_print_json(json_pack("{s:o}",
                                       by == TL_SUM_SIGNATURE ? "signatures"
                                       : by == TL_SUM_UNIT    ? "used"
                                                              : "run",
                                       all));
    json_decref(all);
    return tl_finish_output(TL_EXIT_OK);
}

static int by_file_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool claims_to_be_case(const char *path)
{
    json_t *j = json_load_file(path, 0, NULL);
    bool claims = json_object_get(j, "trapline") && json_object_get(j, "model");
    json_decref(j);
    return claims;
}

/* Case files that come with trapline, and those below the directories that are named. */
static int list_case_files(const struct tl_options *o)
{
    char *own = tl_case_directory();
    char **roots = tl_calloc((size_t)o->n_args + 1, sizeof *roots);
    if (o->n_args == 1)
        roots[0] = own;
    for (int i = 1; i < o->n_args; i++)
        roots[i - 1] = o->args[i];
    FTS *f = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_file_name);
    json_t *all = json_array();
    int status = TL_EXIT_OK;
    for (FTSENT *x; f && (x = fts_read(f));) {
        if (x->fts_info == FTS_NS || x->fts_info == FTS_DNR || x->fts_info == FTS_ERR) {
            struct tl_error e;
            tl_fail_errno(&e, TL_ERROR_INPUT, x->fts_errno, "cannot list case files", x->fts_path,
                          "a directory or a file that can be read was expected");
            status = tl_print_error(&e);
        }
        const char *dot = strrchr(x->fts_name, '.');
        if (x->fts_info != FTS_F || !dot || strcmp(dot, ".json"))
            continue;
        struct tl_case *c = NULL;
        struct tl_mistakes m = {0};
        struct tl_error e;
        bool sound = !tl_case_load(x->fts_path, &c, &m, &e);
        /* A JSON file that does not claim to be a case (a profile, a suite) is none. */
        if (sound)
            json_array_append_new(all, json_pack("{s:s,s:s,s:s?,s:i}", "path", x->fts_path, "name", c->name,
                                                 "title", c->title, "axes", (int)c->n_axes));
        else if (m.n && claims_to_be_case(x->fts_path))
            tl_cli_note("%s: left out, it has %zu mistake%s; `trapline run` says which", x->fts_path, m.n,
                        tl_plural(m.n));
        tl_case_free(c);
        tl_mistakes_free(&m);
    }
    if (f)
        fts_close(f);
    free(roots);
    free(own);
    if (o->json) {
        int printed = tl_print_json(json_pack("{s:o}", "cases", all));
        return status ? status : printed;
    }
    json_t *j;
    size_t i;
    json_array_foreach(all, i, j) {
        const char *title = tl_member_text(j, "title");
        tl_cli_line("%s", tl_member_text(j, "path"));
        tl_cli_line("    %s, %lld ax%s%s%s", tl_member_text(j, "name"), tl_member_integer(j, "axes"),
                    tl_one_or_many((unsigned long long)tl_member_integer(j, "axes"), "is", "es"),
                    title ? ": " : "", title ? title : "");
    }
    json_decref(all);
    return tl_finish_output(status);
}

/* Runners that can be found, and each of their builds, with what they say they can do. */
struct described {
    size_t n;
    char **names; /* RUNNER[@BUILD] */
    struct tl_description *list;
    struct tl_devices devices;
};

static void add_described(struct described *all, const char *name, const char *path, const struct tl_build *b)
{
    char *real = realpath(path, NULL);
    all->names = tl_realloc(all->names, all->n + 1, sizeof *all->names);
    all->list = tl_realloc(all->list, all->n + 1, sizeof *all->list);
    all->names[all->n] = tl_format("%s%s%s", name, b ? "@" : "", b ? b->version : "");
    all->list[all->n++] = (struct tl_description){.runner = real ? real : tl_strdup(path),
                                                  .build = b ? tl_build_json(b) : NULL};
}

/* What a device of this machine can do for a runner: asked through the runner that speaks for it. */
static void add_device(struct described *all, const char *runner, const char *path, const struct tl_device *d)
{
    if (!tl_device_app(d, runner, NULL))
        return;
    add_described(all, runner, path, NULL);
    struct tl_description *q = &all->list[all->n - 1];
    q->speaks_for = tl_strdup(runner);
    q->alias = d->alias;
    q->slots_of = tl_device_slots(d);
}

static void find_devices(struct described *all, const char *path)
{
    static const char usual[] = "coreai";
    struct tl_error e;
    if (tl_devices_load(&all->devices, &e))
        tl_print_error(&e);
    for (size_t i = 0; i < all->devices.n; i++) {
        const struct tl_device *d = &all->devices.list[i];
        bool named = false;
        for (size_t k = 0; k < d->n_apps; k++) {
            named = named || !strcmp(d->apps[k].runner, usual);
            add_device(all, d->apps[k].runner, path, d);
        }
        if (!named)
            add_device(all, usual, path, d);
    }
}

static void find_described(struct described *all)
{
    json_t *runners = tl_runner_list(), *j;
    size_t i;
    json_array_foreach(runners, i, j) {
        struct tl_builds b;
        struct tl_error ignored;
        const char *name = tl_member_text(j, "name");
        const char *path = tl_member_text(j, "path");
        if (!strcmp(name, TL_DEVICE_RUNNER)) {
            find_devices(all, path);
            continue;
        }
        if (tl_builds_installed(name, &b, &ignored))
            b = (struct tl_builds){0};
        for (size_t k = 0; k < b.n; k++)
            add_described(all, name, path, &b.list[k]);
        if (!b.n)
            add_described(all, name, path, NULL);
        tl_builds_free(&b);
    }
    json_decref(runners);
}

static void free_described(struct described *all)
{
    for (size_t i = 0; i < all->n; i++) {
        free(all->names[i]);
        free((char *)all->list[i].runner);
        json_decref((json_t *)all->list[i].build);
        free((char *)all->list[i].speaks_for);
        free((char *)all->list[i].slots_of);
        tl_description_free(&all->list[i]);
    }
    free(all->names);
    free(all->list);
    tl_devices_free(&all->devices);
}

static void add_units(json_t *units, const char *name, const char *alias, const json_t *answer)
{
    json_t *d;
    size_t i;
    json_array_foreach(json_object_get(answer, "devices"), i, d) {
        const char *why = tl_member_text(d, "why");
        char *unit = tl_unit_name_text(name, NULL, tl_member_text(d, "name"), alias);
        json_array_append_new(units, json_pack("{s:s,s:b,s:s?}", "unit", unit, "usable",
                                               !json_is_false(json_object_get(d, "usable")), "why", why));
        free(unit);
    }
}

json_t *tl_cli_units(void)
{
    struct described all = {0};
    struct tl_error e;
    json_t *units = json_array();
    find_described(&all);
    struct tl_error *failures = tl_calloc(all.n, sizeof *failures);
    int failed = tl_describe(all.list, all.n, failures, &e);
    if (failed)
        tl_print_error(&e);
    for (size_t k = 0; k < all.n; k++) {
        if (*failures[k].what)
            tl_print_error(&failures[k]);
        add_units(units, all.names[k], all.list[k].alias, all.list[k].answer);
    }
    free(failures);
    free_described(&all);
    if (!failed)
        return units;
    json_decref(units);
    return NULL;
}

static int list_units(const struct tl_options *o)
{
    json_t *units = tl_cli_units(), *j;
    size_t i;
    if (!units)
        return TL_EXIT_ENVIRONMENT;
    if (o->json)
        return tl_print_json(json_pack("{s:o}", "units", units));
    json_array_foreach(units, i, j) {
        bool usable = tl_member_true(j, "usable");
        char *why = tl_reason_text(usable, tl_member_text(j, "why"));
        tl_cli_line("%-34s %s%s", tl_member_text(j, "unit"), usable ? "usable" : "not usable", why);
        free(why);
    }
    json_decref(units);
    return tl_finish_output(TL_EXIT_OK);
}

static bool is_over_builds(const json_t *finding)
{
    return !strcmp(tl_member_or(finding, "kind", ""), "builds");
}

/* Whether another search for the same failure, of the other kind, is in the list too: the trigger and the builds of it are
 * one finding (db/finding_join.h). */
static bool has_other_half(const json_t *list, const json_t *finding)
{
    const json_t *other;
    size_t i;
    json_array_foreach(list, i, other)
        if ((is_over_builds(finding) ? tl_finding_is_of_trigger(other) : is_over_builds(other)) &&
            tl_finding_is_same(finding, other))
            return true;
    return false;
}

static int list_findings(const struct tl_options *o, struct tl_store *s, const struct tl_filter *f)
{
    json_t *list, *j;
    struct tl_error e;
    size_t i;
    if (tl_finding_list(s, f, &list, &e))
        return tl_print_error(&e);
    if (o->json)
        return tl_print_json(json_pack("{s:o}", "findings", list));
    json_array_foreach(list, i, j) {
        if (is_over_builds(j) && has_other_half(list, j))
            continue; /* it is told with its trigger */
        bool over = tl_finding_is_of_trigger(j) && has_other_half(list, j);
        char *title = tl_report_title(j), *when = tl_time_text(tl_member_integer(j, "created_us"));
        tl_cli_line("%s  %s  %-10s %-24s %s  %s%s", tl_member_text(j, "finding"), when,
                    !tl_member_true(j, "reproduced") ? "no failure"
                    : tl_member_true(j, "complete")  ? "complete"
                                                     : "incomplete",
                    tl_member_text(j, "unit"), tl_member_text(j, "case"), title,
                    over ? "  (and over builds)" : "");
        free(title);
        free(when);
    }
    json_decref(list);
    return tl_finish_output(TL_EXIT_OK);
}

static int list_builds(const struct tl_options *o)
{
    struct tl_options again = *o;
    char *args[] = {(char *)"list"};
    again.args = args;
    again.n_args = 1;
    return tl_command_builds.run(&again);
}

static int list(struct tl_options *o)
{
    const char *what = o->n_args ? o->args[0] : "";
    struct tl_filter f;
    int status = tl_filter_of(&tl_command_list, o, &f);
    if (status >= 0)
        return status;
    if (!strcmp(what, "cases") && !o->case_name && !o->since)
        return list_case_files(o);
    if (o->n_args != 1)
        return tl_usage_error(&tl_command_list,
                              "cases, units, builds, trials, findings or signatures was expected");
    if (!strcmp(what, "units"))
        return list_units(o);
    if (!strcmp(what, "builds"))
        return list_builds(o);
    bool trials = !strcmp(what, "trials"), signatures = !strcmp(what, "signatures"),
         cases = !strcmp(what, "cases"), findings = !strcmp(what, "findings");
    if (!trials && !signatures && !cases && !findings)
        return tl_usage_error(&tl_command_list,
                              "%s: cases, units, builds, trials, findings or signatures was expected", what);
    struct tl_store *s;
    struct tl_error e;
    if (tl_store_open(o->db, TL_STORE_READ, &s, &e))
        return tl_print_error(&e);
    struct tl_cli_last_ids ids;
    status = tl_cli_last_of_filter(s, findings ? TL_STARTED_FINDING : TL_STARTED_TRIAL, &f, &ids);
    if (status < 0)
        status = trials     ? list_trials(o, s, &f)
                 : findings ? list_findings(o, s, &f)
                            : list_sums(o, s, signatures ? TL_SUM_SIGNATURE : TL_SUM_CASE, &f);
    tl_store_close(s, NULL);
    return status;
}

const struct tl_command tl_command_list = {
    .name = "list",
    .arguments = "cases [DIR…] | units | builds | trials | findings | signatures",
    .about = "list case files, units, builds, trials, findings or signatures",
    .options = "case unit outcome signature since limit after",
    .run = list,
};
