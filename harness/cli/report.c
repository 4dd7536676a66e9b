/* trapline report: a finding as a report, or as a bundle that reproduces it; or the database as a site. */
#include "harness/cli/report.h"

#include "db/night.h"
#include "db/query.h"
#include "db/store.h"
#include "harness/base/buffer.h"
#include "harness/base/plural.h"
#include "harness/cli/begin.h"
#include "harness/cli/last.h"
#include "harness/cli/nightly.h"
#include "harness/cli/report_bundle.h"
#include "harness/cli/site.h"
#include "harness/executor/import_match.h"
#include "reports/finding/finding.h"
#include "reports/imported.h"
#include "reports/members.h"

#include <stdlib.h>
#include <string.h>

static int write_site(const struct tl_options *o)
{
    struct tl_site_result r;
    int status = tl_cli_site(o, &r);
    if (status)
        return status;
    if (o->json)
        return tl_print_json(json_pack(
            "{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "site", o->site, "pages",
            (json_int_t)r.pages, "files", (json_int_t)r.files, "bytes", (json_int_t)r.bytes, "largest",
            (json_int_t)r.largest, "trials", (json_int_t)r.trials, "cases", (json_int_t)r.cases, "units",
            (json_int_t)r.units, "failures", (json_int_t)r.failures, "signatures", (json_int_t)r.signatures,
            "findings", (json_int_t)r.findings, "nights", (json_int_t)r.nights));
    tl_cli_line("%s/index.html: %llu trial%s on %llu page%s, %.1f MiB in %llu files", o->site,
                (unsigned long long)r.trials, tl_plural(r.trials), (unsigned long long)r.pages,
                tl_plural(r.pages), (double)r.bytes / 1048576.0, (unsigned long long)r.files);
    return tl_finish_output(TL_EXIT_OK);
}

/* What is of a finding alone is of nothing else; a night has no bundle and one extent, too. -1 to go on. */
static int check_finding_only(const struct tl_options *o, const char *what, bool night)
{
    const char *option = o->project           ? "--for"
                         : o->retest          ? "--retest"
                         : night && o->bundle ? "--bundle"
                         : night && o->brief  ? "--short"
                         : night && o->full   ? "--full"
                                              : NULL;
    return option ? tl_usage_error(&tl_command_report, "%s goes with a finding; this is %s", option, what)
                  : -1;
}

/* Options that exclude one another. -1 to go on. */
static int check_options(const struct tl_options *o)
{
    int status = tl_cli_check_format(&tl_command_report, o);
    if (status < 0)
        status = tl_cli_report_check_project(&tl_command_report, o);
    if (status < 0 && !o->retest && (o->n_units || o->build))
        status = tl_usage_error(&tl_command_report, "-u UNIT and --build VERSION go with --retest");
    struct tl_error e;
    if (status < 0 && o->sandbox && !o->bundle && !o->retest)
        status =
            tl_usage_error(&tl_command_report, "--sandbox goes with --bundle and --retest, which run trials");
    if (status < 0 && tl_cli_check_sandbox(o->sandbox, o, &e))
        status = tl_print_error(&e);
    if (status < 0 && (o->project || o->bundle) + o->retest + (o->site != NULL) > 1)
        status = tl_usage_error(&tl_command_report, "%s, --retest and --site are different things",
                                o->project ? "--for" : "--bundle");
    if (status < 0 && (o->brief || o->full) && (o->project || o->retest))
        status =
            tl_usage_error(&tl_command_report, "--short and --full go neither with --for nor with --retest");
    if (status < 0 && o->format && (o->project || o->retest))
        status = tl_usage_error(&tl_command_report,
                                "--format goes neither with --for nor with --retest; --json does");
    return status;
}

/* Whether --short and --full can be followed: -1, or the exit status after a message. */
static int check_extent(const struct tl_options *o)
{
    bool data = o->json || (o->format && (!strcmp(o->format, "json") || !strcmp(o->format, "junit")));
    if (o->brief && o->full)
        return tl_usage_error(&tl_command_report, "--short and --full: one of them was expected");
    if ((o->brief || o->full) && (data || (o->bundle && o->full)))
        return tl_usage_error(
            &tl_command_report, "--%s goes with --format md and html: %s", o->brief ? "short" : "full",
            data ? "what programs read is always whole" : "a bundle has the page and the whole report");
    return -1;
}

/* Of a trial that was imported. -1 when the id is of none. */
static int report_imported(const struct tl_options *o, struct tl_store *s)
{
    static const struct tl_cli_formats formats = {tl_imported_markdown, tl_imported_html, tl_imported_junit};
    struct tl_trial_record r;
    struct tl_import_matches found;
    struct tl_error e;
    if (tl_query_trial(s, o->args[0], &r, &e))
        return -1;
    int status = -1;
    if (tl_trial_imported(&r) && (status = check_finding_only(o, "an imported trial", false)) >= 0) {
        tl_trial_record_free(&r);
        return status;
    }
    if (tl_trial_imported(&r) && tl_import_match(s, &r, &found, &e)) {
        status = tl_print_error(&e);
    } else if (tl_trial_imported(&r)) {
        json_t *matches = tl_import_matches_json(&found), *hosts;
        if (tl_query_machine_names(s, &hosts, &e))
            hosts = NULL;
        struct tl_imported_source source = {
            .trial = &r, .matches = matches, .hosts = hosts, .keep_paths = o->keep_paths};
        char *target = o->bundle ? tl_cli_bundle_target(o) : NULL;
        json_t *files = NULL;
        if (!target)
            status = tl_cli_print_report(o, &formats, tl_imported_report(&source));
        else if (tl_imported_bundle(&source, target, o->force, &files, &e))
            status = tl_print_error(&e);
        else if (o->json)
            status = tl_print_json(json_pack("{s:s,s:[],s:O}", "bundle", target, "left_out", "files", files));
        else
            status = tl_cli_print_bundle(target, files);
        json_decref(files);
        free(target);
        json_decref(matches);
        json_decref(hosts);
        tl_import_matches_free(&found);
    } else {
        tl_fail(
            &e, TL_ERROR_INPUT, "there is no report of it", r.id,
            "it is a trial that trapline ran: `trapline show %.18s` has everything about it, and `trapline "
            "isolate` makes "
            "the finding that is reported",
            r.id);
        status = tl_print_error(&e);
    }
    tl_trial_record_free(&r);
    return status;
}

static int report(struct tl_options *o)
{
    static const struct tl_cli_formats formats = {tl_report_markdown, tl_report_html, tl_report_junit};
    struct tl_store *s;
    struct tl_error e;
    struct tl_report_sources r = {0};
    int status = check_options(o);
    if (status >= 0)
        return status;
    if (!o->site && (status = check_extent(o)) >= 0)
        return status;
    if (o->site) {
        if (o->brief || o->full || o->n_args || o->format || o->bundle)
            return tl_usage_error(&tl_command_report,
                                  "--site stands alone: it is about everything in the database");
        return write_site(o);
    }
    if (o->brief && o->bundle && o->format && strcmp(o->format, "md") != 0)
        return tl_usage_error(&tl_command_report,
                              "--short with --bundle is the text of an issue, in Markdown");
    if ((o->force || o->zip) && !o->bundle)
        return tl_usage_error(&tl_command_report, "--force and --zip go with --bundle");
    if (o->n_args != 1)
        return tl_usage_error(
            &tl_command_report,
            "the id of a finding, a night or an imported trial, or the beginning of one, was "
            "expected; `trapline list findings` shows findings");
    if (tl_store_open(o->db, TL_STORE_READ, &s, &e))
        return tl_print_error(&e);
    const char *word = o->args[0];
    char last[TL_UUID_SIZE];
    status = tl_cli_last(s, TL_STARTED_FINDING, &word, last);
    if (status >= 0) {
        tl_store_close(s, NULL);
        return status;
    }
    o->args[0] = (char *)word;
    json_t *night = NULL;
    struct tl_error other;
    bool none =
        tl_report_load(s, o->args[0], &r, &e) && (tl_night_load(s, o->args[0], &night, &other) || !night);
    if (none)
        status = report_imported(o, s);
    if (none && status < 0)
        status = tl_print_error(&e);
    tl_store_close(s, NULL);
    if (night) {
        status = check_finding_only(o, "a night", true);
        if (status < 0)
            status = tl_cli_nightly_print(o, night);
        json_decref(night);
    }
    if (status < 0) {
        struct tl_report_source source = {
            .finding = r.finding,
            .failing = r.has_failing ? &r.failing : NULL,
            .control = r.has_control ? &r.control : NULL,
            .elsewhere = r.elsewhere,
            .hosts = r.hosts,
            .keep_paths = o->keep_paths,
        };
        status = o->retest    ? tl_cli_report_retest(&tl_command_report, o, &r)
                 : o->bundle  ? tl_cli_report_bundle(o, &source, r.case_document)
                 : o->project ? tl_cli_report_for(o, tl_report_new(&source), NULL, NULL)
                              : tl_cli_print_report(o, &formats, tl_report_new(&source));
    }
    tl_report_release(&r);
    return status;
}

const struct tl_command tl_command_report = {
    .name = "report",
    .arguments = "FINDING|NIGHT|TRIAL [--short|--full] [--format md|html|json|junit] [--bundle DIR] "
                 "[--force] [--zip] | FINDING --for PROJECT [--bundle DIR] | FINDING --retest [-u UNIT | "
                 "--build VERSION] | "
                 "--site DIR",
    .about =
        "write the report of a finding, a night or an imported trial, a bundle of it, or everything as pages",
    .options =
        "short full format bundle force zip for retest unit build site keep-paths sandbox network user",
    .run = report,
};
