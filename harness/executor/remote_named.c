#include "harness/executor/remote_named.h"

#include "cases/reference.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static const char refused[] = "a job is refused";

/* --- of who asks ---------------------------------------------------------------------------------------- */

char **tl_remote_named_files(const struct tl_case *c)
{
    char **list = tl_reference_files(c);
    json_t *input;
    size_t i, n = 0;
    while (list[n])
        n++;
    json_array_foreach(c->inputs, i, input) {
        const char *npy = json_string_value(json_object_get(input, "npy"));
        if (!npy)
            continue;
        list = tl_realloc(list, n + 2, sizeof *list);
        list[n++] = tl_strdup(npy);
        list[n] = NULL;
    }
    return list;
}

/* --- of who runs it ------------------------------------------------------------------------------------- */

/* Whatever "{AXIS}" in it stands for: values are looked at beside. */
static bool stays_below(const char *path)
{
    if (*path == '/' || !*path)
        return false;
    for (const char *at = path; *at;) {
        size_t part = strcspn(at, "/");
        if (part == 2 && at[0] == '.' && at[1] == '.')
            return false;
        at += part;
        at += *at == '/';
    }
    return true;
}

/* A value that a path may have in it is no path itself. */
static bool is_plain(const json_t *value)
{
    const char *text = json_string_value(value);
    return !text || (!strchr(text, '/') && !strstr(text, ".."));
}

/* Every text below an axis, or in what a variant is made of, however deep: the lists are short, and their depth is bounded by jansson. */
static bool are_plain(const json_t *j, int depth)
{
    json_t *one;
    const char *key;
    size_t i;
    if (depth > 8 || !is_plain(j))
        return false;
    json_array_foreach(j, i, one)
        if (!are_plain(one, depth + 1))
            return false;
    json_object_foreach((json_t *)(uintptr_t)j, key, one)
        if (!are_plain(one, depth + 1))
            return false;
    return true;
}

static int check_path(const char *path, bool plain, const char *job, struct tl_error *e)
{
    if (path && !stays_below(path))
        return tl_fail(e, TL_ERROR_INPUT, refused, job, "%.200s stands outside of the directory of its case",
                       path);
    if (path && strchr(path, '{') && !plain)
        return tl_fail(e, TL_ERROR_INPUT, refused, job,
                       "%.200s would be another file with a value that is a path", path);
    return 0;
}

/* A runner, or a build of it, that is named by its path is a program of who asks. */
static int check_unit(const char *unit, const char *job, struct tl_error *e)
{
    return unit && strchr(unit, '/')
               ? tl_fail(
                     e, TL_ERROR_INPUT, refused, job,
                     "its reference %.200s is a program, or a library, of who asks; name a runner that is "
                     "installed here",
                     unit)
               : 0;
}

int tl_remote_named_check(const json_t *document, const char *job, struct tl_error *e)
{
    const json_t *reference = json_object_get(document, "reference");
    bool plain =
        are_plain(json_object_get(document, "axes"), 0) && are_plain(json_object_get(reference, "with"), 0);
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(document, "inputs"), i, one)
        if (check_path(json_string_value(json_object_get(one, "npy")), plain, job, e))
            return -1;
    json_array_foreach(json_object_get(reference, "outputs"), i, one)
        if (check_path(json_string_value(json_object_get(one, "npy")), plain, job, e) ||
            check_path(json_string_value(json_object_get(one, "pb")), plain, job, e))
            return -1;
    return check_unit(json_string_value(json_object_get(reference, "unit")), job, e);
}
