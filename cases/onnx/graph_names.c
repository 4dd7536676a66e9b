/* Open addressing, half full at most. The hash is FNV-1a with a start that differs from process to process, for names are
 * those of a file that somebody sent. */
#include "cases/onnx/graph_names.h"
#include "harness/base/buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct tl_onnx_name {
    const char *name;
    size_t number;
};

static uint64_t hash(const char *s)
{
    static const char place = 0; /* its address is not known beforehand */
    uint64_t h = 0xcbf29ce484222325u ^ (uint64_t)(uintptr_t)&place;
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001b3u;
    return h ^ h >> 29;
}

static struct tl_onnx_name *slot(struct tl_onnx_name *slots, size_t capacity, const char *name)
{
    size_t i = (size_t)hash(name) & (capacity - 1);
    while (slots[i].name && strcmp(slots[i].name, name) != 0)
        i = (i + 1) & (capacity - 1);
    return &slots[i];
}

size_t tl_onnx_names_get(const struct tl_onnx_names *names, const char *name)
{
    const struct tl_onnx_name *s = names->n ? slot(names->slots, names->capacity, name) : NULL;
    return s && s->name ? s->number : TL_ONNX_NO_NAME;
}

static void grow(struct tl_onnx_names *names)
{
    size_t capacity = names->capacity ? names->capacity * 2 : 16;
    struct tl_onnx_name *slots = tl_calloc(capacity, sizeof *slots);
    for (size_t i = 0; i < names->capacity; i++)
        if (names->slots[i].name)
            *slot(slots, capacity, names->slots[i].name) = names->slots[i];
    free(names->slots);
    names->slots = slots;
    names->capacity = capacity;
}

bool tl_onnx_names_add(struct tl_onnx_names *names, const char *name, size_t number)
{
    if (names->n * 2 >= names->capacity)
        grow(names);
    struct tl_onnx_name *s = slot(names->slots, names->capacity, name);
    if (s->name)
        return false;
    *s = (struct tl_onnx_name){name, number};
    names->n++;
    return true;
}

void tl_onnx_names_free(struct tl_onnx_names *names)
{
    free(names->slots);
    *names = (struct tl_onnx_names){0};
}
