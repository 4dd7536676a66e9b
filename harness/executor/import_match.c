#include "harness/executor/import_match.h"

#include "db/query.h"
#include "db/system_report.h"
#include "harness/base/buffer.h"
#include "harness/verdict/related.h"
#include "harness/verdict/signature.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define SIGNATURES_MOST 100 /* newest, of which a trial is looked at for its stack */
#define MATCHES_MOST 8

const char *tl_import_how_words(enum tl_import_how how)
{
    static const char *const words[] = {"the same failure", "the same across builds", "the same stack"};
    return words[how];
}

static void add(struct tl_import_matches *m, enum tl_import_how how, const struct tl_same_failure *f)
{
    struct tl_import_match *x = TL_GROW(m->list, m->n);
    *x = (struct tl_import_match){.how = how,
                                  .phase = f->phase,
                                  .title = tl_strdup(f->title),
                                  .case_name = tl_strdup(f->case_name),
                                  .unit = tl_strdup(f->unit),
                                  .trials = f->trials};
    memcpy(x->signature_id, f->id, sizeof f->id);
    memcpy(x->trial_id, f->trial_id, sizeof f->trial_id);
}

static bool has(const struct tl_import_matches *m, const char *signature)
{
    for (size_t i = 0; i < m->n; i++)
        if (!strcmp(m->list[i].signature_id, signature))
            return true;
    return false;
}

/* The title that the stack alone gives; NULL where there is none. */
static char *stack_title(struct tl_trial_record *r)
{
    free(r->message);
    r->message = NULL;
    if (tl_failure_is_bare(r))
        return NULL;
    tl_signature_make(r);
    return tl_strdup(r->signature.coarse_title);
}

/* Looks at the newest trial of a signature. */
static int look_at(struct tl_store *s, const struct tl_sum *sum, const char *title,
                   struct tl_import_matches *m, struct tl_error *e)
{
    struct tl_filter f = {.signature_id = sum->name, .own = true, .limit = 1};
    struct tl_trial_lines lines;
    struct tl_trial_record own;
    if (tl_query_trials(s, &f, &lines, e))
        return -1;
    int failed = 0;
    if (lines.n && !(failed = tl_query_trial(s, lines.list[0].id, &own, e))) {
        char *other = stack_title(&own);
        if (other && !strcmp(other, title)) {
            struct tl_same_failure found = {.phase = sum->phase,
                                            .title = sum->title,
                                            .trials = sum->trials,
                                            .case_name = lines.list[0].case_name,
                                            .unit = lines.list[0].unit};
            snprintf(found.id, sizeof found.id, "%s", sum->name);
            memcpy(found.trial_id, lines.list[0].id, sizeof found.trial_id);
            add(m, TL_IMPORT_STACK, &found);
        }
        free(other);
        tl_trial_record_free(&own);
    }
    tl_trial_lines_free(&lines);
    return failed;
}

/* What a process said on stderr is not in a report, so that of an abort the stack alone is left to be compared. */
static int match_stacks(struct tl_store *s, const struct tl_trial_record *r, struct tl_import_matches *m,
                        struct tl_error *e)
{
    struct tl_filter f = {.outcomes = 1u << TL_OUTCOME_CRASH, .limit = SIGNATURES_MOST};
    struct tl_sums sums;
    struct tl_trial_record alone = {.outcome = r->outcome,
                                    .phase = r->phase,
                                    .signal = r->signal,
                                    .captures = r->captures,
                                    .n_captures = r->n_captures};
    char *title = stack_title(&alone);
    free(alone.signature.title);
    free(alone.signature.coarse_title);
    if (!title)
        return 0;
    int failed = tl_query_sums(s, TL_SUM_SIGNATURE, &f, &sums, e);
    for (size_t i = 0; !failed && i < sums.n && m->n < MATCHES_MOST; i++)
        if (sums.list[i].signal == r->signal && !has(m, sums.list[i].name))
            failed = look_at(s, &sums.list[i], title, m, e);
    if (!failed)
        tl_sums_free(&sums);
    free(title);
    return failed;
}

int tl_import_match(struct tl_store *s, const struct tl_trial_record *r, struct tl_import_matches *m,
                    struct tl_error *e)
{
    struct tl_same_failures same;
    *m = (struct tl_import_matches){0, NULL};
    if (!*r->signature.id || r->outcome == TL_OUTCOME_OOM || tl_failure_is_bare(r))
        return 0;
    if (tl_query_same_failures(s, r, &same, e))
        return -1;
    for (size_t i = 0; i < same.n; i++)
        add(m, same.list[i].coarse ? TL_IMPORT_COARSE : TL_IMPORT_SAME, &same.list[i]);
    tl_same_failures_free(&same);
    bool may_have_said = r->signal == SIGABRT || r->signal == SIGTRAP || r->signal == SIGILL;
    if (r->outcome == TL_OUTCOME_CRASH && may_have_said && match_stacks(s, r, m, e)) {
        tl_import_matches_free(m);
        return -1;
    }
    return 0;
}

/* A text of the database may hold what is no UTF-8: then it is left out. */
static json_t *text_json(const char *text)
{
    json_t *j = text ? json_string(text) : NULL;
    return j ? j : json_null();
}

json_t *tl_import_matches_json(const struct tl_import_matches *m)
{
    json_t *list = json_array();
    for (size_t i = 0; i < m->n; i++) {
        const struct tl_import_match *x = &m->list[i];
        json_array_append_new(list, json_pack("{s:s,s:s,s:o,s:s,s:o,s:o,s:s,s:I}", "how",
                                              tl_import_how_words(x->how), "signature", x->signature_id,
                                              "title", text_json(x->title), "phase", tl_phase_name(x->phase),
                                              "case", text_json(x->case_name), "unit", text_json(x->unit),
                                              "trial", x->trial_id, "trials", (json_int_t)x->trials));
    }
    return list;
}

void tl_import_matches_free(struct tl_import_matches *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->list[i].title);
        free(m->list[i].case_name);
        free(m->list[i].unit);
    }
    free(m->list);
    *m = (struct tl_import_matches){0, NULL};
}
