/* trapline report FINDING --retest: the reproducer is run again, on the build that it was found on and the newest one or on
 * those that are named, and what came of it is said in a sentence for each, to be added to the issue. */
#include "harness/cli/report.h"

#include "cases/load.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/builds/builds.h"
#include "harness/campaign/retest.h"
#include "harness/cli/begin.h"
#include "harness/executor/unit_list.h"
#include "reports/finding/axes.h"
#include "reports/finding/figures.h"
#include "reports/finding/members.h"
#include "reports/finding/retest.h"
#include "reports/members.h"
#include "reports/page/page.h"
#include "reports/redact/redact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct retest {
    const struct tl_command *command;
    const struct tl_options *o;
    const struct tl_report_sources *r;
    struct tl_retest t;
    struct tl_unit_list names;
    struct tl_cli_progress progress;
    json_t *entries;
};

/* Where the case file was when the failure was isolated: relative paths in it refer to there. */
static char *case_path(const json_t *finding, bool *known)
{
    const char *path = tl_member_text(finding, "case_path");
    *known = path && *path == '/';
    return *known ? tl_strdup(path) : tl_format("./%s.json", tl_member_or(finding, "case", "case"));
}

static int say_mistakes(const char *path, bool known, const struct tl_mistakes *m, const struct tl_error *e)
{
    tl_cli_print_each_mistake(path, m, false);
    if (!m->n)
        return tl_print_error(e);
    fprintf(stderr,
            "trapline: the case cannot be run again: its text is in the database, and files that it names "
            "are %s. "
            "Put them back%s, or isolate it anew where they are\n",
            known ? "not where they were" : "looked for here",
            known ? "" : ", run the command in the directory of the case");
    return TL_EXIT_INPUT;
}

/* The case as it was, with the files that it names as they are. NULL with the exit status. */
static struct tl_case *load_case(const struct tl_report_sources *r, int *status)
{
    const char *hash = tl_member_text(r->finding, "case_hash");
    struct tl_mistakes m = {0};
    struct tl_case *c = NULL;
    struct tl_error e;
    bool known;
    char *path = case_path(r->finding, &known),
         *text = r->case_document ? json_dumps(r->case_document, JSON_COMPACT) : NULL;
    if (!text) {
        tl_fail(&e, TL_ERROR_INPUT, "cannot try it again", tl_member_or(r->finding, "case", "the case"),
                "the text of its case file is not in this database; it may have been cut or merged. "
                "`trapline run` "
                "with the case file runs it");
        *status = tl_print_error(&e);
    } else if (tl_case_parse(text, strlen(text), path, &c, &m, &e)) {
        *status = say_mistakes(path, known, &m, &e);
    } else if (hash && strcmp(hash, c->hash) != 0) {
        tl_fail(&e, TL_ERROR_INPUT, "the case is not what it was", path,
                "a model or file that it names has another content than when the failure was isolated, so it "
                "would be "
                "another case that is tried%s; `trapline isolate` with the case file finds what fails now",
                known ? "" : " (files are looked for in this directory)");
        *status = tl_print_error(&e);
        tl_case_free(c);
        c = NULL;
    }
    tl_mistakes_free(&m);
    free(path);
    free(text);
    return c;
}

/* RUNNER@VERSION:DEVICE of the finding's unit, with this build. */
static char *unit_with(const struct tl_unit *u, const char *build)
{
    return build ? tl_format("%s@%s:%s%s%s", u->runner, build, u->device, u->alias ? "%" : "",
                             u->alias ? u->alias : "")
                 : tl_strdup(u->text);
}

static int add_unit(struct retest *k, const struct tl_unit *u, const char *build, struct tl_error *e)
{
    char *text = unit_with(u, build);
    int result = tl_unit_list_add(&k->names, text, e);
    free(text);
    return result;
}

/* The build that it was found on, where it is here, and the newest one. */
static int default_units(struct retest *k, const struct tl_unit *u, struct tl_error *e)
{
    const char *found = tl_member_text(json_object_get(k->r->finding, "build"), "version");
    struct tl_builds all = {0};
    struct tl_error ignored;
    bool here = false;
    if (!found || (u->build && strchr(u->build, '/')) || tl_builds_installed(u->runner, &all, &ignored) ||
        !all.n) {
        tl_builds_free(&all);
        return tl_unit_list_add(&k->names, u->text, e);
    }
    for (size_t i = 0; i < all.n; i++)
        here = here || !strcmp(all.list[i].version, found);
    const char *newest = all.list[all.n - 1].version;
    int result = here ? add_unit(k, u, found, e) : 0;
    if (!here)
        tl_cli_note("%s %s, on which it was found, is not here: it is tried on the newest build alone; "
                    "`trapline builds fetch %s@%s` brings it",
                    u->runner, found, u->runner, found);
    if (!result && strcmp(newest, found) != 0)
        result = add_unit(k, u, newest, e);
    tl_builds_free(&all);
    return result;
}

static int find_units(struct retest *k, struct tl_error *e)
{
    const char *text = tl_member_or(k->r->finding, "unit", "");
    struct tl_unit u;
    int result = tl_unit_parse(text, &u, e);
    for (size_t i = 0; i < k->o->n_units && !result; i++)
        result = tl_unit_list_add(&k->names, k->o->units[i], e);
    if (!result && k->o->build && !u.build &&
        !tl_member_text(json_object_get(k->r->finding, "build"), "version"))
        result = tl_fail(
            e, TL_ERROR_INPUT, "--build", k->o->build,
            "%s, the unit of this finding, has no builds: what it ran was whatever was installed. Without "
            "--build it is tried with what is installed now",
            text);
    else if (!result && k->o->build) {
        const char *versions = tl_builds_versions(k->o->build, u.runner, e);
        result = versions ? add_unit(k, &u, versions, e) : -1;
    }
    if (!result && !k->names.n)
        result = default_units(k, &u, e);
    tl_unit_free(&u);
    return result;
}

/* The failing variant, and the neighbour that passed. */
static int find_variants(struct retest *k, struct tl_error *e)
{
    const json_t *f = k->r->finding, *failing = tl_report_variant(f), *passes = NULL;
    json_t *control =
        k->r->has_control && k->r->control.variant ? json_loads(k->r->control.variant, 0, NULL) : NULL;
    if (!failing)
        return tl_fail(e, TL_ERROR_INPUT, "cannot try it again", tl_member_or(f, "finding", "the finding"),
                       "it does not say which variant failed");
    passes = control ? control : json_object_get(json_array_get(json_object_get(f, "decisive"), 0), "passes");
    int result = tl_variant_from_json(k->t.c, failing, &k->t.failing, e);
    if (!result && json_is_object(passes) && !tl_finding_over_builds(f) && !json_equal(passes, failing)) {
        struct tl_error gone; /* a control that is none of the case's variants is left out */
        k->t.has_control = !tl_variant_from_json(k->t.c, passes, &k->t.control, &gone);
    }
    json_decref(control);
    return result;
}

/* A failure is tried again with the runner that it was found with: another one may not even look at the model. */
static int check_runner(const struct retest *k, const struct tl_unit *u, struct tl_error *e)
{
    struct tl_unit found;
    if (tl_unit_parse(tl_member_or(k->r->finding, "unit", ""), &found, e))
        return -1;
    int result = strcmp(tl_base_name(u->runner), tl_base_name(found.runner)) != 0
                     ? tl_fail(e, TL_ERROR_INPUT, "--retest", u->text,
                               "the failure was found with the runner %s, and whether another one fails says "
                               "nothing of it. `trapline matrix` with the case file compares runners",
                               found.runner)
                     : 0;
    tl_unit_free(&found);
    return result;
}

/* Where no variant is the control it is the build on which this one passed, if that is here. */
static void find_good_unit(struct retest *k)
{
    const char *build = k->t.has_control ? NULL : tl_finding_good_build(k->r->finding);
    struct tl_unit found;
    struct tl_error gone;
    if (!build || tl_unit_parse(tl_member_or(k->r->finding, "unit", ""), &found, &gone))
        return;
    char *text = unit_with(&found, build);
    const char *names[] = {text};
    const struct tl_unit *unit = NULL;
    if (!tl_executor_units(k->t.x, names, 1, &unit, &gone) && unit && unit->usable && !unit->build_missing)
        k->t.good = unit;
    free(text);
    tl_unit_free(&found);
}

static int run_units(struct retest *k, struct tl_error *e)
{
    size_t n = k->names.n;
    const struct tl_unit **units = tl_calloc(n + 1, sizeof *units);
    int result = tl_executor_units(k->t.x, (const char *const *)k->names.list, n, units, e) ||
                         tl_units_check_builds(units, n, e)
                     ? -1
                     : 0;
    for (size_t i = 0; i < n && !result; i++)
        result = check_runner(k, units[i], e);
    if (!result)
        find_good_unit(k);
    for (size_t i = 0; i < n && !result; i++) {
        json_t *entry;
        result = tl_retest_run(&k->t, units[i], &entry, e);
        if (!result)
            json_array_append_new(k->entries, entry);
    }
    free(units);
    return result;
}

/* Takes the entries over; without whose machine it is. */
static json_t *document(const struct retest *k)
{
    const json_t *f = k->r->finding;
    json_t *d =
        json_pack("{s:i,s:s?,s:s?,s:s?,s:O}", "retest", 1, "finding", tl_member_text(f, "finding"), "case",
                  tl_member_text(f, "case"), "source", tl_member_text(f, "source"), "retests", k->entries);
    if (!k->o->keep_paths) {
        struct tl_redaction r;
        tl_redaction_init(&r);
        tl_redaction_add_hosts(&r, k->r->hosts);
        json_t *redacted = tl_redact_json(&r, d);
        tl_redaction_free(&r);
        json_decref(d);
        d = redacted;
    }
    json_t *entry;
    size_t i;
    json_array_foreach(json_object_get(d, "retests"), i, entry) {
        json_t *page = json_array();
        tl_page_paragraph(page, tl_retest_sentence(entry, NULL));
        char *text = tl_page_markdown(page);
        text[strcspn(text, "\n")] = '\0';
        json_object_set_new(entry, "sentence", json_string(text));
        json_decref(page);
        free(text);
    }
    return d;
}

/* That of the last unit, the newest build: whether somebody who has that still sees it. */
static int status_of(const json_t *entries)
{
    const json_t *last = json_array_get(entries, json_array_size(entries) - 1),
                 *control = json_object_get(last, "control");
    const char *verdict = tl_member_or(json_object_get(last, "retest"), "verdict", "not-tried");
    if (!strcmp(verdict, "not-judged"))
        fputs("trapline: nothing is known of the failure there: the control, which passed when it was found, "
              "ends "
              "in the same way. A file or program of the case may be gone or be another one\n",
              stderr);
    if (!strcmp(verdict, "not-tried") || !strcmp(verdict, "not-judged"))
        return TL_EXIT_INPUT;
    if (tl_retest_fails(last))
        return TL_EXIT_FAILURE;
    if (tl_member_integer(control, "failed") + tl_member_integer(control, "refused")) {
        fputs("trapline: it no longer fails, and its control does: another failure is in the way\n", stderr);
        return TL_EXIT_FAILURE;
    }
    return TL_EXIT_OK;
}

static int print(const struct retest *k)
{
    json_t *d = document(k), *entry;
    int status = status_of(json_object_get(d, "retests"));
    size_t i;
    if (k->o->json) {
        int printed = tl_print_json(d);
        return printed ? printed : status;
    }
    json_array_foreach(json_object_get(d, "retests"), i, entry)
        printf("%s\n", tl_member_or(entry, "sentence", ""));
    json_decref(d);
    return tl_finish_output(status);
}

static int run(struct retest *k)
{
    struct tl_options o = *k->o;
    struct tl_error e, closing;
    o.no_cache = true; /* what is known already is not what is asked */
    if (find_units(k, &e) || find_variants(k, &e) || tl_cli_executor(k->command, &o, &k->t.x, &e))
        return tl_print_error(&e);
    int result = run_units(k, &e);
    bool interrupted = tl_executor_interrupted(k->t.x);
    int closed = tl_executor_free(k->t.x, &closing);
    tl_cli_progress_clear();
    if (interrupted) {
        fputs("trapline: interrupted; the trials that ended are stored, and nothing is said of them. The "
              "same command "
              "begins anew\n",
              stderr);
        return TL_EXIT_INTERRUPTED;
    }
    if (result || closed)
        return tl_print_error(result ? &e : &closing);
    return print(k);
}

int tl_cli_report_retest(const struct tl_command *command, const struct tl_options *o,
                         const struct tl_report_sources *r)
{
    const json_t *f = r->finding;
    int status = TL_EXIT_OK;
    uint64_t enough = (uint64_t)tl_finding_enough(f);
    struct retest k = {.command = command, .o = o, .r = r, .entries = json_array()};
    if (o->n_units && o->build)
        status = tl_usage_error(command, "-u UNIT and --build VERSION are two ways to say where");
    else if (!tl_member_true(f, "reproduced"))
        status = tl_usage_error(command, "there is no failure to try again: the finding says that it did not "
                                         "show");
    struct tl_case *c = status ? NULL : load_case(r, &status);
    if (c) {
        tl_cli_progress_begin(&k.progress, o);
        k.t.c = c;
        k.t.finding = f;
        k.t.before = r->has_failing ? &r->failing : NULL;
        k.t.forked = !strcmp(tl_member_or(json_object_get(f, "processes"), "isolated", ""), "forked");
        k.t.evidence = enough;
        k.t.runs = enough <= TL_RETEST_RUNS       ? TL_RETEST_RUNS
                   : enough > TL_RETEST_RUNS_MOST ? TL_RETEST_RUNS_MOST
                                                  : (unsigned)enough;
        k.t.watch = &k.progress.watch;
        status = run(&k);
    }
    tl_retest_release(&k.t);
    tl_unit_list_free(&k.names);
    tl_case_free(c);
    json_decref(k.entries);
    return status;
}
