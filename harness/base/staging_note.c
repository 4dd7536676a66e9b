/* A note is a link of the user's state directory, staging/PID-UUID, that leads nowhere: its text is the directory and, behind the
 * last slash, what the names of the staging begin with. One call makes it, whole or not at all, whatever the bytes of the path. It
 * is there before the staging and goes after it, so that no moment is left in which a killed process leaves what nobody knows of.
 * A note says where to look, and never what to remove: that is told by the name, the lock and the owner of what is found there. */
#include "harness/base/staging_note.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "harness/base/paths.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLACE_MOST 4096 /* bytes of a path */

/* The path of a note that was made, a new string; NULL: none could be. */
static char *make_note(const char *directory, const char *prefix)
{
    char uuid[TL_UUID_SIZE], *notes = tl_state_home("staging"), *real = realpath(directory, NULL),
                             *note = NULL;
    tl_uuid7(uuid);
    if (notes && real && !tl_make_directories(notes, 0700)) {
        char *place = tl_format("%s/%s", strcmp(real, "/") ? real : "", prefix);
        note = tl_format("%s/%d-%s", notes, (int)getpid(), uuid);
        if (symlink(place, note)) {
            free(note);
            note = NULL;
        }
        free(place);
    }
    free(real);
    free(notes);
    return note;
}

int tl_staging_begin_noted(struct tl_staging *s, const char *directory, const char *prefix)
{
    char *note = make_note(directory, prefix);
    int result = tl_staging_begin(s, directory, prefix), err = errno;
    if (result && note) {
        unlink(note);
        free(note);
        note = NULL;
    }
    s->note = note;
    errno = err;
    return result;
}

void tl_staging_end_noted(struct tl_staging *s)
{
    char *note = s->note;
    tl_staging_end(s);
    if (note)
        unlink(note);
    free(note);
}

int tl_replace_file_noted(const char *path, const void *data, size_t size, mode_t mode, bool sync)
{
    struct tl_staging s;
    const char *base = tl_base_name(path);
    char *directory =
        base > path ? tl_format("%.*s", (int)(base - path > 1 ? base - path - 1 : 1), path) : tl_strdup(".");
    int result = tl_staging_begin_noted(&s, directory, ".trapline-file-");
    if (!result) {
        char *part = tl_format("%s/part", s.path);
        result = tl_write_new_file(part, data, size, mode, sync) || rename(part, path) ? -1 : 0;
        int err = errno;
        free(part);
        tl_staging_end_noted(&s);
        errno = err;
    }
    int err = errno;
    free(directory);
    errno = err;
    return result;
}

/* Whether a process of that number still has something there, or left what cannot be removed. */
static bool has_more(const char *directory, const char *prefix, pid_t pid)
{
    char *begins = tl_format("%s%d-", prefix, (int)pid);
    bool more = false;
    DIR *d = opendir(directory);
    for (struct dirent *x; d && !more && (x = readdir(d));)
        more = !strncmp(x->d_name, begins, strlen(begins));
    if (d)
        closedir(d);
    free(begins);
    return more;
}

/* Whether there is no more to do about a note of such a process. */
static bool sweep(const char *note, pid_t pid)
{
    char place[PLACE_MOST + 1];
    ssize_t n = readlink(note, place, sizeof place);
    if (n <= 0 || (size_t)n >= sizeof place)
        return n >= 0; /* no note of ours; or it is gone */
    place[n] = '\0';
    char *prefix = strrchr(place, '/');
    if (*place != '/' || !prefix[1])
        return true;
    *prefix++ = '\0';
    const char *directory = *place ? place : "/";
    free(tl_staging_sweep(directory, prefix));
    return !has_more(directory, prefix, pid);
}

void tl_staging_sweep_noted(void)
{
    char *notes = tl_state_home("staging");
    DIR *d = notes ? opendir(notes) : NULL;
    for (struct dirent *x; d && (x = readdir(d));) {
        int pid, used = 0;
        if (sscanf(x->d_name, "%d-%n", &pid, &used) != 1 || !used || pid <= 0 || pid == getpid())
            continue;
        char *note = tl_format("%s/%s", notes, x->d_name);
        /* A process that is there may have noted the place and made nothing yet. */
        if (sweep(note, (pid_t)pid) && kill((pid_t)pid, 0) && errno == ESRCH)
            unlink(note);
        free(note);
    }
    if (d)
        closedir(d);
    free(notes);
}
