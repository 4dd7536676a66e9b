/* trapline show: everything that is known of one trial. */
#include "harness/cli/cli.h"

#include "db/finding.h"
#include "db/finding_join.h"
#include "db/query.h"
#include "db/store.h"
#include "harness/cli/isolate_text.h"
#include "harness/executor/import_match.h"
#include "reports/trial.h"

#include <stdlib.h>

static int show_trial(const struct tl_options *o, struct tl_store *s, const struct tl_trial_record *r)
{
    json_t *environment;
    struct tl_error e;
    struct tl_import_matches found = {0, NULL};
    if (tl_query_environment(s, r->id, &environment, &e))
        return tl_print_error(&e);
    if (tl_trial_imported(r) && tl_import_match(s, r, &found, &e)) {
        json_decref(environment);
        return tl_print_error(&e);
    }
    json_t *matches = tl_trial_imported(r) ? tl_import_matches_json(&found) : NULL;
    tl_import_matches_free(&found);
    int status;
    if (o->json) {
        json_t *j = tl_trial_json(r, environment);
        if (matches)
            json_object_set(j, "matches", matches);
        status = tl_print_json(j);
    } else {
        struct tl_trial_page_options page = {.all_stacks = o->stacks || o->verbose,
                                             .colour = tl_colour(stdout),
                                             .environment = environment,
                                             .matches = matches};
        char *text = tl_trial_page(r, &page);
        fputs(text, stdout);
        free(text);
        status = tl_finish_output(TL_EXIT_OK);
    }
    json_decref(environment);
    json_decref(matches);
    return status;
}

static int show_case(struct tl_store *s, const struct tl_trial_record *r)
{
    char *text;
    struct tl_error e;
    if (tl_query_case_json(s, r->case_hash, &text, &e))
        return tl_print_error(&e);
    json_t *document = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    if (document)
        return tl_print_json(document);
    tl_fail(&e, TL_ERROR_INPUT, "no case file is stored", r->case_name,
            "only its name is known of this trial's case");
    return tl_print_error(&e);
}

static int show_finding(const struct tl_options *o, json_t *finding)
{
    if (o->json)
        return tl_print_json(finding);
    char *text = tl_isolate_text(finding, tl_colour(stdout));
    fputs(text, stdout);
    free(text);
    json_decref(finding);
    return tl_finish_output(TL_EXIT_OK);
}

static int show(struct tl_options *o)
{
    if (o->n_args != 1)
        return tl_usage_error(
            &tl_command_show,
            "the id of a trial or finding, or the beginning of one, was expected; `trapline list "
            "trials` shows them");
    struct tl_store *s;
    struct tl_error e;
    struct tl_trial_record r;
    if (tl_store_open(o->db, TL_STORE_READ, &s, &e))
        return tl_print_error(&e);
    int status;
    json_t *finding;
    struct tl_error other;
    if (!tl_query_trial(s, o->args[0], &r, &e)) {
        status = o->case_file ? show_case(s, &r) : show_trial(o, s, &r);
        tl_trial_record_free(&r);
    } else if (e.kind == TL_ERROR_INPUT && !o->case_file &&
               !tl_finding_load(s, o->args[0], &finding, &other)) {
        if (tl_finding_join(s, finding, &other)) {
            json_decref(finding);
            status = tl_print_error(&other);
        } else {
            status = show_finding(o, finding);
        }
    } else {
        status = tl_print_error(&e);
    }
    tl_store_close(s, NULL);
    return status;
}

const struct tl_command tl_command_show = {
    .name = "show",
    .arguments = "TRIAL | FINDING",
    .about = "show everything about one trial, or a finding",
    .options = "stacks case-file",
    .run = show,
};
