/* Whether stored trials still say what a variant does: against a change, and against luck. */
#include "harness/search/stale.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>

/* A failure that shows always, in so many stored trials, and is gone. Earlier commands made `unheeded` passes that
 * nobody looked at. How many more trials until that is sure; 0: it was not found. */
static size_t until_sure(size_t stored, size_t unheeded, size_t *change)
{
    unsigned outcomes[128] = {0};
    for (size_t i = 0; i < stored; i++)
        outcomes[i] = 1;
    for (size_t made = 1; made <= TL_STALE_MOST; made++) {
        enum tl_stale s = tl_stale_judge(outcomes, stored + unheeded + made, made, change);
        if (s == TL_STALE_SURE)
            return made;
        if (s == TL_STALE_NONE)
            return 0;
    }
    return 0;
}

Test(stale, a_change_is_found_with_few_trials)
{
    static const size_t most[][2] = {{1, 10}, {2, 7}, {3, 4}, {5, 3}, {10, 2}, {40, 2}};
    size_t change;
    for (size_t i = 0; i < sizeof most / sizeof most[0]; i++) {
        size_t made = until_sure(most[i][0], 0, &change);
        cr_assert(made >= 2 && made <= most[i][1], "%zu stored: %zu", most[i][0], made);
        cr_assert_eq(change, most[i][0]);
    }
}

Test(stale, a_change_that_an_earlier_command_met_is_found_where_it_was)
{
    size_t change;
    for (size_t stored = 5; stored <= 40; stored++)
        for (size_t unheeded = 1; unheeded <= 5; unheeded++) {
            cr_assert(until_sure(stored, unheeded, &change) > 0, "%zu, then %zu", stored, unheeded);
            cr_assert(change >= stored && change <= stored + unheeded, "%zu, then %zu: %zu", stored, unheeded,
                      change);
        }
}

Test(stale, what_ends_as_before_confirms)
{
    unsigned outcomes[64] = {0};
    size_t change;
    for (size_t n = 2; n < 64; n++)
        cr_assert_eq(tl_stale_judge(outcomes, n, 1, &change), TL_STALE_NONE);
    cr_assert_eq(tl_stale_judge(outcomes, 1, 1, &change), TL_STALE_NONE, "nothing to compare with");
    /* 3 of 16 failed, and now it passes or fails. */
    outcomes[2] = outcomes[7] = outcomes[8] = 1;
    cr_assert_eq(tl_stale_judge(outcomes, 17, 1, &change), TL_STALE_NONE);
    outcomes[16] = 1;
    cr_assert_eq(tl_stale_judge(outcomes, 17, 1, &change), TL_STALE_NONE);
}

Test(stale, one_trial_never_decides)
{
    static unsigned outcomes[4097];
    size_t change;
    outcomes[4096] = 1;
    cr_assert_eq(tl_stale_judge(outcomes, 4097, 1, &change), TL_STALE_OPEN);
}

static uint64_t state = 20;
static double drawn(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) / 9007199254740992.0;
}

/* Flaky failures, asked two hundred times: how many are ever called changed, and what they cost. */
Test(stale, luck_is_no_change)
{
    enum { SEQUENCES = 25, ASKED = 200 };
    static const double rates[] = {0.02, 0.1, 0.2, 0.5, 0.8, 0.95};
    static unsigned outcomes[16 + ASKED * (TL_STALE_MOST + 1)];
    size_t wrong = 0, extra = 0, all = 0;
    for (size_t first = 1; first <= 16; first += 5)
        for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++)
            for (size_t k = 0; k < SEQUENCES; k++, all++) {
                size_t n = 0, change;
                while (n < first)
                    outcomes[n++] = drawn() < rates[r];
                enum tl_stale s = TL_STALE_NONE;
                for (size_t asked = 0; asked < ASKED && s != TL_STALE_SURE; asked++) {
                    size_t made = 0;
                    do
                        outcomes[n++] = drawn() < rates[r];
                    while ((s = tl_stale_judge(outcomes, n, ++made, &change)) == TL_STALE_OPEN);
                    extra += made - 1;
                }
                wrong += s == TL_STALE_SURE;
            }
    printf("%zu of %zu sequences of %d were called changed; %.1f trials more for each\n", wrong, all, ASKED,
           (double)extra / (double)all);
    cr_assert(wrong * 16 < all, "%zu of %zu", wrong, all);
    cr_assert(extra < 6 * all);
}
