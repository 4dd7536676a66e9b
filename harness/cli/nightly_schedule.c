/* trapline nightly --install, --uninstall, --status: the system runs a suite every night (harness/schedule).
 */
#include "harness/cli/nightly.h"

#include "harness/base/buffer.h"
#include "harness/cli/begin.h"
#include "harness/cli/config.h"
#include "harness/cli/with_lines.h"
#include "harness/schedule/schedule.h"
#include "reports/members.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AT "03:00"

static char *when(const json_t *us, const char *otherwise)
{
    return json_is_integer(us) ? tl_time_text(json_integer_value(us)) : tl_strdup(otherwise);
}

static void print_notes(const json_t *done)
{
    const json_t *note;
    size_t i;
    json_array_foreach(json_object_get(done, "notes"), i, note)
        tl_cli_note("%s", json_string_value(note));
}

static int print_installed(const struct tl_options *o, json_t *done) /* takes it */
{
    if (o->json)
        return tl_print_json(done);
    json_t *shown = tl_cli_with_lines(done);
    json_decref(done);
    done = shown;
    char *next = when(json_object_get(done, "next_us"), "unknown");
    const json_t *file;
    size_t i;
    printf("%s runs every night at %s; next: %s\n", tl_member_or(done, "suite", "unknown"),
           tl_member_or(done, "at", "unknown"), next);
    json_array_foreach(json_object_get(done, "files"), i, file)
        printf("  %s\n", json_string_value(file));
    print_notes(done);
    free(next);
    json_decref(done);
    return tl_finish_output(TL_EXIT_OK);
}

/* Adds an option that was given, with its value if it takes one. */
static void add(const char **more, size_t *n, const char *name, const char *value, bool given)
{
    if (!given)
        return;
    more[(*n)++] = name;
    if (value)
        more[(*n)++] = value;
}

int tl_cli_nightly_install(struct tl_options *o)
{
    struct tl_nightly n = {0};
    struct tl_error e;
    if (tl_schedule_time(o->at ? o->at : AT, NULL, NULL, &e))
        return tl_print_error(&e);
    /* What cannot be run is not installed: a mistake would show at night. */
    int status = tl_cli_load_suite(&n, o->args[0]);
    if (status) {
        tl_nightly_free(&n);
        return status;
    }
    if (tl_cli_check_sandbox(o->sandbox || n.suite->sandbox, o, &e)) {
        tl_nightly_free(&n);
        return tl_print_error(&e);
    }
    char *path = tl_cli_absolute(o->args[0]), *db = o->db ? tl_cli_absolute(o->db) : NULL,
         *program = tl_schedule_program(&e), *junit = o->junit ? tl_cli_absolute(o->junit) : NULL,
         *site = o->site ? tl_cli_absolute(o->site) : NULL;
    /* The night is run from another directory: what holds here goes with it, as options where there is one. */
    char *words = o->config ? tl_config_words(o->config) : NULL;
    if (words)
        setenv("TRAPLINE_REDACT", words, true);
    free(words);
    char **environment = tl_schedule_environment(), jobs[16];
    const char *more[20] = {NULL};
    size_t k = 0;
    snprintf(jobs, sizeof jobs, "%u", o->jobs);
    add(more, &k, "--notify", o->notify, o->notify != NULL);
    add(more, &k, "--site-url", o->site_url, o->site_url != NULL);
    add(more, &k, "--junit", junit, junit != NULL);
    add(more, &k, "--site", site, site != NULL);
    add(more, &k, "--keep-paths", NULL, o->keep_paths);
    add(more, &k, "--format", o->format, o->format != NULL);
    add(more, &k, "--no-cgroup", NULL, o->no_cgroup);
    add(more, &k, "--sandbox", NULL, o->sandbox);
    add(more, &k, "--network", NULL, o->network);
    add(more, &k, "--user", o->user, o->user != NULL);
    add(more, &k, "--jobs", jobs, o->jobs > 0);
    const struct tl_schedule s = {
        .suite = n.suite->name,
        .path = path,
        .program = program,
        .db = db,
        .at = o->at ? o->at : AT,
        .more = more,
        .environment = (const char *const *)environment,
    };
    json_t *done = NULL;
    status = !program || tl_schedule_install(&s, &done, &e) ? tl_print_error(&e) : print_installed(o, done);
    tl_schedule_environment_free(environment);
    free(path);
    free(db);
    free(junit);
    free(site);
    free(program);
    tl_nightly_free(&n);
    return status;
}

/* The suite is named by its name, by its file, or not at all when only one is installed. */
static char *suite_name(const struct tl_options *o, struct tl_error *e)
{
    struct tl_suite *suite = NULL;
    struct tl_mistakes m = {0};
    struct tl_error ignored;
    if (o->n_args && !tl_suite_load(o->args[0], &suite, &m, &ignored)) {
        char *name = tl_strdup(suite->name);
        tl_suite_free(suite);
        tl_mistakes_free(&m);
        return name;
    }
    tl_mistakes_free(&m);
    if (o->n_args)
        return tl_strdup(o->args[0]);
    json_t *list = NULL;
    char *name = NULL;
    if (tl_schedule_status(&list, e))
        return NULL;
    if (json_array_size(list) == 1)
        name = tl_strdup(tl_member_or(json_array_get(list, 0), "suite", "unknown"));
    else
        tl_fail(e, TL_ERROR_INPUT, "which suite?", "--uninstall",
                json_array_size(list)
                    ? "several are installed; name one: `trapline nightly --uninstall SUITE`. "
                      "`trapline nightly --status` lists them"
                    : "none is installed");
    json_decref(list);
    return name;
}

int tl_cli_nightly_uninstall(struct tl_options *o)
{
    struct tl_error e;
    json_t *done = NULL, *file;
    size_t i;
    char *name = suite_name(o, &e);
    int status = !name || tl_schedule_uninstall(name, &done, &e) ? tl_print_error(&e) : TL_EXIT_OK;
    free(name);
    if (status)
        return status;
    if (o->json)
        return tl_print_json(done);
    json_t *shown = tl_cli_with_lines(done);
    json_decref(done);
    done = shown;
    printf("%s is no longer run every night\n", tl_member_or(done, "suite", "unknown"));
    json_array_foreach(json_object_get(done, "removed"), i, file)
        printf("  removed %s\n", json_string_value(file));
    print_notes(done);
    json_decref(done);
    return tl_finish_output(TL_EXIT_OK);
}

static void print_last(const json_t *suite)
{
    const json_t *last = json_object_get(suite, "last"), *status = json_object_get(last, "exit_status");
    if (!json_is_object(last)) {
        printf("  last run    %s\n", json_object_get(suite, "unknown") ? "unknown" : "none yet");
        return;
    }
    char *started = when(json_object_get(last, "started_us"), "time unknown");
    if (json_is_integer(status))
        printf("  last run    %s: %s, exit status %lld\n", started, tl_member_or(last, "result", "unknown"),
               (long long)json_integer_value(status));
    else
        printf("  last run    %s: %s\n", started, tl_member_or(last, "result", "unknown"));
    free(started);
}

int tl_cli_nightly_status(struct tl_options *o)
{
    struct tl_error e;
    json_t *list, *suite;
    size_t i;
    if (tl_schedule_status(&list, &e))
        return tl_print_error(&e);
    if (o->json)
        return tl_print_json(json_pack("{s:o}", "suites", list));
    if (!json_array_size(list))
        puts("no suite is installed; `trapline nightly --install SUITE.json --at 03:00` installs one");
    json_t *shown = tl_cli_with_lines(list);
    json_array_foreach(shown, i, suite) {
        char *next = when(json_object_get(suite, "next_us"), "unknown");
        printf("%s  every night at %s%s\n  suite       %s\n", tl_member_or(suite, "suite", "unknown"),
               tl_member_or(suite, "at", "unknown"),
               json_is_true(json_object_get(suite, "running"))   ? ", running now"
               : json_is_false(json_object_get(suite, "active")) ? ", but its timer is not active"
                                                                 : "",
               tl_member_or(suite, "path", "unknown"));
        print_last(suite);
        printf("  next run    %s\n", next);
        for (size_t k = 0; k < 2; k++) {
            static const char *const members[] = {"unknown", "problem"};
            if (json_is_string(json_object_get(suite, members[k])))
                printf("  %-10s  %s\n", members[k], tl_member_or(suite, members[k], "unknown"));
        }
        free(next);
    }
    json_decref(list);
    json_decref(shown);
    return tl_finish_output(TL_EXIT_OK);
}
