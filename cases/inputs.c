/* The inputs list: one walk that checks everything and, where the shape is known, fills a struct tl_input.
 *
 * Two callers want two things of it. A case file is checked without a variant and wants every mistake; a
 * runner has the variant and wants the first. They differ in two functions that the walk is handed: one that
 * says which values an axis can have (its whole range, or the one of the variant), and one that takes a
 * mistake. So both accept the same lists. */
#include "cases/inputs.h"
#include "cases/keys.h"
#include "cases/npy.h"
#include "cases/suggest.h"
#include "harness/base/buffer.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MOST (1 << 20)  /* bytes: a value at which a model is cut is an input, whatever it is called */
#define WRONG_ELEMENTS_MAX 3 /* mistakes reported of one data list */

struct walk {
    const char *directory;
    tl_inputs_axis axis;
    tl_inputs_report report;
    void *arg;
    struct tl_inputs_place at; /* what is being looked at */
    size_t mistakes;
};

static void wrong(struct walk *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void wrong_value(struct walk *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_mistake(struct walk *w, bool value, const char *format, va_list ap)
    __attribute__((format(printf, 3, 0)));
static void add_mistake(struct walk *w, bool value, const char *format, va_list ap)
{
    char text[512];
    vsnprintf(text, sizeof text, format, ap);
    w->mistakes++;
    w->at.value = value;
    w->report(w->arg, &w->at, text);
}

static void wrong(struct walk *w, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    add_mistake(w, false, format, ap);
    va_end(ap);
}

/* The same where the value itself is not what was expected. */
static void wrong_value(struct walk *w, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    add_mistake(w, true, format, ap);
    va_end(ap);
}

static void look_at(struct walk *w, const char *key, const char *subkey, long element)
{
    w->at.key = key;
    w->at.subkey = subkey;
    w->at.element = element;
}

/* Why v cannot be an element of type t, or NULL. */
static const char *element_mistake(enum tl_dtype t, const json_t *v)
{
    static const struct {
        enum tl_dtype dtype;
        json_int_t least, most;
        const char *text;
    } bounds[] = {
        {TL_DTYPE_INT8, INT8_MIN, INT8_MAX, "an integer from -128 to 127"},
        {TL_DTYPE_INT16, INT16_MIN, INT16_MAX, "an integer from -32768 to 32767"},
        {TL_DTYPE_INT32, INT32_MIN, INT32_MAX, "an integer that fits 32 bits"},
        {TL_DTYPE_INT64, INT64_MIN, INT64_MAX, "an integer"},
        {TL_DTYPE_UINT8, 0, UINT8_MAX, "an integer from 0 to 255"},
        {TL_DTYPE_UINT16, 0, UINT16_MAX, "an integer from 0 to 65535"},
        {TL_DTYPE_UINT32, 0, UINT32_MAX, "an integer from 0 to 4294967295"},
        {TL_DTYPE_UINT64, 0, INT64_MAX, "an integer from 0 to 9223372036854775807"},
    };
    if (t == TL_DTYPE_BOOL) {
        bool ok = json_is_boolean(v) || (json_is_integer(v) && (uint64_t)json_integer_value(v) <= 1);
        return ok ? NULL : "true or false";
    }
    if (tl_dtype_is_float(t)) {
        const char *s = json_string_value(v);
        if (s && (!strcmp(s, "nan") || !strcmp(s, "inf") || !strcmp(s, "-inf")))
            return NULL;
        double most = DBL_MAX;
        if (t == TL_DTYPE_FLOAT16)
            most = 65504;
        else if (t == TL_DTYPE_BFLOAT16)
            most = 0x1.fep127;
        else if (t == TL_DTYPE_FLOAT32)
            most = (double)FLT_MAX;
        if (json_is_number(v) && fabs(json_number_value(v)) <= most)
            return NULL;
        return t == TL_DTYPE_FLOAT16 ? "a number from -65504 to 65504, \"nan\", \"inf\" or \"-inf\""
                                     : "a number that fits the dtype, \"nan\", \"inf\" or \"-inf\"";
    }
    for (size_t i = 0; i < TL_COUNT(bounds); i++)
        if (bounds[i].dtype == t)
            return json_is_integer(v) && json_integer_value(v) >= bounds[i].least &&
                           json_integer_value(v) <= bounds[i].most
                       ? NULL
                       : bounds[i].text;
    return NULL; /* the dtype is unknown, and reported elsewhere */
}

static void check_keys(struct walk *w, const json_t *object, const struct tl_object_rule *rule,
                       const char *within)
{
    const char *keys[TL_KEYS_MOST];
    size_t n = rule->n;
    for (size_t i = 0; i < n; i++)
        keys[i] = rule->keys[i].name;
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)object, key, v) {
        bool known = false;
        for (size_t i = 0; i < n; i++)
            known |= !strcmp(keys[i], key);
        if (known)
            continue;
        const char *suggested = tl_suggest(key, keys, n);
        look_at(w, within ? within : key, within ? key : NULL, -1);
        wrong(w, "unknown key%s%s%s", suggested ? "; did you mean \"" : "", suggested ? suggested : "",
              suggested ? "\"?" : "");
    }
}

/* Fills dims and elements; *fixed tells whether they hold for every variant. */
static bool take_shape(struct walk *w, const json_t *shape, struct tl_input *in, bool *fixed)
{
    size_t before = w->mistakes;
    *fixed = true;
    look_at(w, "shape", NULL, -1);
    if (!json_is_array(shape) || json_array_size(shape) > TL_RANK_MAX) {
        wrong_value(w, "expected a list of at most %d sizes, each an integer or \"{AXIS}\"", TL_RANK_MAX);
        return false;
    }
    in->rank = json_array_size(shape);
    in->elements = 1;
    for (size_t i = 0; i < in->rank; i++) {
        const json_t *v = json_array_get(shape, i);
        int64_t least = json_integer_value(v), most = least;
        look_at(w, "shape", NULL, (long)i);
        if (json_is_string(v)) {
            const char *s = json_string_value(v);
            size_t n = json_string_length(v);
            char why[256] = "";
            if (n < 3 || s[0] != '{' || s[n - 1] != '}' || strcspn(s + 1, "{}") != n - 2) {
                wrong_value(w, "expected an integer or \"{AXIS}\"");
                continue;
            }
            char *name = tl_format("%.*s", (int)(n - 2), s + 1);
            int failed = w->axis(w->arg, name, &least, &most, why, sizeof why);
            free(name);
            if (failed) {
                wrong(w, "%s", why);
                continue;
            }
            *fixed &= least == most;
        } else if (!json_is_integer(v)) {
            wrong_value(w, "expected an integer or \"{AXIS}\"");
            continue;
        }
        if (least < 0) {
            wrong(w, "expected a size that is not negative, found %lld", (long long)least);
            continue;
        }
        in->dims[i] = least;
        if (__builtin_mul_overflow(in->elements, (uint64_t)least, &in->elements) ||
            in->elements > TL_INPUT_BYTES_MAX) {
            wrong(w, "expected an input of at most 16 GiB");
            return false;
        }
    }
    return w->mistakes == before;
}

static void take_constant_or_range(struct walk *w, const char *kind, json_t *v, struct tl_input *in)
{
    if (!strcmp(kind, "constant")) {
        const char *mistake = in->dtype ? element_mistake(in->dtype, v) : NULL;
        if (mistake)
            wrong_value(w, "expected %s", mistake);
        in->fill = TL_FILL_CONSTANT;
        in->start = json_incref(v);
        return;
    }
    in->fill = TL_FILL_RANGE;
    if (!json_is_array(v) || json_array_size(v) != 2) {
        wrong_value(w, "expected [START, STEP]");
        return;
    }
    const char *mistake = in->dtype ? element_mistake(in->dtype, json_array_get(v, 0)) : NULL;
    if (mistake)
        wrong(w, "expected START to be %s", mistake);
    const json_t *step = json_array_get(v, 1);
    if (tl_dtype_is_float(in->dtype) ? !json_is_number(step) : !json_is_integer(step))
        wrong(w, "expected STEP to be %s", tl_dtype_is_float(in->dtype) ? "a number" : "an integer");
    in->start = json_incref(json_array_get(v, 0));
    in->step = json_incref(json_array_get(v, 1));
}

static void take_fill(struct walk *w, json_t *fill, struct tl_input *in)
{
    static const char *const kinds[] = {"random", "constant", "range"};
    look_at(w, "fill", NULL, -1);
    if (!json_is_object(fill)) {
        wrong_value(w, "expected {\"random\": SEED}, {\"constant\": VALUE} or {\"range\": [START, STEP]}");
        return;
    }
    check_keys(w, fill, &tl_keys_fill, "fill");
    const char *kind = NULL;
    size_t found = 0;
    for (size_t i = 0; i < 3; i++)
        if (json_object_get(fill, kinds[i])) {
            kind = kinds[i];
            found++;
        }
    if (found != 1) {
        look_at(w, "fill", NULL, -1);
        if (found > 1 || json_object_size(fill) == 0)
            wrong(w, "expected exactly one of \"random\", \"constant\" and \"range\"");
        return;
    }
    json_t *v = json_object_get(fill, kind);
    look_at(w, "fill", kind, -1);
    if (strcmp(kind, "random")) {
        take_constant_or_range(w, kind, v, in);
        return;
    }
    in->fill = TL_FILL_RANDOM;
    in->seed = (uint64_t)json_integer_value(v);
    if (!json_is_integer(v))
        wrong_value(w, "expected a seed, which is an integer");
}

static void take_data(struct walk *w, json_t *data, struct tl_input *in, bool counted)
{
    look_at(w, "data", NULL, -1);
    in->fill = TL_FILL_DATA;
    if (!json_is_array(data)) {
        wrong_value(w, "expected a flat list of elements");
        return;
    }
    in->data = json_incref(data);
    size_t n = json_array_size(data), bad = 0;
    if (counted && n != in->elements)
        wrong(w, "expected %llu element%s, which the shape needs, found %zu",
              (unsigned long long)in->elements, in->elements == 1 ? "" : "s", n);
    for (size_t i = 0; in->dtype && i < n && bad < WRONG_ELEMENTS_MAX; i++) {
        const char *mistake = element_mistake(in->dtype, json_array_get(data, i));
        look_at(w, "data", NULL, (long)i);
        bad += mistake != NULL;
        if (mistake)
            wrong_value(w, "expected %s", mistake);
    }
}

/* What a case leaves out, dtype or shape, the file says. */
static void take_npy(struct walk *w, const json_t *path, struct tl_input *in, bool has_shape, bool counted)
{
    const char *s = json_string_value(path);
    struct tl_npy h;
    struct tl_error e;
    look_at(w, "npy", NULL, -1);
    in->fill = TL_FILL_NPY;
    if (!s || !*s) {
        wrong_value(w, "expected the path of a .npy file");
        return;
    }
    in->npy = *s == '/' || !w->directory ? tl_strdup(s) : tl_format("%s/%s", w->directory, s);
    if (tl_npy_open(in->npy, &h, &e)) {
        wrong(w, "expected a .npy file: %.160s: %.200s", in->npy, e.why);
        return;
    }
    if (in->dtype && in->dtype != h.dtype)
        wrong(w, "expected a .npy file of dtype %s, found %s", tl_dtype_name(in->dtype),
              tl_dtype_name(h.dtype));
    in->dtype = h.dtype;
    if (!has_shape) {
        in->rank = h.rank;
        in->elements = h.elements;
        memcpy(in->dims, h.dims, sizeof in->dims);
    } else if (counted) {
        bool same = in->rank == h.rank;
        for (size_t i = 0; same && i < h.rank; i++)
            same = in->dims[i] == h.dims[i];
        if (!same)
            wrong(w, "expected a .npy file of the same shape as the input");
    }
}

static void take_input(struct walk *w, const json_t *object, struct tl_input *in)
{
    look_at(w, NULL, NULL, -1);
    if (!json_is_object(object)) {
        wrong_value(w, "expected an object with \"name\", \"dtype\", \"shape\" and one of \"fill\", \"data\" "
                       "and \"npy\"");
        return;
    }
    check_keys(w, object, &tl_keys_input, NULL);

    const json_t *name = json_object_get(object, "name");
    look_at(w, name ? "name" : NULL, NULL, -1);
    if (!json_is_string(name) || json_string_length(name) == 0 || json_string_length(name) > NAME_MOST)
        (name ? wrong_value
              : wrong)(w, "%s", name ? "expected a string of 1 to 1048576 bytes" : "lacks the key \"name\"");
    in->name = tl_strdup(json_is_string(name) ? json_string_value(name) : "");

    json_t *fill = json_object_get(object, "fill"), *data = json_object_get(object, "data");
    const json_t *npy = json_object_get(object, "npy");
    const json_t *dtype = json_object_get(object, "dtype"), *shape = json_object_get(object, "shape");
    look_at(w, NULL, NULL, -1);
    if ((fill != NULL) + (data != NULL) + (npy != NULL) != 1)
        wrong(w, "expected exactly one of the keys \"fill\", \"data\" and \"npy\"");
    if (!dtype && !npy)
        wrong(w, "lacks the key \"dtype\"");
    if (!shape && !npy)
        wrong(w, "lacks the key \"shape\"");

    if (dtype) {
        look_at(w, "dtype", NULL, -1);
        in->dtype = json_is_string(dtype) ? tl_dtype_parse(json_string_value(dtype)) : TL_DTYPE_NONE;
        if (!in->dtype)
            wrong_value(
                w, "expected a dtype: float32, float16, bfloat16, float64, int8, int16, int32, int64, uint8, "
                   "uint16, uint32, uint64 or bool");
    }
    bool fixed = false, counted = shape && take_shape(w, shape, in, &fixed) && fixed;
    if (fill)
        take_fill(w, fill, in);
    if (data)
        take_data(w, data, in, counted);
    if (npy)
        take_npy(w, npy, in, shape != NULL, counted);
    in->bytes = in->elements * tl_dtype_size(in->dtype);
    if (in->bytes > TL_INPUT_BYTES_MAX) {
        look_at(w, shape ? "shape" : NULL, NULL, -1);
        wrong(w, "expected an input of at most 16 GiB");
    }
}

static void walk(struct walk *w, const json_t *list, struct tl_input *out)
{
    w->at = (struct tl_inputs_place){.input = -1, .element = -1};
    if (!json_is_array(list) || json_array_size(list) > TL_INPUTS_MAX) {
        wrong_value(w, "expected a list of at most %d inputs", TL_INPUTS_MAX);
        return;
    }
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n; i++) {
        struct tl_input alone = {0}, *in = out ? &out[i] : &alone;
        w->at.input = (long)i;
        take_input(w, json_array_get(list, i), in);
        const char *name = json_string_value(json_object_get(json_array_get(list, i), "name"));
        for (size_t j = 0; name && j < i; j++) {
            const char *other = json_string_value(json_object_get(json_array_get(list, j), "name"));
            if (other && !strcmp(other, name)) {
                look_at(w, "name", NULL, -1);
                wrong(w, "expected a name of its own; input %zu has the same", j);
                break;
            }
        }
        if (!out) {
            json_decref(alone.start);
            json_decref(alone.step);
            json_decref(alone.data);
            free(alone.name);
            free(alone.npy);
        }
    }
}

void tl_inputs_check(const json_t *list, const char *directory, tl_inputs_axis axis, tl_inputs_report report,
                     void *arg)
{
    struct walk w = {.directory = directory, .axis = axis, .report = report, .arg = arg};
    walk(&w, list, NULL);
}

struct first {
    const json_t *variant;
    struct tl_error *e;
    const char *where;
    bool failed;
};

static void keep_first(void *arg, const struct tl_inputs_place *at, const char *expected)
{
    struct first *f = arg;
    if (f->failed)
        return;
    f->failed = true;
    char path[256] = "$";
    size_t n = 1;
    if (at->input >= 0)
        n += (size_t)snprintf(path + n, sizeof path - n, "[%ld]", at->input);
    if (at->key)
        n += (size_t)snprintf(path + n, sizeof path - n, ".%.64s", at->key);
    if (at->subkey)
        n += (size_t)snprintf(path + n, sizeof path - n, ".%.64s", at->subkey);
    if (at->element >= 0)
        snprintf(path + n, sizeof path - n, "[%ld]", at->element);
    tl_fail(f->e, TL_ERROR_INPUT, "the list of inputs has a mistake", f->where, "%s: %s", path, expected);
}

static int value_of_axis(void *arg, const char *name, int64_t *least, int64_t *most, char *why, size_t size)
{
    struct first *f = arg;
    const json_t *v = f->variant ? json_object_get(f->variant, name) : NULL;
    if (json_is_integer(v)) {
        *least = *most = json_integer_value(v);
        return 0;
    }
    snprintf(why, size, "expected an axis with integers; the variant has %s %.64s",
             v ? "another kind of value for" : "no axis", name);
    return -1;
}

static int parse(const json_t *list, const char *directory, const json_t *variant, const char *where,
                 struct tl_input **inputs, size_t *n, struct tl_error *e)
{
    struct first f = {.variant = variant, .e = e, .where = where};
    struct walk w = {.directory = directory, .axis = value_of_axis, .report = keep_first, .arg = &f};
    size_t count = json_is_array(list) && json_array_size(list) <= TL_INPUTS_MAX ? json_array_size(list) : 0;
    struct tl_input *out = tl_calloc(count, sizeof *out);
    walk(&w, list, out);
    *inputs = NULL;
    *n = 0;
    if (f.failed) {
        tl_inputs_free(out, count);
        return -1;
    }
    *inputs = out;
    *n = count;
    return 0;
}

int tl_inputs_parse(const json_t *list, const char *directory, const json_t *variant,
                    struct tl_input **inputs, size_t *n, struct tl_error *e)
{
    return parse(list, directory, variant, "inputs", inputs, n, e);
}

int tl_inputs_load(const char *path, const json_t *variant, struct tl_input **inputs, size_t *n,
                   struct tl_error *e)
{
    size_t size;
    *inputs = NULL;
    *n = 0;
    char *text = tl_read_file(path, TL_INPUTS_FILE_MAX, &size);
    if (!text)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot read the list of inputs", path, "%s", "");
    json_error_t at;
    json_t *list = json_loadb(text, size, JSON_REJECT_DUPLICATES, &at);
    free(text);
    if (!list)
        return tl_fail(e, TL_ERROR_INPUT, "the list of inputs is not JSON", path, "line %d: %s", at.line,
                       at.text);
    const char *slash = strrchr(path, '/');
    char *directory = slash ? tl_format("%.*s", (int)(slash - path + (slash == path)), path) : tl_strdup(".");
    int status = parse(list, directory, variant, path, inputs, n, e);
    free(directory);
    json_decref(list);
    return status;
}

void tl_inputs_free(struct tl_input *inputs, size_t n)
{
    for (size_t i = 0; inputs && i < n; i++) {
        json_decref(inputs[i].start);
        json_decref(inputs[i].step);
        json_decref(inputs[i].data);
        free(inputs[i].name);
        free(inputs[i].npy);
    }
    free(inputs);
}
