#include "harness/base/known_hash.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/paths.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define YOUNG_S 2 /* a file that changed so lately may change once more within one tick of its clock */
#define RECORD_MOST 512
#define TABLE_MOST (64u << 20)
#define UNUSED_MOST 20000 /* entries of a table that are kept although nobody asked for them */

static char *record_path(const char *path)
{
    char id[TL_ID_SIZE];
    tl_content_id(path, strlen(path), id);
    char *directory = tl_cache_home("hashes");
    char *record = directory ? tl_format("%s/%s", directory, id) : NULL;
    free(directory);
    return record;
}

/* Whatever is not exactly what was written, for this state of the file, is no record. */
static int recall(const char *record, const char *state, char hex[TL_SHA256_SIZE])
{
    char *text = tl_read_file(record, RECORD_MOST, NULL);
    size_t n = strlen(state);
    bool known =
        text && !strncmp(text, state, n) && text[n] == ' ' && strlen(text + n + 1) == TL_SHA256_SIZE &&
        strspn(text + n + 1, "0123456789abcdef") == TL_SHA256_SIZE - 1 && text[n + TL_SHA256_SIZE] == '\n';
    if (known) {
        memcpy(hex, text + n + 1, TL_SHA256_SIZE - 1);
        hex[TL_SHA256_SIZE - 1] = '\0';
    }
    free(text);
    return known ? 0 : -1;
}

/* That it cannot be remembered costs time, and nothing else. */
static void remember(const char *record, const char *state, const char *hex)
{
    char *text = tl_format("%s %s\n", state, hex);
    if (tl_make_parents(record, 0700) == 0)
        tl_replace_file(record, text, strlen(text), 0600, false);
    free(text);
}

/* Hashes a file that was in a state. *settled: it still is, and has been for a while, so that the hash is worth
 * remembering. */
static int hash_in_state(const char *path, const char *state, char hex[TL_SHA256_SIZE], bool *settled)
{
    struct stat after;
    time_t young = time(NULL) - YOUNG_S;
    if (tl_hash_file(path, hex))
        return -1;
    char *then = stat(path, &after) ? NULL : tl_file_state(&after);
    *settled = then && !strcmp(then, state) && after.st_mtime < young && after.st_ctime < young;
    free(then);
    return 0;
}

int tl_known_hash(const char *path, char hex[TL_SHA256_SIZE])
{
    struct stat before;
    bool settled;
    char *record = record_path(path);
    if (!record || stat(path, &before) || !S_ISREG(before.st_mode)) {
        free(record);
        return tl_hash_file(path, hex);
    }
    char *state = tl_file_state(&before);
    int result = recall(record, state, hex);
    if (result) {
        result = hash_in_state(path, state, hex, &settled);
        if (!result && settled)
            remember(record, state, hex);
    }
    free(state);
    free(record);
    return result;
}

/* --- many at once --------------------------------------------------------------------------------------- */

void tl_known_hashes_open(struct tl_known_hashes *t, const char *key)
{
    char id[TL_ID_SIZE];
    size_t size;
    tl_content_id(key, strlen(key), id);
    char *directory = tl_cache_home("hashes");
    *t = (struct tl_known_hashes){.file = directory ? tl_format("%s/table-%s.json", directory, id) : NULL,
                                  .used = json_object()};
    char *text = t->file ? tl_read_file(t->file, TABLE_MOST, &size) : NULL;
    t->known = text ? json_loadb(text, size, 0, NULL) : NULL;
    if (!json_is_object(t->known)) {
        json_decref(t->known);
        t->known = json_object();
    }
    free(text);
    free(directory);
}

/* That it cannot be remembered costs time, and nothing else. */
void tl_known_hashes_save(struct tl_known_hashes *t)
{
    char *text = t->changed && t->file ? json_dumps(t->known, JSON_COMPACT) : NULL;
    if (text && tl_make_parents(t->file, 0700) == 0)
        tl_replace_file(t->file, text, strlen(text), 0600, false);
    t->changed = false;
    free(text);
}

void tl_known_hashes_close(struct tl_known_hashes *t)
{
    const char *path;
    json_t *entry;
    void *next;
    if (json_object_size(t->known) > json_object_size(t->used) + UNUSED_MOST)
        json_object_foreach_safe(t->known, next, path, entry) {
            if (!json_object_get(t->used, path))
                json_object_del(t->known, path);
        }
    tl_known_hashes_save(t);
    free(t->file);
    json_decref(t->known);
    json_decref(t->used);
    *t = (struct tl_known_hashes){0};
}

const char *tl_known_hashes_text(struct tl_known_hashes *t, const char *path, const struct stat *st)
{
    json_t *entry = json_object_get(t->known, path);
    const char *text = json_string_value(entry);
    char *state = tl_file_state(st);
    size_t n = strlen(state);
    bool same = text && !strncmp(text, state, n) && text[n] == ' ';
    free(state);
    if (!same)
        return NULL;
    json_object_set(t->used, path, json_true());
    return text + n + 1;
}

void tl_known_hashes_put(struct tl_known_hashes *t, const char *path, const struct stat *st, const char *text)
{
    char *state = tl_file_state(st), *entry = tl_format("%s %s", state, text);
    json_t *value = json_string(entry);
    if (value &&
        !json_object_set_new(t->known, path, value)) { /* a path that is not UTF-8 is not remembered */
        json_object_set(t->used, path, json_true());
        t->changed = true;
    }
    free(entry);
    free(state);
}

int tl_known_hashes_of(struct tl_known_hashes *t, const char *path, const struct stat *st,
                       char hex[TL_SHA256_SIZE])
{
    const char *text = tl_known_hashes_text(t, path, st);
    if (text && strlen(text) == TL_SHA256_SIZE - 1) {
        memcpy(hex, text, TL_SHA256_SIZE);
        return 0;
    }
    bool settled;
    char *state = tl_file_state(st);
    int result = hash_in_state(path, state, hex, &settled);
    if (!result && settled)
        tl_known_hashes_put(t, path, st, hex);
    free(state);
    return result;
}
