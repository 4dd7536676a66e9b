/* Prints the signatures under a table, by the letters that stand for them in it. */
#include "harness/cli/labels_show.h"

#include "harness/base/plural.h"
#include "harness/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tl_cli_labels_print(const struct tl_labels *l)
{
    size_t n;
    const struct tl_label **list = tl_labels_sorted(l, &n);
    bool numbered = false;
    for (size_t i = 0; i < n; i++) {
        const struct tl_label *x = list[i];
        tl_cli_line("%-3s %.12s  %s %s%s%s  %s  (%llu trial%s)", x->letter, x->id,
                    tl_outcome_name(x->outcome), tl_phase_name(x->phase), x->signal ? " " : "",
                    x->signal ? tl_signal_name(x->signal) : "", x->title, (unsigned long long)x->trials,
                    tl_plural(x->trials));
        numbered = numbered || x->letter[strcspn(x->letter, "0123456789")];
    }
    free(list);
    if (numbered)
        puts(
            "Signatures with the same letter agree in what can be compared from build to build (their coarse "
            "part).");
    if (n)
        putchar('\n');
}

const char *tl_cli_standing_colour(enum tl_standing standing, enum tl_outcome outcome)
{
    if (standing == TL_STANDING_EXPECTED)
        return tl_outcome_colour(TL_OUTCOME_PASS);
    return tl_outcome_colour(tl_standing_is_failure(standing, outcome) && outcome == TL_OUTCOME_PASS
                                 ? TL_OUTCOME_ERROR
                                 : (int)outcome);
}

const char *tl_cli_group_colour(const struct tl_groups *g)
{
    return g->n ? tl_cli_standing_colour(g->list[0].standing, g->list[0].outcome) : NULL;
}
