#include "db/pack.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tl_packer_free(struct tl_packer *p)
{
    ZSTD_freeCCtx(p->compress);
    ZSTD_freeDCtx(p->decompress);
    *p = (struct tl_packer){NULL, NULL};
}

/* A zstd frame of data, the caller's; NULL when it would not be smaller. */
static char *compress(struct tl_packer *p, const char *data, size_t size, size_t *packed)
{
    if (size < TL_PACK_LONG || (!p->compress && !(p->compress = ZSTD_createCCtx())))
        return NULL;
    size_t room = ZSTD_compressBound(size);
    char *out = tl_malloc(room);
    size_t n = ZSTD_compressCCtx(p->compress, out, room, data, size, 1);
    if (ZSTD_isError(n) || n >= size) {
        free(out);
        return NULL;
    }
    *packed = n;
    return out;
}

void tl_pack_text(struct tl_packer *p, sqlite3_stmt *st, int at, const char *text, size_t size)
{
    size_t n;
    char *packed = text ? compress(p, text, size, &n) : NULL;
    if (packed)
        sqlite3_bind_blob64(st, at, packed, n, free);
    else if (text)
        sqlite3_bind_text64(st, at, text, size, SQLITE_STATIC, SQLITE_UTF8);
    else
        sqlite3_bind_null(st, at);
}

bool tl_pack_bytes(struct tl_packer *p, sqlite3_stmt *st, int at, const char *data, size_t size)
{
    size_t n;
    char *packed = data ? compress(p, data, size, &n) : NULL;
    if (packed)
        sqlite3_bind_blob64(st, at, packed, n, free);
    else if (data)
        sqlite3_bind_blob64(st, at, data, size, SQLITE_STATIC);
    else
        sqlite3_bind_null(st, at);
    return packed;
}

struct tl_bytes tl_bytes_of(sqlite3_stmt *st, int column)
{
    int type = sqlite3_column_type(st, column);
    if (type == SQLITE_NULL)
        return (struct tl_bytes){NULL, 0, false};
    const void *data = sqlite3_column_blob(st, column); /* before its size; NULL when that is 0 */
    return (struct tl_bytes){data ? data : "", (size_t)sqlite3_column_bytes(st, column), type == SQLITE_BLOB};
}

int tl_unpack(struct tl_packer *p, const struct tl_bytes *bytes, int compressed, char **text, size_t *size)
{
    const char *data = bytes->data;
    size_t n = bytes->size;
    *text = NULL;
    if (size)
        *size = 0;
    if (!data)
        return 0;
    if (!(compressed == TL_PACKED_BLOB ? bytes->is_blob : compressed)) {
        *text = tl_malloc(n + 1);
        memcpy(*text, data, n);
        (*text)[n] = '\0';
        if (size)
            *size = n;
        return 0;
    }
    unsigned long long whole = ZSTD_getFrameContentSize(data, n);
    if (whole > TL_PACK_MOST || (!p->decompress && !(p->decompress = ZSTD_createDCtx())))
        return -1; /* the two error values are larger than any bound */
    char *out = tl_malloc((size_t)whole + 1);
    size_t got = ZSTD_decompressDCtx(p->decompress, out, (size_t)whole, data, n);
    if (ZSTD_isError(got) || got != whole) {
        free(out);
        return -1;
    }
    out[got] = '\0';
    *text = out;
    if (size)
        *size = got;
    return 0;
}

static void add_int(struct tl_buffer *b, int64_t v)
{
    /* printf takes a third of the time to store a stack, so not that */
    char text[24], *at = text + sizeof text;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do
        *--at = (char)('0' + u % 10);
    while (u /= 10);
    if (v < 0)
        *--at = '-';
    tl_buffer_add(b, at, (size_t)(text + sizeof text - at));
}

/* A JSON string. What is not UTF-8 (names come out of files that anybody can make) loses its foreign bytes.
 */
static void add_string(struct tl_buffer *b, const char *s)
{
    size_t plain = 0;
    while (s[plain] >= 32 && s[plain] < 127 && s[plain] != '"' && s[plain] != '\\')
        plain++;
    if (!s[plain]) { /* nearly all of them: nothing to escape */
        tl_buffer_add(b, "\"", 1);
        tl_buffer_add(b, s, plain);
        tl_buffer_add(b, "\"", 1);
        return;
    }
    json_t *j = json_string(s);
    if (!j) {
        char *ascii = tl_strdup(s);
        for (char *c = ascii; *c; c++)
            if ((unsigned char)*c > 126)
                *c = '?';
        j = json_string(ascii);
        free(ascii);
    }
    char *text = json_dumps(j, JSON_ENCODE_ANY | JSON_COMPACT);
    tl_buffer_add_string(b, text ? text : "\"\"");
    free(text);
    json_decref(j);
}

static void add_string_or_null(struct tl_buffer *b, const char *s)
{
    if (s)
        add_string(b, s);
    else
        tl_buffer_add_string(b, "null");
}

void tl_module_id(const struct tl_module *m, char id[TL_ID_SIZE])
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add(&b, m->build_id, strlen(m->build_id) + 1);
    tl_buffer_add_string(&b, m->path ? m->path : "");
    tl_content_id(b.data, b.size, id);
    tl_buffer_free(&b);
}

void tl_module_set_id(const struct tl_capture *c, char id[TL_ID_SIZE])
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "modules 1");
    for (size_t i = 0; i < c->n_modules; i++) {
        const struct tl_module *m = &c->modules[i];
        tl_buffer_add(&b, m->build_id, strlen(m->build_id) + 1);
        tl_buffer_add(&b, m->path ? m->path : "", m->path ? strlen(m->path) + 1 : 1);
        add_int(&b, (int64_t)(m->start - m->base));
        tl_buffer_add(&b, ",", 1);
        add_int(&b, (int64_t)(m->end - m->base));
        tl_buffer_add(&b, ";", 1);
    }
    tl_content_id(b.data, b.size, id);
    tl_buffer_free(&b);
}

void tl_pack_modules(struct tl_buffer *b, const struct tl_capture *c)
{
    tl_buffer_add(b, "[", 1);
    for (size_t i = 0; i < c->n_modules; i++) {
        const struct tl_module *m = &c->modules[i];
        char id[TL_ID_SIZE];
        tl_module_id(m, id);
        tl_buffer_add_string(b, i ? ",[\"" : "[\"");
        tl_buffer_add_string(b, id);
        tl_buffer_add_string(b, "\",");
        add_int(b, (int64_t)(m->start - m->base));
        tl_buffer_add(b, ",", 1);
        add_int(b, (int64_t)(m->end - m->base));
        tl_buffer_add(b, "]", 1);
    }
    tl_buffer_add(b, "]", 1);
}

void tl_pack_bases(struct tl_buffer *b, const struct tl_capture *c)
{
    tl_buffer_add(b, "[", 1);
    for (size_t i = 0; i < c->n_modules; i++) {
        if (i)
            tl_buffer_add(b, ",", 1);
        add_int(b, (int64_t)c->modules[i].base);
    }
    tl_buffer_add(b, "]", 1);
}

void tl_pack_registers(struct tl_buffer *b, const struct tl_capture *c)
{
    tl_buffer_add(b, "[", 1);
    for (size_t i = 0; i < c->n_registers; i++) {
        const char *name = c->registers[i].name;
        size_t n = strnlen(name, sizeof c->registers[i].name);
        tl_buffer_add_string(b, i ? ",[\"" : "[\"");
        for (size_t k = 0; k < n; k++) /* register names are plain words: nothing to escape */
            if (name[k] > 32 && name[k] < 127 && name[k] != '"' && name[k] != '\\')
                tl_buffer_add(b, &name[k], 1);
        tl_buffer_add_string(b, "\",");
        add_int(b, (int64_t)c->registers[i].value);
        tl_buffer_add(b, "]", 1);
    }
    tl_buffer_add(b, "]", 1);
}

char *tl_pack_fault(const struct tl_capture *c)
{
    json_t *j = c->fault ? tl_fault_json(c->fault) : NULL;
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    json_decref(j);
    return text;
}

void tl_unpack_fault(const char *text, struct tl_capture *c)
{
    json_t *j = text ? json_loads(text, 0, NULL) : NULL;
    c->fault = tl_fault_parse(j);
    json_decref(j);
}

/* What names a module inside a stack, as in tl_stack_id: the stack is shared by processes that have it
 * elsewhere. */
static const char *module_key(const struct tl_module *m)
{
    const char *slash = m->path ? strrchr(m->path, '/') : NULL;
    return m->build_id[0] ? m->build_id : slash ? slash + 1 : m->path ? m->path : "";
}

void tl_pack_frames(struct tl_buffer *b, const struct tl_capture *c, const struct tl_thread *t)
{
    uint32_t *number = tl_calloc(c->n_modules + 1, sizeof *number); /* 1 + place in the stack's own list */
    uint32_t n = 0;
    tl_buffer_add_string(b, "{\"modules\":[");
    for (size_t i = 0; i < t->n_frames; i++) {
        uint32_t m = t->frames[i].module;
        if (m == TL_NO_MODULE || number[m])
            continue;
        if (n)
            tl_buffer_add(b, ",", 1);
        add_string(b, module_key(&c->modules[m]));
        number[m] = ++n;
    }
    tl_buffer_add_string(b, "],\"frames\":[");
    for (size_t i = 0; i < t->n_frames; i++) {
        const struct tl_frame *f = &t->frames[i];
        tl_buffer_add_string(b, i ? ",[" : "[");
        add_int(b, f->module == TL_NO_MODULE ? -1 : (int64_t)number[f->module] - 1);
        tl_buffer_add(b, ",", 1);
        add_int(b, (int64_t)f->offset);
        tl_buffer_add(b, ",", 1);
        add_int(b, f->flags);
        tl_buffer_add(b, ",", 1);
        add_int(b, (int64_t)f->start);
        tl_buffer_add(b, "]", 1);
    }
    tl_buffer_add_string(b, "]}");
    free(number);
}

void tl_pack_symbols(struct tl_buffer *b, const struct tl_thread *t)
{
    tl_buffer_add(b, "[", 1);
    for (size_t i = 0; i < t->n_frames; i++) {
        tl_buffer_add_string(b, i ? ",[" : "[");
        for (size_t k = 0; k < t->symbols[i].n; k++) {
            const struct tl_symbol *s = &t->symbols[i].symbols[k];
            tl_buffer_add_string(b, k ? ",[" : "[");
            add_string_or_null(b, s->function);
            tl_buffer_add(b, ",", 1);
            add_string_or_null(b, s->file);
            tl_buffer_add(b, ",", 1);
            add_int(b, s->line);
            tl_buffer_add_string(b, s->inlined ? ",true]" : ",false]");
        }
        tl_buffer_add(b, "]", 1);
    }
    tl_buffer_add(b, "]", 1);
}

static uint64_t number_at(const json_t *list, size_t i)
{
    return (uint64_t)json_integer_value(json_array_get(list, i)); /* 0 for what is not a number */
}

int tl_unpack_registers(const char *text, struct tl_capture *c)
{
    json_t *list = text ? json_loads(text, 0, NULL) : NULL;
    size_t n = json_array_size(list), i;
    c->registers = n ? tl_calloc(n, sizeof *c->registers) : NULL;
    c->n_registers = n;
    json_t *pair;
    json_array_foreach(list, i, pair) {
        const char *name = json_string_value(json_array_get(pair, 0));
        snprintf(c->registers[i].name, sizeof c->registers[i].name, "%s", name ? name : "");
        c->registers[i].value = number_at(pair, 1);
    }
    json_decref(list);
    return text && !list ? -1 : 0;
}

/* Index of the module that a stack calls `key`; TL_NO_MODULE when the capture has none. */
static uint32_t find_module(const struct tl_capture *c, const char *key)
{
    for (size_t i = 0; key && i < c->n_modules; i++) {
        const char *mine = module_key(&c->modules[i]);
        size_t k = 0;
        while (mine[k] && (mine[k] == key[k] || ((unsigned char)mine[k] > 126 && key[k] == '?')))
            k++;
        if (!mine[k] && !key[k])
            return (uint32_t)i;
    }
    return TL_NO_MODULE;
}

int tl_unpack_frames(const char *text, const struct tl_capture *c, struct tl_thread *t)
{
    json_t *stack = text ? json_loads(text, 0, NULL) : NULL;
    const json_t *keys = json_object_get(stack, "modules"), *frames = json_object_get(stack, "frames");
    if (!json_is_array(keys) || !json_is_array(frames)) {
        json_decref(stack);
        return -1;
    }
    size_t n_keys = json_array_size(keys);
    uint32_t *module = tl_calloc(n_keys + 1, sizeof *module);
    for (size_t i = 0; i < n_keys; i++)
        module[i] = find_module(c, json_string_value(json_array_get(keys, i)));
    t->n_frames = json_array_size(frames);
    t->frames = tl_calloc(t->n_frames + 1, sizeof *t->frames);
    for (size_t i = 0; i < t->n_frames; i++) {
        const json_t *f = json_array_get(frames, i);
        uint64_t m = number_at(f, 0);
        t->frames[i] = (struct tl_frame){m < n_keys ? module[m] : TL_NO_MODULE, (uint32_t)number_at(f, 2),
                                         number_at(f, 1), number_at(f, 3)};
    }
    free(module);
    json_decref(stack);
    return 0;
}

static char *string_at(const json_t *list, size_t i)
{
    return tl_strdup(json_string_value(json_array_get(list, i)));
}

int tl_unpack_symbols(const char *text, struct tl_thread *t)
{
    json_t *list = text ? json_loads(text, 0, NULL) : NULL;
    if (json_array_size(list) != t->n_frames || !json_is_array(list)) {
        json_decref(list);
        return -1;
    }
    t->symbols = tl_calloc(t->n_frames + 1, sizeof *t->symbols);
    for (size_t i = 0; i < t->n_frames; i++) {
        const json_t *frame = json_array_get(list, i);
        struct tl_frame_symbols *s = &t->symbols[i];
        s->n = json_array_size(frame);
        s->symbols = s->n ? tl_calloc(s->n, sizeof *s->symbols) : NULL;
        for (size_t k = 0; k < s->n; k++) {
            const json_t *one = json_array_get(frame, k);
            s->symbols[k] = (struct tl_symbol){string_at(one, 0), string_at(one, 1), (int)number_at(one, 2),
                                               json_is_true(json_array_get(one, 3))};
        }
    }
    json_decref(list);
    return 0;
}
