/* The variants of a reduction: candidates, the models that they stand for, and those as files beside their weights and inputs.
 *
 * Weights in files beside the model are shared with every variant by hard links; where that cannot be they are copied once for
 * the reduction, and that copy is linked. A variant is taken away after its trial: what is kept of it is the list of its
 * edits, in the directory of the reduction, from which it can be made again. */
#include "harness/campaign/reduce/values.h"

#include "cases/onnx/graph_data.h"
#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "cases/onnx/model_inputs.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/campaign/reduce/difference.h"
#include "harness/campaign/reduce/lend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char no_disk[] = "free some space, or set XDG_CACHE_HOME to another place";

struct tl_reduce_candidate tl_reduce_copy(const struct tl_reduce_candidate *k)
{
    struct tl_reduce_candidate copy = {.instead = json_deep_copy(k->instead),
                                       .renamed = json_deep_copy(k->renamed)};
    tl_onnx_edits_copy(&copy.edits, &k->edits);
    return copy;
}

void tl_reduce_drop(struct tl_reduce_candidate *k)
{
    tl_onnx_edits_free(&k->edits);
    json_decref(k->instead);
    json_decref(k->renamed);
    *k = (struct tl_reduce_candidate){0};
}

void tl_reduce_take(struct tl_reduce_candidate *to, struct tl_reduce_candidate *from)
{
    tl_reduce_drop(to);
    *to = *from;
    *from = (struct tl_reduce_candidate){0};
}

bool tl_reduce_same(const struct tl_reduce_candidate *a, const struct tl_reduce_candidate *b)
{
    return json_equal(a->edits.list, b->edits.list) &&
           (a->instead ? json_equal(a->instead, b->instead) : !b->instead) &&
           (a->renamed ? json_equal(a->renamed, b->renamed) : !b->renamed);
}

/* --- the model ------------------------------------------------------------------------------------------- */

/* What is large takes long: files of a variant are not made to their end when there is no time left to try it, or it is ended. */
static bool is_late(void *arg)
{
    const struct tl_reduce_state *s = arg;
    return s->making && (tl_executor_look(s->r->x) || tl_reduce_is_spent(s));
}

struct tl_onnx_model *tl_reduce_load(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                                     struct tl_error *e)
{
    const struct tl_onnx_sources sources = {.directory = s->directory};
    struct tl_onnx_model *m;
    if (tl_onnx_model_read(s->bytes, s->size, s->r->c->model_file, &m, e))
        return NULL;
    if (tl_onnx_edits_apply(&k->edits, m, &sources, e)) {
        tl_onnx_model_free(m);
        return NULL;
    }
    tl_onnx_data_patience(m, is_late, (void *)(uintptr_t)s);
    return m;
}

/* The model that was made last, with its bytes: its number is asked for before it is written, and both take them. What is large
 * is made twice rather than held. */
#define HELD_MOST ((size_t)64 << 20)

struct tl_reduce_made {
    char *edits;
    struct tl_onnx_model *m;
    uint8_t *bytes;
    size_t size;
};

struct tl_reduce_made *tl_reduce_made_new(void)
{
    return tl_calloc(1, sizeof(struct tl_reduce_made));
}

static void forget(struct tl_reduce_made *made)
{
    free(made->edits);
    free(made->bytes);
    tl_onnx_model_free(made->m);
    *made = (struct tl_reduce_made){0};
}

void tl_reduce_made_free(struct tl_reduce_made *made)
{
    if (made)
        forget(made);
    free(made);
}

/* To be given back with `done`. NULL: its edits do not fit, or it is larger than a model can be. */
static struct tl_reduce_made *make(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k)
{
    struct tl_reduce_made *made = s->made;
    struct tl_error unfit;
    char *edits = tl_onnx_edits_text(&k->edits);
    if (made->edits && !strcmp(made->edits, edits)) {
        free(edits);
        return made;
    }
    forget(made);
    made->edits = edits;
    if ((made->m = tl_reduce_load(s, k, &unfit)) &&
        !tl_onnx_model_write(made->m, &made->bytes, &made->size, &unfit))
        return made;
    forget(made);
    return NULL;
}

static void done(struct tl_reduce_made *made)
{
    if (made && made->size > HELD_MOST)
        forget(made);
}

size_t tl_reduce_count(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    struct tl_onnx_node_facts *nodes = NULL;
    size_t n = 0;
    if (m)
        tl_onnx_nodes(m, &nodes, &n);
    free(nodes);
    tl_onnx_model_free(m);
    return n;
}

size_t tl_reduce_main_nodes(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    uint32_t *order = NULL;
    size_t n = 0;
    if (m)
        tl_onnx_order(m, &order, &n);
    free(order);
    tl_onnx_model_free(m);
    return n;
}

uint64_t tl_reduce_bytes(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    struct tl_onnx_weight *weights = NULL;
    size_t n = 0;
    uint64_t bytes = 0;
    if (m)
        tl_onnx_weights(m, &weights, &n);
    for (size_t i = 0; i < n; i++)
        bytes += weights[i].bytes;
    free(weights);
    tl_onnx_model_free(m);
    return bytes;
}

/* An input of a variant as lists of inputs have it; NULL: it is not known. */
static json_t *input_of(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                        const char *name)
{
    const json_t *before = json_object_get(k->renamed, name);
    const char *known = before ? json_string_value(before) : name;
    const json_t *input = json_object_get(k->instead, known);
    input = input ? input : json_object_get(s->inputs, known);
    json_t *copy = input ? json_deep_copy(input) : NULL;
    if (copy)
        json_object_set_new(copy, "name", json_string(name));
    return copy;
}

static bool is_recorded(const json_t *input)
{
    return json_is_true(json_object_get(input, "recorded"));
}

/* The list for the inputs that a model declares. 1: it needs one that is not known. *list is NULL where the runner makes all. */
static int list_inputs(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                       const uint8_t *bytes, size_t size, json_t **list)
{
    struct tl_onnx_inputs declared;
    char why[512];
    bool missing = false, recorded = json_object_size(k->instead) > 0;
    *list = NULL;
    if (tl_onnx_inputs_read(bytes, size, &declared, why, sizeof why)) {
        tl_onnx_inputs_free(&declared);
        return 1;
    }
    *list = json_array();
    for (size_t i = 0; i < declared.n; i++) {
        json_t *input = input_of(s, k, declared.list[i].name);
        recorded = recorded || is_recorded(input);
        missing = missing || !input;
        if (input) {
            json_object_del(input, "recorded");
            json_object_del(input, "tainted");
            json_object_del(input, "hash");
            json_array_append_new(*list, input);
        }
    }
    tl_onnx_inputs_free(&declared);
    if (missing) {
        json_decref(*list);
        *list = NULL;
    }
    return missing && (recorded || !s->derives) ? 1 : 0;
}

static json_t *names_of_inputs(const uint8_t *bytes, size_t size)
{
    struct tl_onnx_inputs declared;
    char why[512];
    json_t *names = json_array();
    if (!tl_onnx_inputs_read(bytes, size, &declared, why, sizeof why))
        for (size_t i = 0; i < declared.n; i++)
            json_array_append_new(names, json_string(declared.list[i].name));
    tl_onnx_inputs_free(&declared);
    return names;
}

json_t *tl_reduce_inputs(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k)
{
    struct tl_reduce_made *made = make(s, k);
    json_t *names = made ? names_of_inputs(made->bytes, made->size) : json_array();
    done(made);
    return names;
}

static int copy_file(const char *from, const char *to, struct tl_error *e)
{
    char *making = tl_format("%s.new", to);
    int failed = tl_reduce_copy_file(from, making);
    if (!failed)
        failed = rename(making, to);
    if (failed) {
        int err = errno;
        unlink(making);
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, err, "cannot copy the weights of the model",
                      access(from, R_OK) ? from : to, no_disk);
    }
    free(making);
    return failed;
}

/* One file of the original beside a variant. */
static int share(const struct tl_reduce_state *s, const char *beside, const char *location,
                 const char *target, bool own_copy, struct tl_error *e)
{
    char *own = tl_format("%s/%s", beside, location), *real = realpath(own, NULL),
         *once = tl_format("%s/%s/%s", s->work, beside == s->directory ? "data" : "data-reference", location);
    const char *from = real ? real : own;
    int failed = 0;
    unlink(target); /* of another model in the same directory */
    if (own_copy) {
        failed = tl_make_parents(target, 0700) ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno,
                                                               "cannot make a directory", target, no_disk)
                                               : copy_file(from, target, e);
    } else if (tl_make_parents(target, 0700) == 0 && link(from, target)) {
        if (access(once, R_OK))
            failed = tl_make_parents(once, 0700) ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno,
                                                                 "cannot make a directory", once, no_disk)
                                                 : copy_file(from, once, e);
        if (!failed && link(once, target))
            failed = copy_file(once, target, e);
    }
    free(once);
    free(real);
    free(own);
    return failed;
}

/* beside: where the model was that m was made of. */
static int write_data(const struct tl_reduce_state *s, struct tl_onnx_model *m, const char *beside,
                      const char *directory, bool own_copy, struct tl_error *e)
{
    struct tl_onnx_data_file *files;
    size_t n;
    int failed = 0;
    tl_onnx_data_files(m, &files, &n);
    for (size_t i = 0; i < n && !failed; i++) {
        char *target = tl_format("%s/%s", directory, files[i].location);
        if (!files[i].made) {
            failed = share(s, beside, files[i].location, target, own_copy, e);
        } else {
            int fd = tl_make_parents(target, 0700)
                         ? -1
                         : open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
            failed = fd < 0 ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write", target, no_disk)
                            : tl_onnx_data_write(m, beside, fd, target, e);
            if (fd >= 0)
                close(fd);
        }
        free(target);
    }
    tl_onnx_data_files_free(files, n);
    return failed;
}

/* A result needs no files of which it uses little: what it uses of them goes into one of its own. */
static int pack_data(const struct tl_reduce_state *s, struct tl_onnx_model *m, struct tl_error *e)
{
    struct tl_onnx_data_file *files;
    size_t n;
    uint64_t there = 0;
    tl_onnx_data_files(m, &files, &n);
    for (size_t i = 0; i < n; i++) {
        char *path = tl_format("%s/%s", s->directory, files[i].location);
        struct stat st;
        there += !files[i].made && !stat(path, &st) ? (uint64_t)st.st_size : 0;
        free(path);
    }
    tl_onnx_data_files_free(files, n);
    return tl_onnx_data_kept(m) <= there / 2 ? tl_onnx_data_pack(m, s->directory, e) : 0;
}

/* own_copy: the weights beside it are linked with nothing, as a command is handed this very directory. */
static int write_files(const struct tl_reduce_state *s, struct tl_onnx_model *m, const uint8_t *bytes,
                       size_t size, json_t *inputs, const char *directory, bool own_copy, struct tl_error *e)
{
    char *path = tl_format("%s/model.onnx", directory);
    int result = 0;
    if (tl_make_directories(directory, 0700))
        result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a directory", directory, no_disk);
    else if (tl_replace_file(path, bytes, size, 0600, false))
        result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write a model", path, no_disk);
    else
        result = write_data(s, m, s->directory, directory, own_copy, e);
    if (!result)
        result = tl_reduce_make_inputs(s, inputs, directory, e);
    free(path);
    return result;
}

int tl_reduce_write(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                    const char *directory, json_t **inputs, struct tl_error *e)
{
    struct tl_reduce_made *made = make(s, k);
    *inputs = NULL;
    int result = made ? list_inputs(s, k, made->bytes, made->size, inputs) : 1;
    if (!result)
        result = write_files(s, made->m, made->bytes, made->size, *inputs, directory, false, e);
    done(made);
    return result;
}

int tl_reduce_write_result(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                           const char *directory, const char *prefix, json_t **inputs, struct tl_error *e)
{
    struct tl_error unfit;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &unfit);
    uint8_t *bytes = NULL;
    size_t size;
    *inputs = NULL;
    if (!m)
        return 1;
    int result = pack_data(s, m, e);
    if (!result) {
        tl_onnx_data_name(m, prefix);
        result = tl_onnx_model_write(m, &bytes, &size, &unfit) ? 1 : list_inputs(s, k, bytes, size, inputs);
    }
    if (!result)
        result = write_files(s, m, bytes, size, *inputs, directory, s->lends, e);
    free(bytes);
    tl_onnx_model_free(m);
    return result;
}

int tl_reduce_write_other(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                          const char *directory, struct tl_error *e)
{
    struct tl_error unfit;
    struct tl_onnx_model *m = tl_reduce_other_load(s, k, &unfit);
    uint8_t *bytes = NULL;
    size_t size;
    if (!m)
        return 1;
    char *path = tl_format("%s/model.onnx", directory);
    int result = tl_onnx_model_write(m, &bytes, &size, &unfit) ? 1 : 0;
    if (!result && tl_make_directories(directory, 0700))
        result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a directory", directory, no_disk);
    if (!result && tl_replace_file(path, bytes, size, 0600, false))
        result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write a model", path, no_disk);
    if (!result)
        result = write_data(s, m, s->difference->directory, directory, false, e);
    free(path);
    free(bytes);
    tl_onnx_model_free(m);
    return result;
}

/* What it does not say of itself stands beside it. */
static char *description(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    char *edits = tl_onnx_edits_text(&k->edits);
    json_t *names = tl_reduce_inputs(s, k), *name;
    size_t i;
    tl_buffer_printf(&b, "{\"edits\": %s,\n\"inputs\": [", edits);
    json_array_foreach(names, i, name) {
        json_t *input = input_of(s, k, json_string_value(name));
        char *text = input ? json_dumps(input, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        tl_buffer_printf(&b, "%s%s", i ? ", " : "", text ? text : "null");
        free(text);
        json_decref(input);
    }
    tl_buffer_add_string(&b, "]}\n");
    json_decref(names);
    free(edits);
    return tl_buffer_take(&b);
}

static bool is_original(const struct tl_reduce_candidate *k)
{
    return !json_array_size(k->edits.list) && !json_object_size(k->instead);
}

/* 52 bits of the description's hash: that two of some thousand variants have one number is out of the question. */
static uint64_t number_of(const char *text)
{
    char id[TL_ID_SIZE], digits[14];
    tl_content_id(text, strlen(text), id);
    memcpy(digits, id, 13);
    digits[13] = '\0';
    uint64_t number = strtoull(digits, NULL, 16);
    return number ? number : 1;
}

int tl_reduce_number(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k, uint64_t *number,
                     struct tl_error *e)
{
    *number = 0;
    if (is_original(k) && !s->n_samples)
        return 0;
    char *text = description(s, k), *path;
    *number = number_of(text);
    path = tl_format("%s/edits/%llu.json", s->work, (unsigned long long)*number);
    int result = 0;
    if (tl_make_parents(path, 0700) || tl_keep_file(path, text, strlen(text), 0600, false))
        result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write a list of edits", path,
                               TL_REDUCE_NO_DISK);
    free(path);
    free(text);
    return result;
}

void tl_reduce_remove_files(struct tl_reduce_files *f)
{
    if (f->directory)
        tl_remove_tree(f->directory);
    free(f->directory);
    free(f->model);
    free(f->inputs);
    free(f->reference);
    free(f->reference_inputs);
    free(f->expected);
}

/* What is right of a variant: the model that is right, where it is another one, and a place for its outputs. */
static int make_reference(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                          uint64_t number, struct tl_reduce_files *f, struct tl_error *e)
{
    const struct tl_reduce_difference *d = s->difference;
    int result = 0;
    f->expected = tl_format("%s/expected", f->directory);
    if (d->path && !number) {
        f->reference = tl_strdup(d->path);
    } else if (d->path) {
        char *below = tl_format("%s/reference", f->directory);
        f->reference = tl_format("%s/model.onnx", below);
        result = tl_reduce_write_other(s, k, below, e);
        free(below);
    }
    return result;
}

/* The original for a command, which may write to its argument or beside it: a copy. */
static int copy_original(const struct tl_reduce_state *s, const char *directory, struct tl_error *e)
{
    struct tl_onnx_model *m;
    if (tl_onnx_model_read(s->bytes, s->size, s->r->c->model_file, &m, e))
        return -1;
    int result = write_files(s, m, (const uint8_t *)s->bytes, s->size, NULL, directory, false, e);
    tl_onnx_model_free(m);
    return result;
}

int tl_reduce_make_files(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                         uint64_t number, struct tl_reduce_files *f, struct tl_error *e)
{
    json_t *inputs = NULL;
    int result = 0;
    f->directory = tl_format("%s/%llu", s->staging.path, (unsigned long long)number);
    tl_remove_tree(f->directory);
    if (number) {
        f->model = tl_format("%s/model.onnx", f->directory);
        result = tl_reduce_write(s, k, f->directory, &inputs, e);
    } else {
        result = list_inputs(s, k, (const uint8_t *)s->bytes, s->size, &inputs);
        if (!result && tl_make_directories(f->directory, 0700))
            result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a directory", f->directory,
                                   no_disk);
        if (!result && s->lends) {
            f->model = tl_format("%s/model.onnx", f->directory);
            result = copy_original(s, f->directory, e);
        }
    }
    if (!result)
        result = tl_reduce_judged_inputs(s, f->directory, &inputs, e);
    if (!result && inputs) {
        f->inputs = tl_format("%s/inputs.json", f->directory);
        if (json_dump_file(inputs, f->inputs, JSON_INDENT(1)))
            result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write", f->inputs, no_disk);
    }
    if (!result && s->difference)
        result = make_reference(s, k, number, f, e);
    json_decref(inputs);
    return result;
}
