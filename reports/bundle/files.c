/* Files that a bundle holds as they are: those of the case, and what was made for its trials. */
#include "reports/bundle/parts.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "reports/members.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MOST (INT64_C(256) << 20) /* of a file that no command names by itself */
#define TOTAL_MOST (INT64_C(4) << 30)
#define TEXT_MOST (64 << 20) /* of a file that is looked through for names */

static const char doing[] = "cannot write the bundle";

static bool holds(const char *data, size_t size, const char *path)
{
    return path && strlen(path) > 1 && memmem(data, size, path, strlen(path));
}

/* Whether a file says who somebody is, or where. It stays what it is: a script that is changed is another one. Of what is no
 * text only paths are looked for. */
static bool tells_somebody(const struct tl_bundle *b, const char *path)
{
    size_t size;
    char *text = b->source->keep_paths ? NULL : tl_read_file(path, TEXT_MOST, &size);
    bool tells = false;
    if (text && !memchr(text, '\0', size)) {
        char *redacted = tl_redact(&b->redaction, text);
        tells = strcmp(text, redacted) != 0;
        free(redacted);
    } else if (text) {
        tells = holds(text, size, b->redaction.home);
        for (size_t i = 0; i < b->redaction.n_places && !tells; i++)
            tells = holds(text, size, b->redaction.places[i].path);
    }
    free(text);
    return tells;
}

/* Copies a file to its name in the bundle. -1 after an error. */
static int copy(struct tl_bundle *b, const char *from, const char *name, struct tl_error *e)
{
    char *to = tl_format("%s/%s", b->stage, name);
    struct stat st;
    bool reading;
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK), out = -1, rc = 0;
    if (in < 0 || fstat(in, &st) || !S_ISREG(st.st_mode)) {
        tl_bundle_leave_out(b, tl_format("%s: it cannot be read", from));
    } else {
        mode_t mode = st.st_mode & 0100 ? 0777 : 0666;
        if (tl_make_parents(to, 0777) ||
            (out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)) < 0 ||
            tl_copy_bytes(in, out, &reading) || close(out))
            rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, to, "the disk may be full");
        b->copied += st.st_size;
    }
    if (in >= 0)
        close(in);
    free(to);
    return rc;
}

int tl_bundle_copy_file(struct tl_bundle *b, const char *from, const char *name, const char *about,
                        struct tl_error *e)
{
    char *to = tl_format("%s/%s", b->stage, name);
    int rc = copy(b, from, name, e);
    if (rc == 0 && !access(to, R_OK)) {
        bool tells = tells_somebody(b, to);
        tl_bundle_have_made(b, tl_strdup(name), tl_format("%s%s", about, tells ? TL_BUNDLE_TELLS : ""));
    }
    free(to);
    return rc;
}

int tl_bundle_copy_tree(struct tl_bundle *b, const char *from, const char *name, const char *about,
                        struct tl_error *e)
{
    char *top = tl_strdup(from);
    char *const roots[] = {top, NULL};
    FTS *fts = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    int rc = 0;
    for (FTSENT *f; fts && rc == 0 && (f = fts_read(fts));) {
        if (f->fts_info != FTS_F)
            continue;
        char *to = tl_format("%s%s", name, f->fts_path + strlen(top));
        rc = tl_bundle_copy_file(b, f->fts_path, to, about, e);
        free(to);
    }
    if (fts)
        fts_close(fts);
    free(top);
    return rc;
}

/* Why a file is not copied; NULL: it is. */
static const char *too_large(const struct tl_bundle *b, const json_t *file)
{
    struct stat st;
    const char *path = tl_member_or(file, "path", "");
    bool itself = !strcmp(path, tl_member_or(file, "top", ""));
    if (stat(path, &st))
        return "it is gone";
    if (!itself && st.st_size > FILE_MOST)
        return "it is too large";
    return b->copied + st.st_size > TOTAL_MOST ? "there is too much" : NULL;
}

/* What is not named is only said. */
static void leave_out_unnamed(struct tl_bundle *b, const json_t *paths)
{
    struct tl_buffer names = TL_BUFFER_INIT;
    const json_t *path;
    size_t i, n = json_array_size(paths);
    json_array_foreach(paths, i, path)
        if (i < 3)
            tl_buffer_printf(&names, "%s%s", i ? ", " : "", tl_base_name(json_string_value(path)));
    if (n)
        tl_bundle_leave_out(
            b, tl_format("%zu file%s beside the scripts of the case, which none of them names: %s%s", n,
                         n == 1 ? "" : "s", names.data, n > 3 ? ", …" : ""));
    tl_buffer_free(&names);
}

/* Inputs and expected outputs are in a bundle for ONNX Runtime anyway. */
static bool is_data_of_runtime(const struct tl_bundle *b, const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && (!strcmp(dot, ".npy") || !strcmp(dot, ".pb")) &&
           tl_member_true(json_object_get(b->report, "bundle"), "repro");
}

int tl_bundle_write_files(struct tl_bundle *b, struct tl_error *e)
{
    const json_t *files = json_object_get(b->o->files, "files"), *file;
    size_t i;
    int rc = 0;
    if (!b->o->c)
        return 0;
    tl_layout_init(&b->layout, b->o->c->directory, files, b->source->keep_paths ? NULL : &b->redaction);
    char *directory = tl_format("%s/%s/.", b->stage, b->layout.case_at); /* scripts may be told of it */
    if (json_array_size(files) && tl_make_parents(directory, 0777))
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, directory, "the disk may be full");
    free(directory);
    json_array_foreach(files, i, file) {
        const char *path = tl_member_or(file, "path", ""), *why = too_large(b, file);
        if (is_data_of_runtime(b, path))
            continue;
        char *place = tl_layout_place(&b->layout, path);
        if (rc == 0 && place && why)
            tl_bundle_leave_out(b, tl_format("%s: %s", path, why));
        else if (rc == 0 && place)
            rc = tl_bundle_copy_file(b, path, place, "of the case", e);
        free(place);
    }
    json_array_foreach(json_object_get(b->o->files, "gone"), i, file)
        tl_bundle_leave_out(
            b, tl_format("%s, which a command of the case names: it is not there", json_string_value(file)));
    leave_out_unnamed(b, json_object_get(b->o->files, "left_out"));
    return rc;
}

static bool is_listed(const struct tl_bundle *b, const char *name)
{
    const json_t *file;
    size_t i;
    json_array_foreach(b->files, i, file)
        if (!strcmp(tl_member_or(file, "name", ""), name))
            return true;
    return false;
}

void tl_bundle_sweep(const struct tl_bundle *b)
{
    char *top = tl_strdup(b->stage);
    char *const roots[] = {top, NULL};
    FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *f; fts && (f = fts_read(fts));) {
        const char *name = f->fts_path + strlen(top);
        if (f->fts_info == FTS_D || f->fts_level == 0)
            continue;
        if (f->fts_info == FTS_DP && !strcmp(f->fts_name, "__pycache__"))
            rmdir(f->fts_path);
        else if (f->fts_info != FTS_DP && !is_listed(b, name + 1))
            unlink(f->fts_path);
    }
    if (fts)
        fts_close(fts);
    free(top);
}
