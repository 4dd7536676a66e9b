#include "harness/base/paths.h"

#include "harness/base/buffer.h"
#include "harness/base/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#define PATH_ROOM 4096

/* Which program this is; -1 with errno. */
static int own_path(char path[PATH_ROOM])
{
    size_t size = PATH_ROOM;
    int result = uv_exepath(path, &size);
    if (result)
        errno = -result; /* libuv's errors are those of the system, negated */
    return result ? -1 : 0;
}

/* The directory of a program when that is a build tree: it then holds what the build made. */
static char *build_tree(const char *program)
{
    char *path = tl_strdup(program), *tree = NULL;
    for (int up = 0; up < 4 && !tree; up++) {
        char *slash = strrchr(path, '/');
        if (!slash || slash == path)
            break;
        *slash = '\0';
        char *mark = tl_format("%s/meson-private", path);
        if (!access(mark, F_OK))
            tree = tl_strdup(path);
        free(mark);
    }
    free(path);
    return tree;
}

/* What was installed with a program stands where it stood from it, also when the whole prefix was moved since; `fixed`
 * is where it was installed, for a program that was moved alone. */
static char *installed(const char *program, const char *from_program, const char *fixed)
{
    const char *slash = strrchr(program, '/');
    char *beside = slash ? tl_format("%.*s/%s", (int)(slash - program), program, from_program) : NULL;
    char *real = beside ? realpath(beside, NULL) : NULL; /* without the dots, since people read it */
    free(beside);
    return real ? real : tl_strdup(fixed);
}

/* In the build tree each runner is in a folder of its own. */
static char *folders_of(const char *runners)
{
    struct tl_buffer list = TL_BUFFER_INIT;
    struct tl_names names;
    if (tl_names_read(runners, &names))
        return NULL;
    tl_buffer_add_string(&list, "");
    for (size_t i = 0; i < names.n; i++)
        if (names.list[i][0] != '.')
            tl_buffer_printf(&list, "%s%s/%s", list.size ? ":" : "", runners, names.list[i]);
    tl_names_free(&names);
    return tl_buffer_take(&list);
}

char *tl_runner_directories(void)
{
    char program[PATH_ROOM];
    if (own_path(program))
        return NULL;
    char *tree = build_tree(program);
    if (!tree)
        return installed(program, TL_RUNNERS_FROM_PROGRAM, TL_RUNNER_DIRECTORY);
    char *runners = tl_format("%s/runners", tree), *list = folders_of(runners);
    int err = errno;
    free(runners);
    free(tree);
    errno = err;
    return list;
}

char *tl_fleet_link_program(void)
{
    static const char name[] = "trapline-fleet-link";
    char program[PATH_ROOM];
    if (own_path(program))
        return NULL;
    char *tree = build_tree(program);
    if (tree) {
        char *built = tl_format("%s/harness/fleet/link/%s", tree, name);
        free(tree);
        return built;
    }
    /* It stands above the directory of runners: it is none. */
    char *runners = installed(program, TL_RUNNERS_FROM_PROGRAM, TL_RUNNER_DIRECTORY),
         *slash = strrchr(runners, '/');
    char *path = tl_format("%.*s/%s", (int)(slash ? slash - runners : 0), runners, name);
    free(runners);
    return path;
}

char *tl_case_directory(void)
{
    char program[PATH_ROOM];
    if (own_path(program))
        return tl_strdup(TL_CASE_DIRECTORY);
    char *tree = build_tree(program);
    free(tree);
    return tree ? tl_strdup(TL_SOURCE_CASES) : installed(program, TL_CASES_FROM_PROGRAM, TL_CASE_DIRECTORY);
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
