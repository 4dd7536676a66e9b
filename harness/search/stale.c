/* Do stored trials still say what a variant does?
 *
 * A stored outcome stands for the next one as long as nothing has changed. What is known to matter is part of the
 * key under which it is stored. What no key names (a program behind a wrapper, a file that a script reads, a
 * driver) can only be found out by running a trial again. One that ends as those before it confirms them. One that
 * does not is a change, or the luck of a failure that shows now and then, and must not be taken for either too soon:
 * a change that is missed is a wrong answer, and luck that is called a change throws good trials away.
 *
 * So the trials of the variant, in the order of time, are cut in two, and what is compared is how often the newest
 * outcome was seen on both sides, by the Bayes factor of change.c: how much better two rates explain them than one.
 * Where the cut is, is not known. It is most likely before the trials that were just made to see, and a factor of
 * TL_STALE_ODDS there is a change. But a change may have been met before, by a command that asked for new trials and
 * left older ones where they were; so all other cuts are looked at as well, and as there are many of them, each has
 * to reach as many times twice the odds as there are. A single trial never decides. And there is no cut between the
 * trials that were just made: what those say against one another is luck, and no change.
 *
 * What looks like a change and is none yet wants one more trial, TL_STALE_MOST at most. With one or two older trials
 * even those do not reach 500 to 1, and then TL_STALE_LEAST to 1 is enough. If a change was as likely as none
 * beforehand, what is called one is luck in less than 1 % of all questions; of failures of a constant rate that were
 * asked 200 times, one in twenty-five was ever called changed (tests/unit/test_stale.c). */
#include "harness/search/stale.h"

#include "harness/search/change.h"

#include <stdbool.h>

#define LOOKS 0.02 /* of the odds that it takes: from here on a further trial is worth it */

enum tl_stale tl_stale_judge(const unsigned *outcomes, size_t n, size_t n_new, size_t *change)
{
    struct tl_change_count all = {0, n}, now = {0, 0};
    bool looks = false;
    double best = 0;
    *change = 0;
    for (size_t i = 0; i < n; i++)
        all.k += outcomes[i] == outcomes[n - 1];
    for (size_t tail = 1; tail < n; tail++) {
        now.n++;
        now.k += outcomes[n - tail] == outcomes[n - 1];
        if (tail < n_new)
            continue;
        const struct tl_change_count before = {all.k - now.k, all.n - now.n};
        if (now.k * before.n <= before.k * now.n) /* no more often than before */
            continue;
        bool just_made = tail == n_new;
        double enough = just_made && n_new >= TL_STALE_MOST ? TL_STALE_LEAST
                        : just_made                         ? TL_STALE_ODDS
                                                            : 2.0 * TL_STALE_ODDS * (double)n;
        double share = tl_change_odds(before, now) / enough;
        looks = looks || share > LOOKS;
        if (tail > 1 && share >= 1 && share > best) {
            best = share;
            *change = n - tail;
        }
    }
    if (best > 0)
        return TL_STALE_SURE;
    return looks && n_new < TL_STALE_MOST ? TL_STALE_OPEN : TL_STALE_NONE;
}
