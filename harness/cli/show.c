/* trapline show: everything that is known of one trial. */
#include "harness/cli/cli.h"

#include "cases/load.h"
#include "db/finding.h"
#include "db/finding_join.h"
#include "db/query.h"
#include "db/store.h"
#include "harness/base/buffer.h"
#include "harness/cli/isolate_text.h"
#include "harness/cli/last.h"
#include "harness/executor/import_match.h"
#include "reports/trial.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether a case names files by its own directory, or relative to it. */
static bool names_files(const json_t *document)
{
    static const char *const marks[] = {
        "{case_dir}", "\"file\":", "\"npy\":", "\"pb\":", "\"tests\":", "\"./", "\"../"};
    char *text = json_dumps(document, JSON_COMPACT);
    bool names = false;
    for (size_t i = 0; text && i < TL_COUNT(marks); i++)
        names = names || strstr(text, marks[i]);
    free(text);
    return names;
}

static bool is_plain(const char *text)
{
    while (*text && (unsigned char)*text >= ' ' && *text != 127)
        text++;
    return !*text;
}

/* Where the case of a trial is run again: its file, where that is still what it was, and otherwise the directory in which
 * it was, where the case names what is beside it. Strings are the caller's. */
static void find_case(struct tl_store *s, const struct tl_trial_record *r, char **file, char **directory,
                      bool *beside)
{
    char *path = NULL, *text = NULL;
    struct tl_case *c = NULL;
    struct tl_mistakes m = {0};
    struct tl_error ignored; /* then less is known */
    *file = *directory = NULL;
    if (!tl_query_case_json(s, r->case_hash, &text, &ignored) && text) {
        json_t *document = json_loads(text, 0, NULL);
        *beside = names_files(document);
        json_decref(document);
    }
    /* The database may be somebody else's: what is no path, or would write to the terminal, is none. */
    if (!tl_started_case_path(s, r->case_hash, &path, &ignored) && path && *path == '/' && is_plain(path)) {
        if (!access(path, R_OK) && !tl_case_load(path, &c, &m, &ignored) && !strcmp(c->hash, r->case_hash))
            *file = tl_strdup(path);
        size_t n = (size_t)(strrchr(path, '/') - path);
        *directory = tl_format("%.*s", n ? (int)n : 1, path);
    }
    tl_mistakes_free(&m);
    tl_case_free(c);
    free(text);
    free(path);
}

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
        char *file, *directory, *db = o->db_given ? realpath(o->db_given, NULL) : NULL;
        struct tl_trial_page_options page = {.all_stacks = o->stacks || o->verbose,
                                             .colour = tl_colour(stdout),
                                             .environment = environment,
                                             .matches = matches,
                                             .db = db};
        find_case(s, r, &file, &directory, &page.beside_case);
        page.case_file = file;
        page.case_directory = directory;
        char *text = tl_trial_page(r, &page);
        fputs(text, stdout);
        free(text);
        free(db);
        free(file);
        free(directory);
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
    json_t *finding;
    struct tl_error other;
    const char *word = o->args[0];
    char last[TL_UUID_SIZE];
    int status =
        tl_cli_last(s, o->case_file ? TL_STARTED_TRIAL : TL_STARTED_TRIAL | TL_STARTED_FINDING, &word, last);
    if (status >= 0) {
        tl_store_close(s, NULL);
        return status;
    }
    if (!tl_query_trial(s, word, &r, &e)) {
        status = o->case_file ? show_case(s, &r) : show_trial(o, s, &r);
        tl_trial_record_free(&r);
    } else if (e.kind == TL_ERROR_INPUT && !o->case_file && !tl_finding_load(s, word, &finding, &other)) {
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
