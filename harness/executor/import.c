/* Reports of a system become trials, or part of trials.
 *
 * Theory of operation. A report is known by its incident id; one that is known adds nothing. Which trials one is about is
 * a question of time first: those are looked up that ran at the moment it was written (db/system_report.h). Then:
 *
 *   a crash       is of a trial when it is of one of its processes, or of a child of one; of a process that worked for it
 *                 when crash_report/belongs.h says so; else it makes a trial of the case "imported", known by an id made of
 *                 the report's own, so that two databases that imported the same file have the same trial.
 *   no memory     the same, without helpers.
 *   any other     is a note on all trials that ran then; where it names a process that is one of theirs, on those alone.
 *
 * Where a trial and a report both say which build of the system it was, they have to agree.
 *
 * A trial of one's own that left no stack, because the system wrote its report too late or its reports were limited, gets
 * the stack of the report, and with it the message and the signature that it would have had. One that somebody killed
 * was out of memory when jetsam names its process. */
#include "harness/executor/import.h"

#include "db/imported.h"
#include "db/query.h"
#include "db/system_report.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/crash_report/belongs.h"
#include "harness/crash_report/form.h"
#include "harness/crash_report/ips.h"
#include "harness/executor/import_match.h"
#include "harness/verdict/fault.h"
#include "harness/verdict/related.h"
#include "harness/verdict/report.h"
#include "harness/verdict/signature.h"

#include <errno.h>
#include <fts.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char doing[] = "cannot import";

/* A trial that ran when the report was written. */
struct candidate {
    char id[TL_UUID_SIZE];
    struct tl_report_window window;
    int *pids;
    bool other_build;
};

struct import {
    struct tl_store *s;
    tl_import_told told;
    void *arg;
    const char *path;
    size_t number;
    /* of one report */
    const struct tl_ips *ips;
    struct tl_system_report kept;
    size_t n;
    struct candidate *candidates;
    struct tl_import_answer answer;
    size_t n_trials;
    char (*trials)[TL_UUID_SIZE];
    char *why;
};

/* ---- which trials ---- */

static int add_candidate(void *arg, const struct tl_trial_then *t, struct tl_error *e)
{
    struct import *m = arg;
    struct candidate *c = TL_GROW(m->candidates, m->n);
    json_t *pids = t->pids ? json_loads(t->pids, 0, NULL) : NULL;
    size_t n = json_array_size(pids);
    const char *build = m->ips->os_build;
    (void)e;
    *c = (struct candidate){.pids = tl_calloc(n + 1, sizeof *c->pids)};
    memcpy(c->id, t->id, sizeof c->id);
    for (size_t i = 0; i < n; i++)
        c->pids[i] = (int)json_integer_value(json_array_get(pids, i));
    json_decref(pids);
    c->window =
        (struct tl_report_window){.pid = n ? c->pids[0] : 0,
                                  .descendants = c->pids + 1,
                                  .n_descendants = n ? n - 1 : 0,
                                  .launched_us = t->started_us,
                                  /* One that was lost ran until nobody knows when. */
                                  .ended_us = t->outcome == TL_OUTCOME_LOST ? INT64_MAX / 2 : t->ended_us};
    c->other_build = build && t->os_build && *t->os_build && strcmp(build, t->os_build) != 0;
    return 0;
}

static void free_candidates(struct import *m)
{
    for (size_t i = 0; i < m->n; i++)
        free(m->candidates[i].pids);
    free(m->candidates);
    m->candidates = NULL;
    m->n = 0;
}

static void add_trial(struct import *m, const char *id)
{
    memcpy(*TL_GROW(m->trials, m->n_trials), id, TL_UUID_SIZE);
}

/* Whether a report of any kind is of a process of the trial; time was looked at already. */
static bool is_own(const struct tl_ips *ips, const struct candidate *c)
{
    return tl_report_is_own(ips, &c->window);
}

/* The trial whose process it is of: the one that began last. NULL when there is none; one that would be it but for the
 * build is told. */
static const struct candidate *find_own(struct import *m)
{
    const struct candidate *found = NULL;
    for (size_t i = 0; i < m->n; i++) {
        const struct candidate *c = &m->candidates[i];
        if (!is_own(m->ips, c))
            continue;
        if (!c->other_build) {
            found = c;
        } else if (!m->why) {
            m->why = tl_format(
                "trial %s ran then and had a process of that number, but on another build of the system "
                "than %s: it is not its report",
                c->id, m->ips->os_build);
        }
    }
    return found;
}

/* ---- what becomes of it ---- */

/* What is told is stored: a disk that is full shows when the group is flushed. */
static int answer(struct import *m, enum tl_import_result result, const struct tl_trial_record *r,
                  struct tl_error *e)
{
    if (tl_store_flush(m->s, e))
        return -1;
    m->answer.result = result;
    m->answer.path = m->path;
    m->answer.number = m->number;
    m->answer.about = &m->kept;
    m->answer.n_trials = m->n_trials;
    m->answer.trials = (const char(*)[TL_UUID_SIZE])m->trials;
    m->answer.record = r;
    m->answer.why = m->why;
    m->told(m->arg, &m->answer);
    return 0;
}

static int attach(struct import *m, const char *trial, enum tl_report_relation relation, struct tl_error *e)
{
    struct tl_system_report r = m->kept; /* borrowed */
    r.relation = relation;
    add_trial(m, trial);
    return tl_store_report(m->s, &r, trial, e);
}

/* A trial of which no stack is known, and a report that has one. */
static bool can_complete(const struct tl_trial_record *r, const struct tl_crash_report *p)
{
    return r->outcome == TL_OUTCOME_CRASH && tl_failure_is_bare(r) && p->capture.n_threads &&
           !p->launch_failure && (!r->signal || r->signal == p->signal);
}

/* Somebody killed the trial, and nobody knew who: it was the system, for want of memory. */
static bool explains_kill(const struct tl_trial_record *r, const struct tl_ips *ips)
{
    return ips->kind == TL_IPS_MEMORY && r->outcome == TL_OUTCOME_ERROR && r->signal == SIGKILL &&
           r->error_domain && !strcmp(r->error_domain, "signal");
}

static int attach_own(struct import *m, struct tl_ips *ips, const struct candidate *c, struct tl_error *e)
{
    struct tl_trial_record r;
    if (attach(m, c->id, TL_REPORT_OWN, e) || tl_query_trial(m->s, c->id, &r, e))
        return -1;
    int failed = 0;
    bool stack = can_complete(&r, &ips->report), kill = explains_kill(&r, ips);
    if (stack) {
        tl_verdict_add_report(&ips->report, &r);
        tl_verdict_faults(&r);
        tl_signature_make(&r);
    } else if (kill) {
        tl_verdict_of_want_of_memory(tl_strdup(ips->note), &r);
    }
    if (stack || kill)
        failed = tl_store_completed(m->s, &r, e);
    m->answer.completed = stack && !failed;
    if (!failed)
        failed = answer(m, TL_IMPORT_ATTACHED, &r, e);
    tl_trial_record_free(&r);
    return failed;
}

/* An id that is the report's own in the form of a time-ordered UUID: of the moment of the report, whoever imports it. */
static void make_id(const struct tl_system_report *kept, char id[TL_UUID_SIZE])
{
    static const char variants[] = "89ab";
    int64_t us = kept->captured_us;
    uint64_t ms = us > 0 ? (uint64_t)(us / 1000) & ((UINT64_C(1) << 48) - 1) : 0;
    char hash[TL_ID_SIZE];
    char *key = tl_format("trial of report %s", kept->id);
    tl_content_id(key, strlen(key), hash);
    free(key);
    snprintf(id, TL_UUID_SIZE, "%08x-%04x-7%.3s-%c%.3s-%.12s", (unsigned)(ms >> 16), (unsigned)(ms & 0xffff),
             hash, variants[hash[3] & 3], hash + 4, hash + 8);
}

static void fill_record(struct import *m, struct tl_ips *ips, struct tl_trial_record *r)
{
    static const char nothing[] = "{}";
    int64_t from =
        ips->launched_us > 0 && ips->launched_us <= ips->captured_us ? ips->launched_us : ips->captured_us;
    *r = (struct tl_trial_record){.started_us = from, .fresh = true, .phase = TL_PHASE_START};
    make_id(&m->kept, r->id);
    r->case_name = tl_strdup(TL_IMPORTED_CASE);
    snprintf(r->case_hash, sizeof r->case_hash, "%s", TL_IMPORTED_HASH);
    r->variant = tl_strdup(nothing);
    tl_content_id(nothing, strlen(nothing), r->variant_hash);
    r->unit = tl_strdup(TL_IMPORTED_UNIT);
    r->wall_seconds = (double)(ips->captured_us - from) / 1e6;
    for (int p = 0; p < TL_PHASE_COUNT; p++)
        r->phase_seconds[p] = -1;
    tl_trial_record_joined(r, ips->pid);
    if (ips->kind == TL_IPS_MEMORY)
        tl_verdict_of_want_of_memory(tl_strdup(ips->note), r);
    else
        tl_verdict_of_report(&ips->report, r);
    tl_verdict_faults(r);
}

/* A report does not tell the phase. Where a failure of one's own is the same, it is that one's. */
static int adopt_phase(struct import *m, struct tl_trial_record *r, struct tl_error *e)
{
    struct tl_import_matches matches;
    if (tl_import_match(m->s, r, &matches, e))
        return -1;
    if (matches.n)
        tl_verdict_set_phase(matches.list[0].phase, r);
    tl_import_matches_free(&matches);
    return 0;
}

static int make_trial(struct import *m, struct tl_ips *ips, struct tl_error *e)
{
    struct tl_trial_record r;
    fill_record(m, ips, &r);
    int failed = adopt_phase(m, &r, e);
    if (!failed) {
        struct tl_system_report kept = m->kept; /* borrowed for the call */
        r.reports = &kept;
        r.n_reports = 1;
        add_trial(m, r.id);
        failed = tl_store_imported(m->s, &r, e);
        if (!failed)
            failed = answer(m, TL_IMPORT_ADDED, &r, e);
        r.reports = NULL;
        r.n_reports = 0;
    }
    tl_trial_record_free(&r);
    return failed;
}

static int place_failure(struct import *m, struct tl_ips *ips, struct tl_error *e)
{
    const struct candidate *own = find_own(m);
    if (own) {
        free(m->why); /* of one of another build: this is the one */
        m->why = NULL;
        return attach_own(m, ips, own, e);
    }
    for (size_t i = 0; i < m->n; i++)
        if (!m->candidates[i].other_build && tl_report_is_of_helper(ips, &m->candidates[i].window) &&
            attach(m, m->candidates[i].id, TL_REPORT_HELPER, e))
            return -1;
    if (!m->n_trials)
        return make_trial(m, ips, e);
    return answer(m, TL_IMPORT_HELPER, NULL, e);
}

/* A panic and an event of the GPU befall everybody; what is of one process is no matter of others. */
static bool befalls_all(const struct tl_ips *ips)
{
    return ips->bug_type == 210 || ips->bug_type == 284 || !ips->pid;
}

static int place_note(struct import *m, struct tl_error *e)
{
    bool all = befalls_all(m->ips);
    size_t elsewhere = 0;
    for (size_t i = 0; i < m->n; i++) {
        const struct candidate *c = &m->candidates[i];
        if (!all && !is_own(m->ips, c))
            continue;
        elsewhere += c->other_build;
        if (!c->other_build && attach(m, c->id, TL_REPORT_NOTE, e))
            return -1;
    }
    if (!m->n_trials) {
        free(m->why);
        m->why = tl_strdup(elsewhere ? "trials ran then, but on another build of the system"
                           : all     ? "no trial of this database ran then"
                                     : "it is of a process of no trial of this database");
    }
    return answer(m, m->n_trials ? TL_IMPORT_NOTED : TL_IMPORT_UNRELATED, NULL, e);
}

static int place(struct import *m, struct tl_ips *ips, struct tl_error *e)
{
    struct tl_report_place *places;
    size_t n;
    bool known;
    if (tl_query_report_places(m->s, m->kept.id, &known, &places, &n, e))
        return -1;
    for (size_t i = 0; i < n; i++)
        add_trial(m, places[i].trial_id);
    free(places);
    if (known)
        return answer(m, TL_IMPORT_KNOWN, NULL, e);
    if (ips->captured_us &&
        tl_query_trials_then(m->s, ips->captured_us, 2 * TL_IPS_SLACK_US, add_candidate, m, e))
        return -1;
    return ips->kind == TL_IPS_NOTE ? place_note(m, e) : place_failure(m, ips, e);
}

/* ---- files ---- */

static int one_report(struct import *m, struct tl_ips *ips, const char *text, struct tl_error *e)
{
    int failed = 0;
    m->kept = tl_ips_kept(ips, TL_REPORT_IMPORTED, tl_base_name(m->path), text);
    if (ips->kind == TL_IPS_CRASH)
        m->kept.title = tl_verdict_report_title(&ips->report);
    m->ips = ips;
    m->why = NULL;
    m->trials = NULL;
    m->n_trials = 0;
    m->answer = (struct tl_import_answer){0};
    if (ips->kind == TL_IPS_UNREAD) {
        m->why = tl_strdup(ips->refused);
        failed = answer(m, TL_IMPORT_REFUSED, NULL, e);
    } else {
        failed = place(m, ips, e);
    }
    free_candidates(m);
    free(m->why);
    free(m->trials);
    tl_system_report_free(&m->kept);
    return failed;
}

static void refuse(struct import *m, char *why) /* takes it */
{
    m->answer = (struct tl_import_answer){.result = TL_IMPORT_REFUSED, .path = m->path, .why = why};
    m->told(m->arg, &m->answer);
    free(why);
}

static int all_reports(struct import *m, struct tl_ips_reader *reader, const char *text, struct tl_error *e)
{
    struct tl_ips ips;
    int failed = 0;
    for (size_t n = 1; !failed && tl_ips_reader_next(reader, &ips); n++) {
        m->number = n > 1 || reader->header ? n : 0;
        failed = one_report(m, &ips, text, e);
        tl_ips_free(&ips);
    }
    char *left = tl_ips_reader_end(reader);
    m->number = 0;
    if (left && !failed)
        refuse(m, left);
    else
        free(left);
    return failed;
}

static int one_file(struct import *m, struct tl_error *e)
{
    size_t size;
    char *text =
        strcmp(m->path, "-") ? tl_read_file(m->path, TL_IPS_MOST, &size) : tl_read_input(TL_IPS_MOST, &size);
    struct tl_ips_reader reader;
    struct tl_error wrong;
    int failed = 0;
    if (!text) {
        refuse(m, errno == EFBIG ? tl_format("it has more than %u MiB", TL_IPS_MOST >> 20)
                                 : tl_format("it cannot be read: %s", strerror(errno)));
        return 0;
    }
    const char *form = tl_report_form(text, size);
    if (form) {
        refuse(m, tl_strdup(form));
    } else if (tl_ips_reader_begin(&reader, text, size, &wrong)) {
        refuse(m, tl_format("it is no report that trapline knows: %s: %s", wrong.where, wrong.why));
    } else {
        failed = all_reports(m, &reader, text, e);
    }
    free(text);
    return failed;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int one_entry(struct import *m, FTS *f, FTSENT *x, struct tl_error *e)
{
    bool hidden = x->fts_level > FTS_ROOTLEVEL && *x->fts_name == '.';
    m->path = x->fts_path;
    m->number = 0;
    switch (x->fts_info) {
    case FTS_D:
        if (hidden)
            fts_set(f, x, FTS_SKIP);
        return 0;
    case FTS_F:
        return hidden ? 0 : one_file(m, e);
    case FTS_NS:
    case FTS_DNR:
    case FTS_ERR:
        if (x->fts_level == FTS_ROOTLEVEL)
            return tl_fail_errno(e, TL_ERROR_INPUT, x->fts_errno, doing, x->fts_path,
                                 "a file or a folder that can be read was expected");
        refuse(m, tl_format("it cannot be read: %s", strerror(x->fts_errno)));
        return 0;
    case FTS_SLNONE:
        return x->fts_level > FTS_ROOTLEVEL
                   ? 0
                   : tl_fail_errno(e, TL_ERROR_INPUT, access(x->fts_path, R_OK) ? errno : ENOENT, doing,
                                   x->fts_path, "it is a link that leads to no file");
    case FTS_DEFAULT: /* a pipe would keep us waiting */
        refuse(m, tl_strdup("it is no regular file"));
        return 0;
    default: /* a link within a folder, or the end of a folder */
        return 0;
    }
}

int tl_import(struct tl_store *s, const char *path, const struct tl_watch *watch, tl_import_told told,
              void *arg, struct tl_error *e)
{
    struct import m = {.s = s, .told = told, .arg = arg, .path = path};
    if (!strcmp(path, "-"))
        return one_file(&m, e);
    char *root = tl_strdup(path), *roots[] = {root, NULL};
    FTS *f = *path ? fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name) : NULL;
    int failed = 0;
    if (!f)
        failed = tl_fail_errno(e, TL_ERROR_INPUT, *path ? errno : ENOENT, doing, path,
                               "a file or a folder that can be read was expected");
    for (FTSENT *x; f && !failed && (x = fts_read(f));) {
        if (tl_watch_line(watch, "importing %s", x->fts_path))
            failed = tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", x->fts_path,
                             "what was imported before stays in the database");
        else
            failed = one_entry(&m, f, x, e);
    }
    if (f)
        fts_close(f);
    free(root);
    return failed;
}
