/* trapline builds: the runtimes that units can name. */
#include "harness/cli/cli.h"

#include "db/query.h"
#include "db/store.h"
#include "harness/base/buffer.h"
#include "harness/base/plural.h"
#include "harness/builds/builds.h"
#include "harness/cli/with_lines.h"
#include "harness/executor/describe.h"
#include "harness/executor/unit.h"
#include "reports/members.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A line for each thing that takes long, and none is written over: what was left out is to be read later. */
static __attribute__((format(printf, 2, 0))) bool print_line(void *arg, const char *format, va_list values)
{
    (void)arg;
    if (tl_cli_is_quiet())
        return false;
    char *text = NULL;
    if (vasprintf(&text, format, values) >= 0)
        tl_cli_error_line("%s", text);
    free(text);
    return false;
}

static json_t *build_json(const struct tl_build *b)
{
    char *unit = tl_format("%s@%s", b->runner, b->version);
    json_t *j = json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:s}", "build", unit, "runner", b->runner, "version",
                          b->version, "path", b->path, "sha256", b->sha256, "size", (json_int_t)b->size,
                          "disk", (json_int_t)tl_build_disk(b), "source", b->source);
    free(unit);
    return j;
}

static double mebibytes(long long bytes)
{
    return (double)bytes / 1048576.0;
}

static void print_build(const json_t *j)
{
    printf("%-26s %.12s %6.1f MiB  ", tl_member_text(j, "build"), tl_member_text(j, "sha256"),
           mebibytes(tl_member_integer(j, "disk")));
    const json_t *used = json_object_get(j, "last_used_us");
    if (used) {
        char *when = json_is_integer(used) ? tl_time_text(json_integer_value(used)) : tl_strdup("never");
        printf("last used %-19s  ", when);
        free(when);
    }
    puts(tl_member_text(j, "source"));
    json_t *d;
    size_t i;
    json_array_foreach(json_object_get(j, "devices"), i, d) {
        bool usable = !json_is_false(json_object_get(d, "usable"));
        char *why = tl_reason_text(usable, tl_member_text(d, "why"));
        printf("    %-14s %s%s\n", tl_member_text(d, "name"), usable ? "yes" : "no", why);
        free(why);
    }
}

static int print_builds(const struct tl_options *o, json_t *list)
{
    json_t *j;
    size_t i;
    if (o->json)
        return tl_print_json(json_pack("{s:o}", "builds", list));
    json_t *shown = tl_cli_with_lines(list);
    json_array_foreach(shown, i, j)
        print_build(j);
    json_decref(shown);
    json_decref(list);
    return tl_finish_output(TL_EXIT_OK);
}

/* Whether there is a database to ask: before the first trial there is none. */
static bool has_database(const struct tl_options *o)
{
    struct tl_error ignored;
    char *path = o->db ? tl_strdup(o->db) : tl_store_default_path(&ignored);
    bool has = path && !access(path, F_OK);
    free(path);
    return has;
}

static int read_uses(const struct tl_options *o, struct tl_runtime_uses *uses)
{
    struct tl_store *s = NULL;
    struct tl_error e;
    *uses = (struct tl_runtime_uses){0};
    if (!has_database(o))
        return TL_EXIT_OK;
    if (tl_store_open(o->db, TL_STORE_READ, &s, &e)) {
        /* A database of an older trapline, or one that is damaged, is no reason to hide what is installed. */
        tl_cli_note("when they were last used is not known: %s: %s", *e.where ? e.where : e.what, e.why);
        return TL_EXIT_OK;
    }
    int status = tl_query_runtimes(s, uses, &e) ? tl_print_error(&e) : TL_EXIT_OK;
    tl_store_close(s, NULL);
    return status;
}

/* "last_used_us" of each: when the last trial on it began, of those in the database; null for none. By its content: a
 * unit may name it in several ways. */
static int add_last_used(const struct tl_options *o, json_t *all, const struct tl_builds *b)
{
    struct tl_runtime_uses uses;
    int status = read_uses(o, &uses);
    for (size_t i = 0; i < b->n; i++) {
        json_t *last = json_null();
        for (size_t k = 0; k < uses.n; k++)
            if (!strcmp(uses.list[k].sha256, b->list[i].sha256))
                last = json_integer(uses.list[k].last_us);
        json_object_set_new(json_array_get(all, i), "last_used_us", last);
    }
    tl_runtime_uses_free(&uses);
    return status;
}

/* What the runner says of the devices of each; without its word a build has none, which is said on stderr. */
static void add_devices(json_t *all, const struct tl_builds *b)
{
    struct tl_description *d = tl_calloc(b->n, sizeof *d);
    struct tl_error *failures = tl_calloc(b->n, sizeof *failures), e;
    json_t **builds = tl_calloc(b->n, sizeof(json_t *));
    char *runner = b->n ? tl_runner_find(b->list[0].runner, &e) : NULL;
    for (size_t i = 0; i < b->n; i++) {
        builds[i] = tl_build_json(&b->list[i]);
        d[i] = (struct tl_description){.runner = runner, .build = builds[i]};
    }
    if (b->n && (!runner || tl_describe(d, b->n, failures, &e)))
        tl_print_error(&e);
    for (size_t i = 0; i < b->n; i++) {
        if (d[i].answer)
            json_object_set(json_array_get(all, i), "devices", json_object_get(d[i].answer, "devices"));
        else if (*failures[i].what)
            tl_print_error(&failures[i]);
        tl_description_free(&d[i]);
        json_decref(builds[i]);
    }
    free(runner);
    free(builds);
    free(failures);
    free(d);
}

static int list(const struct tl_options *o)
{
    struct tl_builds b;
    struct tl_error e;
    if (tl_builds_installed(NULL, &b, &e))
        return tl_print_error(&e);
    json_t *all = json_array();
    long long disk = 0;
    for (size_t i = 0; i < b.n; i++) {
        json_t *j = build_json(&b.list[i]);
        disk += tl_member_integer(j, "disk");
        json_array_append_new(all, j);
    }
    add_devices(all, &b);
    int status = add_last_used(o, all, &b);
    if (!b.n && !o->json)
        tl_cli_note("no builds yet; `trapline builds fetch onnxruntime@latest` brings one");
    int printed = print_builds(o, all);
    if (b.n && !o->json && !printed) {
        printf("%zu build%s, %.1f MiB\n", b.n, tl_plural(b.n), mebibytes(disk));
        printed = tl_finish_output(TL_EXIT_OK);
    }
    tl_builds_free(&b);
    return status ? status : printed;
}

/* The builds that one of the words of the command line names. */
static int named(const char *word, struct tl_builds *out, struct tl_error *e)
{
    struct tl_builds_ranges r = {0};
    const char *versions = tl_builds_versions(word, "onnxruntime", e);
    *out = (struct tl_builds){0};
    int result = versions && !tl_builds_ranges_parse(versions, &r, e)
                     ? tl_builds_select("onnxruntime", r.list, r.n, out, e)
                     : -1;
    tl_builds_ranges_free(&r);
    return result;
}

/* Nothing is removed when one of the words names no build. */
static int remove_builds(const struct tl_options *o)
{
    if (o->n_args < 2)
        return tl_usage_error(&tl_command_builds,
                              "remove: which builds was expected, for example onnxruntime@1.22.0 or "
                              "onnxruntime@1.16..1.20");
    struct tl_builds *of = tl_calloc((size_t)o->n_args, sizeof *of);
    struct tl_error e;
    int status = TL_EXIT_OK;
    long long freed = 0;
    size_t n = 0;
    for (int i = 1; i < o->n_args && !status; i++)
        if (named(o->args[i], &of[i], &e))
            status = tl_print_error(&e);
    json_t *all = json_array();
    for (int i = 1; i < o->n_args && !status; i++)
        for (size_t k = 0; k < of[i].n && !status; k++) {
            json_t *j = build_json(&of[i].list[k]);
            bool twice = access(of[i].list[k].path, F_OK) != 0; /* named by two words */
            if (!twice && tl_builds_remove(&of[i].list[k], &e)) {
                status = tl_print_error(&e);
            } else if (!twice) {
                freed += tl_member_integer(j, "disk");
                n++;
                json_array_append(all, j);
                if (!o->json)
                    tl_cli_line("removed %s", tl_member_text(j, "build"));
            }
            json_decref(j);
        }
    for (int i = 1; i < o->n_args; i++)
        tl_builds_free(&of[i]);
    free(of);
    if (o->json) {
        int printed = tl_print_json(json_pack("{s:o}", "removed", all));
        return status ? status : printed;
    }
    json_decref(all);
    if (n)
        printf("%zu build%s, %.1f MiB\n", n, tl_plural(n), mebibytes(freed));
    int printed = tl_finish_output(TL_EXIT_OK);
    return status ? status : printed;
}

static int fetch(const struct tl_options *o)
{
    if (o->n_args < 2)
        return tl_usage_error(&tl_command_builds,
                              "fetch: what to fetch was expected, for example onnxruntime@1.22.0, "
                              "onnxruntime@1.16..1.30 or onnxruntime@latest");
    const struct tl_watch watch = {print_line, NULL};
    int status = TL_EXIT_OK;
    json_t *all = json_array();
    for (int i = 1; i < o->n_args; i++) {
        struct tl_builds b = {0};
        struct tl_error e;
        if (tl_builds_fetch(o->args[i], &watch, &b, &e))
            status = tl_print_error(&e);
        for (size_t k = 0; k < b.n; k++)
            json_array_append_new(all, build_json(&b.list[k]));
        tl_builds_free(&b);
    }
    int printed = print_builds(o, all);
    return status ? status : printed;
}

static int describe(const struct tl_build *b, json_t **answer, struct tl_error *e)
{
    struct tl_description d = {.runner = tl_runner_find(b->runner, e), .build = tl_build_json(b)};
    struct tl_error failure = {0};
    int result = d.runner ? tl_describe(&d, 1, &failure, e) : -1;
    *answer = json_incref(d.answer);
    if (!result && !d.answer) {
        *e = failure;
        result = -1;
    }
    free((char *)d.runner);
    json_decref((json_t *)d.build);
    tl_description_free(&d);
    return result;
}

static int add(const struct tl_options *o)
{
    if (o->n_args < 2)
        return tl_usage_error(&tl_command_builds, "add: the path of a library was expected");
    struct tl_error e;
    int status = TL_EXIT_OK;
    json_t *all = json_array();
    for (int i = 1; i < o->n_args; i++) {
        struct tl_build b;
        if (tl_builds_add(o->args[i], describe, &b, &e)) {
            status = tl_print_error(&e);
            continue;
        }
        json_array_append_new(all, build_json(&b));
        tl_build_free(&b);
    }
    int printed = print_builds(o, all);
    return status ? status : printed;
}

static int builds_command(struct tl_options *o)
{
    const char *what = o->n_args ? o->args[0] : "";
    if (!strcmp(what, "list") && o->n_args == 1)
        return list(o);
    if (!strcmp(what, "remove"))
        return remove_builds(o);
    if (!strcmp(what, "fetch"))
        return fetch(o);
    if (!strcmp(what, "add"))
        return add(o);
    return tl_usage_error(&tl_command_builds, "`fetch`, `add`, `list` or `remove` was expected");
}

const struct tl_command tl_command_builds = {
    .name = "builds",
    .arguments = "fetch BUILD… | add LIBRARY… | list | remove BUILD…",
    .about = "bring, register, list and remove builds of a runtime",
    .options = "",
    .run = builds_command,
};
