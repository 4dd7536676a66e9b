/* Checks the axes of a case: their names, and values that the family or the runner can take.
 *
 * An axis with a mistake in its values stays in the case with a count of 0, so that what names it later is
 * not told that there is no such axis; its values are then not looked at. Values of a list are sorted to find
 * those that are listed twice: comparing each with each takes too long for the longest list allowed. */
#include "cases/check.h"
#include "harness/base/buffer.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FORBIDDEN_MAX 20000 /* values in all combinations of a case together */
#define VALUES_MAX 100000   /* values in a list; a range has no bound */
#define ABOUT_MAX 1024      /* bytes of what is said of an axis or a value */
#define TL_AXIS_ENTRY "config:"
#define WORD_MAX 24576      /* bytes of a list of elements in a word of a command */
#define VALUE_SIZE_MAX 4096 /* bytes of a string value: a variant has to fit a message to a runner */

bool tl_check_value(struct tl_check *ck, const struct tl_json_place *at, struct tl_value *v)
{
    if (tl_value_of_json(at->value, v)) {
        tl_note_found(ck, at, "expected a value: a string, an integer or a boolean");
        return false;
    }
    if (v->type == TL_VALUE_STRING) {
        const char *s = tl_check_string(ck, at, 0, VALUE_SIZE_MAX);
        v->string = tl_arena_string(ck->arena, s);
        return s != NULL;
    }
    return true;
}

static bool check_accepted(struct tl_check *ck, const struct tl_json_place *at,
                           const struct tl_family_axis *known, struct tl_value v)
{
    char *refusal = known ? tl_known_axis_refuses(known, v) : NULL;
    if (refusal)
        tl_note_found(ck, at, "axis %s takes %s", known->name, refusal);
    free(refusal);
    return !refusal;
}

static bool check_range(struct tl_check *ck, const struct tl_json_place *at,
                        const struct tl_family_axis *known, struct tl_axis *a)
{
    if (!json_is_array(at->value) || json_array_size(at->value) != 2) {
        tl_note_found(ck, at, "expected [FIRST, LAST], two integers");
        return false;
    }
    if (known && known->type != TL_VALUE_INTEGER) {
        char *text = tl_family_axis_takes(known);
        tl_note(ck, at, "axis %s has no range: it takes %s", known->name, text);
        free(text);
        return false;
    }
    bool ok = true;
    int64_t ends[2] = {0, 0};
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        size_t i = it.index;
        if (tl_check_integer(ck, &it, INT64_MIN, INT64_MAX, &ends[i])) {
            struct tl_value v = {TL_VALUE_INTEGER, ends[i], NULL};
            ok &= check_accepted(ck, &it, known, v);
        } else {
            ok = false;
        }
    }
    a->first = ends[0];
    a->last = ends[1];
    uint64_t span =
        a->last >= a->first ? (uint64_t)a->last - (uint64_t)a->first : (uint64_t)a->first - (uint64_t)a->last;
    a->count = span == UINT64_MAX ? UINT64_MAX : span + 1;
    if (ok && known && known->values && span > 0) {
        tl_note(ck, at, "axis %s does not take every integer of a range; list its values with \"ordered\"",
                known->name);
        ok = false;
    }
    return ok;
}

struct indexed {
    struct tl_value value;
    size_t index, node;
};

static int by_value(const void *a, const void *b)
{
    const struct indexed *x = a, *y = b;
    int order = x->value.type == TL_VALUE_STRING
                    ? strcmp(x->value.string, y->value.string)
                    : (x->value.integer > y->value.integer) - (x->value.integer < y->value.integer);
    return order ? order : x->index < y->index ? -1 : x->index > y->index;
}

static bool check_distinct(struct tl_check *ck, const struct tl_json_place *at, struct indexed *all, size_t n)
{
    bool ok = true;
    qsort(all, n, sizeof *all, by_value);
    for (size_t i = 1; i < n; i++) {
        if (!tl_value_equal(all[i - 1].value, all[i].value))
            continue;
        struct tl_json_place twice = {at, NULL, all[i].index, json_array_get(at->value, all[i].index),
                                      all[i].node};
        tl_note_found(ck, &twice, "expected a value that is not listed before (at [%zu])", all[i - 1].index);
        ok = false;
    }
    return ok;
}

static bool check_values(struct tl_check *ck, const struct tl_json_place *at,
                         const struct tl_family_axis *known, struct tl_axis *a)
{
    static const char *const types[] = {"a string", "an integer", "a boolean"};
    if (!tl_check_list(ck, at, 1, VALUES_MAX, "values"))
        return false;
    size_t n = json_array_size(at->value);
    struct indexed *all = tl_calloc(n, sizeof *all);
    a->values = tl_arena_alloc(ck->arena, n, sizeof *a->values);
    a->count = n;
    bool ok = true;
    size_t good = 0;
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        struct tl_value v;
        if (!tl_check_value(ck, &it, &v)) {
            ok = false;
            continue;
        }
        if (known)
            ok &= check_accepted(ck, &it, known, v);
        if (good && v.type != all[0].value.type) {
            if (!known || known->type == v.type)
                tl_note_found(ck, &it, "expected %s like the first value of the axis",
                              types[all[0].value.type]);
            ok = false;
            continue;
        }
        a->values[it.index] = v;
        all[good++] = (struct indexed){v, it.index, it.node};
    }
    ok &= check_distinct(ck, at, all, good);
    free(all);
    return ok;
}

/* Names, at least one; or a number of elements. */
static bool check_subset(struct tl_check *ck, const struct tl_json_place *at,
                         const struct tl_family_axis *known, struct tl_axis *a)
{
    size_t n = 0, wrong;
    const char **names = NULL;
    struct tl_error why;
    bool ok = true;
    if (known) {
        char *text = tl_family_axis_takes(known);
        tl_note(ck, at, "axis %s is no set: it takes %s", known->name, text);
        free(text);
        return false;
    }
    if (json_is_array(at->value)) {
        if (!tl_check_list(ck, at, 1, TL_ELEMENTS_MAX, "elements"))
            return false;
        n = json_array_size(at->value);
        names = tl_arena_alloc(ck->arena, n, sizeof *names);
        for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
            names[it.index] = tl_arena_string(ck->arena, tl_check_string(ck, &it, 1, VALUE_SIZE_MAX));
            ok &= names[it.index] != NULL;
        }
    } else if (json_is_integer(at->value) && json_integer_value(at->value) >= 1 &&
               json_integer_value(at->value) <= TL_ELEMENTS_MAX) {
        n = (size_t)json_integer_value(at->value);
    } else {
        tl_note_found(ck, at, "expected a list of elements, or their number, from 1 to %d", TL_ELEMENTS_MAX);
        return false;
    }
    if (!ok)
        return false;
    a->sets = tl_axis_sets_new(names, n, a->sequence, &wrong, &why);
    if (a->sets)
        return true;
    struct tl_json_place it = tl_first(ck, at);
    while (it.value && it.index != wrong)
        tl_next(ck, &it);
    tl_note_found(ck, it.value ? &it : at, "%s", why.why);
    return false;
}

/* An entry of the runtime's configuration, whose keys only the runtime knows. */
static bool is_entry(const char *name)
{
    size_t n = strlen(TL_AXIS_ENTRY);
    return !strncmp(name, TL_AXIS_ENTRY, n) && name[n];
}

static bool axis_name_ok(const char *s)
{
    size_t n = strlen(s);
    if (n == 0 || n > 64 || !(isalpha((unsigned char)s[0]) || s[0] == '_'))
        return false;
    for (size_t i = is_entry(s) ? strlen(TL_AXIS_ENTRY) : 0; i < n; i++)
        if (!isalnum((unsigned char)s[i]) && !strchr("_.-", s[i]))
            return false;
    return true;
}

static void check_axis_name(struct tl_check *ck, const struct tl_json_place *at, const char *name)
{
    static const char *const reserved[] = {"model", "inputs", "outputs", "scratch", "case_dir"};
    if (!axis_name_ok(name)) {
        tl_note_found(ck, at,
                      "expected a name of at most 64 letters, digits, '_', '.' and '-' that begins with a "
                      "letter or '_'");
        return;
    }
    for (size_t i = 0; i < TL_COUNT(reserved); i++)
        if (!strcmp(name, reserved[i]))
            tl_note(ck, at, "expected another name: {%s} means something else in a command", name);
    for (size_t i = 0; i < ck->c->n_axes; i++)
        if (!strcmp(ck->c->axes[i].name, name))
            tl_note(ck, at, "expected a name of its own; another axis is named %s, too", name);
    bool other =
        ck->c->model_kind != TL_MODEL_FAMILY; /* a family beside another kind of model: which was reported */
    if (ck->family && !other && !is_entry(name) && !tl_known_axis(ck->c, ck->family, name)) {
        struct tl_case none = {0};
        const char *suggested = tl_suggest_axis(&none, ck->family, name, true);
        if (suggested)
            tl_note(ck, at, "family %s has no axis %s; did you mean \"%s\"?", ck->family->name, name,
                    suggested);
        else
            tl_note(ck, at, "family %s has no axis %s, and no runner has one of that name", ck->family->name,
                    name);
    }
}

/* {VALUE: TEXT}, once the values of the axis are known. */
static void check_about_values(struct tl_check *ck, const struct tl_json_place *at, struct tl_axis *a)
{
    if (!at->value)
        return;
    if (!json_is_object(at->value) || !json_object_size(at->value)) {
        tl_note_found(ck, at, "expected an object with at least one value of the axis: {VALUE: TEXT}");
        return;
    }
    a->about_values = at->value;
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        uint64_t index;
        struct tl_error unused;
        tl_check_string(ck, &it, 1, ABOUT_MAX);
        if (a->count && tl_axis_parse(a, it.key, &index, &unused)) {
            char *text = tl_axis_values_text(a);
            tl_note(ck, &it, "expected the text of a value of axis %s: %s", a->name, text);
            free(text);
        }
    }
}

static void check_axis(struct tl_check *ck, const struct tl_json_place *at)
{
    enum { NAME, KINDS, ORDERED, SUBSET = 4, ABOUT, ABOUT_VALUES, N };
    struct tl_key keys[N];
    if (!tl_check_keys(ck, at, &tl_keys_axis, keys,
                       "an axis: an object with \"name\" and one of \"range\", \"ordered\", \"choices\" and "
                       "\"subset\""))
        return;
    const char *name = tl_check_string(ck, &keys[0].at, 1, 256);
    struct tl_axis a = {.name = name ? tl_arena_string(ck->arena, name) : "", .count = 1};
    if (name)
        check_axis_name(ck, &keys[0].at, name);
    const struct tl_family_axis *known = name ? tl_known_axis(ck->c, ck->family, name) : NULL;
    size_t kinds = 0, known_keys = 0;
    /* Beside "subset" it says that the order counts. */
    bool of_subset = keys[SUBSET].at.value && json_is_boolean(keys[ORDERED].at.value);
    a.sequence = of_subset && json_is_true(keys[ORDERED].at.value);
    for (size_t i = KINDS; i < ABOUT; i++) {
        if (!keys[i].at.value || (i == ORDERED && of_subset))
            continue;
        kinds++;
        a.kind = (enum tl_axis_kind)(i - 1);
        bool ok = i == KINDS    ? check_range(ck, &keys[i].at, known, &a)
                  : i == SUBSET ? check_subset(ck, &keys[i].at, known, &a)
                                : check_values(ck, &keys[i].at, known, &a);
        if (!ok) /* its values are not looked at any more */
            a.count = 0;
    }
    for (size_t i = 0; i < N; i++)
        known_keys += keys[i].at.value != NULL;
    size_t misspelt = json_object_size(at->value) - known_keys;
    if (kinds > 1 || (kinds == 0 && misspelt == 0))
        tl_note(ck, at,
                "expected exactly one of the keys \"range\", \"ordered\", \"choices\" and \"subset\" (and "
                "with it "
                "\"ordered\": true for a sequence), found %s",
                kinds ? "several" : "none");
    if (kinds != 1)
        a.count = 0;
    a.about = tl_arena_string(ck->arena, tl_check_string(ck, &keys[ABOUT].at, 1, ABOUT_MAX));
    if (a.sets && keys[ABOUT_VALUES].at.value)
        tl_note(ck, &keys[ABOUT_VALUES].at, "a set has too many values to say something of each");
    else
        check_about_values(ck, &keys[ABOUT_VALUES].at, &a);
    if (*a.name)
        ck->c->axes[ck->c->n_axes++] = a;
    else
        tl_axis_sets_free(a.sets);
}

void tl_check_axis_list(struct tl_check *ck, const struct tl_json_place *at)
{
    if (!tl_check_list(ck, at, 0, TL_AXES_MAX, "axes"))
        return;
    ck->c->axes = tl_arena_alloc(ck->arena, json_array_size(at->value), sizeof *ck->c->axes);
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it))
        check_axis(ck, &it);
}

/* What is compared with a set is written as the set is kept. */
static bool check_spelling(struct tl_check *ck, const struct tl_json_place *at, const struct tl_axis *axis,
                           uint64_t index, const struct tl_value *v)
{
    const char *text = tl_axis_sets_text(axis->sets, index);
    if (!strcmp(v->string, text))
        return true;
    tl_note_found(ck, at, "expected this set as it is kept: \"%.300s\"", text);
    return false;
}

bool tl_check_axis_set(struct tl_check *ck, const struct tl_json_place *at, const struct tl_axis *axis,
                       uint64_t *index)
{
    struct tl_element_set set;
    struct tl_error why;
    size_t wrong = SIZE_MAX;
    const struct tl_elements *all = tl_axis_sets_elements(axis->sets);
    int status = json_is_string(at->value)
                     ? tl_element_set_parse(all, json_string_value(at->value), &set, &why)
                     : tl_element_set_of_json(all, at->value, &set, &wrong, &why);
    if (!status) {
        *index = tl_axis_sets_number(axis->sets, &set);
        return true;
    }
    struct tl_json_place it = tl_first(ck, at);
    while (wrong != SIZE_MAX && it.value && it.index != wrong)
        tl_next(ck, &it);
    tl_note(ck, wrong != SIZE_MAX && it.value ? &it : at, "%s", why.why);
    return false;
}

void tl_check_elements_fit(struct tl_check *ck, const struct tl_json_place *at, const char *axis)
{
    const struct tl_axis *a = tl_case_axis(ck->c, axis, NULL);
    if (!a || !a->sets)
        return;
    const struct tl_elements *all = tl_axis_sets_elements(a->sets);
    size_t size = all->names ? 0 : all->n * 6;
    for (size_t i = 0; all->names && i < all->n && size <= WORD_MAX; i++)
        size += strlen(all->names[i]) + 3;
    if (size > WORD_MAX)
        tl_note(
            ck, at,
            "expected {%s@}, the path of a file with the list: the list of all elements itself is too long "
            "for a word of a command",
            axis);
}

void tl_check_sets(struct tl_check *ck)
{
    struct tl_case *c = ck->c;
    for (size_t i = 0; i < c->n_axes; i++) {
        struct tl_axis *a = &c->axes[i];
        struct tl_element_set all = {0};
        if (!a->sets || !a->count)
            continue;
        tl_element_set_add(&all, 0, (uint32_t)tl_axis_sets_elements(a->sets)->n - 1);
        tl_axis_sets_number(a->sets, &all);
        a->count = tl_axis_sets_count(a->sets);
    }
}

bool tl_check_axis_value(struct tl_check *ck, const struct tl_json_place *at, const char *name, bool beyond,
                         struct tl_value *v)
{
    const struct tl_axis *axis = tl_case_axis(ck->c, name, NULL);
    if (!tl_check_value(ck, at, v))
        return false;
    if (axis) {
        uint64_t index;
        if (axis->count == 0) /* was reported */
            return false;
        if (tl_axis_index(axis, *v, &index) == 0)
            return axis->kind != TL_AXIS_SUBSET || check_spelling(ck, at, axis, index, v);
        char *text = tl_axis_values_text(axis);
        tl_note_found(ck, at, "expected a value of axis %s: %s", name, text);
        free(text);
        return false;
    }
    const struct tl_family_axis *known = beyond ? tl_known_axis(ck->c, ck->family, name) : NULL;
    char *refusal = known ? tl_known_axis_refuses(known, *v) : NULL;
    if (refusal)
        tl_note_found(ck, at, "axis %s takes %s", name, refusal);
    free(refusal);
    return known && !refusal;
}

bool tl_check_axis_exists(struct tl_check *ck, const struct tl_json_place *at, const char *name, bool beyond)
{
    if (tl_case_axis(ck->c, name, NULL) || (beyond && tl_known_axis(ck->c, ck->family, name)))
        return true;
    if (beyond && ck->c->model_kind == TL_MODEL_FAMILY &&
        !ck->family) /* which was reported: it may have the axis */
        return true;
    const char *suggested = tl_suggest_axis(ck->c, ck->family, name, beyond);
    if (suggested)
        tl_note(ck, at, "the case has no such axis; did you mean \"%s\"?", suggested);
    else
        tl_note(ck, at,
                beyond ? "neither the case nor its model has an axis of this name"
                       : "the case has no axis of this name");
    return false;
}

void tl_check_combination(struct tl_check *ck, const struct tl_json_place *at, bool beyond,
                          struct tl_combination *m)
{
    if (!json_is_object(at->value) || json_object_size(at->value) == 0) {
        tl_note_found(ck, at,
                      "expected an object with at least one axis: {AXIS: VALUE} or {AXIS: [VALUE, …]}");
        return;
    }
    m->terms = tl_arena_alloc(ck->arena, json_object_size(at->value), sizeof *m->terms);
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        struct tl_combination_term *term = &m->terms[m->n_terms++];
        term->axis = tl_arena_string(ck->arena, it.key);
        if (!tl_check_axis_exists(ck, &it, it.key, beyond))
            continue;
        bool list = json_is_array(it.value);
        if (list && !tl_check_list(ck, &it, 1, FORBIDDEN_MAX, "values"))
            continue;
        ck->forbidden += list ? json_array_size(it.value) : 1;
        if (ck->forbidden > FORBIDDEN_MAX) { /* each of them is looked up in its axis */
            tl_note(ck, &it, "expected at most %d values in all combinations together", FORBIDDEN_MAX);
            return;
        }
        term->values = tl_arena_alloc(ck->arena, list ? json_array_size(it.value) : 1, sizeof *term->values);
        if (!list) {
            term->n_values += tl_check_axis_value(ck, &it, it.key, beyond, &term->values[0]);
            continue;
        }
        for (struct tl_json_place v = tl_first(ck, &it); v.value; tl_next(ck, &v))
            term->n_values += tl_check_axis_value(ck, &v, it.key, beyond, &term->values[term->n_values]);
    }
}
