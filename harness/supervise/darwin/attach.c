#include "harness/supervise/darwin/attach.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/supervise/trace.h"

#include <stdlib.h>

void tl_darwin_keep_report(struct tl_trial *t, struct tl_system_report *r)
{
    *TL_GROW(t->record.reports, t->record.n_reports) = *r;
    *r = (struct tl_system_report){0};
}

void tl_darwin_keep_helpers(struct tl_trial *t, struct tl_report_helpers *h)
{
    for (size_t i = 0; i < h->n; i++)
        tl_darwin_keep_report(t, &h->list[i]);
    h->n = 0;
    tl_report_helpers_free(h);
}

int *tl_darwin_descendants(const struct tl_trial *t, size_t *n)
{
    int *list = NULL;
    *n = 0;
    for (const struct tl_process *x = t->processes; x; x = x->next)
        if (!x->is_main) {
            *TL_GROW(list, *n) = x->pid;
        }
    return list;
}

void tl_darwin_find_helpers(const struct tl_process *main, const char *const *directories)
{
    struct tl_report_helpers helpers = {0};
    size_t n;
    int *descendants = tl_darwin_descendants(main->trial, &n);
    const struct tl_report_wanted w = {.pid = main->pid,
                                       .descendants = descendants,
                                       .n_descendants = n,
                                       .launched_us = (int64_t)main->born_us,
                                       .ended_us = tl_wall_us(),
                                       .helpers = &helpers};
    tl_report_find_helpers(directories, &w);
    tl_darwin_keep_helpers(main->trial, &helpers);
    free(descendants);
}
