/* Loads a case: text and JSON (read.c), checks (check*.c), content hash.
 *
 * The hash names everything that a trial of the case depends on: the document without its layout (keys
 * sorted), and the contents of the files that it names. A model may be a directory, as Core ML's packages
 * are; its files are hashed in the order of their names, so that the order of the directory does not matter. A link
 * in it counts as what it leads to.
 * An ONNX model may keep its tensors in other files, which it names and which belong to it. What the commands of
 * a case run and read is not in it but in the environment of each trial (harness/executor/identity.h): it may
 * differ from variant to variant, and nights compare what came before with what comes after. */
#include "cases/load.h"
#include "cases/check.h"
#include "cases/onnx_external.h"
#include "cases/read.h"
#include "cases/reference.h"
#include "harness/base/buffer.h"
#include "harness/base/known_hash.h"

#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char the_case[] = "case";

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
        struct stat st;
        bool link = f->fts_info == FTS_SL && !stat(f->fts_accpath, &st);
        if (link && S_ISDIR(st.st_mode))
            fts_set(fts, f, FTS_FOLLOW); /* the directory comes next, or FTS_DC where it holds the link */
        if (f->fts_info == FTS_D || f->fts_info == FTS_DP || (link && S_ISDIR(st.st_mode)))
            continue;
        if ((f->fts_info == FTS_F || link) && tl_known_hash(f->fts_accpath, hex) == 0) {
            tl_hash_add_string(h, f->fts_path + root);
            tl_hash_add_string(h, hex);
        } else if (f->fts_info == FTS_SL || f->fts_info == FTS_SLNONE || f->fts_info == FTS_DC) {
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

/* Files with expected outputs: a pass is one beside their content. */
static int hash_expected(struct tl_hash *h, const struct tl_case *c, struct tl_error *e)
{
    char **files = tl_reference_files(c), hex[TL_SHA256_SIZE];
    int status = 0;
    for (size_t i = 0; files[i] && !status; i++) {
        if (tl_known_hash(files[i], hex)) {
            status =
                tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot read an expected output", files[i], NULL);
            break;
        }
        tl_hash_add_string(
            h, files[i] + (strncmp(files[i], c->directory, strlen(c->directory)) ? 0 : strlen(c->directory)));
        tl_hash_add_string(h, hex);
    }
    tl_strings_free(files);
    return status;
}

/* What is right, and what is said for people, changes nothing about a trial. (A title and a source do count, as they
 * always have: what is stored is known by them.) */
static const char *const without_effect[] = {"expected", "known", "notes",   "expected_text", "impact",
                                             "related",  "tried", "metrics", "$schema"};

/* The axes without what is said of them. */
static json_t *without_about(const json_t *axes)
{
    json_t *list = json_array(), *axis;
    size_t i;
    json_array_foreach(axes, i, axis) {
        json_t *one = json_copy(axis);
        json_object_del(one, "about");
        json_object_del(one, "about_values");
        json_array_append_new(list, one);
    }
    return list;
}

static int hash_case(struct tl_case *c, struct tl_error *e)
{
    struct tl_hash h;
    char hex[TL_SHA256_SIZE];
    if (tl_hash_begin(&h))
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot hash the case", c->path, "out of memory");
    json_t *document = json_copy(c->document);
    for (size_t i = 0; i < TL_COUNT(without_effect); i++)
        json_object_del(document, without_effect[i]);
    if (json_is_array(json_object_get(document, "axes")))
        json_object_set_new(document, "axes", without_about(json_object_get(document, "axes")));
    char *text = json_dumps(document, JSON_SORT_KEYS | JSON_COMPACT);
    json_decref(document);
    if (!text)
        abort(); /* it was read from JSON: only memory can be short */
    tl_hash_add_string(&h, text);
    free(text);
    int status = c->model_file ? hash_tree(&h, c->model_file, e) : 0;
    if (c->model_file)
        tl_onnx_hash_external(&h, c->model_file);
    for (size_t i = 0; status == 0 && i < json_array_size(c->inputs); i++) {
        const char *npy = json_string_value(json_object_get(json_array_get(c->inputs, i), "npy"));
        if (npy)
            status = hash_tree(&h, npy, e);
    }
    for (size_t i = 0; i < c->n_files; i++)
        tl_hash_add_string(&h, c->files[i].text);
    if (status == 0)
        status = hash_expected(&h, c, e);
    tl_hash_end(&h, hex);
    memcpy(c->hash, hex, TL_ID_SIZE - 1);
    c->hash[TL_ID_SIZE - 1] = '\0';
    return status;
}

int tl_case_parse(const char *text, size_t size, const char *path, struct tl_case **out,
                  struct tl_mistakes *m, struct tl_error *e)
{
    struct tl_check ck;
    json_t *document;
    *out = NULL;
    if (tl_check_begin(&ck, text, size, path, the_case, &document, m, e))
        return -1;
    struct tl_case *c = tl_calloc(1, sizeof *c);
    c->arena = ck.arena;
    c->document = document;
    c->path = tl_arena_string(ck.arena, path);
    c->directory = tl_check_directory(ck.arena, path);
    ck.c = c;
    tl_check_document(&ck, document);
    tl_check_end(&ck, m);
    int status = m->n ? tl_check_failed(path, the_case, m, e) : hash_case(c, e);
    if (!status)
        c->reference.as = tl_reference_case(c, c->arena);
    if (status)
        tl_case_free(c);
    else
        *out = c;
    return status;
}

/* The case of a directory as `trapline init` writes it; the caller's. NULL: the path is none. */
static char *in_directory(const char *path)
{
    struct stat st;
    size_t n = strlen(path);
    if (stat(path, &st) || !S_ISDIR(st.st_mode))
        return NULL;
    while (n > 1 && path[n - 1] == '/')
        n--;
    char *inside = tl_format("%.*s/case.json", (int)n, path);
    if (!stat(inside, &st) && S_ISREG(st.st_mode))
        return inside;
    free(inside);
    return NULL;
}

int tl_case_load(const char *path, struct tl_case **c, struct tl_mistakes *m, struct tl_error *e)
{
    size_t size;
    *c = NULL;
    *m = (struct tl_mistakes){0};
    char *inside = in_directory(path);
    path = inside ? inside : path;
    char *text = tl_check_read(path, the_case, &size, e);
    int status = text ? tl_case_parse(text, size, path, c, m, e) : -1;
    free(text);
    free(inside);
    return status;
}

void tl_case_free(struct tl_case *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n_axes; i++)
        tl_axis_sets_free(c->axes[i].sets);
    json_decref(c->document);
    json_decref(c->inputs);
    tl_arena_free(c->arena);
    free(c);
}
