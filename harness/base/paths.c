#include "harness/base/paths.h"

#include "harness/base/buffer.h"
#include "harness/base/names.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

/* Directory of the running program, when that is a build tree: it then holds what the build made. */
static char *build_tree(void)
{
    char path[4096];
    size_t size = sizeof path;
    if (uv_exepath(path, &size))
        return NULL;
    for (int up = 0; up < 4; up++) {
        char *slash = strrchr(path, '/');
        if (!slash || slash == path)
            return NULL;
        *slash = '\0';
        char *mark = tl_format("%s/meson-private", path);
        bool found = !access(mark, F_OK);
        free(mark);
        if (found)
            return tl_strdup(path);
    }
    return NULL;
}

/* What was installed with the program stands where it stood from it, also when the whole prefix was moved since; `fixed`
 * is where it was installed, for a program that was moved alone. */
static char *installed(const char *from_program, const char *fixed)
{
    char path[4096];
    size_t size = sizeof path;
    char *slash = uv_exepath(path, &size) ? NULL : strrchr(path, '/');
    char *beside = slash ? tl_format("%.*s/%s", (int)(slash - path), path, from_program) : NULL;
    char *real = beside ? realpath(beside, NULL) : NULL; /* without the dots, since people read it */
    free(beside);
    return real ? real : tl_strdup(fixed);
}

/* In the build tree each runner is in a folder of its own. */
char *tl_runner_directories(void)
{
    char *tree = build_tree();
    if (!tree)
        return installed(TL_RUNNERS_FROM_PROGRAM, TL_RUNNER_DIRECTORY);
    struct tl_buffer list = TL_BUFFER_INIT;
    char *runners = tl_format("%s/runners", tree);
    struct tl_names names;
    int result = tl_names_read(runners, &names), err = errno;
    for (size_t i = 0; i < names.n; i++)
        if (names.list[i][0] != '.')
            tl_buffer_printf(&list, "%s%s/%s", list.size ? ":" : "", runners, names.list[i]);
    tl_names_free(&names);
    free(runners);
    free(tree);
    char *directories = tl_buffer_take(&list);
    if (!result)
        return directories;
    free(directories);
    errno = err;
    return NULL;
}

char *tl_case_directory(void)
{
    char *tree = build_tree();
    free(tree);
    return tree ? tl_strdup(TL_SOURCE_CASES) : installed(TL_CASES_FROM_PROGRAM, TL_CASE_DIRECTORY);
}

char *tl_home(const char *below)
{
    const char *user = getenv("HOME");
    return user && *user == '/' ? tl_format("%s/%s", user, below) : NULL;
}

/* A relative path in a variable is to be ignored, says the specification. */
static char *xdg(const char *variable, const char *fallback, const char *owner, const char *below)
{
    const char *set = getenv(variable);
    char *last = tl_format("%s/%s%s", set && *set == '/' ? set : fallback, owner, below);
    if (*last == '/')
        return last;
    char *path = tl_home(last);
    free(last);
    return path;
}

char *tl_config_home(const char *below)
{
    return xdg("XDG_CONFIG_HOME", ".config", "", below);
}

char *tl_state_home(const char *below)
{
    return xdg("XDG_STATE_HOME", ".local/state", "trapline/", below);
}

char *tl_data_home(const char *below)
{
    return xdg("XDG_DATA_HOME", ".local/share", "trapline/", below);
}

char *tl_cache_home(const char *below)
{
    return xdg("XDG_CACHE_HOME", ".cache", "trapline/", below);
}

char *tl_next_directory(const char **list)
{
    if (!*list || !**list)
        return NULL;
    size_t n = strcspn(*list, ":");
    char *directory = tl_format("%.*s", (int)n, *list);
    *list += n + ((*list)[n] == ':');
    return directory;
}
