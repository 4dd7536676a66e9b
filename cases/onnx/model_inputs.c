/* A model may hold gigabytes of weights and nest as deep as it likes, of which nothing is needed here. So the message is
 * not unpacked: its fields are gone over where they stand, and only those on the way to an input are looked into, which
 * is a fixed number of levels.
 *
 *   ModelProto      7 graph
 *   GraphProto      5 initializer, 11 input, 15 sparse_initializer
 *   TensorProto     8 name                 SparseTensorProto  1 values (a TensorProto)
 *   ValueInfoProto  1 name, 2 type
 *   TypeProto       1 tensor, 4 sequence, 5 map, 8 sparse tensor, 9 optional
 *   Tensor          1 elem_type, 2 shape   Sequence, Optional  1 elem_type (a TypeProto)
 *   TensorShape     1 dim                  Dimension  1 dim_value, 2 dim_param */
#include "cases/onnx/model_inputs.h"

#include "harness/base/buffer.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUTS_MOST 1024
#define NAME_MOST (1 << 20) /* bytes; one that is longer is none that a list could say */
#define TYPE_DEPTH 3        /* optional, sequence, tensor */

struct message {
    const unsigned char *at, *end;
};

struct field {
    uint64_t number, value; /* value: of a varint */
    unsigned wire;
    struct message in; /* of a field with a length */
};

static bool varint(struct message *m, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; m->at < m->end && shift < 64; shift += 7) {
        unsigned char byte = *m->at++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

/* The next field. 0 at the end, -1 when what follows is none. */
static int next(struct message *m, struct field *f)
{
    uint64_t key, size;
    if (m->at == m->end)
        return 0;
    if (!varint(m, &key))
        return -1;
    *f = (struct field){.number = key >> 3, .wire = (unsigned)(key & 7)};
    switch (f->wire) {
    case 0:
        return varint(m, &f->value) ? 1 : -1;
    case 1:
    case 5:
        size = f->wire == 1 ? 8 : 4;
        break;
    case 2:
        if (!varint(m, &size))
            return -1;
        break;
    default: /* groups are of a time before ONNX */
        return -1;
    }
    if (size > (uint64_t)(m->end - m->at))
        return -1;
    f->in = (struct message){m->at, m->at + size};
    m->at += size;
    return f->number ? 1 : -1;
}

static char *text_of(const struct message *m)
{
    size_t n = strnlen((const char *)m->at, (size_t)(m->end - m->at));
    return tl_format("%.*s", (int)(n < NAME_MOST ? n : NAME_MOST), (const char *)m->at);
}

static int bad(char *why, size_t why_size, const char *what)
{
    snprintf(why, why_size, "its %s cannot be read as ONNX", what);
    return -1;
}

/* The name of a tensor, as a key of *names. */
static int note_name(struct message m, json_t *names)
{
    struct field f;
    int rc;
    while ((rc = next(&m, &f)) > 0)
        if (f.number == 8 && f.wire == 2) {
            char *name = text_of(&f.in);
            json_object_set_new_nocheck(names, name, json_true());
            free(name);
        }
    return rc;
}

static int note_sparse_name(struct message m, json_t *names)
{
    struct field f;
    int rc;
    while ((rc = next(&m, &f)) > 0)
        if (f.number == 1 && f.wire == 2 && (rc = note_name(f.in, names)) < 0)
            break;
    return rc;
}

static int take_dimension(struct message m, struct tl_onnx_input *x)
{
    struct field f;
    int rc;
    x->dims[x->rank] = -1;
    while ((rc = next(&m, &f)) > 0) {
        if (f.number == 1 && f.wire == 0)
            x->dims[x->rank] = (int64_t)f.value < 0 ? -1 : (int64_t)f.value;
        if (f.number == 2 && f.wire == 2) {
            free(x->symbols[x->rank]);
            x->symbols[x->rank] = text_of(&f.in);
        }
    }
    x->rank++;
    return rc;
}

static int take_shape(struct message m, struct tl_onnx_input *x, char *why, size_t why_size)
{
    struct field f;
    int rc;
    while ((rc = next(&m, &f)) > 0) {
        if (f.number != 1 || f.wire != 2)
            continue;
        if (x->rank == TL_RANK_MAX) {
            snprintf(why, why_size, "the input %s has more than %d dimensions", x->name, TL_RANK_MAX);
            return -1;
        }
        if (take_dimension(f.in, x) < 0)
            return bad(why, why_size, "shape");
    }
    return rc < 0 ? bad(why, why_size, "shape") : 0;
}

static int take_tensor(struct message m, struct tl_onnx_input *x, char *why, size_t why_size)
{
    struct field f;
    int rc;
    while ((rc = next(&m, &f)) > 0) {
        if (f.number == 1 && f.wire == 0)
            x->dtype = f.value < 1000 ? (int)f.value : 0;
        if (f.number == 2 && f.wire == 2) {
            x->shaped = true;
            if (take_shape(f.in, x, why, why_size))
                return -1;
        }
    }
    return rc < 0 ? bad(why, why_size, "type of an input") : 0;
}

/* The type that a sequence or an optional is made of: its only field. */
static bool inner_type(struct message m, struct message *type)
{
    struct field f;
    bool found = false;
    while (next(&m, &f) > 0)
        if (f.number == 1 && f.wire == 2) {
            *type = f.in;
            found = true;
        }
    return found;
}

static int take_type(struct message m, struct tl_onnx_input *x, char *why, size_t why_size)
{
    for (unsigned depth = 0; depth < TYPE_DEPTH; depth++) {
        struct field f, kind = {0};
        int rc;
        while ((rc = next(&m, &f)) > 0)
            if (f.wire == 2 &&
                (f.number == 1 || f.number == 4 || f.number == 5 || f.number == 8 || f.number == 9))
                kind = f;
        if (rc < 0)
            return bad(why, why_size, "type of an input");
        if (kind.number == 1)
            return take_tensor(kind.in, x, why, why_size);
        if ((kind.number == 4 && x->sequence) || (kind.number == 9 && (x->optional || x->sequence)) ||
            (kind.number != 4 && kind.number != 9) || !inner_type(kind.in, &m))
            break;
        x->sequence |= kind.number == 4;
        x->optional |= kind.number == 9;
    }
    snprintf(why, why_size, "the input %s is neither a tensor nor a sequence of tensors", x->name);
    return -1;
}

static int take_input(struct message m, struct tl_onnx_inputs *inputs, char *why, size_t why_size)
{
    struct field f;
    struct message type = {NULL, NULL};
    int rc;
    if (inputs->n == INPUTS_MOST) {
        snprintf(why, why_size, "it has more than %d inputs", INPUTS_MOST);
        return -1;
    }
    inputs->list = tl_realloc(inputs->list, inputs->n + 1, sizeof *inputs->list);
    struct tl_onnx_input *x = &inputs->list[inputs->n++];
    *x = (struct tl_onnx_input){0};
    while ((rc = next(&m, &f)) > 0) {
        if (f.number == 1 && f.wire == 2) {
            free(x->name);
            x->name = text_of(&f.in);
        }
        if (f.number == 2 && f.wire == 2)
            type = f.in;
    }
    if (rc < 0 || !x->name)
        return bad(why, why_size, "list of inputs");
    return take_type(type, x, why, why_size);
}

static void release(struct tl_onnx_input *x)
{
    free(x->name);
    for (size_t i = 0; i < TL_RANK_MAX; i++)
        free(x->symbols[i]);
}

/* Of those that an initializer gives there may be one, and there is none by default. */
static void drop_given(struct tl_onnx_inputs *inputs, const json_t *given)
{
    size_t kept = 0;
    for (size_t i = 0; i < inputs->n; i++) {
        if (json_object_get(given, inputs->list[i].name))
            release(&inputs->list[i]);
        else
            inputs->list[kept++] = inputs->list[i];
    }
    inputs->n = kept;
}

static int read_graph(struct message m, struct tl_onnx_inputs *inputs, json_t *given, char *why,
                      size_t why_size)
{
    struct field f;
    int rc;
    while ((rc = next(&m, &f)) > 0) {
        if (f.wire != 2)
            continue;
        if ((f.number == 5 && note_name(f.in, given) < 0) ||
            (f.number == 15 && note_sparse_name(f.in, given) < 0))
            return bad(why, why_size, "list of initializers");
        if (f.number == 11 && take_input(f.in, inputs, why, why_size))
            return -1;
    }
    return rc < 0 ? bad(why, why_size, "graph") : 0;
}

int tl_onnx_inputs_read(const void *model, size_t size, struct tl_onnx_inputs *inputs, char *why,
                        size_t why_size)
{
    struct message m = {model, (const unsigned char *)model + size};
    struct field f;
    bool found = false;
    json_t *given = json_object();
    int rc, result = 0;
    *inputs = (struct tl_onnx_inputs){0};
    while (result == 0 && (rc = next(&m, &f)) > 0)
        if (f.number == 7 && f.wire == 2) {
            found = true;
            result = read_graph(f.in, inputs, given, why, why_size);
        }
    if (result == 0 && (rc < 0 || !found))
        result = bad(why, why_size, "bytes");
    if (result == 0)
        drop_given(inputs, given);
    json_decref(given);
    return result;
}

void tl_onnx_inputs_free(struct tl_onnx_inputs *inputs)
{
    for (size_t i = 0; i < inputs->n; i++)
        release(&inputs->list[i]);
    free(inputs->list);
    *inputs = (struct tl_onnx_inputs){0};
}
