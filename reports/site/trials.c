/* Data files of trials: data/trials-N.js, ordered by id, each with the strings and environments of its own.
 * site.js finds the file of a trial by the first id of each. */
#include "db/query.h"
#include "db/site.h"
#include "harness/base/frame_text.h"
#include "reports/json_text.h"
#include "reports/site/failures.h"
#include "reports/site/files.h"
#include "reports/site/links.h"
#include "reports/site/strings.h"
#include "reports/site/text.h"

#include <stdlib.h>
#include <string.h>

#define OUTPUT_MOST 4096
#define MESSAGE_MOST 4000
#define VARIANT_MOST 8000
#define TITLE_MOST 500
#define THREADS_MOST 128 /* of a trial */
#define KNOWN 256        /* environments of a file whose numbers are remembered; a power of two */

struct trials {
    struct tl_site *w;
    struct tl_site_strings strings;
    struct tl_buffer rows, environments;
    size_t n_environments;
    struct {
        char session[TL_UUID_SIZE], environment[TL_ID_SIZE];
        size_t number;
    } known[KNOWN];
    size_t n, file;
    uint64_t done;
};

static int put_file(struct trials *t, struct tl_error *e)
{
    if (!t->n)
        return 0;
    const struct tl_site_member members[] = {
        {'s', &t->strings.json}, {'e', &t->environments}, {'r', &t->rows}};
    int rc = tl_site_put_data(t->w, "trials", t->file, members, 3, e);
    tl_site_strings_clear(&t->strings);
    tl_buffer_clear(&t->rows);
    tl_buffer_clear(&t->environments);
    memset(t->known, 0, sizeof t->known);
    t->n = t->n_environments = 0;
    t->file++;
    return rc;
}

/* The place of an environment in the file. Trials of a session stand together, so it is seldom looked up. */
static int environment_of(struct trials *t, const struct tl_trial_row *r, size_t *number, struct tl_error *e)
{
    const char *session = r->session_id ? r->session_id : "",
               *environment = r->environment_id ? r->environment_id : "";
    size_t at = 5381;
    for (const char *c = session; *c; c++)
        at = at * 33 + (unsigned char)*c;
    for (const char *c = environment; *c; c++)
        at = at * 33 + (unsigned char)*c;
    at &= KNOWN - 1;
    if (t->known[at].number && !strcmp(t->known[at].session, session) &&
        !strcmp(t->known[at].environment, environment)) {
        *number = t->known[at].number - 1;
        return 0;
    }
    json_t *j;
    if (tl_query_environment_of(t->w->s, r->session_id, r->environment_id, r->id, &j, e))
        return -1;
    if (t->n_environments)
        tl_buffer_add(&t->environments, ",", 1);
    tl_site_json_document(t->w, &t->environments, j);
    json_decref(j);
    *number = t->n_environments++;
    snprintf(t->known[at].session, sizeof t->known[at].session, "%s", session);
    snprintf(t->known[at].environment, sizeof t->known[at].environment, "%s", environment);
    t->known[at].number = *number + 1;
    return 0;
}

static long string(struct trials *t, const char *text, size_t most)
{
    return text ? tl_site_intern(t->w, &t->strings, text, strlen(text), most) : -1;
}

static void add_output(struct trials *t, const struct tl_output *o)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_output_end(&b, o, OUTPUT_MOST);
    while (b.size && ((unsigned char)*b.data & 0xc0) == 0x80) /* not in the middle of a character */
        tl_buffer_drop_front(&b, 1);
    tl_buffer_printf(&t->rows, ",%llu,%ld", (unsigned long long)o->total,
                     b.size ? tl_site_intern(t->w, &t->strings, b.data, b.size, 0) : -1);
    tl_buffer_free(&b);
}

static void add_captures(struct trials *t, const struct tl_site_belongings *b)
{
    size_t threads = 0;
    tl_buffer_add_string(&t->rows, ",[");
    for (size_t i = 0; i < b->n_captures && threads < THREADS_MOST; i++) {
        const struct tl_capture *c = &b->captures[i];
        char address[24] = "";
        if (c->has_address)
            snprintf(address, sizeof address, "0x%llx", (unsigned long long)c->fault_address);
        char *code = c->fault && c->fault->n_code ? tl_fault_code_text(c->fault) : NULL;
        const char *instruction = c->fault && c->fault->instruction ? c->fault->instruction : code;
        tl_buffer_printf(&t->rows, "%s[%ld,%ld,%d,%ld,%d,%d,%ld,%zu,%ld,%ld,[", i ? "," : "",
                         string(t, c->kind == TL_CAPTURE_HANG ? "hang" : "signal", 20),
                         string(t, c->exe, TITLE_MOST), c->pid,
                         string(t, c->signal ? tl_signal_name(c->signal) : NULL, 20), c->si_code, c->fatal,
                         string(t, *address ? address : NULL, 0), c->n_threads, string(t, instruction, 200),
                         string(t, c->fault ? c->fault->did : NULL, TITLE_MOST));
        free(code);
        for (size_t k = 0; k < c->n_threads && threads < THREADS_MOST; k++, threads++) {
            const struct tl_thread *x = &c->threads[k];
            char *state = tl_thread_state_text(x->state);
            tl_buffer_printf(&t->rows, "%s[%d,%d,%ld,%ld,%ld]", k ? "," : "", x->tid, x->crashed,
                             string(t, x->name, 20), string(t, state, 140),
                             string(t, *x->stack_id ? x->stack_id : NULL, 64));
            free(state);
        }
        tl_buffer_add_string(&t->rows, "]]");
    }
    tl_buffer_add_string(&t->rows, "]");
}

static int add_trial(void *arg, const struct tl_trial_row *r, const struct tl_site_belongings *b,
                     struct tl_error *e)
{
    struct trials *t = arg;
    struct tl_site *w = t->w;
    size_t environment = 0, unit = tl_site_unit_of(w, r->unit), place = tl_site_case_of(w, r->case_name);
    const struct tl_site_failure *failure = tl_site_failure_of(w, r->case_name, r->signature_id);
    if (t->done++ % 1024 == 0 && tl_site_tell(w, "writing trials", t->done - 1, w->r->trials, e))
        return -1;
    if (environment_of(t, r, &environment, e))
        return -1;
    if (!t->n) {
        char *first = tl_site_clean(w, r->id, strlen(r->id), 64);
        tl_site_file(&w->trial_files, first);
        free(first);
    }
    tl_buffer_add_string(&t->rows, t->n++ ? ",\n[" : "[");
    tl_site_id(w, &t->rows, r->id);
    tl_buffer_printf(
        &t->rows, ",%ld,%ld,%ld,%d,%d,%ld,%d,%d,%lld,%.4g,%.4g,%.4g,%llu,[",
        place == SIZE_MAX ? -1L : (long)place, unit == SIZE_MAX ? -1L : (long)unit,
        r->variant ? tl_site_intern_exact(w, &t->strings, r->variant, strlen(r->variant), VARIANT_MOST) : -1,
        (int)r->outcome, (int)r->phase, string(t, r->signal ? tl_signal_name(r->signal) : NULL, 20),
        r->exit_status, r->fresh, (long long)(r->started_us / 1000), r->wall_seconds, r->user_seconds,
        r->system_seconds, (unsigned long long)r->peak_rss);
    for (int p = 0; p < TL_PHASE_COUNT; p++)
        tl_buffer_printf(&t->rows, r->phase_seconds[p] < 0 ? "%s" : "%s%.4g", p ? "," : "",
                         r->phase_seconds[p]);
    tl_buffer_printf(&t->rows, "],%ld,%ld,%ld,%ld,%ld,%ld,%ld,%ld,%zu",
                     string(t, r->observed_device, TITLE_MOST), string(t, r->error_domain, TITLE_MOST),
                     string(t, r->error_code, TITLE_MOST), string(t, r->message, MESSAGE_MOST),
                     failure && failure->page ? string(t, failure->page, 0) : -1L,
                     string(t, r->title, TITLE_MOST), string(t, r->coarse_title, TITLE_MOST),
                     string(t, r->command, 2000), environment);
    add_output(t, &b->out);
    add_output(t, &b->err);
    add_captures(t, b);
    tl_buffer_printf(&t->rows, ",%ld]",
                     r->variant_hash ? tl_site_intern(w, &t->strings, r->variant_hash,
                                                      strnlen(r->variant_hash, TL_SITE_HASH), 0)
                                     : -1L);
    return t->rows.size + t->strings.json.size + t->environments.size > TL_SITE_FILE ? put_file(t, e) : 0;
}

int tl_site_write_trials(struct tl_site *w, struct tl_error *e)
{
    struct trials *t = tl_calloc(1, sizeof *t);
    t->w = w;
    int rc = tl_site_trials(w->s, add_trial, t, e) || put_file(t, e) ? -1 : 0;
    tl_site_strings_free(&t->strings);
    tl_buffer_free(&t->rows);
    tl_buffer_free(&t->environments);
    free(t);
    return rc;
}
