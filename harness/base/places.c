#include "harness/base/places.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TARGET_MOST 4096
#define LINKS_MOST 40 /* as the kernel follows them */

static bool is_within(const char *path, const char *directory)
{
    size_t n = strlen(directory);
    return !strncmp(path, directory, n) && (path[n] == '/' || !path[n]);
}

bool tl_place_is_of_system(const char *path)
{
    static const char *const roots[] = {"/usr",   "/bin",    "/sbin",   "/lib",     "/lib32",
                                        "/lib64", "/libx32", "/etc",    "/dev",     "/proc",
                                        "/sys",   "/run",    "/System", "/Library", "/private/etc"};
    for (size_t i = 0; i < TL_COUNT(roots); i++)
        if (is_within(path, roots[i]))
            return true;
    return false;
}

bool tl_place_is_broad(const char *path)
{
    static const char *const broad[] = {"/usr",   "/tmp",     "/var",    "/etc",     "/home",   "/root",
                                        "/Users", "/opt",     "/dev",    "/proc",    "/sys",    "/bin",
                                        "/lib",   "/private", "/System", "/Library", "/var/tmp"};
    const char *home = getenv("HOME");
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    for (size_t i = 0; i < TL_COUNT(broad); i++)
        if (strlen(broad[i]) == n && !strncmp(path, broad[i], n))
            return true;
    return n <= 1 || (home && strlen(home) == n && !strncmp(path, home, n));
}

/* A package manager is known by a directory of its own on the way to the program. */
bool tl_place_is_of_packages(const char *program)
{
    static const char *const roots[] = {"/opt/homebrew", "/opt/local", "/home/linuxbrew", "/nix",
                                        "/gnu",          "/snap",      "/Applications",   "/opt/conda"};
    static const char *const parts[] = {
        "miniconda3",  "anaconda3",    "miniforge3",  "mambaforge",    "miniconda",     "anaconda",
        ".conda",      ".cargo",       ".rustup",     ".pyenv",        ".rbenv",        ".nvm",
        ".asdf",       ".volta",       ".deno",       ".bun",          ".nix-profile",  ".linuxbrew",
        ".pixi",       ".juliaup",     ".swiftly",    ".dotnet",       ".ghcup",        ".opam",
        ".sdkman",     ".npm",         ".yarn",       ".nodenv",       ".local/share",  ".local/lib",
        ".local/pipx", "node_modules", ".micromamba", "site-packages", "dist-packages", "Xcode.app"};
    for (size_t i = 0; i < TL_COUNT(roots); i++)
        if (is_within(program, roots[i]))
            return true;
    for (size_t i = 0; i < TL_COUNT(parts); i++) {
        char *part = tl_format("/%s/", parts[i]);
        bool is = strstr(program, part) != NULL;
        free(part);
        if (is)
            return true;
    }
    return false;
}

/* The next part of *rest, which goes on behind it; NULL at the end. The caller's. */
static char *next_part(const char **rest)
{
    *rest += strspn(*rest, "/");
    size_t n = strcspn(*rest, "/");
    char *part = n ? tl_format("%.*s", (int)n, *rest) : NULL;
    *rest += n;
    return part;
}

void tl_follow_links(const char *path, tl_link_found found, void *arg)
{
    char *at = tl_strdup(""), *rest = tl_strdup(path);
    const char *to_do = rest;
    int links = 0;
    for (char *part; *path == '/' && links <= LINKS_MOST && (part = next_part(&to_do)); free(part)) {
        char target[TARGET_MOST], *slash = strrchr(at, '/');
        if (!strcmp(part, "..") && slash)
            *slash = '\0';
        if (!strcmp(part, "..") || !strcmp(part, "."))
            continue;
        char *next = tl_format("%s/%s", at, part);
        ssize_t n = readlink(next, target, sizeof target - 1);
        if (n > 0) {
            char *real = realpath(next, NULL);
            target[n] = '\0';
            if (real)
                found(arg, next, real);
            char *more = tl_format("%s/%s", target, to_do);
            free(real);
            free(rest);
            free(next);
            to_do = rest = more;
            if (*target == '/')
                *at = '\0';
            links++;
        } else {
            free(at);
            at = next;
        }
    }
    free(at);
    free(rest);
}

char *tl_real_directory(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (!slash || !*name || !strcmp(name, ".") || !strcmp(name, ".."))
        return realpath(path, NULL);
    char *above = slash == path ? tl_strdup("/") : tl_format("%.*s", (int)(slash - path), path),
         *real = realpath(above, NULL),
         *whole = real ? tl_format("%s/%s", strcmp(real, "/") != 0 ? real : "", name) : NULL;
    free(real);
    free(above);
    return whole;
}
