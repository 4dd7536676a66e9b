/* The outputs of a trial against those that are expected, one by one.
 *
 * First what is told of them is compared: the names, the types, the shapes. Then their elements, where both sides
 * sent them. Where one did not, equal hashes say that they are equal, and little says that they are not: only one
 * of them holds values that are not finite, or they are texts and their hashes, made the same way, differ. A side that
 * sent values which are not what it says of them (a file that is cut or of another type, a list that is too long) is
 * not believed its hash either. What is left cannot be said, and a trial of which that is so has not passed. */
#include "harness/executor/reference.h"

#include "cases/reference.h"
#include "harness/base/buffer.h"
#include "harness/base/left_file.h"
#include "harness/executor/closeness.h"
#include "harness/executor/values.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NO_VALUES "no values were sent"
#define HASH_LEAST 16 /* digits of a hash that says something */

/* The worst ways first: the one of an output that is told is the first that some output differs in. */
static const char *const ways[] = {TL_DIFFERS_MISSING, TL_DIFFERS_UNEXPECTED, TL_DIFFERS_TYPE,
                                   TL_DIFFERS_SHAPE,   TL_DIFFERS_NOT_FINITE, TL_DIFFERS_ALL_ZERO,
                                   TL_DIFFERS_VALUES};

struct comparison {
    const struct tl_expectation *x;
    const json_t *result;
    int directory, expected_directory; /* -1: there is none */
    json_t *places; /* name: indices of outputs of the trial that were not taken yet, the next one last */
    json_t *list, *left_out;
    double error, absolute; /* largest */
    size_t way;             /* of ways; their number: none */
    char *output;           /* that differs in this way */
    json_t *worst;          /* of it, or else of the output with the largest error */
    double worst_error;
};

static const char *text_of(const json_t *output, const char *key)
{
    return json_string_value(json_object_get(output, key));
}

/* --- what can be had of an output ----------------------------------------------------------------------- */

static bool has_shape(const struct tl_values *v, const json_t *shape)
{
    if (json_array_size(shape) != v->rank)
        return false;
    for (size_t i = 0; i < v->rank; i++)
        if (json_integer_value(json_array_get(shape, i)) != v->dims[i])
            return false;
    return true;
}

/* The elements of an output as a result tells it; -1 with why, a new string, where it does not. *broken: it says that
 * it does, and they are not what it says. */
static int values_told(int directory, const json_t *output, struct tl_values *v, char **why, bool *broken)
{
    const char *file = text_of(output, "npy"), *dtype = text_of(output, "dtype");
    struct tl_error e;
    if (!json_object_get(output, "npy") || json_is_null(json_object_get(output, "npy"))) {
        int none = tl_values_of_first(v, output, broken);
        *why = !none ? NULL
               : *broken
                   ? tl_strdup("\"first\" holds what is no value of its type, or more than its shape has")
                   : tl_strdup(NO_VALUES);
        return none;
    }
    *broken = true;
    if (!tl_is_plain_name(file) || directory < 0) {
        *why = tl_strdup(
            "\"npy\" is not the name of a file in the directory that \"outputs\" of the request names");
        return -1;
    }
    if (tl_values_open_npy(v, directory, file, dtype ? tl_element_type_find(dtype) : NULL, true, &e)) {
        *why = tl_format("its file %s: %s", file, e.why);
        return -1;
    }
    if (!has_shape(v, json_object_get(output, "shape"))) {
        tl_values_close(v);
        *why = tl_format("its file %s has another shape than it is said to have", file);
        return -1;
    }
    *broken = false;
    return 0;
}

/* --- one output ----------------------------------------------------------------------------------------- */

static bool same_type(const json_t *a, const json_t *b)
{
    const char *kinds[] = {text_of(a, "kind"), text_of(b, "kind")},
               *types[] = {text_of(a, "dtype"), text_of(b, "dtype")};
    if (strcmp(kinds[0] ? kinds[0] : "tensor", kinds[1] ? kinds[1] : "tensor") != 0)
        return false;
    if (!types[0] || !types[1])
        return !types[0] == !types[1];
    const struct tl_element_type *x = tl_element_type_find(types[0]), *y = tl_element_type_find(types[1]);
    return x || y ? x == y : !strcmp(types[0], types[1]);
}

/* Hashes are made any way that a runner likes. A longer one that begins with the other was made the same way. */
static bool same_hash(const json_t *a, const json_t *b)
{
    const char *x = text_of(a, "hash"), *y = text_of(b, "hash");
    size_t m = x ? strlen(x) : 0, n = y ? strlen(y) : 0, least = m < n ? m : n;
    return m && n && (m == n || least >= HASH_LEAST) && !strncmp(x, y, least);
}

static bool differ_as_texts(const json_t *a, const json_t *b)
{
    const char *x = text_of(a, "hash"), *y = text_of(b, "hash"), *dtype = text_of(a, "dtype");
    const struct tl_element_type *type = dtype ? tl_element_type_find(dtype) : NULL;
    return type && type->kind == TL_ELEMENT_STRING && x && y && strlen(x) == strlen(y) &&
           strlen(x) >= HASH_LEAST && strcmp(x, y) != 0;
}

static json_t *error_json(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *index_json(uint64_t at, const struct tl_values *v)
{
    json_t *index = json_array();
    for (size_t i = v->rank; i-- > 0;) {
        uint64_t n = (uint64_t)v->dims[i];
        json_array_insert_new(index, 0, json_integer((json_int_t)(n ? at % n : 0)));
        at = n ? at / n : 0;
    }
    return index;
}

static size_t way_of(const char *how)
{
    size_t i = 0;
    while (how && i < TL_COUNT(ways) && strcmp(ways[i], how) != 0)
        i++;
    return how ? i : TL_COUNT(ways);
}

/* Notes what came of one output. worst is taken; NULL: there is none to show. */
static void note(struct comparison *k, const char *name, const char *how, double error, double absolute,
                 json_t *worst)
{
    json_t *j = json_pack("{s:s,s:o,s:o}", "name", name, "error", error_json(error), "absolute",
                          error_json(absolute));
    if (how)
        json_object_set_new(j, "how", json_string(how));
    if (worst)
        json_object_set(j, "worst", worst);
    json_array_append_new(k->list, j);
    size_t way = way_of(how);
    bool shown = way < k->way || (way == k->way && way == TL_COUNT(ways) && worst && error > k->worst_error);
    if (way < k->way) {
        free(k->output);
        k->output = tl_strdup(name);
        k->way = way;
    }
    if (shown) {
        json_decref(k->worst);
        k->worst = json_incref(worst);
        k->worst_error = error;
        if (worst)
            json_object_set_new(k->worst, "output", json_string(name));
    }
    k->error = fmax(k->error, error);
    k->absolute = fmax(k->absolute, absolute);
    json_decref(worst);
}

static void leave_out(struct comparison *k, const char *name, const char *why)
{
    json_array_append_new(k->left_out, json_pack("{s:s,s:s}", "name", name, "why", why));
}

static json_t *shape_of(const struct tl_values *v)
{
    json_t *shape = json_array();
    for (size_t i = 0; i < v->rank; i++)
        json_array_append_new(shape, json_integer(v->dims[i]));
    return shape;
}

static const struct tl_tolerance *tolerance_of(const struct comparison *k, const char *name)
{
    const struct tl_reference *r = &k->x->c->reference;
    for (size_t i = 0; i < r->n_outputs; i++)
        if (r->outputs[i].has_tolerance && !strcmp(r->outputs[i].name, name))
            return &r->outputs[i].tolerance;
    return &r->tolerance;
}

static json_t *far_json(const struct tl_closeness *c, const struct tl_far_element *x,
                        const struct tl_values *expected)
{
    json_t *j =
        json_pack("{s:o,s:O,s:O,s:o,s:o}", "index", index_json(x->at, expected), "expected", x->expected,
                  "got", x->got, "absolute", error_json(x->absolute), "relative", error_json(x->relative));
    if (c->exact)
        json_object_set_new(j, "exact", json_true());
    return j;
}

/* How many elements of the output that was noted last are too far, of how many, and what the worst of them are. */
static void note_far(struct comparison *k, const struct tl_values *expected, json_t *far, uint64_t apart)
{
    json_t *j = json_array_get(k->list, json_array_size(k->list) - 1);
    json_object_set_new(j, "dtype", json_string(expected->type->name));
    json_object_set_new(j, "shape", shape_of(expected));
    json_object_set_new(j, "apart", json_integer((json_int_t)apart));
    json_object_set_new(j, "of", json_integer((json_int_t)expected->elements));
    json_object_set(j, "elements", far);
}

static int compare_values(struct comparison *k, const char *name, struct tl_values *expected,
                          struct tl_values *got, struct tl_error *e)
{
    struct tl_closeness c;
    if (tl_closeness_find(expected, got, tolerance_of(k, name), &c, e))
        return -1;
    json_t *worst = c.n_worst ? far_json(&c, &c.worst[0], expected) : NULL, *far = json_array();
    for (size_t i = 0; c.how && i < c.n_worst && i < c.apart; i++)
        json_array_append_new(far, far_json(&c, &c.worst[i], expected));
    note(k, name, c.how, c.error, c.absolute, worst);
    if (c.how) /* of the output that was noted last */
        note_far(k, expected, far, c.apart);
    json_decref(far);
    tl_closeness_free(&c);
    return 0;
}

/* Of the whole output: what one side tells of it under a key, and the other. */
static void note_told(struct comparison *k, const char *name, const char *how, const char *key,
                      const json_t *expected, const json_t *got)
{
    const json_t *a = json_object_get(expected, key), *b = json_object_get(got, key);
    note(k, name, how, INFINITY, INFINITY,
         json_pack("{s:s,s:O,s:O}", "of", key, "expected", a ? a : json_null(), "got", b ? b : json_null()));
}

static void note_type(struct comparison *k, const char *name, const json_t *expected, const json_t *got)
{
    bool tensors = json_object_get(expected, "dtype") && json_object_get(got, "dtype");
    note_told(k, name, TL_DIFFERS_TYPE, tensors ? "dtype" : "kind", expected, got);
}

/* An output of which one side or both sent no values. why: which, and why; broken: what was sent is not what was said. */
static void compare_told(struct comparison *k, const char *name, const json_t *expected, const json_t *got,
                         const char *why, bool broken)
{
    bool finite_expected = !json_is_false(json_object_get(expected, "finite")),
         finite = !json_is_false(json_object_get(got, "finite"));
    if (!broken && same_hash(expected, got))
        note(k, name, NULL, 0, 0, NULL);
    else if (finite_expected != finite)
        note_told(k, name, finite ? TL_DIFFERS_VALUES : TL_DIFFERS_NOT_FINITE, "finite", expected, got);
    else if (!broken && differ_as_texts(expected, got))
        note_told(k, name, TL_DIFFERS_VALUES, "hash", expected, got);
    else
        leave_out(k, name, why);
}

/* Beside an output that a unit sent. */
static int compare_output(struct comparison *k, const char *name, const json_t *expected, const json_t *got,
                          struct tl_error *e)
{
    struct tl_values a, b;
    char *why = NULL, *which = NULL;
    bool broken = false;
    if (!same_type(expected, got)) {
        note_type(k, name, expected, got);
        return 0;
    }
    const json_t *shape = json_object_get(expected, "shape"), *other = json_object_get(got, "shape");
    if ((shape || other) && !json_equal(shape, other)) { /* a sequence has none */
        note_told(k, name, TL_DIFFERS_SHAPE, "shape", expected, got);
        return 0;
    }
    int status = 0;
    if (values_told(k->expected_directory, expected, &a, &why, &broken)) {
        which = tl_format("the reference: %s", why);
    } else {
        if (values_told(k->directory, got, &b, &why, &broken)) {
            which = tl_format("the trial: %s", why);
        } else {
            status = compare_values(k, name, &a, &b, e);
            tl_values_close(&b);
        }
        tl_values_close(&a);
    }
    if (which)
        compare_told(k, name, expected, got, which, broken);
    free(which);
    free(why);
    return status;
}

/* Beside a file of the case. */
static int compare_with_file(struct comparison *k, const struct tl_reference_output *o, const json_t *got,
                             struct tl_error *e)
{
    struct tl_values a, b;
    const char *dtype = text_of(got, "dtype");
    const struct tl_element_type *type = dtype ? tl_element_type_find(dtype) : NULL;
    char *path = tl_reference_path(k->x->c, k->x->variant, o->path, k->x->outputs), *why = NULL;
    int status = 0;
    bool broken = false;
    /* A file of raw bytes does not know its type, which then is that of the output. */
    bool foreign = type && !o->pb && !tl_values_open_npy(&a, AT_FDCWD, path, type, false, e);
    if (!foreign &&
        (o->pb ? tl_values_open_pb(&a, path, e) : tl_values_open_npy(&a, AT_FDCWD, path, NULL, false, e)))
        status = -1;
    free(path);
    if (status) /* what is right is not known */
        return -1;
    if (!got) {
        note(k, o->name, TL_DIFFERS_MISSING, INFINITY, INFINITY, NULL);
    } else if (type != a.type || !has_shape(&a, json_object_get(got, "shape"))) {
        json_t *file =
            json_pack("{s:s,s:s,s:o}", "kind", "tensor", "dtype", a.type->name, "shape", shape_of(&a));
        if (type != a.type)
            note_type(k, o->name, file, got);
        else
            note_told(k, o->name, TL_DIFFERS_SHAPE, "shape", file, got);
        json_decref(file);
    } else if (values_told(k->directory, got, &b, &why, &broken)) {
        char *which = tl_format("the trial: %s", why);
        leave_out(k, o->name, which);
        free(which);
    } else {
        status = compare_values(k, o->name, &a, &b, e);
        tl_values_close(&b);
    }
    free(why);
    tl_values_close(&a);
    return status;
}

/* --- all of them ---------------------------------------------------------------------------------------- */

static void find_places(struct comparison *k)
{
    const json_t *outputs = json_object_get(k->result, "outputs");
    k->places = json_object();
    for (size_t i = json_array_size(outputs); i-- > 0;) {
        const char *name = text_of(json_array_get(outputs, i), "name");
        json_t *list = name ? json_object_get(k->places, name) : NULL;
        if (name && !list) {
            list = json_array();
            json_object_set_new(k->places, name, list);
        }
        if (list)
            json_array_append_new(list, json_integer((json_int_t)i));
    }
}

/* The next output of the trial of that name; NULL. A runner may give a million of them one name. */
static const json_t *take(struct comparison *k, const char *name)
{
    json_t *list = json_object_get(k->places, name);
    size_t n = json_array_size(list);
    if (!n)
        return NULL;
    size_t i = (size_t)json_integer_value(json_array_get(list, n - 1));
    json_array_remove(list, n - 1);
    return json_array_get(json_object_get(k->result, "outputs"), i);
}

static int compare_with_unit(struct comparison *k, const json_t *reference, struct tl_error *e)
{
    const json_t *expected, *output;
    size_t i;
    json_array_foreach(json_object_get(reference, "outputs"), i, expected) {
        const char *name = text_of(expected, "name");
        const json_t *got = name ? take(k, name) : NULL;
        if (!name)
            continue;
        if (!got)
            note(k, name, TL_DIFFERS_MISSING, INFINITY, INFINITY, NULL);
        else if (compare_output(k, name, expected, got, e))
            return -1;
    }
    json_array_foreach(json_object_get(k->result, "outputs"), i, output) {
        const char *name = text_of(output, "name");
        json_t *left = name ? json_object_get(k->places, name) : NULL;
        size_t n = json_array_size(left);
        if (n && (size_t)json_integer_value(json_array_get(left, n - 1)) == i && take(k, name))
            note(k, name, TL_DIFFERS_UNEXPECTED, INFINITY, INFINITY, NULL);
    }
    return 0;
}

static int compare_all(struct comparison *k, struct tl_error *e)
{
    const struct tl_reference *r = &k->x->c->reference;
    if (!k->x->place) {
        for (size_t i = 0; i < r->n_outputs; i++)
            if (compare_with_file(k, &r->outputs[i], take(k, r->outputs[i].name), e))
                return -1;
        return 0;
    }
    char *path = tl_format("%s/result.json", k->x->place);
    json_t *reference = json_load_file(path, 0, NULL);
    free(path);
    if (!reference)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot read reference outputs", k->x->place,
                       "remove that directory and run again");
    int status = compare_with_unit(k, reference, e);
    json_decref(reference);
    return status;
}

static void add_tolerance(const struct tl_tolerance *t, json_t *j)
{
    if (!t->elementwise) {
        json_object_set_new(j, "tolerance", json_real(t->whole));
        return;
    }
    json_object_set_new(j, "rtol", json_real(t->rtol));
    json_object_set_new(j, "atol", json_real(t->atol));
}

/* Of the output that is told all is shown, of the others how they differ. */
static void add_told(const struct comparison *k, json_t *j)
{
    static const char *const members[] = {"dtype", "shape", "apart", "of", "elements"};
    json_t *output;
    size_t i;
    bool found = false;
    json_array_foreach(k->list, i, output) {
        const char *name = text_of(output, "name"), *how = text_of(output, "how");
        bool told = !found && name && how && !strcmp(name, k->output) && !strcmp(how, ways[k->way]);
        for (size_t m = 0; told && m < TL_COUNT(members); m++)
            if (json_object_get(output, members[m]))
                json_object_set(j, members[m], json_object_get(output, members[m]));
        found = found || told;
        json_object_del(output, "elements");
    }
    for (i = 0; i < k->x->c->reference.n_outputs; i++)
        if (k->x->c->reference.outputs[i].path && !strcmp(k->x->c->reference.outputs[i].name, k->output))
            json_object_set_new(j, "file", json_string(k->x->c->reference.outputs[i].path));
}

/* The whole of it. Of an output that differs the bounds are those that it was held to. */
static json_t *document(const struct comparison *k)
{
    const struct tl_reference *r = &k->x->c->reference;
    bool differs = k->way < TL_COUNT(ways), nothing = !json_array_size(k->list);
    const json_t *first = json_array_get(k->left_out, 0);
    json_t *j = json_pack("{s:s,s:o,s:o,s:O}", "unit", r->text, "max_error", error_json(k->error),
                          "max_absolute", error_json(k->absolute), "outputs", k->list);
    add_tolerance(k->output ? tolerance_of(k, k->output) : &r->tolerance, j);
    if (differs) {
        json_object_set_new(j, "output", json_string(k->output));
        json_object_set_new(j, "how", json_string(ways[k->way]));
        add_told(k, j);
    }
    if (k->worst)
        json_object_set(j, "worst", k->worst);
    if (json_array_size(k->left_out))
        json_object_set(j, "left_out", k->left_out);
    if (differs || !(first || nothing)) {
        json_object_set_new(j, "equal", json_boolean(!differs));
        return j;
    }
    char *why =
        first ? tl_format("output %s cannot be compared%s: %s", text_of(first, "name"),
                          json_array_size(k->left_out) > 1 ? ", nor can others" : "", text_of(first, "why"))
              : tl_strdup("there is no output to compare");
    json_object_set_new(j, "equal", json_null());
    json_object_set_new(j, "why", json_string(why));
    free(why);
    return j;
}

json_t *tl_reference_compare(const struct tl_expectation *x, const char *directory, const json_t *result,
                             struct tl_error *e)
{
    struct comparison k = {.x = x,
                           .result = result,
                           .directory = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                           .expected_directory =
                               x->place ? open(x->place, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1,
                           .list = json_array(),
                           .left_out = json_array(),
                           .way = TL_COUNT(ways),
                           .worst_error = -1};
    find_places(&k);
    json_t *j = compare_all(&k, e) ? NULL : document(&k);
    if (k.directory >= 0)
        close(k.directory);
    if (k.expected_directory >= 0)
        close(k.expected_directory);
    json_decref(k.places);
    json_decref(k.list);
    json_decref(k.left_out);
    json_decref(k.worst);
    free(k.output);
    return j;
}
