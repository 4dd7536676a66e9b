/* Theory of operation. protobuf-c unpacks a message within a message by calling itself, as deep as the bytes say, and gives
 * memory for whatever they hold: two bytes are a node, which takes a hundred times as many. So the bytes are gone through
 * once before, with the descriptions that protobuf-c itself goes by and a list of the messages that are open:
 *
 *   offset 0     ModelProto ........................ open[0]: ends at the end of the file
 *                  field 7, graph, of 812 bytes
 *                    GraphProto .................... open[1]: ends 812 bytes further on
 *                      field 1, node, ...            open[2]
 *
 * What is known of each is its end and how many fields of each kind came before, from which the path of a place is told. What
 * protobuf-c would need is added up, and nothing is unpacked for which there would be too much. A field that is unknown is
 * passed over, as protobuf-c does, which keeps its bytes. A message that may occur once and occurs twice would be merged; no
 * writer makes use of that, and it is refused, so that what was checked here is what is there afterwards. */
#include "cases/onnx/graph_wire.h"
#include "harness/base/buffer.h"
#include "harness/base/utf8.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_MOST 24 /* of one kind of message */
#define MEMORY_BESIDE (UINT64_C(512) << 20)
#define PATH_MOST 200

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, GROUP = 3, GROUP_END = 4, FIXED32 = 5 };

struct open_message {
    const ProtobufCMessageDescriptor *kind;
    size_t end;
    uint32_t count[FIELDS_MOST];
    unsigned field; /* that is being read; kind->n_fields: none */
};

struct walk {
    const unsigned char *bytes;
    size_t at;
    const char *file;
    struct open_message *open;
    size_t depth; /* open ones */
    uint64_t memory;
    struct tl_error *error;
};

/* "graph.node[17].attribute[2]"; of a long one the beginning and the end. */
static char *path_of(const struct walk *w)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "");
    for (size_t i = 0; i < w->depth; i++) {
        const struct open_message *o = &w->open[i];
        if (o->field >= o->kind->n_fields)
            break;
        const ProtobufCFieldDescriptor *f = &o->kind->fields[o->field];
        tl_buffer_printf(&b, "%s%s", b.size ? "." : "", f->name);
        if (f->label == PROTOBUF_C_LABEL_REPEATED)
            tl_buffer_printf(&b, "[%" PRIu32 "]", o->count[o->field] - 1);
    }
    char *path = tl_buffer_take(&b);
    size_t n = strlen(path);
    if (n > PATH_MOST) {
        char *cut = tl_format("%.*s … %s", PATH_MOST / 2, path, path + n - PATH_MOST / 2);
        free(path);
        path = cut;
    }
    return path;
}

static int refuse(struct walk *w, size_t offset, const char *why)
{
    char *path = path_of(w);
    tl_fail(w->error, TL_ERROR_INPUT, "cannot read the model", w->file, "at byte %zu%s%s%s: %s", offset,
            *path ? " (" : "", path, *path ? ")" : "", why);
    free(path);
    return -1;
}

#define NUMBER_MOST 10 /* bytes of one of 64 bits */
#define TAG_MOST                                                                                             \
    5 /* bytes of a tag, or of a length: protobuf-c reads no longer ones, though zeros may fill them up */

/* A number of 7 bits a byte; false where it has no end before this one, or more bytes than it may. */
static bool varint(const unsigned char *bytes, size_t *at, size_t end, unsigned most, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0; shift < 7 * most && *at < end; shift += 7) {
        unsigned char c = bytes[(*at)++];
        *v |= shift < 64 ? (uint64_t)(c & 0x7f) << shift : 0;
        if (!(c & 0x80))
            return true;
    }
    return false;
}

/* The tag of a field and, of one with a length, that. Where its content ends is in *end. */
static const char *field_at(const unsigned char *bytes, size_t *at, size_t limit, uint32_t *number,
                            unsigned *wire, size_t *end)
{
    uint64_t tag, v;
    if (!varint(bytes, at, limit, TAG_MOST, &tag) || tag > UINT32_MAX)
        return "it is cut off, or no ONNX model: a field was expected";
    *number = (uint32_t)(tag >> 3);
    *wire = tag & 7;
    if (!*number)
        return "it is no ONNX model: a field was expected, and its number is 0";
    *end = *at;
    switch (*wire) {
    case VARINT:
        return varint(bytes, end, limit, NUMBER_MOST, &v) ? NULL : "it is cut off: a number has no end";
    case FIXED64:
    case FIXED32: {
        size_t n = *wire == FIXED64 ? 8 : 4;
        *end = *at + n;
        return n <= limit - *at ? NULL : "it is cut off: a number is not there as a whole";
    }
    case BYTES:
        if (!varint(bytes, at, limit, TAG_MOST, &v))
            return "it is cut off: a length has no end";
        *end = *at + (size_t)v;
        return v <= limit - *at ? NULL : "it is cut off: a field is longer than what it stands in";
    default:
        return "it is no ONNX model: a field is of a kind that protobuf has no more";
    }
}

static unsigned field_index(const ProtobufCMessageDescriptor *kind, uint32_t number)
{
    unsigned i = 0;
    while (i < kind->n_fields && kind->fields[i].id != number)
        i++;
    return i;
}

static unsigned wire_of(ProtobufCType t)
{
    switch (t) {
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return FIXED32;
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return FIXED64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return BYTES;
    default:
        return VARINT;
    }
}

/* A list of numbers without tags. */
static const char *check_packed(struct walk *w, ProtobufCType type, size_t from, size_t end)
{
    unsigned wire = wire_of(type);
    if (wire != VARINT) {
        w->memory += end - from;
        return (end - from) % (wire == FIXED64 ? 8 : 4) ? "a list of numbers ends within one" : NULL;
    }
    uint64_t v;
    while (from < end) {
        w->memory += 8;
        if (!varint(w->bytes, &from, end, NUMBER_MOST, &v))
            return "a list of numbers ends within one";
    }
    return NULL;
}

/* Names are shown, written to JSON and compared. What people wrote about the model may be in any encoding. */
static const char *check_text(const ProtobufCFieldDescriptor *f, const char *s, size_t n)
{
    if (memchr(s, '\0', n))
        return "a text has a NUL byte in it";
    if (!strcmp(f->name, "doc_string") || !strcmp(f->name, "value"))
        return NULL;
    for (size_t i = 0, length; i < n; i += length) {
        unsigned code;
        length = tl_utf8_decode(s + i, n - i, &code);
        if (!length)
            return "a name is not UTF-8, as ONNX wants it";
    }
    return NULL;
}

static int open_one(struct walk *w, const ProtobufCMessageDescriptor *kind, size_t end, size_t offset)
{
    if (w->depth == TL_ONNX_DEPTH_MAX) {
        char *why = tl_format("bodies stand in bodies more than %d messages deep, which no runtime reads",
                              TL_ONNX_DEPTH_MAX);
        int rc = refuse(w, offset, why);
        free(why);
        return rc;
    }
    struct open_message *o = &w->open[w->depth++];
    *o = (struct open_message){.kind = kind, .end = end, .field = kind->n_fields};
    w->memory += kind->sizeof_message + 32;
    return 0;
}

static int check_field(struct walk *w, size_t offset, const ProtobufCFieldDescriptor *f, unsigned wire,
                       size_t end)
{
    bool repeated = f->label == PROTOBUF_C_LABEL_REPEATED;
    const char *why = NULL;
    if (wire == BYTES && repeated && wire_of(f->type) != BYTES)
        why = check_packed(w, f->type, w->at, end);
    else if (wire != wire_of(f->type))
        why = "a field is of another type than ONNX says";
    else if (f->type == PROTOBUF_C_TYPE_STRING) {
        why = check_text(f, (const char *)w->bytes + w->at, end - w->at);
        w->memory += end - w->at + 24;
    } else if (f->type == PROTOBUF_C_TYPE_BYTES)
        w->memory += end - w->at + 24;
    else if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
        const struct open_message *o = &w->open[w->depth - 1];
        if (!repeated && o->count[o->field] > 1)
            why = "a field that can be there once is there twice";
        else if (open_one(w, f->descriptor, end, offset))
            return -1;
        else
            return 0;
    }
    if (why)
        return refuse(w, offset, why);
    w->at = end;
    return 0;
}

static int next_field(struct walk *w)
{
    struct open_message *o = &w->open[w->depth - 1];
    size_t offset = w->at, end = 0;
    uint32_t number = 0;
    unsigned wire = 0;
    o->field = o->kind->n_fields;
    const char *why = field_at(w->bytes, &w->at, o->end, &number, &wire, &end);
    o->field = field_index(o->kind, number);
    if (why) {
        if (o->field < o->kind->n_fields)
            o->count[o->field]++;
        return refuse(w, offset, why);
    }
    w->memory += 40; /* for a field while its message is unpacked, and its place in a list */
    if (o->field == o->kind->n_fields) {
        w->memory += end - offset + 40;
        w->at = end;
        return 0;
    }
    o->count[o->field]++;
    return check_field(w, offset, &o->kind->fields[o->field], wire, end);
}

int tl_onnx_wire_check(const void *bytes, size_t size, const ProtobufCMessageDescriptor *kind,
                       const char *file, struct tl_error *e)
{
    struct walk w = {.bytes = bytes, .file = file, .error = e};
    if (size > TL_ONNX_MODEL_BYTES_MAX)
        return tl_fail(e, TL_ERROR_INPUT, "cannot read the model", file,
                       "it is larger than the 2 GiB that a file of protobuf can have; save it with its "
                       "weights beside it (external data)");
    if (!size)
        return tl_fail(e, TL_ERROR_INPUT, "cannot read the model", file, "it is empty");
    w.open = tl_malloc(TL_ONNX_DEPTH_MAX * sizeof *w.open);
    int rc = open_one(&w, kind, size, 0);
    while (rc == 0 && w.depth) {
        if (w.at == w.open[w.depth - 1].end)
            w.depth--;
        else
            rc = next_field(&w);
        if (rc == 0 && w.memory > 2 * (uint64_t)size + MEMORY_BESIDE)
            rc = refuse(&w, w.at, "it would take more memory than a model of its size can need");
    }
    free(w.open);
    return rc;
}

/* The field of this number and index in a message, whose content is then from *at to *end. */
static bool find(const unsigned char *bytes, size_t *at, size_t *end, uint32_t number, uint64_t index,
                 size_t *offset)
{
    size_t limit = *end;
    while (*at < limit) {
        size_t start = *at, field_end = 0;
        uint32_t n = 0;
        unsigned wire = 0;
        if (field_at(bytes, at, limit, &n, &wire, &field_end))
            return false;
        if (n == number && index-- == 0) {
            *offset = start;
            *end = field_end;
            return true;
        }
        *at = field_end;
    }
    return false;
}

size_t tl_onnx_wire_offset(const void *bytes, size_t size, const ProtobufCMessageDescriptor *kind,
                           const char *path)
{
    size_t at = 0, end = size, offset = 0;
    while (kind && *path) {
        size_t n = strcspn(path, ".[");
        unsigned i = 0;
        while (i < kind->n_fields && (strncmp(kind->fields[i].name, path, n) != 0 || kind->fields[i].name[n]))
            i++;
        if (i == kind->n_fields)
            break;
        path += n;
        uint64_t index = 0;
        if (*path == '[') {
            index = strtoull(path + 1, NULL, 10);
            path += strcspn(path, "]");
            path += *path == ']';
        }
        if (!find(bytes, &at, &end, kind->fields[i].id, index, &offset))
            break;
        kind = kind->fields[i].type == PROTOBUF_C_TYPE_MESSAGE ? kind->fields[i].descriptor : NULL;
        path += *path == '.';
    }
    return offset;
}
