/* A case in memory: its axes by name, and placeholders in the texts of its commands. The loader calls
 * tl_placeholders to check a text, a trial tl_case_substitute to fill it in; both read the same syntax. */
#include "cases/case.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

const struct tl_axis *tl_case_axis(const struct tl_case *c, const char *name, size_t *index)
{
    for (size_t i = 0; i < c->n_axes; i++)
        if (!strcmp(c->axes[i].name, name)) {
            if (index)
                *index = i;
            return &c->axes[i];
        }
    return NULL;
}

void tl_placeholders(const char *text, tl_placeholder_found found, void *arg)
{
    for (const char *s = text; *s; s++) {
        if ((s[0] == '{' && s[1] == '{') || (s[0] == '}' && s[1] == '}')) {
            s++;
        } else if (*s == '{') {
            size_t n = strcspn(s + 1, "{}");
            found(arg, s + 1, n, s[1 + n] != '}' || n == 0);
            s += s[1 + n] == '}' ? n + 1 : 0;
        } else if (*s == '}') {
            found(arg, s, 1, true);
        }
    }
}

struct substitution {
    const struct tl_case *c;
    const struct tl_variant *v;
    const struct tl_placeholder_paths *paths;
};

static char *placeholder_value(const struct substitution *s, const char *name)
{
    size_t i;
    const struct tl_axis *a = tl_case_axis(s->c, name, &i);
    if (a)
        return tl_value_text(tl_axis_value(a, s->v->index[i]));
    const char *found = NULL;
    if (!strcmp(name, "model"))
        found = s->paths->model;
    else if (!strcmp(name, "inputs"))
        found = s->paths->inputs;
    else if (!strcmp(name, "outputs"))
        found = s->paths->outputs;
    else if (!strcmp(name, "scratch"))
        found = s->paths->scratch;
    else if (!strcmp(name, "case_dir"))
        found = s->c->directory;
    return tl_strdup(found ? found : "");
}

char *tl_case_substitute(const struct tl_case *c, const struct tl_variant *v, const char *text,
                         const char *model, const char *inputs, const char *scratch)
{
    const struct tl_placeholder_paths paths = {model, inputs, NULL, scratch};
    return tl_case_fill(c, v, text, &paths);
}

char *tl_case_fill(const struct tl_case *c, const struct tl_variant *v, const char *text,
                   const struct tl_placeholder_paths *paths)
{
    const struct substitution with = {c, v, paths};
    struct tl_buffer b = TL_BUFFER_INIT;
    for (const char *s = text; *s; s++) {
        size_t n = *s == '{' ? strcspn(s + 1, "{}") : 0;
        if ((s[0] == '{' && s[1] == '{') || (s[0] == '}' && s[1] == '}')) {
            tl_buffer_add(&b, s++, 1);
        } else if (*s == '{' && n && s[1 + n] == '}') {
            char *name = tl_format("%.*s", (int)n, s + 1), *value = placeholder_value(&with, name);
            tl_buffer_add_string(&b, value);
            free(name);
            free(value);
            s += n + 1;
        } else {
            tl_buffer_add(&b, s, 1);
        }
    }
    return tl_buffer_take(&b);
}

char **tl_case_environment(const struct tl_case *c, const struct tl_variant *v)
{
    char **list = c->n_environment ? tl_calloc(c->n_environment + 1, sizeof *list) : NULL;
    for (size_t i = 0; i < c->n_environment; i++) {
        char *value = tl_case_substitute(c, v, c->environment[i].value, NULL, NULL, NULL);
        list[i] = tl_format("%s=%s", c->environment[i].name, value);
        free(value);
    }
    return list;
}
