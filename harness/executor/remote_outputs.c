#include "harness/executor/remote_outputs.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/left_file.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUTS_MOST (32u << 20) /* bytes of all of a trial: more than that is no message */

static const char cannot_come[] = "outputs of a trial cannot be brought here";

/* The file of an output; NULL: it left none that could be one. */
static const char *file_of(const json_t *output)
{
    const char *name = json_string_value(json_object_get(output, "npy"));
    return name && tl_is_plain_name(name) ? name : NULL;
}

static json_t *encoded(const char *name, const char *data, size_t size)
{
    char *base64 = tl_malloc(size / 3 * 4 + 8);
    int n = EVP_EncodeBlock((unsigned char *)base64, (const unsigned char *)data, (int)size);
    json_t *j = json_pack("{s:s,s:s#}", "name", name, "base64", base64, n);
    free(base64);
    return j;
}

json_t *tl_remote_outputs_write(const char *directory, const json_t *result, struct tl_error *e)
{
    json_t *list = json_array(), *output;
    size_t i, left = OUTPUTS_MOST;
    json_array_foreach(json_object_get(result, "outputs"), i, output) {
        const char *name = file_of(output);
        char *path = name ? tl_format("%s/%s", directory, name) : NULL, *data;
        size_t size;
        if (!name)
            continue;
        data = tl_read_file(path, left, &size);
        int err = errno;
        if (data) {
            left -= size;
            json_array_append_new(list, encoded(name, data, size));
        } else if (err != ENOENT) { /* it was none, and was left out */
            tl_fail(e, TL_ERROR_ENVIRONMENT, cannot_come, path, "%s",
                    err == EFBIG ? "they have more than 32 MiB together; run it on that machine"
                                 : strerror(err));
            json_decref(list);
            list = NULL;
        }
        free(data);
        free(path);
        if (!list)
            return NULL;
    }
    return list;
}

/* What is sent for a name; NULL: nothing. */
static const char *sent_for(const json_t *outputs, const char *name, size_t *n)
{
    json_t *one;
    size_t i;
    json_array_foreach(outputs, i, one) {
        const char *its = json_string_value(json_object_get(one, "name"));
        if (its && !strcmp(its, name)) {
            *n = json_string_length(json_object_get(one, "base64"));
            return json_string_value(json_object_get(one, "base64"));
        }
    }
    return NULL;
}

static int put(const char *directory, const char *name, const char *base64, size_t n, struct tl_error *e)
{
    char *path = tl_format("%s/%s", directory, name);
    unsigned char *data = tl_malloc(n / 4 * 3 + 4);
    int got = n % 4 || n > OUTPUTS_MOST / 3 * 4 + 8
                  ? -1
                  : EVP_DecodeBlock(data, (const unsigned char *)base64, (int)n);
    got -= got > 0 ? (base64[n - 1] == '=') + (base64[n - 2] == '=') : 0;
    int result = got < 0 ? tl_fail(e, TL_ERROR_INPUT, cannot_come, path, "what was sent is no file")
                 : tl_replace_file(path, (char *)data, (size_t)got, 0666, false)
                     ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, cannot_come, path, "free some space")
                     : 0;
    free(data);
    free(path);
    return result;
}

int tl_remote_outputs_take(const json_t *outputs, const char *directory, const json_t *result,
                           struct tl_error *e)
{
    json_t *output;
    size_t i, n;
    if (tl_make_directories(directory, 0700))
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, cannot_come, directory, NULL);
    json_array_foreach(json_object_get(result, "outputs"), i, output) {
        const char *name = file_of(output), *base64 = name ? sent_for(outputs, name, &n) : NULL;
        if (base64 && put(directory, name, base64, n, e))
            return -1;
    }
    char *list = tl_format("%s/result.json", directory);
    int failed = json_dump_file(result, list, JSON_INDENT(1) | JSON_SORT_KEYS);
    if (failed)
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write", list, "free some space");
    free(list);
    return failed ? -1 : 0;
}
