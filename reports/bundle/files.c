/* Files that a bundle holds as they are: those of the case, and what was made for its trials. */
#include "reports/bundle/parts.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/places.h"
#include "harness/base/plural.h"
#include "reports/members.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MOST (INT64_C(256) << 20)   /* of a file that no command names by itself */
#define OUTSIDE_MOST (INT64_C(32) << 20) /* the same where it stands outside of the case's directory */
#define TOTAL_MOST (INT64_C(4) << 30)
#define TEXT_MOST (64 << 20) /* of a file that is looked through for names */
#define SCRIPT_MOST 262144   /* of one that is looked through for paths */
#define BASES_MOST 64
#define NAMED_SAID 3

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
        return "it is too large (256 MiB are the most of a file that no command names)";
    if (!itself && st.st_size > OUTSIDE_MOST && tl_member_true(file, "outside"))
        return "it is too large (32 MiB are the most of a file that no command names and that stands outside "
               "the "
               "directory of the case); a command of the case that names it brings it";
    return b->copied + st.st_size > TOTAL_MOST ? "there is too much (4 GiB are the most of a bundle)" : NULL;
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
                         tl_plural(n), names.data, n > 3 ? ", …" : ""));
    tl_buffer_free(&names);
}

static void leave_out_many(struct tl_bundle *b, const json_t *directories)
{
    const char *path;
    const json_t *count;
    json_object_foreach((json_t *)(uintptr_t)directories, path, count)
        tl_bundle_leave_out(
            b, tl_format("%lld files of %s, which scripts name as a whole; a command of the case that names "
                         "what it needs of them brings it",
                         (long long)json_integer_value(count), path));
}

/* Inputs and expected outputs are in a bundle for ONNX Runtime anyway. */
static bool is_data_of_runtime(const struct tl_bundle *b, const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && (!strcmp(dot, ".npy") || !strcmp(dot, ".pb")) &&
           tl_member_true(json_object_get(b->report, "bundle"), "repro");
}

/* Whether a link leads to a file that is taken, or to a directory of one. */
static bool is_link_to_taken(const json_t *files, const json_t *link)
{
    const char *to = tl_member_or(link, "to", "");
    const json_t *file;
    size_t i, n = strlen(to);
    json_array_foreach(json_object_get(files, "files"), i, file) {
        const char *path = tl_member_or(file, "path", "");
        if (n > 1 && !strncmp(path, to, n) && (path[n] == '/' || !path[n]))
            return true;
    }
    return false;
}

/* A script whose first line names an interpreter of this machine alone. */
static void look_at_interpreter(struct tl_bundle *b, const char *path, const char *place)
{
    char *line = tl_interpreter_line(path);
    if (!line)
        return;
    const char *name = line + strspn(line, " \t");
    char *interpreter = tl_format("%.*s", (int)strcspn(name, " \t"), name);
    if (*interpreter == '/' && !tl_place_is_of_system(interpreter))
        tl_bundle_leave_out(
            b, tl_format("the interpreter %s, which the first line of %s names: elsewhere that line has to "
                         "name another",
                         interpreter, place));
    free(interpreter);
    free(line);
}

/* The path that begins somewhere in a text: up to what ends a word, or to the end of the quotes around it where a file of that
 * name is there, for directories of people have blanks. The caller's. */
static char *path_at(const char *text, const char *at)
{
    static const char between[] = " \t\r\n\"'`;:,()[]{}<>|&$*";
    const char *quote = at;
    while (quote > text && !strchr("\"'`\r\n", quote[-1]))
        quote--;
    size_t whole = strcspn(at, "\"'`\r\n");
    if (quote > text && at[whole] && at[whole] == quote[-1] && whole < PATH_MAX) {
        char *path = tl_format("%.*s", (int)whole, at);
        if (!access(path, F_OK))
            return path;
        free(path);
    }
    struct tl_buffer path = TL_BUFFER_INIT;
    for (tl_buffer_add_string(&path, ""); *at; at++) {
        if (*at == '\\' && at[1] == ' ')
            at++;
        else if (strchr(between, *at))
            break;
        tl_buffer_add(&path, at, 1);
    }
    return tl_buffer_take(&path);
}

/* The first path in a text that is one of the case on this machine; NULL. The caller's. */
static char *own_path_in(const struct tl_bundle *b, const char *text)
{
    const struct tl_bundle_layout *l = &b->layout;
    const char *bases[BASES_MOST] = {l->real_root, l->root}, *path;
    size_t n = 2;
    json_t *unused;
    json_object_foreach(l->tops, path, unused)
        if (n < TL_COUNT(bases))
            bases[n++] = path;
    for (size_t i = 0; i < n; i++)
        for (const char *at = bases[i] && strlen(bases[i]) > 1 ? text : NULL;
             at && (at = strstr(at, bases[i])); at++) {
            char *word = path_at(text, at),
                 *place = at > text && (isalnum((unsigned char)at[-1]) || strchr("._-/~", at[-1]))
                              ? NULL
                              : tl_layout_place(l, word);
            bool there = place && !access(word, F_OK) && strcmp(word, l->real_root) != 0;
            free(place);
            if (there)
                return word;
            free(word);
        }
    return NULL;
}

/* A script that names another file by where it is here does what it should here alone. */
static void look_for_own_paths(struct tl_bundle *b, const char *path, const char *place)
{
    size_t size;
    char *text = tl_read_file(path, SCRIPT_MOST, &size),
         *named = text && !memchr(text, '\0', size) ? own_path_in(b, text) : NULL;
    if (named && b->named_by_path++ < NAMED_SAID)
        tl_bundle_leave_out(
            b,
            tl_format("what makes %s run elsewhere: it names %s by its place on this machine, and has to be "
                      "changed there",
                      place, named));
    free(named);
    free(text);
}

static int copy_of_case(struct tl_bundle *b, const char *path, const char *place, struct tl_error *e)
{
    char *about = tl_format("of the case%s", tl_bundle_changed_words(b, path));
    look_at_interpreter(b, path, place);
    look_for_own_paths(b, path, place);
    int rc = tl_bundle_copy_file(b, path, place, about, e);
    free(about);
    return rc;
}

/* What the tree has to hold: files, and the links on the way to them. */
static json_t *placed(const json_t *files)
{
    json_t *all = json_array();
    const json_t *link;
    size_t i;
    json_array_extend(all, json_object_get(files, "files"));
    json_array_foreach(json_object_get(files, "links"), i, link)
        if (is_link_to_taken(files, link))
            json_array_append_new(all, json_pack("{s:O,s:O}", "path", json_object_get(link, "path"), "top",
                                                 json_object_get(link, "path")));
    return all;
}

/* A link from one place in the bundle to another; the caller's. */
static char *link_text(const char *from, const char *to)
{
    struct tl_buffer text = TL_BUFFER_INIT;
    size_t same = 0;
    for (size_t n = 0; from[n] && from[n] == to[n]; n++)
        same = from[n] == '/' ? n + 1 : same;
    tl_buffer_add_string(&text, "");
    for (const char *at = from + same; (at = strchr(at, '/')); at++)
        tl_buffer_add_string(&text, "../");
    tl_buffer_add_string(&text, to + same);
    return tl_buffer_take(&text);
}

json_t *tl_bundle_links(const struct tl_bundle *b)
{
    json_t *links = json_array(), *file;
    size_t i;
    json_array_foreach(b->files, i, file)
        if (json_object_get(file, "link"))
            json_array_append(links, file);
    return links;
}

/* A link at one place to another, where that is and nothing else is in the way. */
static int write_link(struct tl_bundle *b, const char *from, const char *to, struct tl_error *e)
{
    char *at = tl_format("%s/%s", b->stage, from), *there = tl_format("%s/%s", b->stage, to);
    struct stat st;
    int rc = 0;
    if (strcmp(at, there) != 0 && !lstat(there, &st) && lstat(at, &st)) {
        char *text = link_text(from, to);
        if (tl_make_parents(at, 0777) || symlink(text, at)) {
            rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, at, "the disk may be full");
        } else {
            tl_bundle_have_made(b, tl_strdup(from), tl_format("a link to %s, as it was", tl_base_name(to)));
            json_object_set_new(json_array_get(b->files, json_array_size(b->files) - 1), "link",
                                json_string(text));
        }
        free(text);
    }
    free(at);
    free(there);
    return rc;
}

/* The links on the way to files that are in the bundle by now. What a file is called may be all that it goes by. */
static int write_links(struct tl_bundle *b, struct tl_error *e)
{
    const json_t *link;
    size_t i;
    int rc = 0;
    json_array_foreach(json_object_get(b->o->files, "links"), i, link) {
        char *from = tl_layout_place(&b->layout, tl_member_or(link, "path", "")),
             *to = tl_layout_place(&b->layout, tl_member_or(link, "to", ""));
        if (rc == 0 && from && to)
            rc = write_link(b, from, to, e);
        free(from);
        free(to);
    }
    return rc;
}

int tl_bundle_write_files(struct tl_bundle *b, struct tl_error *e)
{
    const json_t *files = json_object_get(b->o->files, "files"), *file;
    size_t i;
    int rc = 0;
    if (!b->o->c)
        return 0;
    json_t *all = placed(b->o->files);
    tl_layout_init(&b->layout, b->o->c->directory, all, b->source->keep_paths ? NULL : &b->redaction);
    json_decref(all);
    bool any = false;
    json_array_foreach(files, i, file)
        any = any || !is_data_of_runtime(b, tl_member_or(file, "path", ""));
    char *directory = tl_format("%s/%s/.", b->stage, b->layout.case_at); /* scripts may be told of it */
    if (any && tl_make_parents(directory, 0777))
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
            rc = copy_of_case(b, path, place, e);
        free(place);
    }
    if (rc == 0)
        rc = write_links(b, e);
    if (rc == 0)
        rc = tl_bundle_write_packages(b, e);
    json_t *programs = tl_layout_directories(&b->layout, json_object_get(b->o->files, "in_path"));
    if (json_array_size(programs)) /* for the command that runs its case */
        json_object_set(json_object_get(b->report, "bundle"), "path", programs);
    json_decref(programs);
    tl_bundle_say_changed(b);
    json_array_foreach(json_object_get(b->o->files, "gone"), i, file)
        tl_bundle_leave_out(
            b, tl_format("%s, which a command of the case names: it is not there", json_string_value(file)));
    json_array_foreach(json_object_get(b->o->files, "private"), i, file)
        tl_bundle_leave_out(
            b, tl_format("%s: %s", tl_member_or(file, "path", "?"), tl_member_or(file, "why", "")));
    leave_out_unnamed(b, json_object_get(b->o->files, "left_out"));
    leave_out_many(b, json_object_get(b->o->files, "too_many"));
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
