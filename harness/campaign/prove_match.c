/* Whether a run of a reproducer is the failure that was isolated, or another one that ends in the same way.
 *
 * Theory of operation. A signal says little: a tool aborts for many reasons, and a reproducer that dies while it loads the
 * library dies of SIGSEGV as well. So two failures are compared as a search compares those of its trials: by the title of
 * their signatures, in which no frame of a program that was started has a part, only those of the runtime; as related
 * failures (verdict/related.h); or by the faulting function of the runtime and its caller (verdict/kind.h). The phase of a
 * reproducer is what it said last itself, for its supervisor knows of none.
 *
 * A fault of the hardware is told by its stack, what ended itself by its words as well. Where one of the two has neither a
 * stack nor words, the signal is all there is, and that is said. */
#include "harness/campaign/prove_match.h"

#include "harness/base/last_words.h"
#include "harness/verdict/kind.h"
#include "harness/verdict/normalise.h"
#include "harness/verdict/related.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static bool is_fault(const struct tl_trial_record *r)
{
    return r->signal == SIGSEGV || r->signal == SIGBUS || r->signal == SIGFPE;
}

/* What a failure said, made comparable. NULL: nothing that would tell it from others. */
static char *words_of(const struct tl_trial_record *r)
{
    char *words = r->message && *r->message ? tl_normalise_message(r->message) : NULL;
    if (words && *words && !tl_message_says_nothing(words))
        return words;
    free(words);
    return NULL;
}

/* One may hold more than the other: what a step said, and what was said around it. */
static bool say_the_same(const char *a, const char *b)
{
    return strstr(a, b) || strstr(b, a);
}

static bool is_listed(const char *const *titles, const char *title)
{
    for (; titles && title && *titles; titles++)
        if (!strcmp(*titles, title))
            return true;
    return false;
}

static bool has_title(const struct tl_proof_expected *x, const struct tl_trial_record *r)
{
    const char *own = x->as->signature.title, *title = r->signature.title;
    return (own && title && !strcmp(own, title)) || is_listed(x->titles, title);
}

/* r: with the phase of the other. */
static bool same_death(const struct tl_proof_expected *x, const struct tl_trial_record *r,
                       enum tl_proof_by *by)
{
    char *said = words_of(x->as), *says = words_of(r);
    bool bare = tl_failure_is_bare(x->as) || tl_failure_is_bare(r),
         spoke = said && says && say_the_same(said, says), same = true;
    enum tl_proof_by how = TL_PROOF_BY_STACK;
    if (bare)
        how = said && says ? TL_PROOF_BY_MESSAGE : TL_PROOF_BY_SIGNAL;
    else if (!is_fault(x->as) && said)
        how = spoke ? TL_PROOF_BY_MESSAGE : TL_PROOF_BY_STACK;
    if (bare)
        same = !(said && says) || spoke;
    else if (!is_fault(x->as) && said && says)
        same = spoke || has_title(x, r);
    else
        same = has_title(x, r) || tl_failure_related(x->as, r) || tl_failure_shares_place(x->as, r);
    if (same)
        *by = how;
    free(said);
    free(says);
    return same;
}

/* Whether its line says that it died, or was refused, in this phase. */
static bool ended_in(const char *line, const char *how, enum tl_phase phase)
{
    char end[64];
    int n = snprintf(end, sizeof end, "RESULT: %s in %s", how, tl_phase_name(phase));
    return line && !strncmp(line, end, (size_t)n) && strchr(",: (", line[n]);
}

/* A refusal whose words were too few to be looked for. */
static bool holds_words(const char *line, const struct tl_trial_record *as)
{
    char *said = words_of(as), *says = line ? tl_normalise_message(line) : NULL;
    bool holds = !said || (says && strstr(says, said));
    free(said);
    free(says);
    return holds;
}

static bool match(const struct tl_proof_expected *x, const struct tl_trial_record *r, const char *line,
                  enum tl_proof_by *by)
{
    const struct tl_trial_record *as = x->as;
    bool died = as->outcome == TL_OUTCOME_CRASH || as->outcome == TL_OUTCOME_HANG;
    if (died && x->tells_phase && !ended_in(line, "died", as->phase))
        return false;
    if (as->outcome == TL_OUTCOME_WRONG && x->tells_phase)
        return line && !strncmp(line, "RESULT: wrong", 13);
    if (as->outcome == TL_OUTCOME_ERROR && !as->signal && x->tells_phase) {
        if (!ended_in(line, "refused", as->phase) || (!x->words && !holds_words(line, as)))
            return false;
        *by = TL_PROOF_BY_MESSAGE;
    }
    if (as->outcome == TL_OUTCOME_CRASH && !r->signal && !x->words) /* a status says which signal it was */
        *by = TL_PROOF_BY_SIGNAL;
    if (!died || r->outcome != as->outcome || (as->outcome == TL_OUTCOME_CRASH && !r->signal))
        return true; /* what its status or its words say is all that was expected of it */
    struct tl_trial_record now = *r;
    now.phase = as->phase;
    return same_death(x, &now, by);
}

bool tl_prove_match(const struct tl_proof_expected *x, const struct tl_trial_record *r, enum tl_proof_by *by)
{
    if (!x->as || x->outcome == TL_OUTCOME_PASS)
        return true;
    char *line = tl_proof_line(r);
    bool same = match(x, r, line, by);
    free(line);
    return same;
}
