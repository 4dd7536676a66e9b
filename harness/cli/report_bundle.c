#include "harness/cli/report_bundle.h"

#include "cases/load.h"
#include "harness/campaign/bundle_trials.h"
#include "harness/campaign/prove.h"
#include "harness/executor/unit.h"
#include "reports/bundle.h"
#include "reports/members.h"

#include <string.h>

/* The case file of a finding, where it still is what it was; NULL. */
static struct tl_case *load_case(const json_t *finding)
{
    const char *path = tl_member_text(finding, "case_path"), *hash = tl_member_text(finding, "case_hash");
    struct tl_case *c = NULL;
    struct tl_mistakes mistakes = {0};
    struct tl_error gone; /* then the bundle does without */
    if (!path || !hash || tl_case_load(path, &c, &mistakes, &gone))
        c = NULL;
    tl_mistakes_free(&mistakes);
    if (c && strcmp(c->hash, hash) != 0) {
        tl_case_free(c);
        c = NULL;
    }
    return c;
}

static int write_bundle(const struct tl_options *o, const struct tl_report_source *source,
                        struct tl_bundle_options *options, json_t **left_out)
{
    struct tl_unit unit;
    struct tl_error e;
    const char *name = tl_member_text(source->finding, "unit");
    bool known = name && !tl_unit_parse(name, &unit, &e);
    bool found = known && !tl_unit_resolve(&unit, &e);
    struct tl_case *c = load_case(source->finding);
    struct tl_bundle_trials trials = {.c = c, .unit = name, .db = o->db, .command = "report"};
    options->runner_path = found ? unit.path : NULL;
    options->build_object = found && !unit.build_missing ? unit.build_object : NULL;
    options->prove = tl_prove;
    if (c && name) {
        options->arg = &trials;
        options->trial = tl_bundle_trial;
        options->expected = tl_bundle_expected;
    }
    int status = tl_bundle_write(source, options, left_out, &e) ? tl_print_error(&e) : TL_EXIT_OK;
    if (c)
        tl_case_free(c);
    if (known)
        tl_unit_free(&unit);
    return status;
}

int tl_cli_report_bundle(const struct tl_options *o, const struct tl_report_source *source,
                         const json_t *case_document)
{
    json_t *left_out = NULL, *sentence;
    size_t i;
    struct tl_bundle_options options = {.target = o->bundle, .case_document = case_document};
    int status = write_bundle(o, source, &options, &left_out);
    if (status == TL_EXIT_OK && o->json) {
        status = tl_print_json(json_pack("{s:s,s:O}", "bundle", o->bundle, "left_out", left_out));
    } else if (status == TL_EXIT_OK) {
        printf("%s\n", o->bundle);
        json_array_foreach(left_out, i, sentence)
            fprintf(stderr, "trapline: left out: %s\n", json_string_value(sentence));
        status = tl_finish_output(TL_EXIT_OK);
    }
    json_decref(left_out);
    return status;
}
