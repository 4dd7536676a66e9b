/* trapline show: everything that is known of one trial. */
#include "harness/cli/cli.h"

#include "db/query.h"
#include "db/store.h"
#include "reports/trial.h"

#include <stdlib.h>

static int show(struct tl_options *o)
{
    if (o->n_args != 1)
        return tl_usage_error(&tl_command_show,
                              "the id of a trial, or the beginning of one, was expected; `trapline list "
                              "trials` shows them");
    struct tl_store *s;
    struct tl_error e;
    struct tl_trial_record r;
    if (tl_store_open(o->db, TL_STORE_READ, &s, &e))
        return tl_print_error(&e);
    int status = tl_query_trial(s, o->args[0], &r, &e);
    if (status) {
        status = tl_print_error(&e);
    } else {
        if (o->json) {
            status = tl_print_json(tl_trial_json(&r));
        } else {
            struct tl_trial_page_options page = {.all_stacks = o->stacks || o->verbose,
                                                 .colour = tl_colour(stdout)};
            char *text = tl_trial_page(&r, &page);
            fputs(text, stdout);
            free(text);
            status = tl_finish_output(TL_EXIT_OK);
        }
        tl_trial_record_free(&r);
    }
    tl_store_close(s, NULL);
    return status;
}

const struct tl_command tl_command_show = {
    .name = "show",
    .arguments = "TRIAL",
    .about = "show everything about one trial",
    .options = "stacks",
    .run = show,
};
