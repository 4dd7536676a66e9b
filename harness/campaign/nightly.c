/* Takes a night from its beginning to its end: the suite is loaded and its builds are here by then. */
#include "harness/campaign/nightly.h"

#include "db/machine.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

int tl_nightly_begin(struct tl_nightly *n, json_t **document, struct tl_error *e)
{
    struct tl_store *s = tl_executor_store(n->x);
    struct tl_machine m;
    char plan[TL_ID_SIZE], machine[TL_ID_SIZE], unnotified[TL_UUID_SIZE];
    *document = NULL;
    tl_machine_boot(n->boot);
    n->units = tl_calloc(n->names.n + 1, sizeof *n->units);
    tl_watch_line(n->watch, "nightly: asking %zu units what they are", n->names.n);
    if (tl_executor_units(n->x, (const char *const *)n->names.list, n->names.n, n->units, e) ||
        tl_nightly_cells(n, e))
        return -1;
    if (tl_nightly_processes_known(n, e))
        return -1;
    tl_nightly_plan_id(n, plan);
    tl_nightly_machine(n, &m);
    if (tl_store_put_machine(s, &m, machine, e) ||
        tl_night_not_notified(s, n->suite->name, machine, plan, unnotified, &n->notified, e))
        return -1;
    if (*unnotified && (n->writes || !n->notified))
        return tl_night_load(s, unnotified, document, e);
    if (tl_night_begin(s, n->suite->name, machine, plan, n->boot, &n->night, &n->resumed, e))
        return -1;
    return n->resumed ? tl_nightly_recall(n, e) : 0;
}

int tl_nightly_finish(struct tl_nightly *n, json_t **document, struct tl_error *e)
{
    *document = NULL;
    if (tl_nightly_run(n, e))
        return -1;
    int result = tl_executor_interrupted(n->x)                        ? 0
                 : tl_nightly_known(n, e) || tl_nightly_isolate(n, e) ? -1
                                                                      : tl_nightly_known(n, e);
    if (tl_executor_interrupted(n->x))
        return 0;
    return result ? -1 : tl_nightly_end(n, document, e);
}

void tl_nightly_free(struct tl_nightly *n)
{
    for (size_t i = 0; i < n->n_cells; i++) {
        struct tl_nightly_cell *c = &n->cells[i];
        tl_nightly_kinds_free(c);
        free(c->variant_json);
        free(c->runner_device);
        free(c->why);
        free(c->continues);
        free(c->evidence);
        free(c->measured[0]);
        free(c->measured[1]);
        json_decref(c->before);
        json_decref(c->since);
        json_decref(c->finding);
        json_decref(c->known);
        tl_night_cells_free(&c->history);
        tl_variant_free(&c->variant);
    }
    free(n->cells);
    tl_known_list_free(&n->known);
    for (size_t i = 0; i < n->n_cases; i++)
        tl_case_free(n->cases[i]);
    free(n->cases);
    free(n->units);
    tl_unit_list_free(&n->names);
    tl_night_free(&n->night);
    tl_suite_free(n->suite);
    json_decref(n->notes);
}
