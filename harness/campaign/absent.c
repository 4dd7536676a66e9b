/* A mistake of the user's is no failure of the runtime.
 *
 * A case whose command names a file that is not there fails always, in the same way, and whatever its axes are: an isolation
 * would call that a crash or error that nothing of the failing variant is needed for. So where the failing variant says
 * that something is not there the baseline is run at once, and where it says the same the command ends, with the word to
 * change. What only the failing variant misses may be a failure like any other, as the tool may have failed to write it; but
 * not where it is a file that one word of the case names, which only some variants have, and nothing writes: an option with a
 * mistyped name is no trigger. */
#include "harness/campaign/absent.h"

#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/executor/beside.h"
#include "harness/verdict/kind.h"

#include <stdlib.h>
#include <string.h>

#define LAST 600 /* bytes of what was written to stderr */

/* The message and the end of what it wrote: the message is one line, and which file it missed may stand in another. */
static char *words_of(const struct tl_trial_record *r)
{
    const struct tl_output *o = &r->err;
    const char *text = o->tail_size ? o->tail : o->head;
    size_t n = o->tail_size ? o->tail_size : o->head_size, from = n > LAST ? n - LAST : 0;
    return tl_format("%s\n%.*s", r->message ? r->message : "", (int)(n - from), n ? text + from : "");
}

/* What it wrote counts for an error alone, and only with a word of the case: a runtime may miss something and go on. */
static bool is_absent(const struct tl_case *c, const struct tl_trial_record *r)
{
    if (!tl_outcome_is_failure(r->outcome) || tl_says_absent(c, r->message))
        return tl_outcome_is_failure(r->outcome);
    char *words = words_of(r), *word = tl_says_absent(c, words) ? tl_absent_word(c, words) : NULL;
    bool is = r->outcome == TL_OUTCOME_ERROR && word;
    free(words);
    free(word);
    return is;
}

/* The word of the case that names a file which is not there and which nothing writes; the caller's. NULL: there is none. */
static char *mistyped(const struct tl_case *c, const struct tl_trial_record *r)
{
    char *words = words_of(r), *word = r->outcome == TL_OUTCOME_ERROR && tl_says_absent(c, words)
                                           ? tl_absent_input(c, words)
                                           : NULL;
    free(words);
    return word;
}

struct seen {
    bool same;
    const struct tl_case *c;
    const struct tl_trial_record *failing;
};

static void on_baseline(void *arg, const struct tl_trial_record *r, bool cached,
                        const struct tl_error *failure)
{
    struct seen *seen = arg;
    (void)cached;
    seen->same = !failure && is_absent(seen->c, r) && tl_failure_same_kind(r, seen->failing);
}

/* Whether the baseline fails in the same way. */
static int baseline_fails(struct tl_campaign_isolation *s, const struct tl_unit *u,
                          const struct tl_trial_record *failing, bool *same, struct tl_error *e)
{
    struct tl_variant baseline = tl_variant_baseline(s->c);
    struct seen seen = {.c = s->c, .failing = failing};
    const struct tl_request q = {
        .c = s->c, .variant = &baseline, .unit = u, .fresh = true, .use_cache = !s->wishes.no_cache};
    char *forbidden = tl_variant_forbidden(s->c, &baseline);
    int result = 0;
    if (!memcmp(baseline.index, s->failing.index, s->c->n_axes * sizeof *baseline.index))
        seen.same = true;
    else if (!forbidden)
        result = tl_executor_submit(s->x, &q, on_baseline, &seen, e) || tl_executor_finish(s->x, e) ? -1 : 0;
    *same = seen.same;
    free(forbidden);
    tl_variant_free(&baseline);
    return result;
}

int tl_absent_check(struct tl_campaign_isolation *s, const struct tl_unit *u, const char *trial,
                    struct tl_error *e)
{
    struct tl_trial_record r;
    bool same = false;
    if (tl_query_trial(tl_executor_store(s->x), trial, &r, e))
        return -1;
    char *own = mistyped(s->c, &r);
    int result = !own && is_absent(s->c, &r) ? baseline_fails(s, u, &r, &same, e) : 0;
    if (own)
        result = tl_fail(e, TL_ERROR_INPUT, "something is not there, which is no failure to be isolated",
                         s->c->path, "%s (%s); if that is the failure, name it with --signature", own,
                         r.message ? r.message : "it left no message");
    free(own);
    if (!result && same) {
        char *words = words_of(&r), *word = tl_absent_word(s->c, words);
        tl_fail(e, TL_ERROR_INPUT, "the baseline fails like the failing variant, as something is not there",
                s->c->path, "%s (%s)",
                word ? word
                     : "no word of the case says what, so look at what its programs start; if that is the "
                       "failure, "
                       "name it with --signature",
                r.message ? r.message : "it left no message");
        free(words);
        free(word);
        result = -1;
    }
    tl_trial_record_free(&r);
    return result;
}
