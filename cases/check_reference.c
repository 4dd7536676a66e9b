/* Checks what the outputs of a case are compared with.
 *
 * A reference is a unit, which may run the variant with other axes, or files with the expected values, one for
 * each output. Files are named for each variant by placeholders, or come from the generator. Those that are named
 * without either are looked at here; the others when their variant is tried. */
#include "cases/check.h"
#include "cases/npy.h"
#include "cases/reference.h"
#include "harness/base/buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define OUTPUTS_MAX 100000
#define FILES_MAX 1000000 /* expected files of one output, over all variants */

static void check_tolerance(struct tl_check *ck, const struct tl_json_place *whole,
                            const struct tl_json_place *rtol, const struct tl_json_place *atol,
                            struct tl_tolerance *t)
{
    if (whole->value && (rtol->value || atol->value))
        tl_note(
            ck, whole,
            "expected either \"tolerance\", of the whole output, or \"rtol\" and \"atol\", of each element");
    tl_check_number(ck, whole, 0, 1e9, true, &t->whole);
    t->elementwise = rtol->value || atol->value;
    tl_check_number(ck, rtol, 0, 1e9, true, &t->rtol);
    tl_check_number(ck, atol, 0, 1e300, true, &t->atol);
}

/* --- files ---------------------------------------------------------------------------------------------- */

struct path_check {
    struct tl_check *ck;
    const struct tl_json_place *at;
    bool has_placeholder; /* so that the file is another one for each variant */
    uint64_t files;       /* how many there can be */
};

static void check_placeholder(void *arg, const char *name, size_t size, bool bad)
{
    struct path_check *p = arg;
    char word[80];
    snprintf(word, sizeof word, "%.*s", (int)(size < 79 ? size : 79), name);
    if (bad) {
        tl_note_placeholder(p->ck, p->at);
        return;
    }
    const struct tl_axis *axis = tl_case_axis(p->ck->c, word, NULL);
    p->has_placeholder |= strcmp(word, "case_dir") != 0;
    if (axis) {
        if (__builtin_mul_overflow(p->files, axis->count ? axis->count : 1, &p->files))
            p->files = UINT64_MAX;
    } else if (!strcmp(word, "outputs") && !p->ck->writes_outputs) {
        tl_note(p->ck, p->at,
                "expected {outputs} in the arguments of \"generate\" as well: the directory where it "
                "leaves the expected outputs");
    } else if (strcmp(word, "outputs") != 0 && strcmp(word, "case_dir") != 0) {
        const char *suggested = tl_suggest_axis(p->ck->c, NULL, word, false);
        tl_note(p->ck, p->at,
                "unknown placeholder {%s}; expected an axis of the case, {outputs} or {case_dir}%s%s%s", word,
                suggested ? "; did you mean {" : "", suggested ? suggested : "", suggested ? "}?" : "");
    }
}

static void check_file(struct tl_check *ck, const struct tl_json_place *at, const char *text, bool pb)
{
    char *path = tl_reference_path(ck->c, &ck->c->failing, text, NULL);
    struct tl_npy h;
    struct tl_error e;
    struct stat st;
    if (stat(path, &st))
        tl_note(ck, at, "expected a file with an output: %.512s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        tl_note(ck, at, "expected a file with an output: %.512s is no regular file", path);
    else if (!pb && tl_npy_open_any(path, &h, &e))
        tl_note(ck, at, "expected a .npy file with an output: %.512s: %s", path, e.why);
    free(path);
}

static void check_path(struct tl_check *ck, const struct tl_json_place *at, struct tl_reference_output *o)
{
    const char *text = tl_check_string(ck, at, 1, 4096);
    struct path_check p = {.ck = ck, .at = at, .files = 1};
    size_t before = ck->n_noted;
    if (!text)
        return;
    o->path = tl_arena_string(ck->arena, text);
    tl_placeholders(text, check_placeholder, &p);
    if (p.files > FILES_MAX)
        tl_note(ck, at, "expected axes with at most %d values together in the name of a file", FILES_MAX);
    if (!p.has_placeholder && ck->n_noted == before)
        check_file(ck, at, text, o->pb);
}

static void check_output(struct tl_check *ck, const struct tl_json_place *at, bool has_unit,
                         struct tl_reference_output *o)
{
    struct tl_key keys[6];
    if (!tl_check_keys(
            ck, at, &tl_keys_output, keys,
            "an output: an object with \"name\", and \"npy\" or \"pb\" where no unit has its values"))
        return;
    o->name = tl_arena_string(ck->arena, tl_check_string(ck, &keys[0].at, 1, 4096));
    const struct tl_json_place *npy = &keys[1].at, *pb = &keys[2].at;
    o->pb = pb->value != NULL;
    if (npy->value && pb->value)
        tl_note(ck, pb, "expected either \"npy\" or \"pb\"");
    else if (has_unit && (npy->value || pb->value))
        tl_note(ck, o->pb ? pb : npy, "expected no file: the outputs of \"unit\" are compared with");
    else if (!has_unit && !npy->value && !pb->value)
        tl_note(ck, at, "expected \"npy\" or \"pb\": the file with the values of this output");
    else
        check_path(ck, o->pb ? pb : npy, o);
    o->has_tolerance = keys[3].at.value || keys[4].at.value || keys[5].at.value;
    if (!o->has_tolerance && has_unit && !npy->value && !pb->value)
        tl_note(ck, at, "expected \"tolerance\", \"rtol\" or \"atol\": how close this output has to be");
    o->tolerance = (struct tl_tolerance){.whole = TL_TOLERANCE_DEFAULT, .of_integers = true};
    check_tolerance(ck, &keys[3].at, &keys[4].at, &keys[5].at, &o->tolerance);
}

static void check_outputs(struct tl_check *ck, const struct tl_json_place *at, struct tl_reference *r)
{
    if (!at->value || !tl_check_list(ck, at, 1, OUTPUTS_MAX, "outputs"))
        return;
    r->outputs = tl_arena_alloc(ck->arena, json_array_size(at->value), sizeof *r->outputs);
    json_t *names = json_object(); /* a name in a list of many is found at once */
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        struct tl_reference_output *o = &r->outputs[r->n_outputs++];
        check_output(ck, &it, r->unit != NULL, o);
        if (o->name && json_object_get(names, o->name))
            tl_note(ck, &it, "expected an output that is not listed before");
        else if (o->name)
            json_object_set_new(names, o->name, json_true());
    }
    json_decref(names);
}

/* --- a unit --------------------------------------------------------------------------------------------- */

/* An axis that is set for the reference takes the values of the case, and all others that its family or the
 * runtime knows. */
static bool takes(struct tl_check *ck, const struct tl_json_place *at, struct tl_value v)
{
    const struct tl_axis *axis = tl_case_axis(ck->c, at->key, NULL);
    const struct tl_family_axis *known = tl_known_axis(ck->c, ck->family, at->key);
    uint64_t index;
    if (axis && (!axis->count || !tl_axis_index(axis, v, &index))) /* without values it was reported */
        return true;
    if (!axis && !known) {
        const char *suggested = tl_suggest_axis(ck->c, ck->family, at->key, true);
        tl_note(ck, at, "neither the case nor its model has an axis of this name%s%s%s",
                suggested ? "; did you mean \"" : "", suggested ? suggested : "", suggested ? "\"?" : "");
        return false;
    }
    char *expected = known ? tl_known_axis_refuses(known, v) : tl_axis_values_text(axis);
    if (expected)
        tl_note_found(ck, at, "expected a value of axis %s: %s", at->key, expected);
    bool taken = !expected;
    free(expected);
    return taken;
}

static void check_with(struct tl_check *ck, const struct tl_json_place *at, struct tl_reference *r)
{
    if (!at->value)
        return;
    if (!json_is_object(at->value) || !json_object_size(at->value)) {
        tl_note_found(ck, at, "expected an object: axes, and the values that they have in the reference");
        return;
    }
    if (!r->unit) {
        tl_note(ck, at, "expected \"unit\" as well: files have no axes");
        return;
    }
    r->with = tl_arena_alloc(ck->arena, json_object_size(at->value), sizeof *r->with);
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        struct tl_value v;
        if (!tl_check_value(ck, &it, &v) || !takes(ck, &it, v))
            continue;
        struct tl_axis *axis = &r->with[r->n_with++];
        axis->name = tl_arena_string(ck->arena, it.key);
        axis->kind = TL_AXIS_CHOICES;
        axis->count = 1;
        axis->values = tl_arena_alloc(ck->arena, 1, sizeof *axis->values);
        axis->values[0] = v;
        const struct tl_axis *own = tl_case_axis(ck->c, it.key, NULL);
        uint64_t index;
        if (own && own->sets && !tl_axis_index(own, v, &index)) /* as it is kept */
            axis->values[0] = tl_axis_value(own, index);
    }
}

static const char *in_words(struct tl_check *ck, const struct tl_reference *r)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    if (!r->unit)
        tl_buffer_add_string(&b, "the expected outputs");
    else
        tl_buffer_add_string(&b, !strcmp(r->unit, "same") ? "the same unit" : r->unit);
    for (size_t i = 0; i < r->n_with; i++) {
        char *value = tl_value_text(r->with[i].values[0]);
        tl_buffer_printf(&b, "%s%s=%s", i ? ", " : " with ", r->with[i].name, value);
        free(value);
    }
    const char *text = tl_arena_string(ck->arena, b.data);
    tl_buffer_free(&b);
    return text;
}

void tl_check_reference(struct tl_check *ck, const struct tl_json_place *at)
{
    struct tl_key keys[6];
    struct tl_reference *r = &ck->c->reference;
    r->tolerance = (struct tl_tolerance){.whole = TL_TOLERANCE_DEFAULT};
    if (!at->value || !tl_check_keys(ck, at, &tl_keys_reference, keys,
                                     "an object with \"unit\" or \"outputs\", and how close they have to be"))
        return;
    if (ck->c->model_kind == TL_MODEL_STEPS) {
        tl_note(
            ck, at,
            "expected none: steps have no outputs that could be compared; let \"expect\" say what is right");
        return;
    }
    const char *text = tl_check_string(ck, &keys[0].at, 1, 1024);
    if (text)
        r->unit = !strcmp(text, "same") ? "same" : tl_check_unit(ck, text, ck->c->directory);
    if (text && !r->unit)
        tl_note_found(ck, &keys[0].at,
                      "expected a unit, RUNNER[@BUILD]:DEVICE[%%ALIAS], or \"same\", or \"reference\"");
    if (!keys[0].at.value && !keys[2].at.value)
        tl_note(ck, at,
                "expected \"unit\", whose outputs are right, or \"outputs\", with files of what is right");
    check_with(ck, &keys[1].at, r);
    if (r->unit && !strcmp(r->unit, "same") && !keys[1].at.value)
        tl_note(ck, &keys[0].at, "expected \"with\" as well: with the same axes the same unit says the same");
    if (!text || r->unit)
        check_outputs(ck, &keys[2].at, r);
    check_tolerance(ck, &keys[3].at, &keys[4].at, &keys[5].at, &r->tolerance);
    r->text = in_words(ck, r);
}
