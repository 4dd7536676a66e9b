/* trapline nightly: runs a suite, compares it with the nights before, isolates what is new, and says so. */
#include "harness/cli/nightly.h"

#include "db/store.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/program.h"
#include "harness/base/split.h"
#include "harness/base/staging_note.h"
#include "harness/cli/begin.h"
#include "harness/cli/fleet.h"
#include "harness/cli/follow_up.h"
#include "harness/cli/site.h"
#include "reports/night.h"
#include "reports/redact/redact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Begins a night, and goes through it unless there is one that ended and of which nobody was notified.
 * *document is NULL when it was interrupted. */
static int night(struct tl_nightly *n, const struct tl_options *o, json_t **document, struct tl_error *e)
{
    if (tl_cli_executor(&tl_command_nightly, o, &n->x, e))
        return -1;
    if (tl_cli_machines(o, n->x, &n->names, e))
        return -1;
    for (size_t i = 0; i < n->n_cases; i++)
        tl_cli_warn_unread(n->x, n->cases[i], (const char *const *)n->names.list, n->names.n);
    if (tl_nightly_begin(n, document, e))
        return -1;
    if (*document) {
        tl_cli_note(
            n->notified
                ? "nightly %s: run %lld had ended, and not all could be written: it is made up for, and no "
                  "other run is begun"
                : "nightly %s: run %lld had ended, and was cut short before anybody was notified",
            n->suite->name, (long long)json_integer_value(json_object_get(*document, "n")));
        return 0;
    }
    if (n->resumed)
        tl_cli_note("nightly %s: going on with run %lld, which was cut short", n->suite->name,
                    (long long)n->night.n);
    int result = tl_nightly_finish(n, document, e);
    tl_cli_print_set_aside(n->aside.trials, n->aside.because);
    return result;
}

/* The document as it may be published, without whose machine it is; and with the trials that show what is worse, as JUnit
 * has their stacks. The caller's. */
static json_t *to_publish(const struct tl_options *o, const json_t *document, bool with_trials)
{
    json_t *whole = json_copy((json_t *)document), *hosts = NULL;
    struct tl_store *s;
    struct tl_error gone; /* without its database a night is what its document says */
    if (!tl_store_open(o->db, TL_STORE_READ, &s, &gone)) {
        if (with_trials)
            json_object_set_new(whole, "trials_shown", tl_night_shown_trials(s, document));
        tl_query_machine_names(s, &hosts, &gone);
        tl_store_close(s, NULL);
    }
    if (o->keep_paths) {
        json_decref(hosts);
        return whole;
    }
    struct tl_redaction r;
    tl_redaction_init(&r);
    tl_redaction_add_hosts(&r, hosts);
    json_decref(hosts);
    json_t *redacted = tl_redact_json(&r, whole);
    tl_redaction_free(&r);
    json_decref(whole);
    return redacted;
}

/* A night has one extent. */
static char *night_markdown(const json_t *night, enum tl_extent extent)
{
    (void)extent;
    char *text = tl_night_markdown(night), *whole = tl_cli_follow_up(text, true);
    free(text);
    return whole;
}

static char *night_html(const json_t *night, enum tl_extent extent)
{
    (void)extent;
    return tl_night_html(night);
}

int tl_cli_nightly_print(const struct tl_options *o, const json_t *document)
{
    static const struct tl_cli_formats formats = {night_markdown, night_html, tl_night_junit};
    bool json = o->json || (o->format && !strcmp(o->format, "json")),
         junit = o->format && !strcmp(o->format, "junit");
    return tl_cli_print_report(o, &formats,
                               json ? json_incref((json_t *)document) : to_publish(o, document, junit));
}

/* --junit. -1 with *e filled. */
static int write_junit(const struct tl_options *o, const json_t *document, struct tl_error *e)
{
    json_t *whole = to_publish(o, document, true);
    char *text = tl_night_junit(whole);
    int result = tl_replace_file_noted(o->junit, text, strlen(text), 0666, false);
    if (result)
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write the result", o->junit, NULL);
    json_decref(whole);
    free(text);
    return result;
}

/* --notify, where there is something to tell. */
static int notify_of(const struct tl_options *o, char *const *words, const json_t *document, int status,
                     struct tl_error *e)
{
    if (!tl_night_has_news(document)) {
        tl_cli_note("nothing changed: nobody is notified");
        return 0;
    }
    char *text = night_markdown(document, TL_EXTENT_PAGE);
    int result = tl_cli_night_notify(o, words, document, text, status, e);
    free(text);
    return result;
}

/* Who could not be notified is not notified again: it may never be possible, and nights are to go on. For the same reason what
 * could not be written is made up for by the next command, and by none after it. */
static int mark_notified(const struct tl_options *o, const char *suite, const char *unwritten,
                         struct tl_error *e)
{
    struct tl_store *s;
    if (tl_cli_store(o, &s, e))
        return -1;
    int result = tl_night_notified(s, suite, unwritten, e);
    return tl_store_close(s, result ? NULL : e) || result ? -1 : 0;
}

/* What a night comes to: 1 when something is worse, else 2 when something could not be tried. */
static int exit_status(const json_t *document)
{
    const json_t *judged =
        json_object_get(document, "judged"); /* not there in a night of an older trapline */
    if (json_integer_value(json_object_get(document, "regressions")))
        return TL_EXIT_FAILURE;
    bool nothing = judged && !json_integer_value(judged);
    return nothing || json_integer_value(json_object_get(document, "could_not_be_tried")) ? TL_EXIT_INPUT
                                                                                          : TL_EXIT_OK;
}

/* Notifies everybody who wants to know what a night found. The worst exit status wins: that somebody could
 * not be notified counts. */
static int notify(const struct tl_options *o, const struct tl_nightly *n, char *const *words,
                  const json_t *document)
{
    int status = exit_status(document);
    int printed = tl_cli_nightly_print(o, document);
    struct tl_error e;
    if (o->junit && write_junit(o, document, &e))
        printed = tl_print_error(&e);
    struct tl_site_result site;
    if (o->site && tl_cli_site(o, &site))
        printed = TL_EXIT_ENVIRONMENT; /* why was said */
    bool unwritten = printed != TL_EXIT_OK && !n->notified;
    if (words && !n->notified && notify_of(o, words, document, status, &e))
        printed = tl_print_error(&e);
    if (mark_notified(o, n->suite->name,
                      unwritten ? json_string_value(json_object_get(document, "night")) : NULL, &e))
        printed = tl_print_error(&e);
    if (unwritten && (o->junit || o->site))
        tl_cli_note("the same command makes up for what could not be written, and begins no other run");
    return printed ? printed : status;
}

/* words: the program of --notify, or NULL. */
static int run_suite(struct tl_options *o, char *const *words)
{
    struct tl_cli_progress progress;
    struct tl_nightly n = {.watch = &progress.watch};
    struct tl_error e, closing;
    json_t *document = NULL;
    int lock = -1;
    int status = tl_cli_load_suite(&n, o->args[0]);
    if (status) {
        tl_nightly_free(&n);
        return status;
    }
    o->sandbox |= n.suite->sandbox;
    o->network |= n.suite->network;
    tl_cli_progress_begin(&progress, o);
    n.started_ns = progress.started_ns;
    n.writes = o->junit || o->site;
    n.there = tl_cli_in_fleet(o);
    int result = (lock = tl_nightly_lock(o->db, n.suite->name, &e)) < 0 || tl_nightly_builds(&n, &e) ? -1 : 0;
    if (!result)
        result = night(&n, o, &document, &e);
    tl_cli_progress_clear();
    bool interrupted = n.x && tl_executor_interrupted(n.x);
    int closed = n.x ? tl_executor_free(n.x, &closing) : 0;
    if (interrupted) {
        fputs("stopped; the same command goes on with this night\n", stderr);
        status = TL_EXIT_INTERRUPTED;
    } else {
        status = result   ? tl_print_error(&e)
                 : closed ? tl_print_error(&closing)
                          : notify(o, &n, words, document);
    }
    json_decref(document);
    tl_nightly_unlock(lock);
    tl_nightly_free(&n);
    return status;
}

/* What would be found wrong when the night is over, or every night. *words: of --notify, to be released. */
static int check_notifying(const struct tl_options *o, char ***words, struct tl_error *e)
{
    *words = NULL;
    if (o->notify && tl_split_words(o->notify, words, e))
        return -1;
    char *program = *words ? tl_program_find(".", (*words)[0], e) : NULL;
    int result = (*words && !program) || (o->site && tl_site_check(o->site, e)) ? -1 : 0;
    free(program);
    return result;
}

static int nightly(struct tl_options *o)
{
    int status = tl_cli_check_format(&tl_command_nightly, o);
    if (status >= 0)
        return status;
    if (o->install + o->uninstall + o->status + (o->history != NULL) > 1)
        return tl_usage_error(&tl_command_nightly,
                              "--install, --uninstall, --status and --history are different things");
    if (o->at && !o->install)
        return tl_usage_error(&tl_command_nightly, "--at HH:MM goes with --install");
    if (o->site_url && !o->notify)
        return tl_usage_error(&tl_command_nightly, "--site-url goes with --notify, which is told of it");
    if (o->status)
        return o->n_args ? tl_usage_error(&tl_command_nightly, "--status takes no suite")
                         : tl_cli_nightly_status(o);
    if (o->uninstall && o->n_args <= 1)
        return tl_cli_nightly_uninstall(o);
    if (o->history)
        return o->n_args ? tl_usage_error(&tl_command_nightly, "--history CASE takes no suite")
                         : tl_cli_nightly_history(o);
    if (o->n_args != 1)
        return tl_usage_error(&tl_command_nightly,
                              "one suite was expected; docs/nightly.md says what is in it");
    if (o->install && !strcmp(o->args[0], "-"))
        return tl_usage_error(&tl_command_nightly,
                              "--install: a file was expected: standard input is read once");
    struct tl_error e;
    char **words;
    status = check_notifying(o, &words, &e) ? tl_print_error(&e)
             : o->install                   ? tl_cli_nightly_install(o)
                                            : run_suite(o, words);
    tl_split_words_free(words);
    return status;
}

const struct tl_command tl_command_nightly = {
    .name = "nightly",
    .arguments = "SUITE.json | --history CASE | --install SUITE.json [--at HH:MM] | --uninstall [SUITE] | "
                 "--status",
    .about = "run a suite every night and say what broke, what was fixed, what changed",
    .options = "format junit site site-url keep-paths notify install at uninstall status history no-cache "
               "no-cgroup sandbox network user fleet key on",
    .in_fleet = true,
    .unattended = true,
    .goes_on = true,
    .run = nightly,
};
