#include "harness/executor/unit_list.h"

#include "harness/base/buffer.h"
#include "harness/base/unit_name.h"
#include "harness/builds/builds.h"
#include "harness/executor/unit.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void add(struct tl_unit_list *l, char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->list[i], name)) {
            free(name);
            return;
        }
    *TL_GROW(l->list, l->n) = name;
}

static void add_builds(struct tl_unit_list *l, const struct tl_unit *u, const struct tl_builds *builds)
{
    for (size_t i = 0; i < builds->n; i++)
        add(l, tl_unit_name_text(u->runner, builds->list[i].version, u->device, u->alias));
}

/* All that there are. */
static int list(const struct tl_unit *u, const struct tl_unit_builds *of, struct tl_builds *all,
                struct tl_error *e)
{
    return of ? of->list(of->arg, u, all, e) : tl_builds_installed(u->runner, all, e);
}

static int select_of(const struct tl_unit *u, const struct tl_unit_builds *of,
                     const struct tl_builds_range *r, size_t n, struct tl_builds *builds, struct tl_error *e)
{
    struct tl_builds all;
    return list(u, of, &all, e) ? -1 : tl_builds_select_of(u->runner, &all, r, n, builds, e);
}

/* A build that is named alone need not be here: its unit then says why it cannot be used. */
static int add_range(struct tl_unit_list *l, const struct tl_unit *u, const struct tl_unit_builds *of,
                     const struct tl_builds_range *r, struct tl_error *e)
{
    struct tl_builds builds = {0};
    if (!of && (r->kind == TL_BUILDS_VERSION || r->kind == TL_BUILDS_LATEST))
        add(l, tl_unit_name_text(u->runner, r->text, u->device, u->alias));
    else if (select_of(u, of, r, 1, &builds, e))
        return -1;
    add_builds(l, u, &builds);
    tl_builds_free(&builds);
    return 0;
}

/* Takes a unit apart. *ranges is empty when it names no build, or one that is a path. */
static int parse(const char *text, struct tl_unit *u, struct tl_builds_ranges *ranges, struct tl_error *e)
{
    *ranges = (struct tl_builds_ranges){0};
    if (tl_unit_parse(text, u, e))
        return -1;
    return u->build && !strchr(u->build, '/') ? tl_builds_ranges_parse(u->build, ranges, e) : 0;
}

void tl_unit_list_put(struct tl_unit_list *l, const char *text)
{
    add(l, tl_strdup(text));
}

int tl_unit_list_add_of(struct tl_unit_list *l, const char *text, const struct tl_unit_builds *of,
                        struct tl_error *e)
{
    struct tl_unit u;
    struct tl_builds_ranges ranges;
    int result = parse(text, &u, &ranges, e);
    if (!result && !ranges.n)
        add(l, tl_strdup(text));
    for (size_t i = 0; i < ranges.n && !result; i++)
        result = add_range(l, &u, of, &ranges.list[i], e);
    tl_builds_ranges_free(&ranges);
    tl_unit_free(&u);
    return result;
}

int tl_unit_list_add(struct tl_unit_list *l, const char *text, struct tl_error *e)
{
    return tl_unit_list_add_of(l, text, NULL, e);
}

static int too_few(const char *text, const struct tl_unit *u, bool several, const struct tl_builds *builds,
                   struct tl_error *e)
{
    char *help = strcmp(u->runner, "onnxruntime") ? tl_strdup("")
                 : several
                     ? tl_format("; `trapline builds fetch onnxruntime@%s` brings what is missing", u->build)
                     : tl_strdup("; `trapline builds fetch onnxruntime@1.16..1.30` brings them");
    tl_fail(e, TL_ERROR_INPUT, "nothing to search over", text, "fewer than two %s are here%s%s%s",
            several ? "of these builds" : "builds of this runner", builds->n ? ", only " : "",
            builds->n ? builds->list[0].version : "", help);
    free(help);
    return -1;
}

/* Which of the builds the unit names: it is the one that is known to be bad. */
static int known_bad(const char *text, const struct tl_unit *u, const struct tl_unit_builds *of,
                     const struct tl_builds_ranges *ranges, const struct tl_builds *builds, size_t *bad,
                     struct tl_error *e)
{
    struct tl_build found = {0};
    struct tl_builds one = {0};
    struct tl_error why;
    if (of ? select_of(u, of, ranges->list, 1, &one, &why)
           : tl_builds_find(u->runner, u->build, &found, &why))
        return tl_fail(e, TL_ERROR_INPUT, "no such build here", text, "%s", why.why);
    for (size_t i = 0; i < builds->n; i++)
        if (!strcmp(builds->list[i].version, of ? one.list[0].version : found.version))
            *bad = i;
    tl_builds_free(&one);
    tl_build_free(&found);
    return 0;
}

int tl_unit_list_builds(struct tl_unit_list *l, const char *text, size_t *bad, struct tl_error *e)
{
    return tl_unit_list_builds_of(l, text, NULL, bad, e);
}

int tl_unit_list_builds_of(struct tl_unit_list *l, const char *text, const struct tl_unit_builds *of,
                           size_t *bad, struct tl_error *e)
{
    struct tl_unit u;
    struct tl_builds_ranges ranges;
    struct tl_builds builds = {0};
    int result = parse(text, &u, &ranges, e);
    bool several = tl_builds_ranges_several(&ranges);
    *bad = SIZE_MAX;
    if (!result)
        result = several ? select_of(&u, of, ranges.list, ranges.n, &builds, e) : list(&u, of, &builds, e);
    if (!result && builds.n < 2)
        result = too_few(text, &u, several, &builds, e);
    if (!result)
        add_builds(l, &u, &builds);
    if (!result && !several && ranges.n)
        result = known_bad(text, &u, of, &ranges, &builds, bad, e);
    tl_builds_free(&builds);
    tl_builds_ranges_free(&ranges);
    tl_unit_free(&u);
    return result;
}

void tl_unit_list_free(struct tl_unit_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->list[i]);
    free(l->list);
    *l = (struct tl_unit_list){0};
}
