/* Variables are taken away by env, and by their names: what they hold is no word of a command line, which everybody can read. */
#include "reports/bundle/elsewhere.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/places.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENV "/usr/bin/env"

extern char **environ;

struct words {
    char **list;
    size_t n;
};

static void add(struct words *w, char *word)
{
    w->list = tl_realloc(w->list, w->n + 2, sizeof *w->list);
    w->list[w->n++] = word;
    w->list[w->n] = NULL;
}

static bool is_without(const struct tl_elsewhere *x, const char *name)
{
    const json_t *one;
    size_t i;
    bool is = !(x->has & TL_ELSEWHERE_VARIABLES);
    json_array_foreach(x->without, i, one)
        is = is || !strcmp(json_string_value(one), name);
    return is;
}

/* PATH=… with what the script names by its name alone and that stands elsewhere here: a tool of a virtual environment. */
static char *path_setting(const struct tl_elsewhere *x)
{
    const char *own = is_without(x, "PATH") ? NULL : getenv("PATH");
    struct tl_buffer list = TL_BUFFER_INIT;
    const json_t *tool;
    size_t i;
    tl_buffer_add_string(&list, "PATH=");
    json_array_foreach(json_object_get(x->b->o->files, "tools"), i, tool) {
        const char *path = json_string_value(tool);
        if (!tl_place_is_of_system(path))
            tl_buffer_printf(&list, "%.*s:", (int)(tl_base_name(path) - path - 1), path);
    }
    tl_buffer_add_string(&list, own ? own : TL_BUNDLE_SYSTEM_PATH);
    return tl_buffer_take(&list);
}

static void add_settings(const struct tl_elsewhere *x, struct words *w)
{
    const char *home = x->has & TL_ELSEWHERE_HOME ? getenv("HOME") : NULL;
    add(w, tl_format("HOME=%s", home ? home : "{scratch}"));
    add(w, path_setting(x));
    add(w, tl_strdup("TMPDIR={scratch}"));
    add(w, tl_strdup("PYTHONDONTWRITEBYTECODE=1")); /* in the bundle */
    if (x->b->runner_elsewhere)
        add(w, tl_format("RUNNER=%s", x->b->runner_elsewhere));
}

void tl_elsewhere_begin(struct tl_elsewhere *x)
{
    struct words argv = {0}, settings = {0};
    const json_t *name;
    size_t i;
    add_settings(x, &settings);
    if (access(ENV, X_OK) == 0) {
        add(&argv, tl_strdup(ENV));
        if (!(x->has & TL_ELSEWHERE_VARIABLES)) {
            add(&argv, tl_strdup("-i"));
            add(&argv, tl_strdup("LANG=C.UTF-8"));
            for (i = 0; i < settings.n; i++)
                add(&argv, tl_strdup(settings.list[i]));
        } else {
            json_array_foreach(x->without, i, name)
                if (strcmp(json_string_value(name), "PATH") != 0) {
                    add(&argv, tl_strdup("-u"));
                    add(&argv, tl_strdup(json_string_value(name)));
                }
        }
    }
    for (const char *const *word = x->command; *word; word++)
        add(&argv, tl_strdup(*word));
    x->argv = argv.list;
    x->environment = settings.list;
}

void tl_elsewhere_end(struct tl_elsewhere *x)
{
    tl_strings_free(x->argv);
    tl_strings_free(x->environment);
    x->argv = x->environment = NULL;
}

json_t *tl_elsewhere_variables(void)
{
    static const char *const everywhere[] = {"HOME", "TMPDIR", "PWD", "OLDPWD", "SHLVL", "_"};
    json_t *names = json_array();
    for (char **one = environ; *one; one++) {
        char *name = tl_format("%.*s", (int)strcspn(*one, "="), *one);
        if (*name && !tl_is_one_of(name, everywhere, TL_COUNT(everywhere)))
            json_array_append_new(names, json_string(name)); /* one that is no text is left as it is */
        free(name);
    }
    return names;
}
