/* trapline db: care of the database. */
#include "harness/cli/begin.h"
#include "harness/cli/cli.h"

#include "db/finding.h"
#include "db/merge.h"
#include "db/query.h"
#include "db/store.h"
#include "harness/base/buffer.h"
#include "harness/base/plural.h"
#include "harness/cli/last.h"
#include "reports/trial.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 500 /* trials that an export reads at a time */

/* --- check ---------------------------------------------------------------------------------------------- */

/* Printed when it is found, unless there is a document to put it in. */
static void on_found(void *arg, const char *text)
{
    if (arg)
        json_array_append_new(arg, json_string(text));
    else
        tl_cli_line("%s", text);
}

/* The mistake of a file that is too damaged to be looked through, without the advice to do what was just done. */
static int print_unreadable(struct tl_error *e)
{
    char *advice = strstr(e->why, TL_STORE_CHECK_ADVICE),
         *rest = advice ? advice + strlen(TL_STORE_CHECK_ADVICE) : NULL;
    if (advice)
        memmove(advice, rest, strlen(rest) + 1);
    return tl_print_error(e);
}

static int check(struct tl_options *o)
{
    struct tl_store *s;
    struct tl_error e;
    size_t wrong = 0;
    json_t *found = o->json ? json_array() : NULL;
    if (tl_store_open(o->db, TL_STORE_READ, &s, &e)) {
        json_decref(found);
        return print_unreadable(&e);
    }
    bool failed = tl_store_check(s, on_found, found, &wrong, &e);
    int status = failed ? print_unreadable(&e) : wrong ? TL_EXIT_INPUT : TL_EXIT_OK;
    if (failed) {
        json_decref(found);
    } else if (o->json) {
        tl_print_json(json_pack("{s:s,s:b,s:o}", "db", tl_store_path(s), "sound", !wrong, "found", found));
    } else {
        tl_cli_line("%s: %s", tl_store_path(s), wrong ? "damaged" : "sound");
    }
    tl_store_close(s, NULL);
    return tl_finish_output(status);
}

/* --- merge and compact ---------------------------------------------------------------------------------- */

static int merge(struct tl_options *o)
{
    if (o->n_args < 2)
        return tl_usage_error(&tl_command_db, "merge: one database file or several were expected");
    struct tl_store *s;
    struct tl_error e;
    if (tl_cli_store(o, &s, &e))
        return tl_print_error(&e);
    struct tl_cli_progress p;
    tl_cli_progress_begin(&p, o);
    tl_cli_catch_interrupts();
    json_t *all = json_array();
    int status = TL_EXIT_OK;
    for (int i = 1; i < o->n_args && status == TL_EXIT_OK; i++) {
        struct tl_merged m;
        int result = tl_store_merge(s, o->args[i], &p.watch, &m, &e);
        tl_cli_progress_clear();
        if (result) {
            status = tl_print_error(&e);
            break;
        }
        json_array_append_new(all, json_pack("{s:s,s:I,s:I,s:I,s:I}", "file", o->args[i], "trials",
                                             (json_int_t)m.trials, "known", (json_int_t)m.known, "regained",
                                             (json_int_t)m.regained, "findings", (json_int_t)m.findings));
        if (o->json)
            continue;
        struct tl_buffer b = TL_BUFFER_INIT;
        if (m.regained)
            tl_buffer_printf(&b, "; %llu that were lost or incomplete here are whole now",
                             (unsigned long long)m.regained);
        char *regained = tl_buffer_take(&b);
        tl_cli_line("%s: %llu trial%s brought in, %llu known already, %llu finding%s%s", o->args[i],
                    (unsigned long long)m.trials, tl_plural(m.trials), (unsigned long long)m.known,
                    (unsigned long long)m.findings, tl_plural(m.findings), regained);
        free(regained);
    }
    if (o->json)
        tl_print_json(json_pack("{s:s,s:o}", "db", tl_store_path(s), "merged", all));
    else
        json_decref(all);
    if (tl_store_close(s, &e) && status == TL_EXIT_OK)
        status = tl_print_error(&e);
    return tl_finish_output(status);
}

static int compact(struct tl_options *o)
{
    struct tl_store *s;
    struct tl_error e;
    struct tl_compacted c;
    if (tl_store_open(o->db, TL_STORE_READ, &s, &e)) /* there must be one */
        return tl_print_error(&e);
    tl_store_close(s, NULL);
    if (tl_cli_store(o, &s, &e))
        return tl_print_error(&e);
    struct tl_cli_progress p;
    tl_cli_progress_begin(&p, o);
    tl_cli_catch_interrupts();
    int result = tl_store_compact(s, &p.watch, &c, &e), status = TL_EXIT_OK;
    tl_cli_progress_clear();
    if (result)
        status = tl_print_error(&e);
    else if (o->json)
        status = tl_print_json(json_pack("{s:s,s:I,s:I,s:I}", "db", tl_store_path(s), "before",
                                         (json_int_t)c.before, "after", (json_int_t)c.after, "rows",
                                         (json_int_t)c.rows));
    else
        tl_cli_line("%s: %.1f MB, before %.1f MB; %llu row%s that nothing refers to %s removed",
                    tl_store_path(s), (double)c.after / 1e6, (double)c.before / 1e6,
                    (unsigned long long)c.rows, tl_plural(c.rows), tl_one_or_many(c.rows, "was", "were"));
    if (tl_store_close(s, &e) && status == TL_EXIT_OK)
        status = tl_print_error(&e);
    return tl_finish_output(status);
}

/* --- export --------------------------------------------------------------------------------------------- */

struct export
{
    bool document; /* one document instead of a line for each */
    uint64_t n;
    struct tl_cli_progress line;
};

static void print_one(struct export *x, json_t *j) /* takes the reference */
{
    char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    if (x->document)
        printf("%s\n%s", x->n ? "," : "", text);
    else
        puts(text);
    free(text);
    if (x->n++ % 16 == 0)
        tl_watch_line(&x->line.watch, "%llu exported", (unsigned long long)x->n);
}

static int export_page(struct export *x, struct tl_store *s, const struct tl_trial_lines *page,
                       struct tl_error *e)
{
    int result = 0;
    for (size_t i = 0; i < page->n && !result; i++) {
        struct tl_trial_record r;
        json_t *environment = NULL;
        result = tl_query_trial(s, page->list[i].id, &r, e);
        if (!result) {
            result = tl_query_environment(s, r.id, &environment, e);
            if (!result)
                print_one(x, tl_trial_json(&r, environment));
            json_decref(environment);
            tl_trial_record_free(&r);
        }
    }
    return result;
}

/* Each page is read in one transaction: to lock the file for every query costs more than most of them. It is not held for
 * longer, for whoever takes the lines may be slow, and the log of those who write would grow meanwhile. */
static int export_trials(struct export *x, struct tl_store *s, struct tl_filter f, struct tl_error *e)
{
    char after[TL_UUID_SIZE];
    uint64_t left = f.limit ? f.limit : UINT64_MAX;
    while (left && !tl_cli_interrupted() && !ferror(stdout)) {
        struct tl_trial_lines page = {0};
        f.limit = left < PAGE ? (size_t)left : PAGE;
        if (tl_store_read_begin(s, e))
            return -1;
        int result = tl_query_trials(s, &f, &page, e) || export_page(x, s, &page, e) ? -1 : 0;
        tl_store_read_end(s);
        size_t n = page.n;
        if (n)
            memcpy(after, page.list[n - 1].id, sizeof after);
        tl_trial_lines_free(&page);
        if (result)
            return -1;
        if (n < f.limit)
            return 0;
        left -= n;
        f.after = after;
    }
    return 0;
}

static int export_findings(struct export *x, struct tl_store *s, struct tl_filter f, struct tl_error *e)
{
    json_t *list, *j;
    size_t i;
    if (!f.limit)
        f.limit = SIZE_MAX / 4;
    if (tl_finding_list(s, &f, &list, e))
        return -1;
    json_array_foreach(list, i, j)
        print_one(x, json_incref(j));
    json_decref(list);
    return 0;
}

static int export(struct tl_options *o)
{
    const char *what = o->n_args > 1 ? o->args[1] : "trials";
    bool findings = !strcmp(what, "findings");
    struct tl_filter f;
    struct tl_store *s;
    struct tl_error e;
    if (o->n_args > 2 || (!findings && strcmp(what, "trials")))
        return tl_usage_error(&tl_command_db, "export: trials or findings was expected");
    int status = tl_filter_of(&tl_command_db, o, &f);
    if (status >= 0)
        return status;
    if (tl_store_open(o->db, TL_STORE_READ, &s, &e))
        return tl_print_error(&e);
    struct tl_cli_last_ids ids;
    status = tl_cli_last_of_filter(s, findings ? TL_STARTED_FINDING : TL_STARTED_TRIAL, &f, &ids);
    if (status >= 0) {
        tl_store_close(s, NULL);
        return status;
    }
    struct export x = {.document = o->json};
    tl_cli_progress_begin(&x.line, o);
    tl_cli_catch_interrupts();
    if (o->json)
        printf("{\"%s\": [", what);
    int result = findings ? export_findings(&x, s, f, &e) : export_trials(&x, s, f, &e);
    if (o->json)
        puts("]}");
    tl_cli_progress_clear();
    tl_store_close(s, NULL);
    status = result ? tl_print_error(&e) : tl_cli_interrupted() ? TL_EXIT_INTERRUPTED : TL_EXIT_OK;
    return tl_finish_output(status);
}

static int db(struct tl_options *o)
{
    const char *what = o->n_args ? o->args[0] : "";
    if (!strcmp(what, "check") && o->n_args == 1)
        return check(o);
    if (!strcmp(what, "compact") && o->n_args == 1)
        return compact(o);
    if (!strcmp(what, "merge"))
        return merge(o);
    if (!strcmp(what, "export"))
        return export(o);
    return tl_usage_error(&tl_command_db, "check, merge FILE…, export or compact was expected");
}

const struct tl_command tl_command_db = {
    .name = "db",
    .arguments = "check | merge FILE… | export [trials|findings] | compact",
    .about = "check, merge, export or compact the database",
    .options = "case unit outcome signature since limit after",
    .run = db,
};
