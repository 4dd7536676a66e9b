/* Counts the trials of one cell of a table in groups that agree in outcome and signature. */
#include "harness/campaign/groups.h"

#include "harness/base/buffer.h"

#include <stdlib.h>

bool tl_group_is_failure(const struct tl_group *g)
{
    return tl_standing_is_failure(g->standing, g->outcome);
}

void tl_groups_count(struct tl_groups *g, enum tl_outcome outcome, enum tl_standing standing, size_t label)
{
    size_t i = 0;
    while (i < g->n &&
           (g->list[i].outcome != outcome || g->list[i].label != label || g->list[i].standing != standing))
        i++;
    if (i == g->n) {
        *TL_GROW(g->list, g->n) = (struct tl_group){outcome, standing, label, 0, NULL};
    }
    g->list[i].n++;
    g->trials++;
}

static int by_weight(const void *a, const void *b)
{
    const struct tl_group *x = a, *y = b;
    bool fails = tl_group_is_failure(x);
    if (fails != tl_group_is_failure(y))
        return fails ? -1 : 1;
    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    return x->outcome != y->outcome ? (x->outcome > y->outcome) - (x->outcome < y->outcome)
                                    : (x->label > y->label) - (x->label < y->label);
}

void tl_groups_sort(struct tl_groups *g)
{
    if (g->n)
        qsort(g->list, g->n, sizeof *g->list, by_weight);
}

void tl_groups_text(const struct tl_groups *g, const struct tl_labels *labels, struct tl_buffer *b)
{
    tl_buffer_add_string(b, g->n ? "" : "-");
    for (size_t i = 0; i < g->n; i++) {
        const struct tl_group *p = &g->list[i];
        if (i && !tl_group_is_failure(p))
            break;
        tl_buffer_printf(b, "%s%s", i ? ", " : "", tl_outcome_name(p->outcome));
        if (p->label != TL_NO_LABEL)
            tl_buffer_printf(b, " %s", labels->list[p->label].letter);
        if (g->n > 1)
            tl_buffer_printf(b, " %zu of %zu", p->n, g->trials);
        if (p->standing == TL_STANDING_EXPECTED && p->outcome != TL_OUTCOME_PASS)
            tl_buffer_add_string(b, ", as expected");
        else if (p->standing == TL_STANDING_OTHER && p->outcome == TL_OUTCOME_PASS)
            tl_buffer_add_string(b, ", not as expected");
        else if (p->known)
            tl_buffer_add_string(b, ", known");
    }
}
