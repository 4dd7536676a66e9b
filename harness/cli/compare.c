/* trapline compare: what is in the database, side by side. Runs nothing. */
#include "harness/cli/cli.h"

#include "harness/base/buffer.h"
#include "harness/cli/compare_show.h"
#include "harness/cli/last.h"

#include <stdlib.h>
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
    struct tl_cli_last_ids ids;
    char(*sessions)[TL_UUID_SIZE] = tl_calloc((size_t)o->n_args + 1, sizeof *sessions);
    status = tl_cli_last_of_filter(s, TL_STARTED_TRIAL, &f, &ids);
    for (int i = 0; status < 0 && c.by == TL_BY_SESSION && i < o->n_args; i++) {
        const char *word = o->args[i];
        status = tl_cli_last(s, TL_STARTED_SESSION, &word, sessions[i]);
        if (word != o->args[i])
            o->args[i] = sessions[i];
    }
    if (status >= 0) {
        free(sessions);
        tl_store_close(s, NULL);
        return status;
    }
    tl_cli_catch_interrupts();
    tl_cli_progress_begin(&progress, o);
    int result = tl_compare_run(&c, s, &f, &e);
    tl_cli_progress_clear();
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
    free(sessions);
    return tl_finish_output(status);
}

const struct tl_command tl_command_compare = {
    .name = "compare",
    .arguments = "[--by unit|build|machine|session|versions] [A B…]",
    .about = "set what is in the database side by side",
    .options = "by only case unit outcome signature since",
    .run = compare,
};
