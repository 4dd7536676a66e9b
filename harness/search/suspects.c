/* Suspects: axes that somebody, or an earlier finding, believes to be the trigger.
 *
 * Two variants are tried: the baseline with the suspects as they are in F, and F without them. What they say together:
 *
 *   alone fails, without passes   the guess is right. M is the suspects alone, and no group of axes has to be tried; where
 *                                 they are several, each is taken away alone, which is what `confirm` asks for anyhow
 *   alone fails, without fails    M is the suspects alone, and what else triggers it is for causes.c
 *   alone passes, without fails   the guess is wrong. M is F without the suspects. The row of axes is searched as if nothing
 *                                 had been suspected (what differs from a known variant by a suspect alone is known by
 *                                 then), so it costs these two trials and no more
 *   alone passes, without passes  they are a part of it. The row is searched as ever, but what has none of them, or
 *                                 nothing else, is known to pass
 *
 * So a guess that is not right costs two trials at most, and not on average but in each search whose failure is monotone:
 * to put the suspects at the beginning of the row would save one trial more on average, and cost up to six now and then.
 * None of this is believed more than a group of axes is: `confirm` tries every neighbour of M. */
#include "harness/search/internal.h"

#include "harness/base/buffer.h"

#include <stdlib.h>

static enum tl_judgement judge(struct tl_search *s, const uint64_t *index)
{
    return tl_judge(s, index, 1, false, 1 - s->options.confidence, TL_SEARCH_SUSPECT, TL_NO_AXIS, 0, 0);
}

static bool is_no_failure(enum tl_judgement j)
{
    return j == TL_JUDGE_PASS || j == TL_JUDGE_OTHER;
}

enum tl_search_progress tl_suspects_step(struct tl_search *s)
{
    size_t away = 0, suspects = 0;
    for (size_t a = 0; a < s->n && s->suspects != NULL; a++) {
        away += s->failing[a] != 0;
        suspects += s->failing[a] != 0 && s->suspects[a];
    }
    if (suspects == 0 || suspects == away)
        return TL_DONE;
    uint64_t *alone = tl_index_copy(s, s->failing), *without = tl_index_copy(s, s->failing);
    for (size_t a = 0; a < s->n; a++)
        (s->suspects[a] ? without : alone)[a] = 0;
    enum tl_judgement j = judge(s, alone), k = judge(s, without);
    bool pending = j == TL_JUDGE_PENDING || k == TL_JUDGE_PENDING;
    if (!pending && j == TL_JUDGE_FAIL) {
        tl_search_adopt(s, alone);
        s->isolate->suspects = is_no_failure(k) ? TL_SUSPECTS_ALL : TL_SUSPECTS_ENOUGH;
    } else if (!pending && k == TL_JUDGE_FAIL) {
        tl_search_adopt(s, without);
        s->isolate->suspects = TL_SUSPECTS_USELESS;
        s->useless = 2;
    } else if (!pending && is_no_failure(j) && is_no_failure(k)) {
        s->isolate->suspects = TL_SUSPECTS_PART;
    }
    free(alone);
    free(without);
    return pending ? TL_PENDING : TL_DONE;
}

bool tl_suspects_pass(const struct tl_search *s, const uint64_t *index)
{
    bool none = true, alone = true;
    if (s->isolate->axes.said != TL_SUSPECTS_PART)
        return false;
    for (size_t a = 0; a < s->n; a++) {
        none = none && (index[a] == 0 || !s->suspects[a]);
        alone = alone && (index[a] == 0 || s->suspects[a]);
    }
    return none || alone;
}

enum tl_search_progress tl_suspects_needed(struct tl_search *s, struct tl_axes_state *a)
{
    /* One that is alone was tried without already: that is the baseline. */
    for (; a->scanned < a->n; a->scanned++) {
        if (a->n == 1)
            continue;
        size_t axis = a->order[a->scanned];
        const uint64_t *without = tl_search_beside(s, axis, 0);
        enum tl_judgement j =
            tl_judge(s, without, 1, true, 1 - s->options.confidence,
                     s->options.quick ? TL_SEARCH_AXES : TL_SEARCH_NEIGHBOUR, axis, a->scanned + 1, a->n);
        if (j == TL_JUDGE_PENDING)
            return TL_PENDING;
        if (j == TL_JUDGE_FAIL)
            tl_search_adopt(s, without);
    }
    return TL_DONE;
}
