/* trapline report FINDING --for PROJECT: the text for the issue form of a project. */
#include "harness/cli/report.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/builds/builds.h"
#include "reports/finding/issue_form.h"
#include "reports/members.h"

#include <stdlib.h>
#include <string.h>

int tl_cli_report_check_project(const struct tl_command *c, const struct tl_options *o)
{
    if (!o->project || tl_issue_project_known(o->project))
        return -1;
    char *known = tl_issue_projects();
    int status =
        tl_usage_error(c, "--for %s%swhat is known are the forms of %s", o->project,
                       *o->project ? ": there is no such project; " : "a project was expected; ", known);
    free(known);
    return status;
}

/* Where the build of the finding came from, as far as it is still here. */
static void add_source(json_t *report)
{
    const json_t *f = json_object_get(report, "finding"), *build = json_object_get(f, "build");
    const char *sha = tl_member_text(build, "sha256"), *runner = tl_member_text(f, "runner");
    struct tl_builds all = {0};
    struct tl_error gone;
    if (sha && runner && !tl_builds_installed(runner, &all, &gone))
        for (size_t i = 0; i < all.n; i++)
            if (!strcmp(all.list[i].sha256, sha))
                json_object_set_new(report, "build_source", json_string(all.list[i].source));
    tl_builds_free(&all);
}

/* What is left to do, on stderr: the text itself is for a file, or the clipboard. */
static void say(const json_t *form)
{
    const json_t *field, *warning;
    size_t i;
    json_array_foreach(json_object_get(form, "warnings"), i, warning)
        tl_cli_note("warning: %s", json_string_value(warning));
    tl_cli_note("for %s; the first line is the title", tl_member_or(form, "form", ""));
    json_array_foreach(json_object_get(form, "fields"), i, field)
        if (tl_member_text(field, "by_hand"))
            tl_cli_note("by hand: %s%s: %s", tl_member_or(field, "label", ""),
                        tl_member_true(field, "optional") ? " (optional)" : "",
                        tl_member_text(field, "by_hand"));
}

/* GitHub takes files, and of archives .zip and .tar.gz. */
static void warn_of_directory(const struct tl_options *o, const char *target, json_t *form)
{
    size_t n = strlen(target);
    if (!o->zip && (n < 4 || strcmp(target + n - 4, ".zip") != 0) &&
        (n < 7 || strcmp(target + n - 7, ".tar.gz") != 0)) {
        char *text =
            tl_format("%s cannot be attached to an issue as it is: a .zip can, which --zip makes", target);
        json_array_append_new(json_object_get(form, "warnings"), json_string(text));
        free(text);
    }
}

int tl_cli_report_for(const struct tl_options *o, json_t *report, const char *target, json_t *written)
{
    add_source(report);
    if (written) {
        json_object_set_new(written, "name", json_string(tl_base_name(target)));
        json_object_set(report, "bundle", written);
    }
    json_t *form = tl_issue_form(report, o->project);
    json_decref(report);
    if (written)
        warn_of_directory(o, target, form);
    if (o->json) {
        if (written) {
            json_object_set_new(form, "bundle", json_string(target));
            json_object_update_missing_new(form, json_pack("{s:O,s:O,s:O}", "left_out",
                                                           json_object_get(written, "left_out"), "files",
                                                           json_object_get(written, "files"), "proved",
                                                           json_object_get(written, "proved")));
        }
        return tl_print_json(form);
    }
    say(form);
    /* The field of a form for the title takes plain text. */
    printf("%s\n\n%s", tl_member_or(form, "title", "unknown"), tl_member_or(form, "body", ""));
    json_decref(form);
    return tl_finish_output(TL_EXIT_OK);
}
