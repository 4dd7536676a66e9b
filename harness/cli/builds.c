/* trapline builds: the runtimes that units can name. */
#include "harness/cli/cli.h"

#include "harness/base/buffer.h"
#include "harness/builds/builds.h"
#include "harness/executor/describe.h"
#include "harness/executor/unit.h"
#include "reports/members.h"

#include <stdlib.h>
#include <string.h>

/* A line for each thing that takes long, and none is written over: what was left out is to be read later. */
static __attribute__((format(printf, 2, 0))) bool print_line(void *arg, const char *format, va_list values)
{
    (void)arg;
    if (tl_cli_is_quiet())
        return false;
    vfprintf(stderr, format, values);
    putc('\n', stderr);
    return false;
}

static json_t *build_json(const struct tl_build *b)
{
    char *unit = tl_format("%s@%s", b->runner, b->version);
    json_t *j =
        json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:s}", "build", unit, "runner", b->runner, "version", b->version,
                  "path", b->path, "sha256", b->sha256, "size", (json_int_t)b->size, "source", b->source);
    free(unit);
    return j;
}

static void print_build(const json_t *j)
{
    printf("%-26s %.12s %6.1f MiB  %s\n", tl_member_text(j, "build"), tl_member_text(j, "sha256"),
           (double)tl_member_integer(j, "size") / 1048576.0, tl_member_text(j, "source"));
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
    json_array_foreach(list, i, j)
        print_build(j);
    json_decref(list);
    return tl_finish_output(TL_EXIT_OK);
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
    for (size_t i = 0; i < b.n; i++)
        json_array_append_new(all, build_json(&b.list[i]));
    add_devices(all, &b);
    if (!b.n && !o->json)
        tl_cli_note("no builds yet; `trapline builds fetch onnxruntime@latest` brings one");
    tl_builds_free(&b);
    return print_builds(o, all);
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
    if (!strcmp(what, "fetch"))
        return fetch(o);
    if (!strcmp(what, "add"))
        return add(o);
    return tl_usage_error(&tl_command_builds, "`fetch`, `add` or `list` was expected");
}

const struct tl_command tl_command_builds = {
    .name = "builds",
    .arguments = "fetch BUILD… | add LIBRARY… | list",
    .about = "bring, register and list builds of a runtime",
    .options = "",
    .run = builds_command,
};
