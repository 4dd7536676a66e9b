/* The limits of all tests of a program (`.timeout`), times TRAPLINE_TESTS_SLOWER: for a machine that takes that many times as long as those
 * for which they were made, such as an emulated one. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <criterion/internal/ordered-set.h>
#include <stdlib.h>

static void give_more(struct criterion_test_extra_data *d, double times)
{
    if (d)
        d->timeout *= times;
}

ReportHook(PRE_ALL)(struct criterion_test_set *all)
{
    const char *text = getenv("TRAPLINE_TESTS_SLOWER");
    double times = text ? strtod(text, NULL) : 1;
    if (times <= 1)
        return;
    for (struct criterion_ordered_set_node *s = all->suites->first; s; s = s->next) {
        struct criterion_suite_set *suite = (void *)(s + 1);
        give_more(suite->suite.data, times);
        for (struct criterion_ordered_set_node *t = suite->tests->first; t; t = t->next)
            give_more(((struct criterion_test *)(t + 1))->data, times);
    }
}
