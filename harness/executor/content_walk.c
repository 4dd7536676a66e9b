/* Files of a directory, as a digest of their names and contents.
 *
 * Sources (by their extension) and data are taken apart. A source decides what a program does: it counts as it is
 * now, also when it is edited while trials run. Data may as well be what the trials themselves write: logs, counters,
 * outputs beside the script. So it counts as it was when the command began, and what had changed when trials had run
 * is remembered as their output, in that state: until somebody else changes it, it counts as what it was before,
 * or for nothing where it was not there. Of a process that was killed the next one finds out (content_session.c).
 *
 * What trapline writes is left out (its database, its caches, the scratch directories), and so are case files, whose
 * content counts already, without its layout. Bounded: after FILES_MOST files the rest is not looked at, and this is
 * said; data beyond a size counts with its state (inode, size and times) and not with its content. */
#include "harness/executor/content.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/places.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES_MOST 20000
#define DEPTH_MOST 24
#define REPORT_MOST (64u << 20)
#define CASE_MOST (4 << 20)
#define LARGE (64 << 20)                 /* beside a script: content up to here */
#define NAMED_TOTAL (UINT64_C(16) << 30) /* of a directory that is named: content up to here */
#define BESIDE_TOTAL (UINT64_C(1) << 30) /* the same, of what is beside */

struct walk {
    struct tl_content *x;
    enum tl_content_mode mode;
    const char *top; /* what is looked at */
    size_t root;     /* length of its path */
    bool with_data, closing, any_source, any_data;
    const struct timespec *until; /* closing: what changed later is not of its trials; NULL */
    struct tl_hash *sources, *data;
    uint64_t bytes;
};

void tl_content_note(struct tl_content *x, const char *format, ...)
{
    char text[1024];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    if (!json_object_get(x->notes, text))
        json_object_set_new_nocheck(x->notes, text, json_false()); /* true: was said */
}

static const char *extension(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : "";
}

bool tl_content_is_source(const char *name)
{
    static const char *const sources[] = {
        "py",   "pyi",  "pyx", "pyw",   "pth", "so",  "dylib", "dll",   "js",    "mjs",      "cjs",   "ts",
        "mts",  "cts",  "jsx", "tsx",   "rb",  "pl",  "pm",    "t",     "lua",   "sh",       "bash",  "zsh",
        "fish", "ksh",  "tcl", "r",     "R",   "jl",  "php",   "swift", "go",    "rs",       "c",     "h",
        "cc",   "cpp",  "cxx", "hpp",   "hh",  "m",   "mm",    "java",  "kt",    "kts",      "scala", "cs",
        "fs",   "ml",   "mli", "hs",    "ex",  "exs", "erl",   "clj",   "metal", "metallib", "cl",    "cu",
        "ptx",  "wasm", "jar", "class", "awk", "sed", "mk",    "cmake"};
    return tl_is_one_of(extension(name), sources, TL_COUNT(sources)) || strstr(name, ".so.");
}

static bool is_left_out(const char *name)
{
    static const char *const extensions[] = {"pyc", "pyo", "log", "tmp", "swp", "swo", "DS_Store"};
    size_t n = strlen(name);
    return tl_is_one_of(extension(name), extensions, TL_COUNT(extensions)) || (n && name[n - 1] == '~');
}

static bool is_within(const char *path, const char *directory)
{
    size_t n = directory ? strlen(directory) : 0;
    return n && !strncmp(path, directory, n) && (path[n] == '/' || !path[n]);
}

/* Behind the name of a database: what reductions keep there. */
static bool is_of_reductions(const char *behind)
{
    static const char reductions[] = "-reductions";
    return !strncmp(behind, reductions, sizeof reductions - 1) &&
           (!behind[sizeof reductions - 1] || behind[sizeof reductions - 1] == '/');
}

/* A directory of trapline's is none where somebody keeps a case in it: a case may be tried where TMPDIR is. */
static bool is_own(const struct walk *w, const char *path)
{
    static const char *const beside_database[] = {"", "-wal", "-shm", "-journal", "-intent", "-nightly"};
    /* Behind these stands a number, or a part that is drawn: as long as another process writes to it, or another one is
     * merged into it. */
    static const char another[] = "-intent-", merged[] = "-merge-";
    const struct tl_content *x = w->x;
    size_t n = x->database ? strlen(x->database) : 0;
    if (n && !strncmp(path, x->database, n) &&
        (tl_is_one_of(path + n, beside_database, TL_COUNT(beside_database)) ||
         !strncmp(path + n, another, sizeof another - 1) || !strncmp(path + n, merged, sizeof merged - 1) ||
         (is_of_reductions(path + n) &&
          (strncmp(w->top, x->database, n) != 0 || !is_of_reductions(w->top + n)))))
        return true;
    for (size_t i = 0; i < TL_COUNT(x->own); i++)
        if (is_within(path, x->own[i]) && !is_within(w->top, x->own[i]))
            return true;
    return false;
}

/* Whether a file of JSON is one of trapline's: a case, a suite. Remembered for its state. */
static bool is_case_file(struct tl_content *x, const char *path, const struct stat *st)
{
    if (strcmp(extension(path), "json") || st->st_size > CASE_MOST)
        return false;
    char *key = tl_format("case:%s", path);
    const char *known = tl_known_hashes_text(&x->table, key, st);
    bool is = known && *known == '1';
    if (!known) {
        size_t size;
        char *text = tl_read_file(path, CASE_MOST, &size);
        is = text && memmem(text, size, "\"trapline\"", 10);
        free(text);
        tl_known_hashes_put(&x->table, key, st, is ? "1" : "0");
    }
    free(key);
    return is;
}

/* What a file counts as, the caller's: its content, or its state where that is too large. */
static char *content_of(struct walk *w, const char *path, const struct stat *st)
{
    char hex[TL_SHA256_SIZE];
    bool named = w->mode == TL_CONTENT_TREE || w->mode == TL_CONTENT_FILE;
    w->bytes += (uint64_t)st->st_size;
    if ((!named && st->st_size > LARGE) || w->bytes > (named ? NAMED_TOTAL : BESIDE_TOTAL) ||
        tl_known_hashes_of(&w->x->table, path, st, hex))
        return tl_file_state(st);
    return tl_strdup(hex);
}

static void note_counted(struct tl_content *x, const char *path, const char *as)
{
    json_object_set_new(x->counted, path, json_pack("{s:s,s:s*}", "content", as, "named_by", x->namer));
}

static void add_content(struct walk *w, struct tl_hash *h, const char *path, const char *as)
{
    tl_hash_add_string(h, path + w->root);
    tl_hash_add_string(h, as);
    note_counted(w->x, path, as);
    *(h == w->sources ? &w->any_source : &w->any_data) = true;
}

/* Whether trapline's own output goes to a file, or went there the last time: `trapline isolate c.json >out.json`. */
static bool is_redirected(struct tl_content *x, const char *path, const struct stat *st)
{
    char *key = tl_format("stream:%s", path),
         *which = tl_format("%llu %llu", (unsigned long long)st->st_dev, (unsigned long long)st->st_ino);
    const char *then = json_string_value(json_object_get(x->table.known, key));
    bool is = then && !strcmp(then, which);
    for (int i = 0; i < 2 && !is; i++)
        if (S_ISREG(x->streams[i].st_mode) && x->streams[i].st_ino == st->st_ino &&
            x->streams[i].st_dev == st->st_dev) {
            json_object_set_new_nocheck(x->table.known, key, json_string(which));
            is = x->table.changed = true;
        }
    free(key);
    free(which);
    return is;
}

static bool is_later(struct timespec a, struct timespec b)
{
    return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

/* What is looked at for the first time and changed while trials ran is theirs: it was not there when the command began. */
static bool is_new(const struct walk *w, const char *path, const struct stat *st)
{
    const struct tl_content_session *s = &w->x->session;
    const struct timespec changed = tl_changed(st);
    if (json_object_get(w->x->states, path))
        return false;
    for (size_t i = 0; i < s->n_earlier; i++)
        if (is_later(changed, s->earlier[i].from) && !is_later(changed, s->earlier[i].until))
            return true;
    return s->running && is_later(changed, s->began);
}

static const char as_before[] = "as ";

/* In the end: whether trials changed it. */
static void look_at_data(struct walk *w, const char *key, const char *path, const struct stat *st,
                         const char *state)
{
    const char *then = json_string_value(json_object_get(w->x->states, path)),
               *as = then ? strchr(then, '\n') : NULL;
    size_t n = strlen(state);
    if ((then && !strncmp(then, state, n) && then[n] == '\n') ||
        (w->until && is_later(tl_changed(st), *w->until)))
        return;
    char *text = as && as[1] ? tl_format("%s%s", as_before, as + 1) : tl_strdup("written by trials");
    tl_known_hashes_put(&w->x->table, key, st, text);
    free(text);
}

/* Data: at the beginning it counts. */
static void take_data(struct walk *w, const char *path, const struct stat *st)
{
    if (is_case_file(w->x, path, st) || is_redirected(w->x, path, st))
        return;
    char *state = tl_file_state(st), *key = tl_format("output:%s", path);
    if (w->closing) {
        look_at_data(w, key, path, st, state);
    } else {
        if (is_new(w, path, st) && !tl_known_hashes_text(&w->x->table, key, st))
            tl_known_hashes_put(&w->x->table, key, st, "written by trials");
        const char *known = tl_known_hashes_text(&w->x->table, key, st);
        char *as =
            known ? tl_strdup(strncmp(known, as_before, sizeof as_before - 1) ? ""
                                                                              : known + sizeof as_before - 1)
                  : content_of(w, path, st);
        if (*as)
            add_content(w, w->data, path, as);
        char *both = tl_format("%s\n%s", state, as);
        json_object_set_new_nocheck(w->x->states, path, json_string(both));
        free(both);
        free(as);
    }
    free(key);
    free(state);
}

static void take_file(struct walk *w, const char *path, const char *name, const struct stat *st)
{
    bool named = w->mode == TL_CONTENT_TREE || w->mode == TL_CONTENT_FILE;
    if (!S_ISREG(st->st_mode) || is_own(w, path) || (!named && is_left_out(name)))
        return;
    if (w->x->found)
        w->x->found(w->x->found_arg, w->mode, path, w->top);
    if (tl_content_is_source(name)) {
        if (!w->closing) {
            char *as = content_of(w, path, st);
            add_content(w, w->sources, path, as);
            free(as);
        }
        return;
    }
    bool wanted = w->mode == TL_CONTENT_BESIDE || w->mode == TL_CONTENT_NAMED || named ||
                  (w->mode == TL_CONTENT_RUNNER && (*extension(name) || (st->st_mode & 0111)));
    if (wanted && w->with_data)
        take_data(w, path, st);
}

/* A bundle that was written beside the case is made of it: its files are no files of the case. Its report begins with its own
 * version (reports/finding/formats.c) and holds what the bundle has. */
static bool is_written_bundle(const char *path)
{
    static const char *const parts[] = {"report.json", "report.md", "environment.json"};
    bool is = true;
    for (size_t i = 0; is && i < TL_COUNT(parts); i++) {
        char *part = tl_format("%s/%s", path, parts[i]);
        is = !access(part, F_OK);
        free(part);
    }
    if (!is)
        return false;
    size_t size = 0;
    char *name = tl_format("%s/report.json", path), *text = tl_read_file(name, REPORT_MOST, &size);
    json_t *report = text ? json_loadb(text, size, 0, NULL) : NULL;
    is = json_is_integer(json_object_get(report, "report")) &&
         json_is_object(json_object_get(report, "bundle"));
    json_decref(report);
    free(text);
    free(name);
    return is;
}

/* Directories that hold no source of the script beside which they are, or are looked at in another way. */
static bool is_passed_over(const struct walk *w, const FTSENT *f)
{
    if (!strcmp(f->fts_name, "__pycache__") || is_own(w, f->fts_path) || f->fts_level > DEPTH_MOST ||
        is_written_bundle(f->fts_path))
        return true;
    if (w->mode == TL_CONTENT_TREE)
        return false;
    char *venv = tl_format("%s/pyvenv.cfg", f->fts_path);
    bool passed = *f->fts_name == '.' || w->mode == TL_CONTENT_FLAT || !strcmp(f->fts_name, "node_modules") ||
                  !strcmp(f->fts_name, "site-packages") || !access(venv, F_OK);
    free(venv);
    return passed;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Where a tree is as broad as a system, looking at it would tell nothing and take minutes. */
static bool note_broad(struct walk *w, const char *path)
{
    bool broad = tl_place_is_broad(path);
    if (broad && w->mode != TL_CONTENT_FLAT)
        tl_content_note(
            w->x,
            "%s is too broad to be looked at: what changes in it is not seen, and outcomes that are "
            "known from before may be of other files. Keep the case's files in a directory of their own",
            path);
    return broad;
}

/* Behind a link may be a directory, of modules that are kept elsewhere. fts leaves those out that hold the link. */
static void take_link(struct walk *w, FTS *fts, FTSENT *f)
{
    struct stat st;
    char *real = realpath(f->fts_path, NULL);
    if (!real || stat(real, &st))
        st.st_mode = 0;
    if (S_ISREG(st.st_mode))
        take_file(w, f->fts_path, f->fts_name, &st);
    else if (S_ISDIR(st.st_mode) && !note_broad(w, real))
        fts_set(fts, f, FTS_FOLLOW);
    free(real);
}

/* What nobody has looked at is not taken for empty. */
static void take_unlisted(struct walk *w, const char *path, int err)
{
    if (w->closing)
        return;
    add_content(w, w->sources, path, strerror(err));
    tl_content_note(
        w->x,
        "%s cannot be listed (%s): what changes in it is not seen, and outcomes that are known from "
        "before may be of other files",
        path, strerror(err));
}

static void walk(struct walk *w, const char *path)
{
    char *copy = tl_strdup(path);
    char *const roots[] = {copy, NULL};
    bool broad = note_broad(w, path);
    FTS *fts = broad && w->mode == TL_CONTENT_TREE
                   ? NULL
                   : fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
    size_t n = 0;
    for (FTSENT *f; fts && (f = fts_read(fts));) {
        if (f->fts_info == FTS_D && f->fts_level > 0 && (broad || is_passed_over(w, f)))
            fts_set(fts, f, FTS_SKIP);
        if (f->fts_info == FTS_F)
            take_file(w, f->fts_path, f->fts_name, f->fts_statp);
        else if (f->fts_info == FTS_DNR || f->fts_info == FTS_ERR)
            take_unlisted(w, f->fts_path, f->fts_errno);
        else if (f->fts_info == FTS_SL)
            take_link(w, fts, f);
        if (++n > FILES_MOST) {
            tl_content_note(
                w->x,
                "%s holds more than %d files: what changes in the rest of them is not seen, and outcomes "
                "that are known from before may be of other files. Say in \"versions\" of the case how "
                "their version is found out",
                path, FILES_MOST);
            break;
        }
    }
    if (fts)
        fts_close(fts);
    free(copy);
}

static void walk_file(struct walk *w, const char *path)
{
    struct stat st;
    if (stat(path, &st))
        return;
    if (w->closing && S_ISDIR(st.st_mode)) { /* it was not there when the command began: trials made it */
        w->mode = TL_CONTENT_TREE;
        walk(w, path);
    } else {
        take_file(w, path, tl_base_name(path), &st);
    }
}

/* By one path for each directory, without links and dots: what is trapline's own is known by its path. */
static void walk_any(struct walk *w, const char *path)
{
    char *real = realpath(path, NULL);
    if (w->x->found && real && strcmp(real, path) != 0)
        w->x->found(w->x->found_arg, TL_CONTENT_LINK, path, path);
    path = real ? real : path;
    w->top = path;
    w->root = w->mode == TL_CONTENT_FILE ? 0 : strlen(path);
    if (w->mode == TL_CONTENT_FILE)
        walk_file(w, path);
    else
        walk(w, path);
    free(real);
}

void tl_content_walk(struct tl_content *x, struct tl_hash *h, enum tl_content_mode mode, const char *path)
{
    char sources[TL_SHA256_SIZE] = "", data[TL_SHA256_SIZE] = "";
    char *key = tl_format("%c %s", mode, path);
    const char *known = json_string_value(json_object_get(x->memo, key)), *first;
    struct tl_hash s, d;
    if (known) {
        if (*known)
            tl_hash_add_string(h, known);
        free(key);
        return;
    }
    bool with_data = !(first = json_string_value(json_object_get(x->first, key)));
    if (tl_hash_begin(&s) || tl_hash_begin(&d))
        abort(); /* out of memory */
    struct walk w = {.x = x, .mode = mode, .with_data = with_data, .sources = &s, .data = &d};
    walk_any(&w, path);
    tl_hash_end(&s, sources);
    tl_hash_end(&d, data);
    if (!w.any_data)
        data[0] = '\0';
    /* Where nothing counts it is as if nobody had named it: what trials write comes to be there at any time. */
    const char *of_data = first ? first : data;
    char *both = w.any_source || *of_data ? tl_format("%s %s", sources, of_data) : tl_strdup("");
    if (!first)
        json_object_set_new_nocheck(x->first, key, json_string(data));
    json_object_set_new_nocheck(x->memo, key, json_string(both));
    if (!json_object_get(x->roots, key))
        x->session.unsaved = !json_object_set_new_nocheck(x->roots, key, json_true());
    if (*both)
        tl_hash_add_string(h, both);
    free(both);
    free(key);
}

void tl_content_now(struct tl_content *x, struct tl_hash *h, const char *path)
{
    struct stat st;
    char hex[TL_SHA256_SIZE];
    tl_hash_add_string(h, path);
    if (x->found)
        x->found(x->found_arg, TL_CONTENT_PROGRAM, path, path);
    if (!stat(path, &st) && S_ISREG(st.st_mode) && !tl_known_hashes_of(&x->table, path, &st, hex)) {
        tl_hash_add_string(h, hex);
        note_counted(x, path, hex);
    }
}

void tl_content_close_data(struct tl_content *x, const struct timespec *until)
{
    const char *key;
    json_t *unused;
    json_object_foreach(x->roots, key, unused) {
        struct walk w = {
            .x = x, .mode = (enum tl_content_mode) * key, .with_data = true, .closing = true, .until = until};
        walk_any(&w, key + 2);
    }
}

void tl_content_end(struct tl_content *x, bool ran)
{
    if (!x->is_open)
        return;
    if (ran)
        tl_content_close_data(x, NULL);
    tl_known_hashes_close(&x->table);
    tl_content_session_end(x);
    json_t *const lists[] = {x->memo, x->first, x->roots, x->states, x->notes, x->counted};
    for (size_t i = 0; i < TL_COUNT(lists); i++)
        json_decref(lists[i]);
    for (size_t i = 0; i < TL_COUNT(x->own); i++)
        free(x->own[i]);
    free(x->database);
    free(x->key);
    *x = (struct tl_content){0};
}
