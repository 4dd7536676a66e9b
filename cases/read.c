/* What comes before the checks, for every kind of file: the text, its JSON, the places in it. Mistakes of
 * syntax are jansson's, said again in words for who wrote the file. */
#include "cases/read.h"
#include "harness/base/buffer.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The absolute directory of a path; the file itself need not exist. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *directory = slash ? tl_format("%.*s", (int)(slash - path + (slash == path)), path) : tl_strdup(".");
    char *absolute = realpath(directory, NULL);
    if (!absolute && directory[0] != '/') {
        char *here = getcwd(NULL, 0);
        absolute = tl_format("%s/%s", here ? here : "", directory);
        free(here);
    }
    if (!absolute)
        return directory;
    free(directory);
    return absolute;
}

const char *tl_check_directory(struct tl_arena *a, const char *path)
{
    char *directory = directory_of(path);
    const char *kept = tl_arena_string(a, directory);
    free(directory);
    return kept;
}

int tl_check_failed(const char *path, const char *kind, const struct tl_mistakes *m, struct tl_error *e)
{
    const struct tl_mistake *first = &m->list[0];
    char what[64];
    snprintf(what, sizeof what, "the %s file has %s", kind, m->n == 1 ? "a mistake" : "mistakes");
    if (m->n == 1)
        return tl_fail(e, TL_ERROR_INPUT, what, path, "line %d: %.200s: %.600s", first->line, first->path,
                       first->expected);
    return tl_fail(e, TL_ERROR_INPUT, what, path, "the first of %zu: line %d: %.200s: %.600s", m->n,
                   first->line, first->path, first->expected);
}

static void one_mistake(struct tl_mistakes *m, int line, char *expected)
{
    m->n = 1;
    m->list = tl_calloc(1, sizeof *m->list);
    m->list[0] = (struct tl_mistake){line, tl_strdup("$"), expected};
}

/* What jansson says about a text it cannot read, in words for who wrote it. */
static char *syntax_mistake(const char *text, size_t size, const json_error_t *at)
{
    if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
        return tl_strdup("expected JSON, found a byte order mark; save the file as UTF-8 without it");
    switch (json_error_code(at)) {
    case json_error_numeric_overflow:
        return tl_format("expected a number that fits 64 bits: %s", at->text);
    case json_error_null_byte_in_key:
    case json_error_null_character:
        return tl_strdup("expected text without the character U+0000");
    case json_error_invalid_utf8:
        return tl_format("expected text in UTF-8: %s", at->text);
    case json_error_duplicate_key:
        return tl_format("expected each key once: %s", at->text);
    case json_error_premature_end_of_input:
        return tl_format("expected more JSON, found the end of the file: %s", at->text);
    default:
        return tl_format("expected JSON: %s", at->text);
    }
}

int tl_check_begin(struct tl_check *ck, const char *text, size_t size, const char *path, const char *kind,
                   json_t **document, struct tl_mistakes *m, struct tl_error *e)
{
    char what[64];
    json_error_t at;
    *ck = (struct tl_check){0};
    *m = (struct tl_mistakes){0};
    snprintf(what, sizeof what, "cannot load the %s", kind);
    if (size > TL_CASE_SIZE_MAX)
        return tl_fail(e, TL_ERROR_INPUT, what, path, "it is larger than 4 MiB");
    *document = json_loadb(text, size, JSON_REJECT_DUPLICATES, &at);
    if (!*document) {
        one_mistake(m, at.line > 0 ? at.line : 1, syntax_mistake(text, size, &at));
        return tl_check_failed(path, kind, m, e);
    }
    int deep = tl_positions_scan(text, size, &ck->positions);
    if (deep) {
        free(ck->positions.list);
        json_decref(*document);
        one_mistake(m, deep, tl_format("expected at most %d nested lists and objects", TL_CASE_DEPTH_MAX));
        return tl_check_failed(path, kind, m, e);
    }
    ck->arena = tl_arena_new();
    return 0;
}

char *tl_check_read(const char *path, const char *kind, size_t *size, struct tl_error *e)
{
    struct stat st;
    char what[64];
    snprintf(what, sizeof what, "cannot load the %s", kind);
    char *text = NULL;
    if (!strcmp(path, "-")) {
        text = tl_read_input(TL_CASE_SIZE_MAX, size);
        if (!text && errno == EALREADY)
            tl_fail(e, TL_ERROR_INPUT, what, path, "standard input was read already: - stands for it once");
        else if (!text)
            tl_fail_errno(e, TL_ERROR_INPUT, errno, what, path,
                          "standard input cannot be read, or has more than 4 MiB");
    } else if (stat(path, &st) == 0 && S_ISFIFO(st.st_mode)) /* there may never be anybody at its other end */
        tl_fail(e, TL_ERROR_INPUT, what, path, "it is a pipe; a file was expected");
    else if (!(text = tl_read_file(path, TL_CASE_SIZE_MAX, size)) && errno == EFBIG)
        tl_fail(e, TL_ERROR_INPUT, what, path, "it is larger than 4 MiB");
    else if (!text)
        tl_fail_errno(e, TL_ERROR_INPUT, errno, what, path, "%s", "");
    return text;
}
