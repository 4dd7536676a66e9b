/* Programs that start another one which is found out of sight: in an environment of their own, in a toolchain, in a
 * container, by their own rules. Nothing that trapline could look at shows that what they start was replaced.
 *
 * A command is followed from its first word: through those that merely start what stands behind them in PATH (`env`,
 * `nice`), through the first line of a script, and through the text of `sh -c`. What is found on the way is part of
 * the identity (content.c), and there is nothing to warn of. The first program that is out of sight ends it, and what
 * is proposed tells the version of what it starts, not its own. */
#include "harness/executor/identity.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/program.h"
#include "harness/executor/content.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MOST 6
#define WORDS_MOST 256

/* THROUGH: starts the program that is named behind it, from PATH. NAMED: starts the one that is named, from elsewhere:
 * asked for its version in the same way. Otherwise `tell` says what is installed where it looks. */
#define THROUGH "through"
#define NAMED NULL

static const struct wrapper {
    const char *name, *tell;
} wrappers[] = {
    /* environments of packages */
    {"uv", "uv pip freeze"},
    {"poetry", "poetry run pip freeze"},
    {"pdm", "pdm list --freeze"},
    {"hatch", "hatch run pip freeze"},
    {"rye", "rye list"},
    {"pipenv", "pipenv run pip freeze"},
    {"conda", "conda list"},
    {"mamba", "mamba list"},
    {"micromamba", "micromamba list"},
    {"pixi", "pixi list"},
    {"npm", "npm ls --all"},
    {"pnpm", "pnpm list"},
    {"yarn", "yarn list"},
    {"bun", "bun pm ls"},
    {"deno", "deno --version"},
    {"bundle", "bundle list"},
    {"gem", "gem list"},
    {"rake", "bundle list"},
    {"composer", "composer show"},
    {"uvx", NAMED},
    {"pipx", NAMED},
    {"npx", NAMED},
    {"pnpx", NAMED},
    {"bunx", NAMED},
    {"corepack", NAMED},
    {"tox", "tox exec -- pip freeze"},
    {"nox", "nox --version"},
    /* versions of tools */
    {"xcrun", NAMED},
    {"asdf", "asdf current"},
    {"mise", "mise current"},
    {"pyenv", "pyenv version"},
    {"rbenv", "rbenv version"},
    {"nvm", "nvm current"},
    {"fnm", "fnm current"},
    {"volta", "volta list"},
    {"rustup", "rustup show"},
    {"sdk", "sdk current"},
    {"direnv", NAMED},
    {"module", "module list"},
    /* builders */
    {"xcodebuild", "xcodebuild -version"},
    {"swift", "swift --version"},
    {"cargo", "cargo --version"},
    {"go", "go version"},
    {"bazel", "bazel version"},
    {"bazelisk", "bazelisk version"},
    {"buck", "buck --version"},
    {"buck2", "buck2 --version"},
    {"make", "cc --version"},
    {"gmake", "cc --version"},
    {"ninja", "cc --version"},
    {"cmake", "cc --version"},
    {"meson", "cc --version"},
    {"just", "cc --version"},
    {"task", "cc --version"},
    {"gradle", "gradle --version"},
    {"gradlew", "./gradlew --version"},
    {"mvn", "mvn --version"},
    {"mvnw", "./mvnw --version"},
    {"sbt", "sbt --version"},
    {"dotnet", "dotnet --info"},
    {"mix", "mix deps"},
    {"stack", "stack ls dependencies"},
    {"cabal", "ghc --version"},
    {"zig", "zig version"},
    /* other machines and roots */
    {"docker", "docker images --digests"},
    {"podman", "podman images --digests"},
    {"nerdctl", "nerdctl images --digests"},
    {"flatpak", "flatpak list"},
    {"snap", "snap list"},
    {"adb", "adb shell getprop ro.build.fingerprint"},
    {"wsl", "wsl --version"},
    {"guix", "guix describe"},
    {"apptainer", NAMED},
    {"singularity", NAMED},
    {"distrobox", NAMED},
    {"toolbox", NAMED},
    {"nix", "nix profile list"},
    {"nix-shell", "nix-instantiate --eval --expr builtins.nixVersion"},
    {"chroot", NAMED},
    {"ssh", NAMED},
    {"wine", NAMED},
    {"lima", NAMED},
    {"limactl", NAMED},
    {"mpirun", THROUGH},
    {"mpiexec", THROUGH},
    {"srun", NAMED},
    {"torchrun", "pip freeze"},
    {"accelerate", "pip freeze"},
    /* those that start what they are given */
    {"env", THROUGH},
    {"sudo", THROUGH},
    {"doas", THROUGH},
    {"su", THROUGH},
    {"runuser", THROUGH},
    {"nice", THROUGH},
    {"ionice", THROUGH},
    {"nohup", THROUGH},
    {"timeout", THROUGH},
    {"gtimeout", THROUGH},
    {"time", THROUGH},
    {"stdbuf", THROUGH},
    {"setsid", THROUGH},
    {"taskset", THROUGH},
    {"numactl", THROUGH},
    {"chrt", THROUGH},
    {"xargs", THROUGH},
    {"parallel", THROUGH},
    {"script", THROUGH},
    {"unbuffer", THROUGH},
    {"arch", THROUGH},
    {"caffeinate", THROUGH},
    {"catchsegv", THROUGH},
    {"strace", THROUGH},
    {"ltrace", THROUGH},
    {"perf", THROUGH},
    {"valgrind", THROUGH},
    {"gdb", THROUGH},
    {"lldb", THROUGH},
    {"rr", THROUGH},
    {"systemd-run", THROUGH},
    {"firejail", THROUGH},
    {"bwrap", THROUGH},
    {"unshare", THROUGH},
    {"faketime", THROUGH},
    {"xvfb-run", THROUGH},
};

struct look {
    const struct tl_case *c;
    const char *where, *path; /* the command's place in the case, and its $PATH */
    json_t *list, *said;      /* texts; wrappers that were warned of */
    int depth;
};

static void follow(struct look *l, char *const *words, size_t n);

static const struct wrapper *wrapper_of(const char *program)
{
    for (size_t i = 0; i < TL_COUNT(wrappers); i++)
        if (!strcmp(tl_base_name(program), wrappers[i].name))
            return &wrappers[i];
    return NULL;
}

/* The program that a word names, absolute; the caller's. NULL: it is not found. */
static char *found(const struct look *l, const char *word)
{
    struct tl_error ignored;
    char *inner = !strncmp(word, "{case_dir}/", 11) ? tl_format("%s/%s", l->c->directory, word + 11) : NULL;
    char *path = tl_program_find_in(l->path, l->c->directory, inner ? inner : word, &ignored);
    free(inner);
    return path;
}

/* A word whose text only a variant has is looked at with the variant. */
static bool is_seen(const struct look *l, const char *word)
{
    char *path = found(l, word);
    bool seen = path || (strchr(word, '{') && strncmp(word, "{case_dir}/", 11) != 0);
    free(path);
    return seen;
}

/* --- what is said --------------------------------------------------------------------------------------- */

/* tell: the words of a command; the caller's. */
static void warn(struct look *l, const char *wrapper, const char *second, const char *name, json_t *tell)
{
    if (!json_object_get(l->said, wrapper)) {
        json_t *version = json_pack("{s:s,s:O}", "name", name, "argv", tell);
        char *example = json_dumps(version, 0);
        char *text = tl_format(
            "%s: %s: `%s%s%s` starts programs that trapline cannot see: when one is updated, stored "
            "outcomes would still be taken for it; tell its version with \"versions\", for "
            "example %s",
            l->c->path, l->where, wrapper, second ? " " : "", second ? second : "", example);
        json_array_append_new(l->list, json_string(text));
        json_object_set_new(l->said, wrapper, json_true());
        free(text);
        free(example);
        json_decref(version);
    }
    json_decref(tell);
}

static json_t *words_of(const char *text)
{
    json_t *list = json_array();
    char *copy = tl_strdup(text), *save = NULL;
    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
        json_array_append_new(list, json_string(word));
    free(copy);
    return list;
}

static bool is_option(const char *word)
{
    return *word == '-' || isdigit((unsigned char)*word) || (strchr(word, '=') && *word != '/');
}

/* The word with the program that a wrapper is given; 0: none. */
static size_t tool_at(char *const *words, size_t n)
{
    static const char *const verbs[] = {"run", "exec", "x", "dlx", "shell"};
    for (size_t i = 1; i < n; i++)
        if (!is_option(words[i]) && !strpbrk(words[i], " \"'$") &&
            !tl_is_one_of(words[i], verbs, TL_COUNT(verbs)))
            return i;
    return 0;
}

static void warn_of(struct look *l, const struct wrapper *w, const char *name, char *const *words, size_t n)
{
    const char *second = n > 1 && strlen(words[1]) < 40 && !strpbrk(words[1], "{}\"\n ") ? words[1] : NULL;
    if (w && w->tell && strcmp(w->tell, THROUGH) != 0) {
        json_t *tell = words_of(w->tell);
        bool lists = strstr(w->tell, "freeze") || strstr(w->tell, " list") || strstr(w->tell, " ls");
        const char *first = json_string_value(json_array_get(tell, 0));
        /* of the environment that it names */
        for (size_t i = 1; strstr(w->tell, " list") && i + 1 < n; i++)
            if (!strcmp(words[i], "-n") || !strcmp(words[i], "-p")) {
                json_array_append_new(tell, json_string(words[i]));
                json_array_append_new(tell, json_string(words[i + 1]));
                break;
            }
        char *of = tl_strdup(lists ? "packages" : tl_base_name(first));
        warn(l, name, second, of, tell);
        free(of);
        return;
    }
    size_t tool = tool_at(words, n);
    json_t *tell = json_array();
    json_array_append_new(tell, json_string(name));
    for (size_t i = 1; i <= tool; i++)
        json_array_append_new(tell, json_string(words[i]));
    json_array_append_new(tell, json_string("--version"));
    warn(l, name, second, tool ? tl_base_name(words[tool]) : name, tell);
}

/* --- what is followed ----------------------------------------------------------------------------------- */

/* `env A=1 nice tool`: the first word that is found, or is a wrapper itself. */
static void follow_through(struct look *l, const struct wrapper *w, char *const *words, size_t n)
{
    bool elsewhere = false; /* a PATH of its own */
    for (size_t i = 1; i < n; i++) {
        elsewhere = elsewhere || !strncmp(words[i], "PATH=", 5);
        if (is_option(words[i]) || (elsewhere && !strchr(words[i], '/')) ||
            !(wrapper_of(words[i]) || is_seen(l, words[i])))
            continue;
        follow(l, words + i, n - i);
        return;
    }
    if (tool_at(words, n))
        warn_of(l, w, tl_base_name(words[0]), words, n);
}

/* The words of a shell that name no program. */
static bool is_of_shell(const char *word)
{
    static const char *const words[] = {
        "if",     "then",   "elif",   "else",  "fi",       "for",    "while",  "until",  "do",
        "done",   "case",   "esac",   "in",    "function", "select", "!",      "{",      "}",
        "[",      "[[",     "test",   "true",  "false",    ":",      ".",      "source", "cd",
        "echo",   "printf", "export", "unset", "set",      "shift",  "exit",   "return", "break",
        "wait",   "trap",   "read",   "eval",  "local",    "umask",  "kill",   "pwd",    "type",
        "ulimit", "alias",  "times",  "jobs",  "continue", "let",    "declare"};
    return tl_is_one_of(word, words, TL_COUNT(words));
}

/* Each command of the text of `sh -c`. */
static void follow_text(struct look *l, const char *shell, const char *text)
{
    static const char *const before[] = {"exec",  "command", "then", "do", "else",   "if",
                                         "while", "until",   "!",    "{",  "builtin"};
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, ";|&\n()");
        char *one = tl_format("%.*s", (int)length, at), *save = NULL, *words[WORDS_MOST];
        size_t n = 0;
        for (char *word = strtok_r(one, " \t\"'", &save); word && n < WORDS_MOST;
             word = strtok_r(NULL, " \t\"'", &save))
            if (n || !(tl_is_one_of(word, before, TL_COUNT(before)) || strchr(word, '=')))
                words[n++] = word;
        if (n && (wrapper_of(words[0]) || is_seen(l, words[0]))) {
            follow(l, words, n);
        } else if (n && !is_of_shell(words[0]) && *words[0] != '#' && *words[0] != '<' && *words[0] != '>') {
            bool variable = strpbrk(words[0], "$`") != NULL;
            char *asked = tl_format(variable ? "\"%s\" --version" : "%s --version", words[0]);
            warn(l, shell, "-c", variable ? "tool" : tl_base_name(words[0]),
                 json_pack("[s,s,s]", shell, "-c", asked));
            free(asked);
        }
        free(one);
        at += length;
        at += strspn(at, ";|&\n()");
    }
}

/* The first line of a script: #!/usr/bin/env -S uv run --script. */
static void follow_script(struct look *l, const char *path)
{
    char head[512], *save = NULL, *words[WORDS_MOST];
    size_t n = 0;
    FILE *f = fopen(path, "re");
    head[f ? fread(head, 1, sizeof head - 1, f) : 0] = '\0';
    if (f)
        fclose(f);
    if (head[0] != '#' || head[1] != '!')
        return;
    head[strcspn(head, "\r\n")] = '\0';
    for (char *word = strtok_r(head + 2, " \t", &save); word && n < WORDS_MOST;
         word = strtok_r(NULL, " \t", &save))
        words[n++] = word;
    if (n && !tl_content_is_shell(words[0])) /* the words of a shell script are looked at by content.c */
        follow(l, words, n);
}

/* What xcrun is given may be found in PATH as well, and counts then; but what macOS has of it in /usr/bin is the same
 * before and after Xcode is updated. */
static bool is_out_of_sight(const struct look *l, const struct wrapper *w, char *const *words, size_t n)
{
    if (strcmp(w->name, "xcrun"))
        return true;
    size_t tool = tool_at(words, n);
    char *path = tool ? found(l, words[tool]) : NULL;
    bool seen = path && strncmp(path, "/usr/bin/", 9) != 0;
    free(path);
    return !seen;
}

static void follow(struct look *l, char *const *words, size_t n)
{
    const struct wrapper *w = n ? wrapper_of(words[0]) : NULL;
    if (!n || l->depth >= DEPTH_MOST)
        return;
    l->depth++;
    if (tl_content_is_shell(words[0])) {
        for (size_t i = 1; i + 1 < n && *words[i] == '-'; i++)
            if (words[i][1] != '-' && strchr(words[i], 'c')) {
                follow_text(l, tl_base_name(words[0]), words[i + 1]);
                break;
            }
    } else if (w && w->tell && !strcmp(w->tell, THROUGH)) {
        follow_through(l, w, words, n);
    } else if (w) {
        if (is_out_of_sight(l, w, words, n))
            warn_of(l, w, tl_base_name(words[0]), words, n);
    } else {
        char *path = found(l, words[0]);
        if (path &&
            strstr(path, "/shims/")) { /* it stands there for a program of which it chooses the version */
            const struct wrapper shim = {tl_base_name(words[0]), NAMED};
            warn_of(l, &shim, tl_base_name(words[0]), words, 1);
        } else if (path) {
            follow_script(l, path);
        }
        free(path);
    }
    l->depth--;
}

/* With the words that only some variants have. */
static void look(struct look *l, const char *where, const struct tl_argv *argv)
{
    char **words = tl_calloc(argv->n + 1, sizeof *words);
    for (size_t i = 0; i < argv->n; i++)
        words[i] = (char *)(uintptr_t)argv->words[i].text; /* nobody changes it */
    l->where = where;
    follow(l, words, argv->n);
    free(words);
}

json_t *tl_identity_warnings(const struct tl_case *c)
{
    struct look l = {.c = c, .list = json_array()};
    if (c->n_versions)
        return l.list;
    struct tl_variant baseline = tl_variant_baseline(c);
    char **settings = tl_case_environment(c, &baseline);
    l.path = tl_environment_value((const char *const *)settings, "PATH");
    l.said = json_object();
    look(&l, "$.model.generate", &c->generate);
    for (size_t i = 0; i < c->n_steps; i++) {
        char *where = tl_format("$.model.steps[%zu]", i);
        look(&l, where, &c->steps[i].argv);
        free(where);
    }
    json_decref(l.said);
    tl_strings_free(settings);
    tl_variant_free(&baseline);
    return l.list;
}
