/* Loads a case: text, JSON, checks (check*.c), content hash. */
#include "cases/internal.h"
#include "harness/base/buffer.h"

#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const struct tl_limits tl_limits_default = {
    .timeout_s = 60, .memory_mb = 4096, .processes = 512, .disk_mb = 4096};

#define BLOCK_SIZE 8192

struct block {
    struct block *next;
    size_t size, used;
    alignas(max_align_t) char data[];
};

struct tl_arena {
    struct block *blocks;
};

struct tl_arena *tl_arena_new(void)
{
    return tl_calloc(1, sizeof(struct tl_arena));
}

void *tl_arena_alloc(struct tl_arena *a, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX / 2)
        abort();
    bytes = (bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct block *b = a->blocks;
    if (!b || b->size - b->used < bytes) {
        size_t room = bytes > BLOCK_SIZE ? bytes : BLOCK_SIZE;
        b = tl_calloc(1, sizeof *b + room);
        b->size = room;
        b->next = a->blocks;
        a->blocks = b;
    }
    void *p = b->data + b->used;
    b->used += bytes;
    return p;
}

char *tl_arena_string(struct tl_arena *a, const char *s)
{
    if (!s)
        return NULL;
    size_t n = strlen(s) + 1;
    return memcpy(tl_arena_alloc(a, n, 1), s, n);
}

void tl_arena_free(struct tl_arena *a)
{
    while (a && a->blocks) {
        struct block *b = a->blocks;
        a->blocks = b->next;
        free(b);
    }
    free(a);
}

/* The absolute directory of a path; the file itself need not exist. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *directory = slash ? tl_format("%.*s", (int)(slash - path + (slash == path)), path) : tl_strdup(".");
    char *absolute = realpath(directory, NULL);
    if (!absolute && directory[0] != '/') {
        char *here = getcwd(NULL, 0);
        absolute = tl_format("%s/%s", here ? here : "", directory);
        free(here);
    }
    if (!absolute)
        return directory;
    free(directory);
    return absolute;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Adds the names and contents of all files below a path, which may be a single file. */
static int hash_tree(struct tl_hash *h, const char *path, struct tl_error *e)
{
    char *copy = tl_strdup(path);
    char *roots[] = {copy, NULL};
    FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
    int status = fts ? 0 : tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot read the model", path, "%s", "");
    size_t root = strlen(path);
    for (FTSENT *f; status == 0 && (f = fts_read(fts));) {
        char hex[TL_SHA256_SIZE];
        if (f->fts_info == FTS_D || f->fts_info == FTS_DP)
            continue;
        if (f->fts_info == FTS_F && tl_hash_file(f->fts_accpath, hex) == 0) {
            tl_hash_add_string(h, f->fts_path + root);
            tl_hash_add_string(h, hex);
        } else if (f->fts_info == FTS_SL || f->fts_info == FTS_SLNONE) {
            char target[PATH_MAX];
            ssize_t n = readlink(f->fts_accpath, target, sizeof target - 1);
            target[n > 0 ? n : 0] = '\0';
            tl_hash_add_string(h, f->fts_path + root);
            tl_hash_add_string(h, target);
        } else {
            status = tl_fail_errno(e, TL_ERROR_INPUT, f->fts_errno ? f->fts_errno : errno,
                                   "cannot read the model", f->fts_path, "%s", "");
        }
    }
    if (fts)
        fts_close(fts);
    free(copy);
    return status;
}

static int hash_case(struct tl_case *c, struct tl_error *e)
{
    struct tl_hash h;
    char hex[TL_SHA256_SIZE];
    if (tl_hash_begin(&h))
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot hash the case", c->path, "out of memory");
    char *text = json_dumps(c->document, JSON_SORT_KEYS | JSON_COMPACT);
    if (!text)
        abort(); /* it was read from JSON: only memory can be short */
    tl_hash_add_string(&h, text);
    free(text);
    int status = c->model_file ? hash_tree(&h, c->model_file, e) : 0;
    for (size_t i = 0; status == 0 && i < json_array_size(c->inputs); i++) {
        const char *npy = json_string_value(json_object_get(json_array_get(c->inputs, i), "npy"));
        if (npy)
            status = hash_tree(&h, npy, e);
    }
    tl_hash_end(&h, hex);
    memcpy(c->hash, hex, TL_ID_SIZE - 1);
    c->hash[TL_ID_SIZE - 1] = '\0';
    return status;
}

static int fail_with_mistakes(const char *path, const struct tl_mistakes *m, struct tl_error *e)
{
    const struct tl_mistake *first = &m->list[0];
    if (m->n == 1)
        return tl_fail(e, TL_ERROR_INPUT, "the case file has a mistake", path, "line %d: %.200s: %.600s",
                       first->line, first->path, first->expected);
    return tl_fail(e, TL_ERROR_INPUT, "the case file has mistakes", path,
                   "the first of %zu: line %d: %.200s: %.600s", m->n, first->line, first->path,
                   first->expected);
}

static void one_mistake(struct tl_mistakes *m, int line, char *expected)
{
    m->n = 1;
    m->list = tl_calloc(1, sizeof *m->list);
    m->list[0] = (struct tl_mistake){line, tl_strdup("$"), expected};
}

/* What jansson says about a text it cannot read, in words for who wrote it. */
static char *syntax_mistake(const char *text, size_t size, const json_error_t *at)
{
    if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
        return tl_strdup("expected JSON, found a byte order mark; save the file as UTF-8 without it");
    switch (json_error_code(at)) {
    case json_error_numeric_overflow:
        return tl_format("expected a number that fits 64 bits: %s", at->text);
    case json_error_null_byte_in_key:
    case json_error_null_character:
        return tl_strdup("expected text without the character U+0000");
    case json_error_invalid_utf8:
        return tl_format("expected text in UTF-8: %s", at->text);
    case json_error_duplicate_key:
        return tl_format("expected each key once: %s", at->text);
    case json_error_premature_end_of_input:
        return tl_format("expected more JSON, found the end of the file: %s", at->text);
    default:
        return tl_format("expected JSON: %s", at->text);
    }
}

int tl_case_parse(const char *text, size_t size, const char *path, struct tl_case **out,
                  struct tl_mistakes *m, struct tl_error *e)
{
    *out = NULL;
    *m = (struct tl_mistakes){0};
    if (size > TL_CASE_SIZE_MAX)
        return tl_fail(e, TL_ERROR_INPUT, "cannot load the case", path, "it is larger than 4 MiB");
    json_error_t at;
    json_t *document = json_loadb(text, size, JSON_REJECT_DUPLICATES, &at);
    if (!document) {
        one_mistake(m, at.line > 0 ? at.line : 1, syntax_mistake(text, size, &at));
        return fail_with_mistakes(path, m, e);
    }
    struct tl_check ck = {0};
    int deep = tl_positions_scan(text, size, &ck.positions);
    if (deep) {
        free(ck.positions.list);
        json_decref(document);
        one_mistake(m, deep, tl_format("expected at most %d nested lists and objects", TL_CASE_DEPTH_MAX));
        return fail_with_mistakes(path, m, e);
    }
    struct tl_case *c = tl_calloc(1, sizeof *c);
    c->arena = ck.arena = tl_arena_new();
    c->document = document;
    c->path = tl_arena_string(ck.arena, path);
    char *directory = directory_of(path);
    c->directory = tl_arena_string(ck.arena, directory);
    free(directory);
    ck.c = c;
    tl_check_document(&ck, document);
    tl_check_end(&ck, m);
    int status = m->n ? fail_with_mistakes(path, m, e) : hash_case(c, e);
    if (status)
        tl_case_free(c);
    else
        *out = c;
    return status;
}

int tl_case_load(const char *path, struct tl_case **c, struct tl_mistakes *m, struct tl_error *e)
{
    *c = NULL;
    *m = (struct tl_mistakes){0};
    size_t size;
    struct stat st;
    if (stat(path, &st) == 0 && S_ISFIFO(st.st_mode)) /* there may never be anybody at its other end */
        return tl_fail(e, TL_ERROR_INPUT, "cannot load the case", path, "it is a pipe; a file was expected");
    char *text = tl_read_file(path, TL_CASE_SIZE_MAX, &size);
    if (!text && errno == EFBIG)
        return tl_fail(e, TL_ERROR_INPUT, "cannot load the case", path, "it is larger than 4 MiB");
    if (!text)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot load the case", path, "%s", "");
    int status = tl_case_parse(text, size, path, c, m, e);
    free(text);
    return status;
}

void tl_case_free(struct tl_case *c)
{
    if (!c)
        return;
    json_decref(c->document);
    json_decref(c->inputs);
    tl_arena_free(c->arena);
    free(c);
}

const struct tl_axis *tl_case_axis(const struct tl_case *c, const char *name, size_t *index)
{
    for (size_t i = 0; i < c->n_axes; i++)
        if (!strcmp(c->axes[i].name, name)) {
            if (index)
                *index = i;
            return &c->axes[i];
        }
    return NULL;
}
