#include "harness/executor/expected_outputs.h"

#include "cases/element.h"
#include "cases/npy.h"
#include "cases/reference.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/executor/identity.h"
#include "harness/executor/values.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXTS_MOST ((uint64_t)64 << 20) /* bytes of a table of texts */

static const char doing[] = "cannot write expected outputs";

/* How close an output has to be. */
static void add_tolerance(const struct tl_case *c, const struct tl_element_type *type, json_t *j)
{
    const struct tl_reference *r = &c->reference;
    const struct tl_tolerance *t = &r->tolerance;
    const char *name = json_string_value(json_object_get(j, "name"));
    for (size_t i = 0; name && i < r->n_outputs; i++)
        if (r->outputs[i].has_tolerance && !strcmp(r->outputs[i].name, name))
            t = &r->outputs[i].tolerance;
    bool numbers = type->kind == TL_ELEMENT_FLOAT || type->kind == TL_ELEMENT_COMPLEX,
         exact = !numbers && !(type->kind == TL_ELEMENT_INTEGER && t->of_integers);
    json_object_set_new(j, "exact", json_boolean(exact));
    json_object_set_new(j, "whole", json_boolean(!t->elementwise));
    json_object_set_new(j, "rtol", json_real(t->elementwise ? t->rtol : t->whole));
    json_object_set_new(j, "atol", json_real(t->elementwise ? t->atol : 0));
}

static json_t *shape_of(const struct tl_values *v)
{
    json_t *shape = json_array();
    for (size_t i = 0; i < v->rank; i++)
        json_array_append_new(shape, json_integer(v->dims[i]));
    return shape;
}

/* Texts of any form as bytes of one width. */
static int write_texts(struct tl_values *v, const char *path, struct tl_error *e)
{
    struct tl_element x;
    size_t longest = 1;
    char descr[32];
    for (uint64_t i = 0; i < v->elements; i++) {
        if (tl_values_get(v, i, &x))
            return tl_fail(e, TL_ERROR_INPUT, doing, path, "the file of texts cannot be read");
        longest = x.size > longest ? x.size : longest;
    }
    if (v->elements > TEXTS_MOST / longest)
        return tl_fail(e, TL_ERROR_INPUT, doing, path, "its texts are too long");
    char *table = tl_calloc((size_t)v->elements + 1, longest);
    for (uint64_t i = 0; i < v->elements; i++)
        if (!tl_values_get(v, i, &x) && x.size)
            memcpy(table + i * longest, x.text, x.size);
    snprintf(descr, sizeof descr, "|S%zu", longest);
    int rc = tl_npy_write_any(path, descr, longest, v->rank, v->dims, table, e);
    free(table);
    return rc;
}

static int write_tensor(const struct tl_values *v, const char *path, struct tl_error *e)
{
    int number = v->type->number;
    if (tl_dtype_size((enum tl_dtype)number))
        return tl_npy_write(path, (enum tl_dtype)number, v->rank, v->dims, v->tensor.data, e);
    const char *descr = number == 14 ? "<c8" : number == 15 ? "<c16" : "|V1";
    return tl_npy_write_any(path, descr, v->type->size, v->rank, v->dims, v->tensor.data, e);
}

static int copy_file(const char *from, const char *to, struct tl_error *e)
{
    return tl_copy_file(from, to, 0666) ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, to, NULL) : 0;
}

/* A file that the case names. */
static int write_file(const struct tl_case *c, const struct tl_reference_output *o, const char *path,
                      const char *directory, json_t *list, struct tl_error *e)
{
    struct tl_values v;
    char name[32];
    if (o->pb ? tl_values_open_pb(&v, path, e) : tl_values_open_npy(&v, AT_FDCWD, path, NULL, false, e))
        return -1;
    snprintf(name, sizeof name, "%zu.npy", json_array_size(list));
    char *to = tl_format("%s/%s", directory, name);
    int rc = v.type->kind == TL_ELEMENT_STRING ? write_texts(&v, to, e)
             : o->pb                           ? write_tensor(&v, to, e)
                                               : copy_file(path, to, e);
    if (rc == 0) {
        json_t *j = json_pack("{s:s,s:s,s:o,s:s}", "name", o->name, "dtype", v.type->name, "shape",
                              shape_of(&v), "npy", name);
        add_tolerance(c, v.type, j);
        json_array_append_new(list, j);
    }
    tl_values_close(&v);
    free(to);
    return rc;
}

static int write_files(struct tl_executor *x, const struct tl_case *c, const struct tl_variant *v,
                       const char *directory, json_t *list, struct tl_error *e)
{
    struct tl_generated generated = {0};
    int rc = c->generate.n ? tl_identity_plan(x, c, v, &generated, e) : 0;
    for (size_t i = 0; rc == 0 && i < c->reference.n_outputs; i++) {
        const struct tl_reference_output *o = &c->reference.outputs[i];
        if (!o->path)
            continue;
        char *path = tl_reference_path(c, v, o->path, generated.outputs);
        rc = write_file(c, o, path, directory, list, e);
        free(path);
    }
    if (c->generate.n)
        tl_generated_free(&generated);
    return rc;
}

struct answer {
    bool ended;
    enum tl_outcome outcome;
    char id[TL_UUID_SIZE];
    char *message;
    json_t *result;
    struct tl_error failure;
};

static void on_reference(void *arg, const struct tl_trial_record *r, bool cached,
                         const struct tl_error *failure)
{
    struct answer *a = arg;
    (void)cached;
    a->ended = true;
    if (failure) {
        a->failure = *failure;
        a->outcome = TL_OUTCOME_LOST;
        return;
    }
    a->outcome = r->outcome;
    memcpy(a->id, r->id, sizeof a->id);
    a->message = tl_strdup(r->message);
    a->result = json_incref(r->result);
}

/* The files that its trial left, at their place. */
static void take_files(const struct tl_case *c, const struct answer *a, const char *directory, json_t *list)
{
    const json_t *output;
    size_t i;
    json_array_foreach(json_object_get(a->result, "outputs"), i, output) {
        const char *npy = json_string_value(json_object_get(output, "npy")),
                   *dtype = json_string_value(json_object_get(output, "dtype")),
                   *name = json_string_value(json_object_get(output, "name"));
        const struct tl_element_type *type = dtype ? tl_element_type_find(dtype) : NULL;
        if (!npy || strchr(npy, '/') || !type || !name)
            continue;
        char *from = tl_format("%s/%s/%s", directory, a->id, npy), *to = tl_format("%s/%s", directory, npy);
        if (!rename(from, to)) {
            json_t *j = json_pack("{s:s,s:s,s:O,s:s}", "name", name, "dtype", type->name, "shape",
                                  json_object_get(output, "shape"), "npy", npy);
            add_tolerance(c, type, j);
            json_array_append_new(list, j);
        }
        free(from);
        free(to);
    }
}

static int write_of_unit(struct tl_executor *x, const struct tl_case *c, const struct tl_variant *v,
                         const struct tl_unit *unit, const char *directory, json_t *list, struct tl_error *e)
{
    const struct tl_reference *r = &c->reference;
    const struct tl_unit *u = !strcmp(r->unit, "same") ? unit : tl_executor_unit(x, r->unit, e);
    struct answer a = {0};
    if (!u)
        return -1;
    if (!u->usable)
        return tl_fail(e, TL_ERROR_INPUT, doing, u->text, "it cannot be used here: %s",
                       u->why ? u->why : "unknown");
    struct tl_variant variant = tl_reference_variant(c, v);
    const struct tl_request request = {
        .c = r->as ? r->as : c, .variant = &variant, .unit = u, .fresh = true, .keep_outputs = directory};
    int rc = tl_executor_submit(x, &request, on_reference, &a, e);
    if (rc == 0)
        rc = tl_executor_finish(x, e);
    if (rc == 0 && !a.ended)
        rc = tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", u->text, "while expected outputs were computed");
    if (rc == 0 && a.outcome == TL_OUTCOME_LOST && a.failure.why[0]) {
        *e = a.failure;
        rc = -1;
    } else if (rc == 0 && a.outcome != TL_OUTCOME_PASS && a.outcome != TL_OUTCOME_WRONG) {
        /* Wrong is here what is not finite, which is right where the reference has it. */
        rc = tl_fail(e, TL_ERROR_INPUT, doing, u->text, "the reference gave %s%s%s",
                     tl_outcome_name(a.outcome), a.message ? ": " : "", a.message ? a.message : "");
    }
    if (rc == 0)
        take_files(c, &a, directory, list);
    if (*a.id) {
        char *left = tl_format("%s/%s", directory, a.id);
        tl_remove_tree(left);
        free(left);
    }
    tl_variant_free(&variant);
    free(a.message);
    json_decref(a.result);
    return rc;
}

int tl_expected_outputs(struct tl_executor *x, const struct tl_case *c, const struct tl_variant *v,
                        const struct tl_unit *unit, const char *directory, json_t **list, struct tl_error *e)
{
    *list = json_array();
    int rc = !c->reference.text  ? tl_fail(e, TL_ERROR_INPUT, doing, c->path, "the case has no reference")
             : c->reference.unit ? write_of_unit(x, c, v, unit, directory, *list, e)
                                 : write_files(x, c, v, directory, *list, e);
    if (rc) {
        json_decref(*list);
        *list = NULL;
    }
    return rc;
}
