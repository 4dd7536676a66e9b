/* Writes a plan: out of sight first, so that the directory has all of it or is not there. */
#include "cases/init/words.h"

#include "harness/base/buffer.h"
#include "harness/base/durable.h"
#include "harness/base/files.h"
#include "harness/base/staging_note.h"
#include "harness/base/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char doing[] = "cannot write the case";

static struct {
    size_t skip; /* bytes of the path that are those of the tree itself */
    const char *to;
    size_t left; /* how many are neither files nor directories nor links, and were left out */
} copying;       /* nftw hands nothing on */

/* A link stays one: what it leads to may be outside, or the whole of the tree once more. */
static int copy_link(const char *from, const char *to)
{
    char target[4096];
    ssize_t n = readlink(from, target, sizeof target - 1);
    if (n < 0)
        return -1;
    target[n] = '\0';
    return symlink(target, to);
}

static int copy_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)at;
    char *to = tl_format("%s%s", copying.to, path + copying.skip);
    int failed = 0;
    if (kind == FTW_D) {
        failed = mkdir(to, 0777) && errno != EEXIST;
    } else if (kind == FTW_F && S_ISREG(st->st_mode)) {
        failed = tl_copy_file(path, to, (st->st_mode & 0777) | 0600) != 0;
    } else if (kind == FTW_SL) {
        failed = copy_link(path, to) != 0;
    } else if (kind == FTW_DNR || kind == FTW_NS) {
        errno = EACCES;
        failed = 1;
    } else {
        copying.left++;
    }
    free(to);
    return failed;
}

static int copy(const char *from, const char *to)
{
    struct stat st;
    copying.left = 0;
    if (stat(from, &st))
        return -1;
    if (S_ISREG(st.st_mode))
        return tl_copy_file(from, to, (st.st_mode & 0777) | 0600);
    copying.skip = strlen(from);
    copying.to = to;
    return nftw(from, copy_one, 16, FTW_PHYS) ? -1 : 0;
}

#define LINE_MOST 110

/* JSON as people write it: what fits on a line stands on one. Depth is that of a plan, which is made here. */
static void add_json(struct tl_buffer *b, const json_t *value, int depth)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    size_t size = text ? strlen(text) : 0, i;
    const char *key;
    const json_t *member;
    void *at;
    if (depth && (size <= LINE_MOST || (!json_is_array(value) && !json_is_object(value)))) {
        tl_buffer_add_string(b, text ? text : "null");
    } else if (json_is_array(value)) {
        tl_buffer_add_string(b, "[");
        json_array_foreach(value, i, member) {
            tl_buffer_printf(b, "%s\n%*s", i ? "," : "", 2 * (depth + 1), "");
            add_json(b, member, depth + 1);
        }
        tl_buffer_printf(b, "\n%*s]", 2 * depth, "");
    } else {
        bool first = true;
        tl_buffer_add_string(b, "{");
        for (at = json_object_iter((json_t *)(uintptr_t)value); at;
             at = json_object_iter_next((json_t *)(uintptr_t)value, at)) {
            key = json_object_iter_key(at);
            tl_buffer_printf(b, "%s\n%*s\"%s\": ", first ? "" : ",", 2 * (depth + 1), "", key);
            add_json(b, json_object_iter_value(at), depth + 1);
            first = false;
        }
        tl_buffer_printf(b, "\n%*s}", 2 * depth, "");
    }
    free(text);
}

static char *document_text(const json_t *document) /* the caller's */
{
    struct tl_buffer b = TL_BUFFER_INIT;
    add_json(&b, document, 0);
    tl_buffer_add_string(&b, "\n");
    return tl_buffer_take(&b);
}

static int write_all(struct tl_init *p, const char *directory, struct tl_error *e)
{
    int result = 0;
    struct stat st;
    for (size_t i = 0; i < p->n_files && !result; i++) {
        const struct tl_init_file *f = &p->files[i];
        char *to = tl_format("%s/%s", directory, f->to);
        if (!f->text && lstat(to, &st)) {
            if (copy(f->from, to))
                result = tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot copy a file beside the case",
                                       f->from, NULL);
            else if (copying.left)
                tl_init_note(p, "%zu that are no files, directories or links were left out of the copy of %s",
                             copying.left, f->from);
        }
        if (f->text && tl_replace_file(to, f->text, strlen(f->text), f->mode, true))
            result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, f->to, NULL);
        free(to);
    }
    char *path = tl_format("%s/" TL_INIT_CASE, directory), *text = document_text(p->document);
    if (!result && tl_replace_text(path, text, true))
        result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, p->directory, NULL);
    free(text);
    free(path);
    return result;
}

int tl_init_write(struct tl_init *p, struct tl_error *e)
{
    struct tl_staging s;
    struct stat st;
    for (size_t n = strlen(p->directory); n > 1 && p->directory[n - 1] == '/';)
        p->directory[--n] = '\0';
    json_t *text = json_string(p->directory);
    json_decref(text);
    if (!text)
        return tl_fail(e, TL_ERROR_INPUT, doing, "-o", "its name is not UTF-8, and it is told as JSON");
    if (!*p->directory)
        return tl_fail(e, TL_ERROR_INPUT, doing, "-o", "a directory that does not exist was expected");
    if (!lstat(p->directory, &st))
        return tl_fail(e, TL_ERROR_INPUT, doing, p->directory,
                       "it is there already: give another one with -o DIR, or remove it");
    char *above = tl_init_from("/", p->directory), *slash = strrchr(above, '/'), *parent;
    *(slash ? slash : above) = '\0';
    parent = tl_format("/%s", above);
    int result = 0;
    if (tl_staging_begin_noted(&s, parent, ".trapline-init-")) {
        result = tl_fail_errno(e, TL_ERROR_INPUT, errno, doing, p->directory, NULL);
    } else {
        result = write_all(p, s.path, e);
        mode_t mask = umask(0);
        umask(mask);
        if (!result && (chmod(s.path, 0777 & ~mask) || tl_place_durably(s.path, p->directory)))
            result = tl_fail_errno(e, TL_ERROR_INPUT, errno, doing, p->directory, NULL);
        tl_staging_end_noted(&s);
    }
    free(parent);
    free(above);
    return result;
}

int tl_init_write_again(struct tl_init *p, struct tl_error *e)
{
    return write_all(p, p->directory, e);
}

bool tl_init_leave_script(struct tl_init *p)
{
    size_t i = 0;
    while (p->script && i < p->n_files && (!p->files[i].from || strcmp(p->files[i].from, p->script) != 0))
        i++;
    if (!p->script || i == p->n_files)
        return false;
    struct tl_init_file script = p->files[i];
    char *copied = tl_init_escape(script.to), *word = tl_format("{case_dir}/%s", copied),
         *stays = tl_init_escape(script.from), *written = tl_format("%s/%s", p->directory, script.to);
    tl_init_replace_words(p->argv, word, stays);
    tl_init_note(p, "%s stays where it is: something is missing where a copy of it is run", script.from);
    memmove(&p->files[i], &p->files[i + 1], (--p->n_files - i) * sizeof *p->files);
    unlink(written);
    free(written);
    free(stays);
    free(word);
    free(copied);
    free(script.from);
    free(script.to);
    free(p->script);
    p->script = NULL;
    return true;
}
