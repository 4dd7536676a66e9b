#include "reports/bundle/layout.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/places.h"
#include "reports/members.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* So many levels above the case the tree may begin; and where that is a directory of all kinds of things ("/tmp"). */
#define LEVELS_MOST 4
#define LEVELS_AT_HOME 3
#define LEVELS_AT_BROAD 1

static const char top[] = "files";

/* What is left of a path below a directory, with its '/'; "" for the directory itself, NULL for another one. */
static const char *below(const char *path, const char *directory)
{
    size_t n = directory ? strlen(directory) : 0;
    if (n == 1) /* the root of the system holds everything, and is nobody's */
        return NULL;
    return n && !strncmp(path, directory, n) && (path[n] == '/' || !path[n]) ? path + n : NULL;
}

/* The directory so many levels above; NULL when that is the root of the system. */
static char *above(const char *path, int levels)
{
    char *copy = tl_strdup(path), *slash = copy;
    for (int i = 0; i < levels && slash; i++)
        if ((slash = strrchr(copy, '/')))
            *slash = '\0';
    if (slash && *copy)
        return copy;
    free(copy);
    return NULL;
}

/* How many levels above the case the tree has to begin to hold a file; LEVELS_MOST + 1: it stands elsewhere. */
static int levels_to(const struct tl_bundle_layout *l, const char *path)
{
    const char *home = getenv("HOME");
    int levels = 0;
    for (; levels <= LEVELS_MOST; levels++) {
        char *directory = above(l->real, levels);
        bool at_home = directory && home && !strcmp(directory, home);
        int most = at_home                                     ? LEVELS_AT_HOME
                   : directory && tl_place_is_broad(directory) ? LEVELS_AT_BROAD
                                                               : LEVELS_MOST;
        bool holds = directory && levels <= most && below(path, directory);
        bool more = directory;
        free(directory);
        if (holds || !more)
            return holds ? levels : LEVELS_MOST + 1;
    }
    return levels;
}

/* A path in the bundle, without names that tell who somebody is. */
static char *named(const struct tl_bundle_layout *l, const char *path)
{
    return l->redaction ? tl_redact(l->redaction, path) : tl_strdup(path);
}

/* What of a file that stands elsewhere is placed: the directory that was named with all in it, or the file. NULL: it is not of
 * this turn. itself: of those that are named by themselves, else of the others. */
static const char *top_of(const struct tl_bundle_layout *l, const json_t *file, bool itself)
{
    const char *path = tl_member_or(file, "path", ""), *of = tl_member_or(file, "top", "");
    bool in_directory = *of && below(path, of) && strcmp(path, of) != 0;
    return in_directory == itself || levels_to(l, path) <= LEVELS_MOST || tl_place_is_of_system(path) ? NULL
           : in_directory                                                                             ? of
                                                                                                      : path;
}

/* The directory of the root that a path is in. */
static char *group_of(const char *path)
{
    return tl_format("%.*s", (int)(1 + strcspn(path + 1, "/")), path);
}

/* Lets the tree of a path begin so high that it holds it. */
static void widen(json_t *groups, const char *path)
{
    char *name = group_of(path), *directory = tl_strdup(path), *slash = strrchr(directory, '/');
    json_t *group = json_object_get(groups, name);
    if (slash)
        *slash = '\0';
    if (!group) {
        json_object_set_new_nocheck(groups, name,
                                    json_pack("{s:i,s:o}", "number", (int)json_object_size(groups) + 1,
                                              "root", json_string_nocheck(directory)));
    } else {
        const char *root = json_string_value(json_object_get(group, "root"));
        size_t n = 0, same = 0;
        while (root[n] && root[n] == directory[n]) {
            n++;
            if ((!root[n] || root[n] == '/') && (!directory[n] || directory[n] == '/'))
                same = n;
        }
        char *common = tl_format("%.*s", (int)same, directory);
        json_object_set_new(group, "root", json_string_nocheck(common));
        free(common);
    }
    free(directory);
    free(name);
}

static void place_in(struct tl_bundle_layout *l, const json_t *groups, const char *path)
{
    char *name = group_of(path);
    const json_t *group = json_object_get(groups, name);
    const char *root = tl_member_or(group, "root", "");
    char *place = tl_format("%s/elsewhere/%d%s", top, (int)tl_member_integer(group, "number"),
                            path + strlen(root)),
         *shown = named(l, place);
    json_object_set_new_nocheck(l->tops, path, json_string(shown));
    free(shown);
    free(place);
    free(name);
}

/* What stands elsewhere. Directories first: a file that is named by itself may be in one of them. */
static void place_elsewhere(struct tl_bundle_layout *l, const json_t *files)
{
    json_t *groups = json_object(), *tops = json_object(), *file, *unused;
    const char *path;
    size_t i;
    for (int turn = 0; turn < 2; turn++)
        json_array_foreach(files, i, file) {
            path = top_of(l, file, turn == 1);
            if (!path)
                continue;
            widen(groups, path);
            json_object_set_new_nocheck(tops, path, json_true());
        }
    json_object_foreach(tops, path, unused)
        place_in(l, groups, path);
    json_decref(tops);
    json_decref(groups);
}

void tl_layout_init(struct tl_bundle_layout *l, const char *directory, const json_t *files,
                    const struct tl_redaction *redaction)
{
    const json_t *file;
    size_t i;
    int levels = 0;
    *l = (struct tl_bundle_layout){.directory = tl_strdup(directory),
                                   .real = realpath(directory, NULL),
                                   .tops = json_object(),
                                   .redaction = redaction};
    l->real = l->real ? l->real : tl_strdup(directory);
    for (size_t n = strlen(l->directory); n > 1 && l->directory[n - 1] == '/'; n--)
        l->directory[n - 1] = '\0';
    json_array_foreach(files, i, file) {
        int needed = levels_to(l, tl_member_or(file, "path", ""));
        levels = needed <= LEVELS_MOST && needed > levels ? needed : levels;
    }
    l->real_root = above(l->real, levels);
    if (!l->real_root)
        l->real_root = tl_strdup(l->real);
    l->root = above(l->directory, levels);
    char *resolved = l->root ? realpath(l->root, NULL) : NULL;
    if (resolved && strcmp(resolved, l->real_root) != 0) {
        free(l->root);
        l->root = NULL;
    }
    free(resolved);
    char *at = tl_format("%s%s", top, l->real + strlen(l->real_root));
    l->case_at = named(l, at);
    free(at);
    place_elsewhere(l, files);
}

void tl_layout_free(struct tl_bundle_layout *l)
{
    free(l->directory);
    free(l->real);
    free(l->root);
    free(l->real_root);
    free(l->case_at);
    json_decref(l->tops);
    *l = (struct tl_bundle_layout){0};
}

/* above: also of a directory that holds what stands elsewhere. */
static char *place_of(const struct tl_bundle_layout *l, const char *path, bool above)
{
    const char *const roots[] = {l->real_root, l->root, l->real, l->directory};
    const char *other, *rest;
    json_t *place;
    if (!l->directory || tl_place_is_of_system(path))
        return NULL;
    for (size_t i = 0; i < TL_COUNT(roots); i++)
        if ((rest = below(path, roots[i]))) {
            char *at = i < 2 ? tl_format("%s%s", top, rest) : tl_format("%s%s", l->case_at, rest),
                 *shown = i < 2 ? named(l, at) : tl_strdup(at);
            free(at);
            return shown;
        }
    json_object_foreach(l->tops, other, place)
        if ((rest = below(path, other)))
            return tl_format("%s%s", json_string_value(place), rest);
    json_object_foreach(l->tops, other, place)
        if (above && !tl_place_is_broad(path) && (rest = below(other, path))) {
            const char *at = json_string_value(place);
            size_t n = strlen(at), more = strlen(rest), least = sizeof top - 1 + sizeof "/elsewhere/";
            if (n >= more + least && !strcmp(at + n - more, rest))
                return tl_format("%.*s", (int)(n - more), at);
        }
    return NULL;
}

char *tl_layout_place(const struct tl_bundle_layout *l, const char *path)
{
    return place_of(l, path, true);
}

json_t *tl_layout_directories(const struct tl_bundle_layout *l, const json_t *paths)
{
    json_t *places = json_array(), *known;
    const json_t *path;
    size_t i, k;
    json_array_foreach(paths, i, path) {
        const char *text = json_string_value(path);
        char *place = text ? tl_layout_place(l, text) : NULL, *slash = place ? strrchr(place, '/') : NULL;
        bool has = !slash;
        if (slash)
            *slash = '\0';
        json_array_foreach(places, k, known)
            has = has || !strcmp(json_string_value(known), place);
        if (!has)
            json_array_append_new(places, json_string(place));
        free(place);
    }
    return places;
}

char *tl_layout_relative(const struct tl_bundle_layout *l, const char *path)
{
    if (*path == '/') {
        char *link = tl_real_directory(path), *real = realpath(path, NULL),
             *place = tl_layout_place(l, link ? link : path);
        place = place ? place : tl_layout_place(l, real ? real : path);
        free(real);
        free(link);
        return place;
    }
    return l->case_at ? tl_format("%s/%s", l->case_at, path) : NULL;
}

/* What ends a path in a text, unless a file of that name is there: directories of people have spaces and commas. */
static const char between[] = " \t\n\"'`=,:;@(){}[]|&<>*?";

/* The longest beginning of a text that is the path of a file of the case; 0 where there is none. */
static size_t file_of_case(const struct tl_bundle_layout *l, const char *text, char **place)
{
    for (size_t n = strnlen(text, PATH_MAX - 1); n > 1; n--) {
        if (text[n] && text[n] != '/' && !strchr(between, text[n]))
            continue;
        char *path = tl_format("%.*s", (int)n, text), *real = realpath(path, NULL),
             *link = real ? tl_real_directory(path) : NULL;
        const char *const forms[] = {link, path, real};
        *place = NULL;
        for (size_t i = 0; real && i < TL_COUNT(forms) && !*place; i++)
            *place = forms[i] ? place_of(l, forms[i], text[n] != '/') : NULL;
        free(link);
        free(real);
        free(path);
        if (*place)
            return n;
    }
    return 0;
}

/* How many bytes of a text, which begins with '/', are a path of the case: the longest that is there, or else the longest. */
static size_t path_of_case(const struct tl_bundle_layout *l, const char *text, size_t size, char **place)
{
    size_t there = file_of_case(l, text, place);
    if (there) { /* what it goes on with may be there no more, or not yet */
        size_t rest = text[there] == '/' ? strcspn(text + there, between) : 0;
        if (!rest)
            return there;
        free(*place);
        char *path = tl_format("%.*s", (int)(there + rest), text), *real = NULL;
        *place = place_of(l, path, false);
        free(path);
        if (*place)
            return there + rest;
        path = tl_format("%.*s", (int)there, text);
        real = realpath(path, NULL);
        char *at = tl_layout_place(l, real ? real : path);
        *place = at ? tl_format("%s%.*s", at, (int)rest, text + there) : NULL;
        free(at);
        free(real);
        free(path);
        if (*place)
            return there + rest;
    }
    for (size_t n = size; n > 1;) {
        char *path = tl_format("%.*s", (int)n, text), *real = realpath(path, NULL);
        *place = place_of(l, path, n == size);
        if (!*place && real)
            *place = place_of(l, real, n == size);
        free(real);
        free(path);
        if (*place)
            return n;
        while (n > 1 && text[n - 1] != '/')
            n--;
        n--;
    }
    return 0;
}

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || strchr("_-.}", c) || (unsigned char)c >= 128;
}

char *tl_layout_word(const struct tl_bundle_layout *l, const char *word, const char *before, const char *home)
{
    const char *own = getenv("HOME");
    size_t length = own ? strlen(own) : 0;
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "");
    for (size_t i = 0; word[i];) {
        bool option = i == 2 && word[0] == '-' && isalpha((unsigned char)word[1]);
        size_t n = word[i] == '/' && (!i || option || !is_name(word[i - 1])) ? strcspn(word + i, between) : 0;
        char *place = NULL;
        size_t of_case = n && n < PATH_MAX ? path_of_case(l, word + i, n, &place) : 0,
               of_home = own && n >= length && length > 1 && !strncmp(word + i, own, length) &&
                                 !is_name(word[i + length])
                             ? length
                             : 0;
        if (of_case) {
            tl_buffer_printf(&b, "%s%s", before, place);
            i += of_case;
        } else if (of_home && home) {
            tl_buffer_add_string(&b, home);
            i += of_home;
        } else {
            n = n ? n : 1;
            tl_buffer_add(&b, word + i, n);
            i += n;
        }
        free(place);
    }
    return tl_buffer_take(&b);
}
