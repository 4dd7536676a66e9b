#include "harness/executor/reference.h"

#include "cases/npy.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *tl_reference_place(const char *case_hash, const char *variant_hash, const char *environment_id,
                         struct tl_error *e)
{
    char *home = tl_cache_home("references");
    if (!home) {
        tl_fail(e, TL_ERROR_ENVIRONMENT, "no place for reference outputs", "", "set HOME or XDG_CACHE_HOME");
        return NULL;
    }
    char *key = tl_format("%s %s %s", case_hash, variant_hash, environment_id), id[TL_ID_SIZE];
    tl_content_id(key, strlen(key), id);
    char *place = tl_format("%s/%s", home, id);
    free(key);
    free(home);
    return place;
}

bool tl_reference_known(const char *place)
{
    char *list = tl_format("%s/result.json", place);
    bool known = !access(list, R_OK);
    free(list);
    return known;
}

/* A file name that a runner sent: a plain one, in the directory it was given and nowhere else. */
static const char *file_of(const json_t *output)
{
    const char *file = json_string_value(json_object_get(output, "npy"));
    return file && *file && !strchr(file, '/') && *file != '.' ? file : NULL;
}

static int copy_file(const char *from, const char *to, struct tl_error *e)
{
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    static char block[1 << 16];
    ssize_t n = out < 0 ? -1 : 0;
    while (out >= 0 && (n = read(in, block, sizeof block)) > 0)
        for (ssize_t done = 0, w; done < n; done += w)
            if ((w = write(out, block + done, (size_t)(n - done))) < 0) {
                n = -1;
                break;
            }
    int err = errno;
    if (in >= 0)
        close(in);
    if (out >= 0 && close(out) && n == 0) {
        err = errno;
        n = -1;
    }
    if (n < 0)
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, err, "cannot copy an output", in < 0 ? from : to,
                             "free some space, or look at its permissions");
    return 0;
}

int tl_outputs_copy(const char *from, const char *to, const json_t *result, struct tl_error *e)
{
    const json_t *output;
    size_t i;
    if (tl_make_directories(to, 0700))
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a directory for outputs", to, NULL);
    json_array_foreach(json_object_get(result, "outputs"), i, output) {
        const char *file = file_of(output);
        if (!file)
            continue;
        char *source = tl_format("%s/%s", from, file), *target = tl_format("%s/%s", to, file);
        int failed = copy_file(source, target, e);
        free(source);
        free(target);
        if (failed)
            return -1;
    }
    char *list = tl_format("%s/result.json", to);
    int failed = json_dump_file(result, list, JSON_INDENT(1) | JSON_SORT_KEYS);
    if (failed)
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write", list, "free some space");
    free(list);
    return failed ? -1 : 0;
}

int tl_reference_keep(const char *place, const char *directory, const json_t *result, struct tl_error *e)
{
    char unique[TL_UUID_SIZE];
    tl_uuid7(unique);
    char *making = tl_format("%s.%s", place, unique);
    int failed = tl_outputs_copy(directory, making, result, e);
    if (!failed && rename(making, place) && !tl_reference_known(place))
        failed = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot keep reference outputs", place, NULL);
    tl_remove_tree(making); /* gone already, unless another process was first */
    free(making);
    return failed;
}

static const json_t *output_named(const json_t *result, const char *name)
{
    const json_t *output;
    size_t i;
    json_array_foreach(json_object_get(result, "outputs"), i, output) {
        const char *n = json_string_value(json_object_get(output, "name"));
        if (n && !strcmp(n, name))
            return output;
    }
    return NULL;
}

struct tensor {
    struct tl_npy header;
    void *data;
};

static int read_tensor(const char *directory, const json_t *output, struct tensor *t, struct tl_error *e)
{
    char *path = tl_format("%s/%s", directory, file_of(output));
    int failed = tl_npy_open(path, &t->header, e);
    if (!failed) {
        t->data = tl_malloc((size_t)t->header.bytes);
        failed = tl_npy_read(path, &t->header, t->data, (size_t)t->header.bytes, e);
    }
    free(path);
    return failed;
}

static bool same_shape(const struct tl_npy *a, const struct tl_npy *b)
{
    if (a->rank != b->rank)
        return false;
    for (size_t i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i])
            return false;
    return true;
}

static double difference(const struct tensor *expected, const struct tensor *got)
{
    double largest = 0, apart = 0;
    for (uint64_t i = 0; i < expected->header.elements; i++) {
        double x = tl_element_value(expected->header.dtype, expected->data, i);
        double y = tl_element_value(got->header.dtype, got->data, i);
        if (!isfinite(x) || !isfinite(y)) {
            if (!(isnan(x) && isnan(y)) && x != y)
                return INFINITY;
            continue;
        }
        largest = fmax(largest, fabs(x));
        apart = fmax(apart, fabs(x - y));
    }
    return apart == 0 ? 0 : largest > 0 ? apart / largest : INFINITY;
}

/* Strings, sequences and maps have no file, nor have types that .npy does not know. The same hash says that
 * they are equal; another one need not say that they are not, for they may be floats inside. */
static bool have_files(const json_t *expected, const json_t *got)
{
    return file_of(expected) && file_of(got);
}

static bool same_hash(const json_t *expected, const json_t *got)
{
    const char *a = json_string_value(json_object_get(expected, "hash")),
               *b = json_string_value(json_object_get(got, "hash"));
    return a && b && !strcmp(a, b);
}

json_t *tl_reference_compare(const char *place, const char *directory, const json_t *result, const char *unit,
                             double tolerance, struct tl_error *e)
{
    char *path = tl_format("%s/result.json", place);
    json_t *reference = json_load_file(path, 0, NULL);
    free(path);
    if (!reference) {
        tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot read reference outputs", place,
                "remove that directory and run again");
        return NULL;
    }
    json_t *list = json_array(), *left_out = json_array();
    double worst = 0;
    char *why = NULL;
    const json_t *expected;
    size_t i;
    bool failed = false;
    json_array_foreach(json_object_get(reference, "outputs"), i, expected) {
        const char *name = json_string_value(json_object_get(expected, "name"));
        const json_t *got = name ? output_named(result, name) : NULL;
        struct tensor a = {0}, b = {0};
        double error = INFINITY;
        if (!got) {
            free(why);
            why = tl_format("output %s is missing", name ? name : "(unnamed)");
        } else if (!have_files(expected, got) && !same_hash(expected, got)) {
            json_array_append_new(left_out, json_string(name));
            continue;
        } else if (!have_files(expected, got)) {
            error = 0;
        } else if (read_tensor(place, expected, &a, e) || read_tensor(directory, got, &b, e)) {
            failed = true;
        } else if (!same_shape(&a.header, &b.header)) {
            free(why);
            why = tl_format("output %s has another shape", name);
        } else {
            error = difference(&a, &b);
        }
        free(a.data);
        free(b.data);
        if (failed)
            break;
        worst = fmax(worst, error);
        json_array_append_new(list, json_pack("{s:s,s:o}", "name", name ? name : "", "error",
                                              isfinite(error) ? json_real(error) : json_null()));
    }
    json_decref(reference);
    if (!failed && json_array_size(left_out) && !json_array_size(list)) {
        tl_fail(e, TL_ERROR_INPUT, "cannot compare an output", directory,
                "no output is a tensor whose values were stored");
        failed = true;
    }
    if (failed) {
        json_decref(list);
        json_decref(left_out);
        free(why);
        return NULL;
    }
    json_t *j = json_pack("{s:s,s:f,s:o,s:b,s:o}", "unit", unit, "tolerance", tolerance, "max_error",
                          isfinite(worst) ? json_real(worst) : json_null(), "equal", worst <= tolerance,
                          "outputs", list);
    if (why)
        json_object_set_new(j, "why", json_string(why));
    if (json_array_size(left_out))
        json_object_set(j, "left_out", left_out);
    json_decref(left_out);
    free(why);
    return j;
}
