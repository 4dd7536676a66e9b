/* Packages that are installed for an interpreter, as a digest. They are tens of thousands of files, which nobody wants
 * to read before a trial of a tenth of a second. What an installer changes shows in the directory that holds them: the names of the
 * packages with their versions, and the list of files that it leaves with each. A file that somebody edits within an
 * installed package is not seen, except in one that is installed in place, which only refers to its sources. */
#include "harness/executor/content.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/paths.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#define LINKS_MOST 65536
#define PARENTS_MOST 32

static int is_seen(const struct dirent *x)
{
    return *x->d_name != '.' && strcmp(x->d_name, "__pycache__");
}

static void add_state(struct tl_hash *h, const char *path)
{
    struct stat st;
    if (stat(path, &st))
        return;
    struct timespec modified = tl_modified(&st);
    char *state = tl_format("%lld %lld.%09ld", (long long)st.st_size, (long long)modified.tv_sec,
                            (long)modified.tv_nsec);
    tl_hash_add_string(h, state);
    free(state);
}

/* The directories that a package which is installed in place refers to. */
static void add_links(struct tl_content *x, struct tl_hash *h, const char *path)
{
    size_t size;
    char *text = tl_read_file(path, LINKS_MOST, &size), *save = NULL;
    for (char *line = text ? strtok_r(text, "\r\n", &save) : NULL; line; line = strtok_r(NULL, "\r\n", &save))
        if (*line == '/')
            tl_content_walk(x, h, TL_CONTENT_SOURCES, line);
    free(text);
}

/* A package is a directory of which the time says nothing (Python writes what it compiled into it), so its first file
 * and its number do; what its installer wrote about it stands beside. */
static void add_package(struct tl_content *x, struct tl_hash *h, const char *directory, const char *name)
{
    static const char *const within[] = {"__init__.py", "RECORD", "METADATA", "PKG-INFO", "package.json"};
    char *path = tl_format("%s/%s", directory, name);
    const char *dot = strrchr(name, '.');
    struct stat st;
    tl_hash_add_string(h, name);
    if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
        tl_hash_add(h, &st.st_ino, sizeof st.st_ino);
        for (size_t i = 0; i < TL_COUNT(within); i++) {
            char *file = tl_format("%s/%s", path, within[i]);
            add_state(h, file);
            free(file);
        }
    } else {
        add_state(h, path);
        if (dot && (!strcmp(dot, ".pth") || !strcmp(dot, ".egg-link")))
            add_links(x, h, path);
    }
    free(path);
}

static void add_packages(struct tl_content *x, struct tl_hash *h, const char *directory)
{
    struct dirent **list;
    struct tl_hash inner;
    char *key = tl_format("packages %s", directory);
    bool known = tl_content_known(x, h, key, &inner);
    int n = known ? -1 : scandir(directory, &list, is_seen, alphasort);
    for (int i = 0; i < n; i++) {
        add_package(x, &inner, directory, list[i]->d_name);
        free(list[i]);
    }
    if (n >= 0)
        free(list);
    else if (!known)
        tl_hash_add_string(&inner, strerror(errno));
    if (!known)
        tl_content_know(x, h, key, &inner);
    free(key);
}

static void add_matching(struct tl_content *x, struct tl_hash *h, const char *pattern)
{
    glob_t found;
    if (!glob(pattern, 0, NULL, &found)) {
        for (size_t i = 0; i < found.gl_pathc; i++)
            add_packages(x, h, found.gl_pathv[i]);
        globfree(&found);
    }
}

/* PREFIX/lib/python3.11/site-packages, and dist-packages as Debian has it. */
static void add_prefix(struct tl_content *x, struct tl_hash *h, const char *prefix)
{
    static const char *const kinds[] = {"site-packages", "dist-packages"};
    for (size_t i = 0; i < TL_COUNT(kinds); i++) {
        char *pattern = tl_format("%s/lib/python3*/%s", prefix, kinds[i]);
        add_matching(x, h, pattern);
        free(pattern);
    }
}

/* The directory above the one of a path; "" at the top. */
static char *above(const char *path)
{
    char *copy = tl_strdup(path), *slash;
    for (int i = 0; i < 2 && (slash = strrchr(copy, '/')); i++)
        *slash = '\0';
    return copy;
}

void tl_content_python(struct tl_content *x, struct tl_hash *h, const char *interpreter)
{
    if (x->found)
        return;
    char *real = realpath(interpreter, NULL), *home = tl_home(".local");
    char *prefixes[] = {above(interpreter), real ? above(real) : NULL, tl_strdup("/usr/local"), home};
    bool is_link = prefixes[1] && strcmp(prefixes[0], prefixes[1]);
    for (size_t i = 0; i < TL_COUNT(prefixes); i++) {
        if (prefixes[i] && (i != 1 || is_link))
            add_prefix(x, h, prefixes[i]);
        free(prefixes[i]);
    }
    free(real);
}

static void add_above(struct tl_content *x, struct tl_hash *h, const char *directory)
{
    char *at = tl_strdup(directory);
    for (int i = 0; *at && i < PARENTS_MOST; i++) {
        char *venv = tl_format("%s/.venv", at), *modules = tl_format("%s/node_modules", at),
             *list = tl_format("%s/.package-lock.json", modules), *slash;
        add_prefix(x, h, venv);
        add_packages(x, h, modules);
        add_state(h, list);
        free(venv);
        free(modules);
        free(list);
        if (!(slash = strrchr(at, '/')))
            break;
        *slash = '\0';
    }
    free(at);
}

void tl_content_environment_of(struct tl_content *x, struct tl_hash *h, const char *directory)
{
    struct tl_hash inner;
    if (x->found)
        return;
    char *key = tl_format("above %s", directory);
    if (!tl_content_known(x, h, key, &inner)) {
        add_above(x, &inner, directory);
        tl_content_know(x, h, key, &inner);
    }
    free(key);
}
