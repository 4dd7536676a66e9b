/* trapline compare: what is in the database, side by side. Runs nothing. */
#include "harness/cli/cli.h"

#include "harness/cli/compare_show.h"

#include <string.h>

static int compare(struct tl_options *o)
{
    struct tl_cli_progress progress;
    struct tl_compare c = {
        .names = (const char *const *)o->args,
        .n_names = (size_t)o->n_args,
        .units = o->units,
        .n_units = o->n_units,
        .only_changed = o->only_changed,
        .watch = &progress.watch,
    };
    struct tl_filter f;
    struct tl_store *s;
    struct tl_error e;
    int status = tl_filter_of(&tl_command_compare, o, &f);
    if (status >= 0)
        return status;
    while (o->by && c.by < TL_BY_COUNT && strcmp(o->by, tl_compare_by_names[c.by]))
        c.by++;
    if (c.by == TL_BY_COUNT)
        return tl_usage_error(&tl_command_compare,
                              "--by %s: unit, build, machine, session or versions was expected", o->by);
    if (tl_store_open(o->db, TL_STORE_READ, &s, &e))
        return tl_print_error(&e);
    tl_cli_catch_interrupts();
    tl_cli_progress_begin(&progress, o);
    int result = tl_compare_run(&c, s, &f, &e);
    tl_cli_progress_clear(&progress);
    tl_store_close(s, NULL);
    if (result) {
        status = tl_print_error(&e);
    } else {
        if (o->json)
            tl_print_json(tl_cli_compare_json(&c));
        else
            tl_cli_compare_print(&c, tl_colour(stdout));
        status = c.regressed ? TL_EXIT_FAILURE : TL_EXIT_OK;
    }
    tl_compare_free(&c);
    return tl_finish_output(status);
}

const struct tl_command tl_command_compare = {
    .name = "compare",
    .arguments = "[--by unit|build|machine|session|versions] [A B…]",
    .about = "set what is in the database side by side",
    .options = "by only case unit outcome signature since",
    .run = compare,
};
