#include "harness/base/proof.h"

#include "harness/base/buffer.h"
#include "harness/base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define MISUSED 2 /* with which reproducers end that could not even begin */

static const char mark[] = "RESULT: ";

void tl_proof_free(struct tl_proof *p)
{
    free(p->line);
    free(p->message);
    free(p->title);
    *p = (struct tl_proof){0};
}

static bool holds(const char *text, size_t size, const char *word)
{
    return text && size && memmem(text, size, word, strlen(word));
}

static bool wrote(const struct tl_output *o, const char *word)
{
    return holds(o->head, o->head_size, word) || holds(o->tail, o->tail_size, word);
}

bool tl_proof_holds(const struct tl_proof_expected *x, const struct tl_trial_record *r)
{
    if (x->outcome == TL_OUTCOME_HANG || r->outcome == TL_OUTCOME_HANG)
        return r->outcome == x->outcome;
    if (x->outcome == TL_OUTCOME_OOM && !x->signal) /* however it ends for want of memory */
        return r->signal || (r->exit_status != 0 && r->exit_status != MISUSED);
    if (x->signal ? r->signal != x->signal : r->signal != 0)
        return false;
    if (x->outcome == TL_OUTCOME_PASS)
        return r->exit_status == 0;
    if (!x->signal && (x->exit_status < 0 ? r->exit_status == 0 : r->exit_status != x->exit_status))
        return false;
    for (const char *const *word = x->words; word && *word; word++)
        if (!wrote(&r->out, *word) && !wrote(&r->err, *word))
            return false;
    return true;
}

/* The last line of a text that says its result. */
static char *marked_line(const char *text, size_t size)
{
    char *found = NULL;
    for (const char *at = text, *end = text + size; at && at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end;
        if ((size_t)(stop - at) >= sizeof mark - 1 && !memcmp(at, mark, sizeof mark - 1)) {
            free(found);
            found = tl_clean_text(at, (size_t)(stop - at), false);
        }
        at = newline ? newline + 1 : end;
    }
    return found;
}

char *tl_proof_line(const struct tl_trial_record *r)
{
    char *line = marked_line(r->out.tail, r->out.tail_size);
    line = line ? line : marked_line(r->out.head, r->out.head_size);
    line = line ? line : tl_output_last_line(&r->out);
    return line ? line : tl_output_last_line(&r->err);
}

void tl_proof_add(struct tl_proof *p, const struct tl_proof_expected *x, const struct tl_trial_record *r,
                  bool held, enum tl_proof_by by)
{
    bool shown = !p->runs || (!held && p->as_expected == p->runs),
         died = r->outcome == TL_OUTCOME_CRASH || r->outcome == TL_OUTCOME_HANG;
    if (held && (!p->as_expected || by < p->by))
        p->by = by;
    p->runs++;
    p->as_expected += held;
    if (!shown)
        return;
    free(p->line);
    free(p->message);
    free(p->title);
    p->outcome = held ? x->outcome : r->outcome;
    p->signal = r->signal;
    p->exit_status = r->exit_status;
    p->line = tl_proof_line(r);
    p->message = tl_strdup(r->message);
    p->title = !held && died ? tl_strdup(r->signature.title) : NULL;
}

json_t *tl_proof_json(const struct tl_proof *p, const char *program, const char *side,
                      const char *const *command)
{
    static const char *const by[] = {NULL, "signal", "message", "stack"};
    json_t *words = json_array();
    for (; command && *command; command++)
        json_array_append_new(words, json_string(*command));
    return json_pack("{s:s,s:s,s:o,s:i,s:i,s:s,s:s?,s:o,s:s?,s:s?,s:s?,s:n}", "program", program, "side",
                     side, "command", words, "runs", (int)p->runs, "as_reported", (int)p->as_expected,
                     "outcome", tl_outcome_name(p->outcome), "signal",
                     p->signal ? tl_signal_name(p->signal) : NULL, "exit_status",
                     p->exit_status >= 0 ? json_integer(p->exit_status) : json_null(), "line", p->line,
                     "title", p->title, "told_by", p->as_expected ? by[p->by] : NULL, "note");
}

json_t *tl_proof_not_run_json(const char *program, const char *side, const char *const *command,
                              const char *why)
{
    struct tl_proof none = {.exit_status = -1};
    json_t *j = tl_proof_json(&none, program, side, command);
    json_object_set_new(j, "outcome", json_null());
    json_object_set_new(j, "note", json_string(why ? why : "unknown"));
    return j;
}
