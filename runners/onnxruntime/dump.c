/* Files of a trial: model.onnx with the files beside it that hold its weights, options.json, inputs.json and
 * inputs/N.npy (of a sequence inputs/N-K.npy). */
#include "runners/onnxruntime/dump.h"

#include "cases/inputs.h"
#include "harness/base/files.h"
#include "runners/onnxruntime/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char doing[] = "cannot write the files of a trial";

static int write_all(const char *path, const void *data, size_t size, struct tl_error *e)
{
    FILE *f = fopen(path, "wbe");
    bool bad = !f || (size && fwrite(data, 1, size, f) != size);
    int err = errno;
    if (f && fclose(f) && !bad) { /* the first failure tells why */
        bad = true;
        err = errno;
    }
    return bad ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, err, doing, path, "the disk may be full") : 0;
}

static int write_json(const char *path, json_t *document, struct tl_error *e)
{
    char *text = json_dumps(document, JSON_INDENT(1));
    int rc = write_all(path, text, strlen(text), e);
    free(text);
    json_decref(document);
    return rc;
}

static int copy(const char *from, const char *to, struct tl_error *e)
{
    bool reading = false;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, doing, from, "the model cannot be read");
    /* Nothing is written over: a model may name any file as its own. */
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    bool bad = out < 0 || tl_copy_bytes(in, out, &reading);
    int err = errno;
    close(in);
    if (out >= 0 && close(out) && !bad)
        bad = true, err = errno;
    if (bad && reading)
        return tl_fail_errno(e, TL_ERROR_INPUT, err, doing, from, "the model cannot be read");
    return bad ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, err, doing, to, "the disk may be full") : 0;
}

/* Files that a model keeps weights in, which lie beside it: TensorProto.external_data is a list of pairs, and
 * one with the key "location" names a file. Looking for the pair's bytes finds all of them without reading
 * the whole model as protobuf, and at worst a name too many, which is then not there. A name that leads out
 * of the model's directory is passed over. */
static int copy_external(const char *model, const char *directory, json_t *names, struct tl_error *e)
{
    static const char key[] = "\x0a\x08location\x12"; /* field 1, 8 bytes; field 2 follows with its length */
    const size_t key_size = sizeof key - 1;
    struct stat st;
    int rc = 0, fd = open(model, O_RDONLY | O_CLOEXEC);
    const char *slash = strrchr(model, '/');
    char *data = MAP_FAILED;
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
        data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (fd >= 0)
        close(fd);
    if (data == MAP_FAILED)
        return 0;
    const char *at = data, *end = data + st.st_size;
    while (rc == 0 && (at = memmem(at, (size_t)(end - at), key, key_size))) {
        at += key_size;
        size_t size = at < end ? (unsigned char)*at : 0; /* a name of 128 bytes or more is not looked for */
        if (!size || size > 127 || size >= (size_t)(end - at))
            continue;
        char *name = tl_format("%.*s", (int)size, at + 1);
        char *from = tl_format("%.*s%s", slash ? (int)(slash - model) + 1 : 0, model, name),
             *to = tl_format("%s/%s", directory, name);
        bool plain = !strchr(name, '/') && name[0] != '.' && strlen(name) == size &&
                     strcmp(name, "options.json") != 0 && strncmp(name, "inputs", 6) != 0;
        if (plain && access(from, R_OK) == 0 && access(to, F_OK) != 0) {
            rc = copy(from, to, e);
            json_array_append_new(names, json_stringn_nocheck(name, size));
        }
        free(to);
        free(from);
        free(name);
    }
    munmap(data, (size_t)st.st_size);
    return rc;
}

int tl_ort_dump_model(const char *directory, const struct tl_run *run, const struct tl_ort_device *d,
                      const struct tl_ort_model *m, struct tl_error *e)
{
    char *model = tl_format("%s/model.onnx", directory), *options = tl_format("%s/options.json", directory);
    int rc = m->path ? copy(m->path, model, e) : write_all(model, m->data, m->size, e);
    json_t *provider = json_object(), *external = json_array(), *config = tl_ort_config(run);
    if (rc == 0 && m->path)
        rc = copy_external(m->path, directory, external, e);
    for (size_t i = 0; i < d->n_options; i++)
        json_object_set_new(provider, d->keys[i], json_string(d->values[i]));
    if (rc == 0)
        rc = write_json(options,
                        json_pack("{s:b,s:s,s:s,s:s?,s:O,s:I,s:I,s:I,s:I,s:I,s:b,s:b,s:O,s:O?}",
                                  "from_memory", !m->path, "device", d->name, "provider", d->provider,
                                  "append", d->append, "provider_options", provider, "optimization",
                                  (json_int_t)tl_run_integer(run, "optimization", 99), "threads",
                                  (json_int_t)tl_run_integer(run, "threads", 1), "loads",
                                  (json_int_t)tl_run_integer(run, "loads", 1), "runs",
                                  (json_int_t)tl_run_integer(run, "runs", 1), "stack_kb",
                                  (json_int_t)tl_run_integer(run, "stack_kb", 0), "memory_pattern",
                                  tl_run_boolean(run, "memory_pattern", true), "arena",
                                  tl_run_boolean(run, "arena", true), "external", external, "config", config),
                        e);
    json_decref(external);
    json_decref(provider);
    json_decref(config);
    free(options);
    free(model);
    return rc;
}

/* The tensors of a sequence, as inputs/N-K.npy. */
static int dump_sequence(const char *directory, const struct tl_ort *ort, struct tl_ort_value *value,
                         size_t at, json_t *list, struct tl_error *e)
{
    struct tl_ort_allocator *allocator = NULL;
    size_t n = 0;
    int rc = tl_ort_check(ort, ort->api.GetAllocatorWithDefaultOptions(&allocator), doing, e);
    if (rc == 0)
        rc = tl_ort_check(ort, ort->api.GetValueCount(value, &n), doing, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct tl_ort_value *item = NULL;
        json_t *about = json_object();
        char *npy = tl_format("inputs/%zu-%zu.npy", at, i);
        rc = tl_ort_check(ort, ort->api.GetValue(value, (int)i, allocator, &item), doing, e);
        if (rc == 0)
            rc = tl_ort_tensor_write(ort, item, directory, npy, about, e);
        if (item)
            ort->api.ReleaseValue(item);
        json_array_append_new(list, about);
        free(npy);
    }
    return rc;
}

static int dump_input(const char *directory, const struct tl_ort *ort, struct tl_ort_value *value, size_t at,
                      json_t *input, struct tl_error *e)
{
    int kind = 0;
    char *npy = tl_format("inputs/%zu.npy", at);
    json_t *sequence = json_array();
    int rc = tl_ort_check(ort, ort->api.GetValueType(value, &kind), doing, e);
    if (rc == 0 && kind == TL_ORT_KIND_SEQUENCE) {
        rc = dump_sequence(directory, ort, value, at, sequence, e);
        json_object_set(input, "sequence", sequence);
    } else if (rc == 0) {
        rc = tl_ort_tensor_write(ort, value, directory, npy, input, e);
    }
    json_decref(sequence);
    free(npy);
    return rc;
}

int tl_ort_dump_inputs(const char *directory, const struct tl_ort *ort, const struct tl_ort_feed *feed,
                       struct tl_error *e)
{
    char *inputs = tl_format("%s/inputs", directory), *list_path = tl_format("%s/inputs.json", directory);
    json_t *list = json_array();
    int rc = mkdir(inputs, 0777) != 0 && errno != EEXIST
                 ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, inputs, "a directory was wanted")
                 : 0;
    for (size_t i = 0; rc == 0 && i < feed->n; i++) {
        json_t *input = json_object();
        json_object_set_new(input, "name", json_stringn_nocheck(feed->names[i], strlen(feed->names[i])));
        rc = dump_input(directory, ort, feed->values[i], i, input, e);
        json_array_append_new(list, input);
    }
    if (rc == 0)
        rc = write_json(list_path, json_incref(list), e);
    json_decref(list);
    free(list_path);
    free(inputs);
    return rc;
}
