/* The files of a schedule: what each of them says of itself, and how they are read and written.
 *
 * Every file holds the mark, a comment with a line of JSON, "trapline: {…}": the suite, its path, the time
 * and the command. The mark alone tells a file that trapline wrote from one that somebody else did, and it is
 * the only memory of what is installed: no list is kept beside the system's own.
 *
 * Files are written all together or not at all. Each text first goes to a hidden file beside its place, then
 * all are renamed. When a step fails, the hidden files are removed, and files that were replaced already get
 * their former text back. A file without the mark of this suite is never written over or removed. */
#include "harness/schedule/internal.h"

#include "harness/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char doing[] = "cannot write the schedule";

const char **tl_schedule_command(const struct tl_schedule *s)
{
    size_t more = 0, n = 0;
    while (s->more && s->more[more])
        more++;
    const char **argv = tl_calloc(more + 6, sizeof *argv);
    argv[n++] = s->program;
    argv[n++] = "nightly";
    argv[n++] = s->path;
    if (s->db) {
        argv[n++] = "--db";
        argv[n++] = s->db;
    }
    for (size_t i = 0; i < more; i++)
        argv[n++] = s->more[i];
    return argv;
}

static const char mark_word[] = "trapline: {";

char *tl_schedule_mark(const struct tl_schedule *s)
{
    json_t *command = json_array();
    const char **argv = tl_schedule_command(s);
    for (size_t i = 0; argv[i]; i++)
        json_array_append_new(command, json_string(argv[i]));
    json_t *j =
        json_pack("{s:s,s:s,s:s,s:o}", "suite", s->suite, "path", s->path, "at", s->at, "command", command);
    char *mark = tl_schedule_mark_of(j);
    free(argv);
    json_decref(j);
    return mark;
}

char *tl_schedule_mark_of(const json_t *j)
{
    char *text = json_dumps(j, JSON_COMPACT | JSON_ENSURE_ASCII);
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "trapline: ");
    for (const char *c = text; c && *c; c++) {
        if (c[0] == '-' && c[1] == '-') /* which a comment in XML must not hold; it is only ever in strings */
            tl_buffer_add_string(&b, "\\u002d");
        else
            tl_buffer_add(&b, c, 1);
    }
    free(text);
    return tl_buffer_take(&b);
}

json_t *tl_schedule_read_mark(const char *text)
{
    for (const char *at = text; at && *at;) {
        size_t n = strcspn(at, "\n");
        size_t skip = !strncmp(at, "# ", 2) ? 2 : !strncmp(at, "<!-- ", 5) ? 5 : 0;
        if (skip && !strncmp(at + skip, mark_word, sizeof mark_word - 1)) {
            const char *from = at + skip + sizeof mark_word - 2;
            json_t *j = json_loadb(from, n - (size_t)(from - at), JSON_DISABLE_EOF_CHECK, NULL);
            bool suite = json_is_string(json_object_get(j, "suite")) &&
                         json_is_string(json_object_get(j, "path")) &&
                         json_is_string(json_object_get(j, "at"));
            if ((suite || json_is_string(json_object_get(j, "service"))) &&
                json_is_array(json_object_get(j, "command")))
                return j;
            json_decref(j);
            return NULL;
        }
        at += n + (at[n] == '\n');
    }
    return NULL;
}

void tl_schedule_files_free(struct tl_schedule_file *files, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(files[i].path);
        free(files[i].text);
        free(files[i].before);
    }
}

static int foreign(const char *path, const char *why, struct tl_error *e)
{
    return tl_fail(e, TL_ERROR_INPUT, "this file is not trapline's", path,
                   "%s; rename or remove it, or give what is to be installed another name", why);
}

int tl_schedule_examine(struct tl_schedule_file *f, const char *name, struct tl_error *e)
{
    struct stat st;
    if (lstat(f->path, &st)) {
        if (errno == ENOENT)
            return 0;
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot read the schedule", f->path,
                             "it cannot be examined");
    }
    if (!S_ISREG(st.st_mode))
        return foreign(f->path, "it is not a regular file", e);
    char *text = tl_read_file(f->path, TL_SCHEDULE_FILE_MOST, NULL);
    if (!text)
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot read the schedule", f->path,
                             "it cannot be examined");
    json_t *mark = tl_schedule_read_mark(text);
    bool marked = mark != NULL;
    const char *suite = json_string_value(json_object_get(mark, "suite")),
               *service = json_string_value(json_object_get(mark, "service"));
    bool ours = marked && !strcmp(suite ? suite : service, name);
    json_decref(mark);
    if (!ours) {
        free(text);
        return foreign(f->path, marked ? "it is of another one" : "it does not say that trapline wrote it",
                       e);
    }
    f->before = text;
    return 0;
}

/* A hidden file beside `path`, which no system takes for one of its own. */
static char *temporary(const char *path)
{
    const char *slash = strrchr(path, '/');
    return tl_format("%.*s/.%s.%ld.tmp", (int)(slash - path), path, slash + 1, (long)getpid());
}

/* Only the user may read it: arguments of --notify may hold what others are not to know. -1 with errno. */
static int put(const char *path, const char *text)
{
    unlink(path); /* of a process of this number that died */
    return tl_write_new_file(path, text, strlen(text), 0600, true);
}

static void take_back(struct tl_schedule_file *f)
{
    char *part = temporary(f->path);
    if (!f->before)
        unlink(f->path);
    else if (!put(part, f->before) && rename(part, f->path))
        unlink(part);
    free(part);
}

int tl_schedule_write(struct tl_schedule_file *files, size_t n, struct tl_error *e)
{
    char **parts = tl_calloc(n, sizeof *parts);
    size_t written = 0, renamed = 0;
    const char *where = files[0].path;
    int err = tl_make_parents(where, 0700) ? errno : 0;
    while (!err && written < n) {
        where = files[written].path;
        parts[written] = temporary(where);
        err = put(parts[written], files[written].text) ? errno : 0;
        written += !err;
    }
    while (!err && renamed < n) {
        where = files[renamed].path;
        err = rename(parts[renamed], where) ? errno : 0;
        renamed += !err;
    }
    if (err) {
        for (size_t i = renamed; i < written; i++)
            unlink(parts[i]);
        while (renamed)
            take_back(&files[--renamed]);
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, err, doing, where, "nothing was changed");
    }
    for (size_t i = 0; i < n; i++)
        free(parts[i]);
    free(parts);
    return err ? -1 : 0;
}
