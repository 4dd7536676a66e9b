/* trapline report: a finding as a report, or as a bundle that reproduces it. */
#include "harness/cli/cli.h"

#include "db/finding.h"
#include "db/query.h"
#include "db/store.h"
#include "harness/base/buffer.h"
#include "harness/cli/nightly.h"
#include "harness/supervise/unit.h"
#include "reports/finding.h"

#include <stdlib.h>
#include <string.h>

#define CELLS_MOST 100000 /* of one case that are looked through for other units */

/* What a report is made from, read from the database. */
struct sources {
    json_t *finding, *elsewhere, *case_document;
    struct tl_trial_record failing, control;
    bool has_failing, has_control;
};

static const char *text_of(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

/* The minimal variant on other units, as far as the database knows it. */
static json_t *find_elsewhere(struct tl_store *s, const json_t *finding)
{
    const char *hash = text_of(finding, "case_hash"), *unit = text_of(finding, "unit");
    const json_t *minimal = json_object_get(finding, "minimal");
    struct tl_filter f = {.limit = CELLS_MOST};
    struct tl_cells cells;
    json_t *list = json_array();
    if (!hash || !unit || !json_is_object(minimal) || tl_query_cells(s, hash, &f, &cells, NULL))
        return list;
    for (size_t i = 0; i < cells.n; i++) {
        const struct tl_cell *c = &cells.list[i];
        json_t *variant = strcmp(c->unit, unit) ? json_loads(c->variant, 0, NULL) : NULL;
        if (variant && json_equal(variant, minimal))
            json_array_append_new(list, json_pack("{s:s,s:s,s:s?,s:I}", "unit", c->unit, "outcome",
                                                  tl_outcome_name(c->outcome), "title", c->title, "trials",
                                                  (json_int_t)c->trials));
        json_decref(variant);
    }
    tl_cells_free(&cells);
    return list;
}

/* The trial of the control, or of any passing neighbour. */
static const char *control_id(const json_t *finding)
{
    const char *id = text_of(json_object_get(finding, "evidence"), "control");
    const json_t *pair;
    size_t i;
    json_array_foreach(json_object_get(finding, "decisive"), i, pair) id =
        id ? id : text_of(pair, "passes_trial");
    return id;
}

static int load(struct tl_store *s, const char *id, struct sources *r, struct tl_error *e)
{
    struct tl_error gone; /* a trial that is not in this database is left out of the report */
    char *text = NULL;
    if (tl_finding_load(s, id, &r->finding, e))
        return -1;
    const char *failing = text_of(json_object_get(r->finding, "evidence"), "trial"),
               *control = control_id(r->finding), *hash = text_of(r->finding, "case_hash");
    r->has_failing = failing && !tl_query_trial(s, failing, &r->failing, &gone);
    r->has_control = control && !tl_query_trial(s, control, &r->control, &gone);
    r->elsewhere = find_elsewhere(s, r->finding);
    if (hash && !tl_query_case_json(s, hash, &text, &gone) && text)
        r->case_document = json_loads(text, 0, NULL);
    free(text);
    return 0;
}

static void release(struct sources *r)
{
    if (r->has_failing)
        tl_trial_record_free(&r->failing);
    if (r->has_control)
        tl_trial_record_free(&r->control);
    json_decref(r->finding);
    json_decref(r->elsewhere);
    json_decref(r->case_document);
}

static int write_bundle(const struct tl_options *o, const struct tl_report_source *source,
                        const json_t *case_document)
{
    struct tl_unit unit;
    struct tl_error e;
    const char *name = text_of(source->finding, "unit");
    json_t *left_out = NULL, *sentence;
    size_t i;
    bool known = name && !tl_unit_parse(name, &unit, &e);
    bool found = known && !tl_unit_resolve(&unit, &e);
    struct tl_bundle_options options = {
        .target = o->bundle,
        .runner_path = found ? unit.path : NULL,
        .build_object = found && !unit.build_missing ? unit.build_object : NULL,
        .case_document = case_document,
    };
    int status = tl_bundle_write(source, &options, &left_out, &e) ? tl_print_error(&e) : TL_EXIT_OK;
    if (known)
        tl_unit_free(&unit);
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

static int print_report(const struct tl_options *o, const struct tl_report_source *source)
{
    const char *format = o->json ? "json" : o->format ? o->format : "md";
    json_t *report = tl_report_new(source);
    if (!strcmp(format, "json"))
        return tl_print_json(report);
    char *text = !strcmp(format, "html")    ? tl_report_html(report)
                 : !strcmp(format, "junit") ? tl_report_junit(report)
                                            : tl_report_markdown(report);
    fputs(text, stdout);
    free(text);
    json_decref(report);
    return tl_finish_output(TL_EXIT_OK);
}

static int report(struct tl_options *o)
{
    static const char *const formats[] = {"md", "html", "json", "junit"};
    struct tl_store *s;
    struct tl_error e;
    struct sources r = {0};
    bool known = !o->format;
    for (size_t i = 0; !known && i < sizeof formats / sizeof *formats; i++)
        known = !strcmp(formats[i], o->format);
    if (!known)
        return tl_usage_error(&tl_command_report, "--format %s: expected md, html, json or junit", o->format);
    if (o->n_args != 1)
        return tl_usage_error(&tl_command_report,
                              "the id of a finding, or the beginning of one, was expected; "
                              "`trapline list findings` shows them");
    if (tl_store_open(o->db, TL_STORE_READ, &s, &e))
        return tl_print_error(&e);
    json_t *night = NULL;
    struct tl_error other;
    int status = -1;
    if (load(s, o->args[0], &r, &e) && (tl_night_load(s, o->args[0], &night, &other) || !night))
        status = tl_print_error(&e);
    tl_store_close(s, NULL);
    if (night) {
        status = o->bundle
                     ? tl_usage_error(&tl_command_report, "--bundle goes with a finding; this is a night")
                     : tl_nightly_print(o, night);
        json_decref(night);
    }
    if (status < 0) {
        struct tl_report_source source = {
            .finding = r.finding,
            .failing = r.has_failing ? &r.failing : NULL,
            .control = r.has_control ? &r.control : NULL,
            .elsewhere = r.elsewhere,
            .keep_paths = o->keep_paths,
        };
        status = o->bundle ? write_bundle(o, &source, r.case_document) : print_report(o, &source);
    }
    release(&r);
    return status;
}

const struct tl_command tl_command_report = {
    .name = "report",
    .arguments = "FINDING [--format md|html|json|junit] [--bundle DIR]",
    .about = "write the report of a finding, or a bundle that reproduces it",
    .options = "format bundle keep-paths",
    .run = report,
};
