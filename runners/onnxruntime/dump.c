#include "runners/onnxruntime/dump.h"
#include "cases/inputs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char doing[] = "cannot write the files of a trial";

static int write_all(const char *path, const void *data, size_t size, struct tl_error *e)
{
    FILE *f = fopen(path, "wbe");
    bool bad = !f || (size && fwrite(data, 1, size, f) != size);
    int err = errno;
    if (f && fclose(f) != 0)
        bad = true, err = errno;
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
    char block[65536];
    FILE *in = fopen(from, "rbe");
    if (!in)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, doing, from, "the model cannot be read");
    FILE *out = fopen(to, "wbe");
    int err = errno;
    bool bad = !out;
    for (size_t n; !bad && (n = fread(block, 1, sizeof block, in)) > 0;)
        if (fwrite(block, 1, n, out) != n)
            bad = true, err = errno;
    if (ferror(in))
        bad = true, err = EIO;
    fclose(in);
    if (out && fclose(out) != 0)
        bad = true, err = errno;
    return bad ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, err, doing, to, "the disk may be full") : 0;
}

int tl_ort_dump_model(const char *directory, const struct tl_run *run, const struct tl_ort_device *d,
                      const struct tl_ort_model *m, struct tl_error *e)
{
    char *model = tl_format("%s/model.onnx", directory), *options = tl_format("%s/options.json", directory);
    int rc = m->path ? copy(m->path, model, e) : write_all(model, m->data, m->size, e);
    json_t *provider = json_object();
    for (size_t i = 0; i < d->n_options; i++)
        json_object_set_new(provider, d->keys[i], json_string(d->values[i]));
    if (rc == 0)
        rc = write_json(options,
                        json_pack("{s:s,s:s,s:s?,s:O,s:I,s:I,s:I,s:I,s:I,s:b,s:b}", "device", d->name,
                                  "provider", d->provider, "append", d->append, "provider_options", provider,
                                  "optimization", (json_int_t)tl_run_integer(run, "optimization", 99),
                                  "threads", (json_int_t)tl_run_integer(run, "threads", 1), "loads",
                                  (json_int_t)tl_run_integer(run, "loads", 1), "runs",
                                  (json_int_t)tl_run_integer(run, "runs", 1), "stack_kb",
                                  (json_int_t)tl_run_integer(run, "stack_kb", 0), "memory_pattern",
                                  tl_run_boolean(run, "memory_pattern", true), "arena",
                                  tl_run_boolean(run, "arena", true)),
                        e);
    json_decref(provider);
    free(options);
    free(model);
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
        char *npy = tl_format("inputs/%zu.npy", i), *path = tl_format("%s/%s", directory, npy);
        json_object_set_new(input, "name", json_stringn_nocheck(feed->names[i], strlen(feed->names[i])));
        rc = tl_ort_tensor_write(ort, feed->values[i], path, input, e);
        json_object_set_new(input, "npy", json_string(npy));
        json_array_append_new(list, input);
        free(path);
        free(npy);
    }
    if (rc == 0)
        rc = write_json(list_path, json_incref(list), e);
    json_decref(list);
    free(list_path);
    free(inputs);
    return rc;
}
