#include "harness/cli/report_bundle.h"

#include "harness/campaign/prove.h"
#include "harness/executor/unit.h"
#include "reports/bundle.h"
#include "reports/members.h"

int tl_cli_report_bundle(const struct tl_options *o, const struct tl_report_source *source,
                         const json_t *case_document)
{
    struct tl_unit unit;
    struct tl_error e;
    const char *name = tl_member_text(source->finding, "unit");
    json_t *left_out = NULL, *sentence;
    size_t i;
    bool known = name && !tl_unit_parse(name, &unit, &e);
    bool found = known && !tl_unit_resolve(&unit, &e);
    struct tl_bundle_options options = {
        .target = o->bundle,
        .runner_path = found ? unit.path : NULL,
        .build_object = found && !unit.build_missing ? unit.build_object : NULL,
        .case_document = case_document,
        .prove = tl_prove,
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
