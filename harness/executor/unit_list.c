#include "harness/executor/unit_list.h"

#include "harness/base/buffer.h"
#include "harness/base/version.h"
#include "harness/builds/builds.h"
#include "harness/executor/unit.h"

#include <stdlib.h>
#include <string.h>

static void add(struct tl_unit_list *l, char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->list[i], name)) {
            free(name);
            return;
        }
    l->list = tl_realloc(l->list, l->n + 1, sizeof *l->list);
    l->list[l->n++] = name;
}

static bool in_range(const char *version, const char *from, const char *to)
{
    size_t n = strlen(to);
    if (strchr(version, '-') && strcmp(version, from) && strcmp(version, to))
        return false;
    if (*from && tl_version_compare(version, from) < 0 &&
        (strncmp(version, from, strlen(from)) || version[strlen(from)] != '.'))
        return false;
    return !*to || !strcmp(to, "latest") || tl_version_compare(version, to) <= 0 ||
           (!strncmp(version, to, n) && version[n] == '.');
}

/* Builds that are here from `from` to `to`, "" being no end. */
static int add_range(struct tl_unit_list *l, const struct tl_unit *u, const char *text, const char *from,
                     const char *to, struct tl_error *e)
{
    struct tl_builds builds = {0};
    size_t found = 0;
    int result = tl_builds_installed(u->runner, &builds, e);
    for (size_t i = 0; i < builds.n && !result; i++)
        if (in_range(builds.list[i].version, from, to)) {
            add(l, tl_format("%s@%s:%s", u->runner, builds.list[i].version, u->device));
            found++;
        }
    if (!result && !found)
        result = tl_fail(e, TL_ERROR_INPUT, "no such builds", text,
                         "no build in that range is here; `trapline builds list` shows those that are, "
                         "`trapline builds fetch %s@%s..%s` brings more",
                         u->runner, *from ? from : "1.16", *to ? to : "latest");
    tl_builds_free(&builds);
    return result;
}

static int add_part(struct tl_unit_list *l, const struct tl_unit *u, const char *text, const char *part,
                    struct tl_error *e)
{
    const char *dots = strstr(part, "..");
    if (!strcmp(part, "installed"))
        return add_range(l, u, text, "", "", e);
    if (!dots) {
        add(l, tl_format("%s@%s:%s", u->runner, part, u->device));
        return 0;
    }
    char *from = tl_format("%.*s", (int)(dots - part), part);
    int result = add_range(l, u, text, from, dots + 2, e);
    free(from);
    return result;
}

int tl_unit_list_add(struct tl_unit_list *l, const char *text, struct tl_error *e)
{
    struct tl_unit u;
    int result = tl_unit_parse(text, &u, e);
    /* A build that is a path is left alone, whatever it holds. */
    if (!result && (!u.build || strchr(u.build, '/'))) {
        add(l, tl_strdup(text));
    } else if (!result) {
        char *list = tl_strdup(u.build), *save;
        for (char *part = strtok_r(list, ",", &save); part && !result; part = strtok_r(NULL, ",", &save))
            result = add_part(l, &u, text, part, e);
        free(list);
    }
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
