/* Checks "files" of a case: texts beside it that are written into the scratch directory of each trial. */
#include "cases/check.h"
#include "cases/suggest.h"
#include "cases/written_files.h"
#include "harness/base/buffer.h"
#include "harness/base/program.h"
#include "harness/base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILES_MAX 64
#define NAME_MAX_SIZE 1024

struct template_check {
    struct tl_check *ck;
    const struct tl_json_place *at;
};

static void check_marker(void *arg, const char *name, size_t size, size_t line, bool bad)
{
    const struct template_check *t = arg;
    char *word = tl_format("%.*s", (int)(size < 79 ? size : 79), name);
    const char *suggested = bad ? NULL : tl_suggest_axis(t->ck->c, NULL, word, false);
    if (bad)
        tl_note(t->ck, t->at,
                "line %zu of it has an \"@{\" that begins no @{AXIS}: write @@{ where it is the file's own",
                line);
    else if (!tl_case_axis(t->ck->c, word, NULL))
        tl_note(t->ck, t->at,
                "line %zu of it has @{%s}, and the case has no such axis%s%s%s; write @@{ where it is the "
                "file's own",
                line, word, suggested ? "; did you mean @{" : "", suggested ? suggested : "",
                suggested ? "}?" : "");
    free(word);
}

/* Whether a path leads to something below where it begins: no part of it is empty, "." or "..". */
static bool stays_below(const char *name)
{
    for (const char *part = name;; part += strcspn(part, "/") + 1) {
        size_t n = strcspn(part, "/");
        if (!n || (n == 1 && part[0] == '.') || (n == 2 && !strncmp(part, "..", 2)))
            return false;
        if (!part[n])
            return true;
    }
}

static bool is_utf8(const char *text, size_t size)
{
    unsigned code;
    for (size_t i = 0, n; i < size; i += n)
        if (!(n = tl_utf8_decode(text + i, size - i, &code)) || !code)
            return false;
    return true;
}

/* The text of a template, in the arena; NULL after a mistake. */
static const char *check_template(struct tl_check *ck, const struct tl_json_place *at, const char **path)
{
    const char *name = tl_check_string(ck, at, 1, 4096), *kept = NULL;
    struct stat st;
    size_t size = 0;
    if (!name)
        return NULL;
    char *whole = *name == '/' ? tl_strdup(name) : tl_format("%s/%s", ck->c->directory, name), *text = NULL;
    if (stat(whole, &st))
        tl_note(ck, at, "expected a file with @{AXIS} where values stand: %.512s: %s", whole,
                strerror(errno));
    else if (!S_ISREG(st.st_mode))
        tl_note(ck, at, "expected a file with @{AXIS} where values stand: %.512s is no regular file", whole);
    else if (st.st_size > (off_t)TL_WRITTEN_TEXT_MOST)
        tl_note(ck, at, "expected a file of at most %zu KiB: %.512s has more", TL_WRITTEN_TEXT_MOST >> 10,
                whole);
    else if (!(text = tl_read_file(whole, TL_WRITTEN_TEXT_MOST + 1, &size)) || size > TL_WRITTEN_TEXT_MOST)
        tl_note(ck, at, "expected a file with @{AXIS} where values stand: %.512s cannot be read", whole);
    else if (!is_utf8(text, size))
        tl_note(ck, at, "expected a text in UTF-8: %.512s is none", whole);
    else
        kept = tl_arena_string(ck->arena, text);
    *path = tl_arena_string(ck->arena, whole);
    free(text);
    free(whole);
    return kept;
}

void tl_check_files(struct tl_check *ck, const struct tl_json_place *at)
{
    struct tl_case *c = ck->c;
    if (!at->value || !tl_check_list(ck, at, 1, FILES_MAX, "files"))
        return;
    if (c->model_kind != TL_MODEL_STEPS) {
        tl_note(ck, at, "expected it only where the model has \"steps\", which read what is written");
        return;
    }
    c->files = tl_arena_alloc(ck->arena, json_array_size(at->value) + 1, sizeof *c->files);
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        struct tl_key keys[2];
        struct tl_written_file f = {0};
        if (!tl_check_keys(ck, &it, &tl_keys_file, keys, "an object with \"name\" and \"template\""))
            continue;
        f.name = tl_arena_string(ck->arena, tl_check_string(ck, &keys[0].at, 1, NAME_MAX_SIZE));
        if (f.name && !stays_below(f.name))
            tl_note_found(
                ck, &keys[0].at,
                "expected the name of a file in {scratch}, which may be below directories there; no \"..\"");
        for (size_t i = 0; f.name && i < c->n_files; i++)
            if (!strcmp(c->files[i].name, f.name))
                tl_note_found(ck, &keys[0].at, "expected a name that is not listed before (at [%zu])", i);
        f.text = check_template(ck, &keys[1].at, &f.path);
        if (f.text) {
            struct template_check t = {ck, &keys[1].at};
            tl_markers(f.text, check_marker, &t);
        }
        if (f.name && f.text)
            c->files[c->n_files++] = f;
    }
}
