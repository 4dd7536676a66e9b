/* Variants: one value index for every axis of a case.
 *
 * The canonical JSON of a variant names every axis with sorted keys, so that its content id is the same
 * whatever the order of the axes and whatever was left at its baseline. */
#include "cases/family.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

struct tl_variant tl_variant_baseline(const struct tl_case *c)
{
    return (struct tl_variant){tl_calloc(c->n_axes, sizeof(uint64_t))};
}

struct tl_variant tl_variant_copy(const struct tl_case *c, const struct tl_variant *v)
{
    struct tl_variant copy = tl_variant_baseline(c);
    if (c->n_axes)
        memcpy(copy.index, v->index, c->n_axes * sizeof *copy.index);
    return copy;
}

void tl_variant_free(struct tl_variant *v)
{
    free(v->index);
    v->index = NULL;
}

static int no_such_axis(const struct tl_case *c, const char *name, struct tl_error *e)
{
    const char *suggested = tl_suggest_axis(c, NULL, name, false);
    struct tl_buffer b = TL_BUFFER_INIT;
    if (suggested)
        tl_buffer_printf(&b, "the case has no such axis; did you mean \"%s\"?", suggested);
    else
        tl_buffer_printf(&b, "the case has no such axis; it has %s", c->n_axes ? "" : "none");
    for (size_t i = 0; !suggested && i < c->n_axes; i++)
        tl_buffer_printf(&b, "%s%s", i ? ", " : "", c->axes[i].name);
    tl_fail(e, TL_ERROR_INPUT, "unknown axis", name, "%s", b.data);
    tl_buffer_free(&b);
    return -1;
}

int tl_variant_assign(const struct tl_case *c, struct tl_variant *v, const char *assignment,
                      struct tl_error *e)
{
    const char *equals = strchr(assignment, '=');
    if (!equals || equals == assignment)
        return tl_fail(e, TL_ERROR_INPUT, "not an assignment", assignment, "expected AXIS=VALUE");
    char *name = tl_format("%.*s", (int)(equals - assignment), assignment);
    size_t i;
    const struct tl_axis *a = tl_case_axis(c, name, &i);
    uint64_t index;
    int status = a ? tl_axis_parse(a, equals + 1, &index, e) : no_such_axis(c, name, e);
    if (status == 0)
        v->index[i] = index;
    free(name);
    return status;
}

json_t *tl_variant_object(const struct tl_case *c, const struct tl_variant *v)
{
    json_t *object = json_object();
    for (size_t i = 0; i < c->n_axes; i++)
        if (json_object_set_new(object, c->axes[i].name,
                                tl_value_json(tl_axis_value(&c->axes[i], v->index[i]))))
            abort();
    return object;
}

char *tl_variant_json(const struct tl_case *c, const struct tl_variant *v)
{
    json_t *object = tl_variant_object(c, v);
    char *text = json_dumps(object, JSON_SORT_KEYS | JSON_COMPACT);
    json_decref(object);
    if (!text)
        abort();
    return text;
}

void tl_variant_hash(const struct tl_case *c, const struct tl_variant *v, char id[TL_ID_SIZE])
{
    char *text = tl_variant_json(c, v);
    tl_content_id(text, strlen(text), id);
    free(text);
}

int tl_variant_from_json(const struct tl_case *c, const json_t *object, struct tl_variant *v,
                         struct tl_error *e)
{
    v->index = NULL;
    if (!json_is_object(object))
        return tl_fail(e, TL_ERROR_INPUT, "not a variant", c->name,
                       "expected a JSON object of axes and values");
    struct tl_variant made = tl_variant_baseline(c);
    const char *name;
    json_t *j;
    json_object_foreach((json_t *)object, name, j) {
        size_t i;
        const struct tl_axis *a = tl_case_axis(c, name, &i);
        int status = a ? 0 : no_such_axis(c, name, e);
        if (a && tl_axis_index_of_json(a, j, &made.index[i])) {
            char *values = tl_axis_values_text(a);
            char *found = json_dumps(j, JSON_ENCODE_ANY);
            status = tl_fail(e, TL_ERROR_INPUT, "not a value of the axis", name, "expected %s, found %.200s",
                             values, found ? found : "nothing");
            free(found);
            free(values);
        }
        if (status) {
            tl_variant_free(&made);
            return -1;
        }
    }
    *v = made;
    return 0;
}

/* What an axis that the case does not list is taken to be. */
static bool at_baseline(const struct tl_case *c, const char *axis, struct tl_value v)
{
    const struct tl_family *f = c->family ? tl_family_find(c->family) : NULL;
    const struct tl_family_axis *known = tl_known_axis(c, f, axis);
    if (!known || known->type != v.type)
        return false;
    char *text = tl_value_text(v);
    bool same = !strcmp(text, known->baseline);
    free(text);
    return same;
}

bool tl_combination_holds(const struct tl_case *c, const struct tl_variant *v, const struct tl_combination *m)
{
    for (size_t i = 0; i < m->n_terms; i++) {
        const struct tl_combination_term *t = &m->terms[i];
        size_t axis;
        const struct tl_axis *a = tl_case_axis(c, t->axis, &axis);
        bool any = false;
        for (size_t k = 0; k < t->n_values && !any; k++)
            any = a ? tl_value_equal(tl_axis_value(a, v->index[axis]), t->values[k])
                    : at_baseline(c, t->axis, t->values[k]);
        if (!any)
            return false;
    }
    return true;
}

static bool is_there(const struct tl_case *c, const struct tl_variant *v, const struct tl_word *word)
{
    for (const struct tl_word_condition *w = word->when; w; w = w->outer)
        if (!tl_combination_holds(c, v, &w->that))
            return false;
    return true;
}

char **tl_case_command(const struct tl_case *c, const struct tl_variant *v, const struct tl_argv *argv,
                       const struct tl_placeholder_paths *paths)
{
    char **words = tl_calloc(argv->n + 1, sizeof *words);
    for (size_t i = 0, n = 0; i < argv->n; i++)
        if (is_there(c, v, &argv->words[i]))
            words[n++] = tl_case_fill(c, v, argv->words[i].text, paths);
    return words;
}

static char *combination_text(const struct tl_combination *m)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "the case forbids ");
    for (size_t i = 0; i < m->n_terms; i++) {
        tl_buffer_printf(&b, "%s%s=", i ? " with " : "", m->terms[i].axis);
        for (size_t k = 0; k < m->terms[i].n_values; k++) {
            char *text = tl_value_text(m->terms[i].values[k]);
            tl_buffer_printf(&b, "%s%s", k ? "," : "", text);
            free(text);
        }
    }
    return tl_buffer_take(&b);
}

char *tl_variant_forbidden(const struct tl_case *c, const struct tl_variant *v)
{
    for (size_t i = 0; i < c->n_forbid; i++)
        if (tl_combination_holds(c, v, &c->forbid[i]))
            return combination_text(&c->forbid[i]);
    const struct tl_family *f = c->family ? tl_family_find(c->family) : NULL;
    if (!f || !f->constraint)
        return NULL;
    json_t *object = tl_variant_object(c, v);
    const char *why = f->constraint(object);
    json_decref(object);
    return tl_strdup(why);
}
