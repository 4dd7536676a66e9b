/* A tensor whose values are in another file has in its protobuf message entries of a key and a value, of which the
 * key "location" names the file. Such an entry is bytes that can be told from all others where they stand:
 *
 *   0a 08 "location"    field 1, of length 8
 *   12 LENGTH NAME      field 2
 *
 * They are looked for in the whole file, so that tensors in graphs within graphs, in functions and in fields that a
 * later ONNX brings are found too, and nothing has to be understood of the rest. A row of weights that happens to
 * hold these bytes names a file that is most likely not there, which does no harm. */
#include "cases/onnx_external.h"
#include "harness/base/buffer.h"
#include "harness/base/known_hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MOST 4096
#define NAMES_MOST 100000
#define BLOCK (1u << 20)
#define OVERLAP (NAME_MOST + 32)
#define FIRST_FIELD 0x08 /* the version of the format, as a varint: a model begins with it */

static const char entry[] = "\x0a\x08location\x12";

/* The length that stands at *at, of one or two bytes, which is enough for a name. */
static size_t length_at(const unsigned char **at, const unsigned char *end)
{
    const unsigned char *p = *at;
    size_t n = p < end ? *p++ : 0;
    if (n & 0x80)
        n = p < end && *p < 0x80 ? (n & 0x7f) | (size_t)*p++ << 7 : 0;
    *at = p;
    return n <= NAME_MOST && n <= (size_t)(end - p) ? n : 0;
}

/* Looks through some bytes; the names that were found are added to *names. */
static void look(const unsigned char *data, size_t size, json_t **names)
{
    const unsigned char *end = data + size, *at = data;
    while ((at = memmem(at, (size_t)(end - at), entry, sizeof entry - 1))) {
        at += sizeof entry - 1;
        size_t n = length_at(&at, end);
        if (!n || memchr(at, '\0', n) || (*names && json_object_size(*names) >= NAMES_MOST))
            continue;
        char *name = tl_format("%.*s", (int)n, (const char *)at);
        *names = *names ? *names : json_object();
        json_object_set_new_nocheck(*names, name, json_true());
        free(name);
        at += n;
    }
}

/* Block by block. The end of each is looked at once more with the next, for an entry may lie across. */
static json_t *names_in(int fd)
{
    unsigned char *block = tl_malloc(BLOCK + OVERLAP);
    json_t *names = NULL;
    size_t kept = 0;
    bool first = true;
    for (ssize_t n; (n = read(fd, block + kept, BLOCK)) > 0 && (!first || *block == FIRST_FIELD);) {
        size_t size = kept + (size_t)n;
        first = false;
        look(block, size, &names);
        kept = size < OVERLAP ? size : OVERLAP;
        memmove(block, block + size - kept, kept);
    }
    free(block);
    return names;
}

json_t *tl_onnx_external(const char *model)
{
    struct stat st;
    json_t *names = NULL;
    int fd = open(model, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return NULL;
    if (!fstat(fd, &st) && S_ISREG(st.st_mode) &&
        (uint64_t)st.st_size < UINT64_C(1) << 31) /* protobuf ends there */
        names = names_in(fd);
    close(fd);
    return names;
}

void tl_onnx_hash_external(struct tl_hash *h, const char *model)
{
    json_t *names = tl_onnx_external(model), *unused;
    const char *name, *slash = strrchr(model, '/');
    void *next;
    json_object_foreach_safe(names, next, name, unused) {
        char hex[TL_SHA256_SIZE];
        char *path = *name == '/' ? tl_strdup(name)
                     : slash      ? tl_format("%.*s/%s", (int)(slash - model), model, name)
                                  : tl_strdup(name);
        tl_hash_add_string(h, name);
        tl_hash_add_string(h, tl_known_hash(path, hex) ? "missing" : hex);
        free(path);
    }
    json_decref(names);
}

int tl_onnx_content_id(const char *model, char id[TL_ID_SIZE])
{
    struct tl_hash h;
    char hex[TL_SHA256_SIZE];
    if (tl_known_hash(model, hex))
        return -1;
    if (tl_hash_begin(&h)) {
        errno = ENOMEM;
        return -1;
    }
    tl_hash_add_string(&h, hex);
    tl_onnx_hash_external(&h, model);
    tl_hash_end(&h, hex);
    memcpy(id, hex, TL_ID_SIZE - 1);
    id[TL_ID_SIZE - 1] = '\0';
    return 0;
}
