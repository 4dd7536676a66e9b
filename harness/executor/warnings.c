/* Programs that start another one which is found out of sight: in an environment of their own, in a toolchain, in a
 * container, by their own rules. Nothing that trapline could look at shows that what they start was replaced. */
#include "harness/executor/identity.h"

#include "harness/base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const wrappers[] = {
    /* environments of packages */
    "uv", "uvx", "pipx", "poetry", "pdm", "hatch", "rye", "pipenv", "tox", "nox", "conda", "mamba",
    "micromamba", "pixi", "virtualenv", "npx", "npm", "pnpm", "pnpx", "yarn", "bun", "bunx", "deno",
    "corepack", "bundle", "gem", "rake", "composer",
    /* versions of tools */
    "xcrun", "xcodebuild", "asdf", "mise", "pyenv", "rbenv", "nvm", "fnm", "volta", "rustup", "sdk", "direnv",
    "module",
    /* builders */
    "swift", "cargo", "go", "bazel", "bazelisk", "buck", "buck2", "make", "gmake", "ninja", "cmake", "meson",
    "just", "task", "gradle", "gradlew", "mvn", "mvnw", "sbt", "dotnet", "mix", "stack", "cabal", "zig",
    /* other machines and roots */
    "docker", "podman", "nerdctl", "apptainer", "singularity", "flatpak", "snap", "distrobox", "toolbox",
    "nix", "nix-shell", "nix-run", "guix", "chroot", "ssh", "adb", "wine", "wsl", "lima", "limactl",
    /* those that start what they are given */
    "env", "sh", "bash", "zsh", "dash", "ksh", "fish", "sudo", "doas", "su", "runuser", "nice", "ionice",
    "nohup", "timeout", "gtimeout", "time", "stdbuf", "setsid", "taskset", "numactl", "chrt", "xargs",
    "parallel", "script", "unbuffer", "arch", "caffeinate", "catchsegv", "strace", "ltrace", "perf",
    "valgrind", "gdb", "lldb", "rr", "systemd-run", "firejail", "bwrap", "unshare", "faketime", "xvfb-run",
    "mpirun", "mpiexec", "srun", "torchrun", "accelerate"};

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A shim stands in PATH for a program of which it chooses the version. */
static bool is_wrapper(const char *program)
{
    const char *name = base_of(program);
    for (size_t i = 0; i < TL_COUNT(wrappers); i++)
        if (!strcmp(name, wrappers[i]))
            return true;
    return strstr(program, "/shims/") != NULL;
}

/* A shell that is given a script is none: the script can be seen, with the programs that it names. */
static bool is_shell(const char *name)
{
    static const char *const shells[] = {"sh", "bash", "zsh", "dash", "ksh", "fish"};
    for (size_t i = 0; i < TL_COUNT(shells); i++)
        if (!strcmp(name, shells[i]))
            return true;
    return false;
}

/* The wrapper in the first line of a script: #!/usr/bin/env -S uv run --script. The caller's; NULL: none. */
static char *wrapper_of_script(const struct tl_case *c, const char *program)
{
    char head[512], *save = NULL, *word = NULL;
    if (strncmp(program, "{case_dir}/", 11) && *program != '/')
        return NULL;
    char *path = *program == '/' ? tl_strdup(program) : tl_format("%s/%s", c->directory, program + 11);
    FILE *f = fopen(path, "re");
    head[f ? fread(head, 1, sizeof head - 1, f) : 0] = '\0';
    if (f)
        fclose(f);
    free(path);
    if (head[0] != '#' || head[1] != '!')
        return NULL;
    head[strcspn(head, "\r\n")] = '\0';
    word = strtok_r(head + 2, " \t", &save);
    if (word && !strcmp(base_of(word), "env"))
        while ((word = strtok_r(NULL, " \t", &save)) && (*word == '-' || strchr(word, '=')))
            continue;
    return word && is_wrapper(word) && !is_shell(base_of(word)) ? tl_strdup(base_of(word)) : NULL;
}

static bool is_plain(const char *word)
{
    return *word != '-' && !strpbrk(word, "/{}=\"\\ ");
}

static void look(json_t *list, const struct tl_case *c, const char *where, const char *const *argv, size_t n)
{
    if (!n)
        return;
    char *inner = wrapper_of_script(c, argv[0]);
    const char *name = inner ? inner : base_of(argv[0]),
               *what = n > 1 && !inner && is_plain(argv[1]) ? argv[1] : NULL;
    if (inner || (is_wrapper(argv[0]) && !(is_shell(name) && n > 1 && *argv[1] != '-'))) {
        char *text =
            tl_format("%s: %s: what `%s%s%s` starts cannot be seen. When it is replaced, outcomes that are "
                      "known from before are of another one: say in \"versions\" how its version is found "
                      "out, for example {\"name\": \"%s\", \"argv\": [\"%s\", %s%s%s\"--version\"]}",
                      c->path, where, name, n > 1 && !inner ? " " : "", n > 1 && !inner ? argv[1] : "",
                      what ? what : name, name, what ? "\"" : "", what ? what : "", what ? "\", " : "");
        json_array_append_new(list, json_string(text));
        free(text);
    }
    free(inner);
}

json_t *tl_identity_warnings(const struct tl_case *c)
{
    json_t *list = json_array();
    if (c->n_versions)
        return list;
    look(list, c, "$.model.generate", c->generate, c->n_generate);
    for (size_t i = 0; i < c->n_steps; i++) {
        char *where = tl_format("$.model.steps[%zu]", i);
        look(list, c, where, c->steps[i].argv, c->steps[i].n_argv);
        free(where);
    }
    return list;
}
