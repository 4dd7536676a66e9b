/* The list is DIR/.whole: {"files": {PATH: what it is known by}}. Of a small file that is its content, of a large one its size and
 * time, as everywhere where a file is not worth reading (files.h). It is written last, and the directory is renamed after
 * that. Reading all files takes its time, so a process does it once, and again only when the list is another one. */
#include "harness/executor/kept.h"

#include "harness/base/buffer.h"
#include "harness/base/durable.h"
#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "harness/base/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LIST ".whole"
#define MAKING "making-"
#define ABANDONED_S 86400
#define LIST_MOST (64u << 20)

struct listing {
    const char *top;
    json_t *files;
};

/* What a file is known by; NULL: it cannot be read, and so nobody can use it. The caller's. */
static char *known_by(const char *path, const struct stat *st)
{
    char hex[TL_SHA256_SIZE];
    if (st->st_size > TL_CONTENT_LARGE)
        return tl_content_state(st);
    return tl_hash_file(path, hex) ? NULL : tl_strdup(hex);
}

static bool list_file(void *arg, int directory, const char *name, const char *path, const struct stat *st)
{
    struct listing *l = arg;
    (void)directory;
    (void)name;
    if (!S_ISREG(st->st_mode) || !strcmp(path, LIST))
        return false;
    char *whole = tl_format("%s/%s", l->top, path), *by = known_by(whole, st);
    if (by)
        json_object_set_new(l->files, path, json_string(by)); /* not of a name that is no UTF-8 */
    free(by);
    free(whole);
    return false;
}

static int write_list(const char *directory)
{
    struct listing l = {directory, json_object()};
    int result = tl_tree_each(directory, list_file, &l);
    json_t *all = json_pack("{s:i,s:o}", "whole", 1, "files", l.files);
    char *text = json_dumps(all, JSON_INDENT(1) | JSON_SORT_KEYS), *path = tl_format("%s/" LIST, directory);
    if (!result)
        result = tl_replace_file(path, text, strlen(text), 0600, false); /* it is synced with the rest */
    int err = errno;
    free(path);
    free(text);
    json_decref(all);
    errno = err;
    return result;
}

static bool is_as_listed(const char *place, const json_t *files)
{
    const char *name;
    json_t *by;
    bool whole = true;
    json_object_foreach((json_t *)(uintptr_t)files, name, by) {
        struct stat st;
        char *path = tl_format("%s/%s", place, name);
        char *now = !stat(path, &st) && S_ISREG(st.st_mode) ? known_by(path, &st) : NULL;
        whole = now && json_is_string(by) && !strcmp(now, json_string_value(by));
        free(now);
        free(path);
        if (!whole)
            break;
    }
    return whole;
}

bool tl_kept_is_whole(const char *place, json_t *known)
{
    struct stat st;
    size_t size;
    char *path = tl_format("%s/" LIST, place), *state = stat(path, &st) ? NULL : tl_file_state(&st);
    const char *before = json_string_value(json_object_get(known, place));
    bool whole = state && before && !strcmp(state, before);
    if (state && !whole) {
        char *text = tl_read_file(path, LIST_MOST, &size);
        json_t *all = text ? json_loadb(text, size, 0, NULL) : NULL;
        const json_t *files = json_object_get(all, "files");
        whole = json_is_object(files) && is_as_listed(place, files);
        json_decref(all);
        free(text);
        if (whole && known)
            json_object_set_new_nocheck(known, place, json_string(state));
    }
    free(state);
    free(path);
    return whole;
}

/* A run that was killed leaves what it was making, and what it took away. After a day nobody is at it any more. */
static void remove_abandoned(const char *directory)
{
    DIR *d = opendir(directory);
    for (struct dirent *x; d && (x = readdir(d));) {
        struct stat st;
        if (strncmp(x->d_name, MAKING, sizeof MAKING - 1) != 0 ||
            fstatat(dirfd(d), x->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISDIR(st.st_mode) ||
            time(NULL) - st.st_mtime < ABANDONED_S)
            continue;
        char *path = tl_format("%s/%s", directory, x->d_name);
        tl_remove_tree(path);
        free(path);
    }
    if (d)
        closedir(d);
}

static char *unique_beside(const char *place)
{
    char id[TL_UUID_SIZE];
    const char *slash = strrchr(place, '/');
    tl_uuid7(id);
    return tl_format("%.*s" MAKING "%s", slash ? (int)(slash + 1 - place) : 0, place, id);
}

char *tl_kept_making(const char *place)
{
    const char *slash = strrchr(place, '/');
    char *directory = slash ? tl_format("%.*s", (int)(slash - place), place) : tl_strdup(".");
    remove_abandoned(directory);
    free(directory);
    return unique_beside(place);
}

/* Takes what is not whole away. It is looked at once more when nobody can be given it any more: another process may have put
 * a whole one there meanwhile, and use it. -1 with errno. */
static int take_away(const char *place)
{
    char *aside = unique_beside(place);
    (void)utimensat(AT_FDCWD, place, NULL, 0); /* it is not abandoned yet */
    int result = rename(place, aside) && errno != ENOENT ? -1 : 0, err = errno;
    if (!result && tl_kept_is_whole(aside, NULL) && !rename(aside, place)) {
        free(aside);
        return 0;
    }
    if (!result)
        tl_remove_tree(aside);
    free(aside);
    errno = err;
    return result;
}

int tl_kept_put(const char *making, const char *place)
{
    if (write_list(making))
        return -1;
    for (int attempt = 0; tl_place_durably(making, place); attempt++) {
        if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
            return -1;
        if (tl_kept_is_whole(place, NULL)) { /* another process made the same one meanwhile */
            tl_remove_tree(making);
            return 0;
        }
        if (attempt > 1 || take_away(place))
            return -1;
    }
    return 0;
}
