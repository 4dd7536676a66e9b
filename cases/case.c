/* A case in memory: its axes by name, and placeholders in the texts of its commands. The loader calls
 * tl_placeholders to check a text, a trial tl_case_substitute to fill it in; both read the same syntax. */
#include "cases/case.h"
#include "harness/base/buffer.h"
#include "harness/base/paths.h"

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

static const struct tl_axis *axis_of_file(const struct tl_case *c, const char *placeholder, size_t *index)
{
    size_t n = strlen(placeholder);
    if (n < 2 || placeholder[n - 1] != '@')
        return NULL;
    char *name = tl_format("%.*s", (int)n - 1, placeholder);
    const struct tl_axis *a = tl_case_axis(c, name, index);
    free(name);
    return a && a->kind == TL_AXIS_SUBSET ? a : NULL;
}

const struct tl_axis *tl_case_axis_of_file(const struct tl_case *c, const char *placeholder)
{
    size_t index;
    return axis_of_file(c, placeholder, &index);
}

struct substitution {
    const struct tl_case *c;
    const struct tl_variant *v;
    const struct tl_placeholder_paths *paths;
};

const char *tl_case_input_file(const json_t *list, const char *placeholder, size_t size)
{
    static const char end[] = ".npy";
    const json_t *input;
    size_t i, n = size - (sizeof end - 1);
    if (size < sizeof end || memcmp(placeholder + n, end, sizeof end - 1) != 0)
        return NULL;
    json_array_foreach(list, i, input) {
        const json_t *name = json_object_get(input, "name");
        if (json_string_length(name) == n && !memcmp(json_string_value(name), placeholder, n))
            return json_string_value(json_object_get(input, "npy"));
    }
    return NULL;
}

char *tl_case_axis_text(const struct tl_case *c, const struct tl_variant *v, const char *axis)
{
    size_t i;
    const struct tl_axis *a = tl_case_axis(c, axis, &i);
    if (!a)
        return tl_strdup("");
    return a->kind == TL_AXIS_SUBSET ? tl_case_elements(c, v, i)
                                     : tl_value_text(tl_axis_value(a, v->index[i]));
}

static char *placeholder_value(const struct substitution *s, const char *name)
{
    size_t i;
    if (tl_case_axis(s->c, name, NULL))
        return tl_case_axis_text(s->c, s->v, name);
    if (axis_of_file(s->c, name, &i))
        return s->paths->elements ? tl_case_elements_file(s->c, s->v, i, s->paths->elements)
                                  : tl_case_elements(s->c, s->v, i);
    const char *found =
        tl_case_input_file(s->paths->list ? s->paths->list : s->c->inputs, name, strlen(name));
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

char *tl_case_elements(const struct tl_case *c, const struct tl_variant *v, size_t axis)
{
    const struct tl_axis_sets *sets = c->axes[axis].sets;
    json_t *list = tl_element_set_json(tl_axis_sets_elements(sets), tl_axis_sets_get(sets, v->index[axis]));
    char *text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    if (!text)
        abort();
    return text;
}

char *tl_case_elements_file(const struct tl_case *c, const struct tl_variant *v, size_t axis,
                            const char *directory)
{
    char id[TL_ID_SIZE], *text = tl_case_elements(c, v, axis);
    tl_content_id(text, strlen(text), id);
    free(text);
    return tl_format("%s/%s.json", directory, id);
}

char *tl_case_substitute(const struct tl_case *c, const struct tl_variant *v, const char *text,
                         const char *model, const char *inputs, const char *scratch)
{
    const struct tl_placeholder_paths paths = {.model = model, .inputs = inputs, .scratch = scratch};
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

/* A document nests at most 64 deep. */
static bool has_text(const json_t *j, const char *part)
{
    const char *key;
    json_t *value;
    size_t i;
    if (json_is_string(j) && strstr(json_string_value(j), part))
        return true;
    json_object_foreach((json_t *)j, key, value)
        if (has_text(value, part))
            return true;
    json_array_foreach(j, i, value)
        if (has_text(value, part))
            return true;
    return false;
}

bool tl_case_has_elements_file(const struct tl_case *c, size_t axis)
{
    if (c->axes[axis].kind != TL_AXIS_SUBSET)
        return false;
    char *placeholder = tl_format("{%s@}", c->axes[axis].name);
    bool has = has_text(c->document, placeholder);
    free(placeholder);
    return has;
}

char **tl_case_environment(const struct tl_case *c, const struct tl_variant *v)
{
    char *elements = c->n_environment ? tl_cache_home(TL_CASE_ELEMENTS) : NULL,
         **list = tl_case_environment_in(c, v, elements);
    free(elements);
    return list;
}

char **tl_case_environment_in(const struct tl_case *c, const struct tl_variant *v, const char *elements)
{
    char **list = c->n_environment ? tl_calloc(c->n_environment + 1, sizeof *list) : NULL;
    const struct tl_placeholder_paths paths = {.elements = elements};
    for (size_t i = 0; i < c->n_environment; i++) {
        char *value = tl_case_fill(c, v, c->environment[i].value, &paths);
        list[i] = tl_format("%s=%s", c->environment[i].name, value);
        free(value);
    }
    return list;
}
