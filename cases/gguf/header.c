/* A GGUF file is, in the byte order of its version number (which is small):
 *
 *   "GGUF"  version u32  tensors u64  entries u64
 *   entries:  key (u64 length, bytes)  type u32  value; an array is the type u32 of its elements, their number u64, and they
 *   tensors:  name (u64 length, bytes)  dimensions u32  each u64  type u32  offset u64
 *   data
 *
 * Each length is held to what is left of the file before anything is made of it, and each count to what so many entries take at
 * least, so that no count makes this run longer than the file is. */
#include "cases/gguf/header.h"
#include "harness/base/buffer.h"
#include "harness/base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MOST 65535
#define DIMENSIONS_MOST 8
#define ENTRY_LEAST (8 + 4 + 1)
#define TENSOR_LEAST (8 + 4 + 4 + 8)

enum { STRING = 8, ARRAY = 9, TYPES = 13 };
static const unsigned char sizes[TYPES] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

struct walk {
    const unsigned char *bytes;
    size_t size, at;
    uint64_t whole;
    bool big, cut; /* cut: more of the file than is here would be needed */
    char *why;
    size_t why_size;
};

static int refuse(struct walk *w, size_t at, const char *what)
{
    snprintf(w->why, w->why_size, "at byte %zu: %s", at, what);
    return -1;
}

/* So many bytes from here on. Behind those that are here it ends without a mistake, behind the end of the file with one. */
static const unsigned char *take(struct walk *w, uint64_t n, const char *what)
{
    const unsigned char *from = w->bytes + w->at;
    if (n > w->whole - w->at) {
        refuse(w, w->at, what);
        return NULL;
    }
    if (n > w->size - w->at) {
        w->cut = true;
        return NULL;
    }
    w->at += (size_t)n;
    return from;
}

static int number(struct walk *w, unsigned n, uint64_t *value, const char *what)
{
    const unsigned char *from = take(w, n, what);
    *value = 0;
    for (unsigned i = 0; from && i < n; i++)
        *value = *value << 8 | from[w->big ? i : n - 1 - i];
    return from ? 0 : -1;
}

static int text(struct walk *w, uint64_t most, const char **from, size_t *n, const char *what)
{
    uint64_t length;
    size_t at = w->at;
    if (number(w, 8, &length, what))
        return -1;
    if (length > most)
        return refuse(w, at, what);
    *from = (const char *)take(w, length, what);
    *n = (size_t)length;
    return *from ? 0 : -1;
}

static void keep(char *to, size_t size, const char *from, size_t n)
{
    char *clean = tl_clean_text(from, n, false);
    snprintf(to, size, "%.*s", (int)tl_utf8_cut(clean, size - 1), clean);
    free(clean);
}

static int array(struct walk *w)
{
    uint64_t type, n;
    const char *from;
    size_t at = w->at, size;
    if (number(w, 4, &type, "an array of metadata is cut off") ||
        number(w, 8, &n, "an array of metadata is cut off"))
        return -1;
    if (type >= TYPES || type == ARRAY)
        return refuse(w, at, "an array of metadata has elements of a type that GGUF does not have there");
    if (n > w->whole / (type == STRING ? 8 : sizes[type]))
        return refuse(w, at + 4, "an array of metadata is longer than the file");
    if (type != STRING)
        return take(w, n * sizes[type], "an array of metadata is longer than the file") ? 0 : -1;
    for (uint64_t i = 0; i < n; i++)
        if (text(w, w->whole, &from, &size, "a text of metadata is longer than the file"))
            return -1;
    return 0;
}

static int entry(struct walk *w, struct tl_gguf_header *h)
{
    const char *key, *value;
    size_t n, size, at = w->at;
    uint64_t type;
    if (text(w, KEY_MOST, &key, &n, "a key of metadata is cut off, or longer than 65535 bytes"))
        return -1;
    if (number(w, 4, &type, "an entry of metadata is cut off"))
        return -1;
    if (type >= TYPES)
        return refuse(w, at + 8 + n, "an entry of metadata is of a type that GGUF does not have");
    if (type == ARRAY)
        return array(w);
    if (type != STRING)
        return take(w, sizes[type], "an entry of metadata is cut off") ? 0 : -1;
    if (text(w, w->whole, &value, &size, "a text of metadata is longer than the file"))
        return -1;
    if (n == strlen("general.architecture") && !memcmp(key, "general.architecture", n))
        keep(h->architecture, sizeof h->architecture, value, size);
    if (n == strlen("general.name") && !memcmp(key, "general.name", n))
        keep(h->name, sizeof h->name, value, size);
    return 0;
}

static int tensor(struct walk *w, struct tl_gguf_header *h)
{
    const char *name;
    size_t n, at = w->at;
    uint64_t dimensions, ignored, block = 0;
    if (text(w, KEY_MOST, &name, &n, "the name of a tensor is cut off, or longer than 65535 bytes") ||
        number(w, 4, &dimensions, "a tensor is cut off"))
        return -1;
    if (dimensions > DIMENSIONS_MOST)
        return refuse(w, at + 8 + n, "a tensor has more than 8 dimensions");
    if (!take(w, dimensions * 8, "a tensor is cut off") || number(w, 4, &ignored, "a tensor is cut off") ||
        number(w, 8, &ignored, "a tensor is cut off"))
        return -1;
    if (n > 4 && !memcmp(name, "blk.", 4)) {
        size_t i = 4;
        for (; i < n && i < 12 && name[i] >= '0' && name[i] <= '9'; i++)
            block = block * 10 + (uint64_t)(name[i] - '0');
        if (i > 4 && i < n && name[i] == '.' && block + 1 > h->blocks)
            h->blocks = block + 1;
    }
    return 0;
}

static int walk(struct walk *w, struct tl_gguf_header *h)
{
    uint64_t version;
    if (!take(w, 4, "it is no GGUF file: it is shorter than its magic") ||
        memcmp(w->bytes, TL_GGUF_MAGIC, 4) != 0)
        return *w->why ? -1 : refuse(w, 0, "it is no GGUF file: it does not begin with \"GGUF\"");
    if (number(w, 4, &version, "it is cut off: a version was expected"))
        return -1;
    w->big = version > 0xffff && !(version & 0xffff);
    h->big_endian = w->big;
    h->version = (uint32_t)(w->big ? (version >> 24) | (version >> 8 & 0xff00) : version);
    if (h->version < 2 || h->version > 3)
        return refuse(w, 4,
                      h->version == 1 ? "version 1 of GGUF is not read; 2 or 3 was expected"
                                      : "its version is none that is known; 2 or 3 was expected");
    if (number(w, 8, &h->tensors, "it is cut off: the number of tensors was expected") ||
        number(w, 8, &h->entries, "it is cut off: the number of entries of metadata was expected"))
        return -1;
    if (h->tensors > w->whole / TENSOR_LEAST)
        return refuse(w, 8, "it says that it has more tensors than a file of its size can");
    if (h->entries > w->whole / ENTRY_LEAST)
        return refuse(w, 16, "it says that it has more metadata than a file of its size can");
    for (uint64_t i = 0; i < h->entries; i++)
        if (entry(w, h))
            return -1;
    for (uint64_t i = 0; i < h->tensors; i++)
        if (tensor(w, h))
            return -1;
    return 0;
}

int tl_gguf_read(const void *bytes, size_t size, uint64_t whole, struct tl_gguf_header *h, char *why,
                 size_t why_size)
{
    struct walk w = {
        .bytes = bytes, .size = size, .whole = whole < size ? size : whole, .why = why, .why_size = why_size};
    *h = (struct tl_gguf_header){0};
    *why = '\0';
    int result = walk(&w, h);
    h->complete = !result;
    return w.cut && !*why ? 0 : result;
}
