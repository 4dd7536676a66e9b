/* What people call the program that a command line runs.
 *
 * A command line begins with programs that only start another one: xcrun, uv, env, nice, an interpreter with a script.
 * Nobody says that xcrun crashed when coreai-build did. They are known by their names, and so are those of their options
 * that take a word of their own; what is left first is the tool. A plain word behind it is what the tool is asked to do
 * (compile), unless it is a value of the variant: then it is what the tool is given. */
#include "harness/base/tool_name.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND_MOST 20
#define VERSION_MOST 24

static const struct wrapper {
    const char *name;
    const char *verb;      /* without it, it is the tool itself; NULL: it needs none */
    const char *taking[6]; /* options that take a word */
} wrappers[] = {
    {"xcrun", NULL, {"--sdk", "-sdk", "--toolchain", "-toolchain"}},
    {"uv", "run", {"--with", "--python", "-p", "--project", "--directory", "--extra"}},
    {"uvx", NULL, {"--with", "--python", "-p", "--from"}},
    {"swift", "run", {"-c", "--configuration", "--package-path", "--scratch-path"}},
    {"cargo", "run", {"-p", "--package", "--features"}},
    {"poetry", "run", {NULL}},
    {"pipenv", "run", {NULL}},
    {"pixi", "run", {"-e", "--environment"}},
    {"conda", "run", {"-n", "--name", "-p", "--prefix"}},
    {"npx", NULL, {"-p", "--package"}},
    {"env", NULL, {"-u", "-C", "-S"}},
    {"nice", NULL, {"-n"}},
    {"ionice", NULL, {"-c", "-n"}},
    {"stdbuf", NULL, {"-i", "-o", "-e"}},
    {"arch", NULL, {NULL}},
    {"sudo", NULL, {"-u"}},
    {"time", NULL, {NULL}},
    {"nohup", NULL, {NULL}},
    {"setsid", NULL, {NULL}},
    {"timeout", NULL, {"-s", "-k", "--signal", "--kill-after"}},
    {"taskset", NULL, {NULL}},
    {"caffeinate", NULL, {"-w", "-t"}},
};

static const char *word_at(const json_t *argv, size_t i)
{
    const char *word = json_string_value(json_array_get(argv, i));
    return word ? word : "";
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* python, python3.11, node, ruby, bash: what runs a script that it is given. */
static bool is_interpreter(const char *name)
{
    static const char *const names[] = {"python", "pypy", "node", "ruby", "perl",   "sh",
                                        "bash",   "zsh",  "dash", "java", "dotnet", "Rscript"};
    for (size_t i = 0; i < TL_COUNT(names); i++) {
        size_t n = strlen(names[i]);
        const char *rest = !strncmp(name, names[i], n) ? name + n : NULL;
        while (rest && (tl_is_digit(*rest) || *rest == '.'))
            rest++;
        if (rest && !*rest)
            return true;
    }
    return false;
}

static const struct wrapper *wrapper_named(const char *name)
{
    for (size_t i = 0; i < TL_COUNT(wrappers); i++)
        if (!strcmp(wrappers[i].name, name))
            return &wrappers[i];
    return NULL;
}

bool tl_tool_is_wrapper(const char *name)
{
    return wrapper_named(name) != NULL;
}

bool tl_tool_is_known(const char *name)
{
    static const char *const names[] = {
        "pip",        "pip3",       "pipx",     "hatch",        "pdm",      "rye",
        "npm",        "pnpm",       "yarn",     "bun",          "deno",     "rustc",
        "go",         "javac",      "gcc",      "g++",          "cc",       "c++",
        "clang",      "clang++",    "ld",       "lld",          "make",     "cmake",
        "ninja",      "meson",      "git",      "docker",       "podman",   "brew",
        "xcodebuild", "swiftc",     "codesign", "metal",        "metallib", "devicectl",
        "simctl",     "idb",        "adb",      "gdb",          "lldb",     "rr",
        "perf",       "strace",     "valgrind", "coreai-build", "coremlc",  "coremlcompiler",
        "mlx_lm",     "nvcc",       "nsys",     "ncu",          "hipcc",    "rocprof",
        "trtexec",    "polygraphy", "torchrun", "accelerate",   "jq",       "curl",
        "wget",       "tar",        "unzip",    "zstd",         "openssl",  "julia",
        "lua",        "php",        "tclsh",    "ollama",       "vllm",     "protoc",
        "flatc"};
    return is_interpreter(name) || wrapper_named(name) || tl_is_one_of(name, names, TL_COUNT(names)) ||
           !strncmp(name, "llama-", 6);
}

static bool takes_word(const struct wrapper *w, const char *option)
{
    for (size_t i = 0; i < TL_COUNT(w->taking) && w->taking[i]; i++)
        if (!strcmp(w->taking[i], option))
            return true;
    return false;
}

/* Behind the options of a wrapper, the variables that it sets and the numbers that it is given. */
static size_t behind_options(const struct wrapper *w, const json_t *argv, size_t i)
{
    for (; i < json_array_size(argv); i++) {
        const char *word = word_at(argv, i), *sign = strchr(word, '=');
        bool sets = sign && sign > word && !strchr(word, '/') && tl_is_word(*word) && *word != '-';
        if (*word == '-')
            i += takes_word(w, word) && !sign;
        else if (!sets && !tl_is_digit(*word))
            break;
    }
    return i;
}

/* Where the command line of the tool begins. */
static size_t skip_wrappers(const json_t *argv)
{
    size_t i = 0, n = json_array_size(argv);
    while (i < n) {
        const struct wrapper *w = wrapper_named(base_of(word_at(argv, i)));
        size_t next = w ? behind_options(w, argv, i + 1) : n;
        if (w && w->verb)
            next = next < n && !strcmp(word_at(argv, next), w->verb) ? behind_options(w, argv, next + 1) : n;
        if (next >= n)
            break;
        i = next;
    }
    return i;
}

/* The script or module that an interpreter is given; NULL: none, or a text. *at: where it stands. */
static const char *script_of(const json_t *argv, size_t *at)
{
    for (size_t i = *at + 1; i < json_array_size(argv); i++) {
        const char *word = word_at(argv, i);
        if (!strcmp(word, "-m") || !strcmp(word, "-jar")) {
            *at = i + 1;
            return *word_at(argv, i + 1) ? word_at(argv, i + 1) : NULL;
        }
        if (!strcmp(word, "-c") || !strcmp(word, "-e"))
            return NULL;
        if (*word == '-')
            continue;
        *at = i;
        return word;
    }
    return NULL;
}

/* The program that a line for a shell begins with; NULL where it begins with something else. */
static char *first_of_line(const char *line)
{
    static const char *const own[] = {"if",    "for",    "while",  "[",    "[[",   ":",    "cd",
                                      "set",   "ulimit", "echo",   "trap", "kill", "test", "exit",
                                      "sleep", "export", "printf", "true", "false"};
    for (;;) {
        line += strspn(line, " \t\n");
        size_t n = strcspn(line, " \t\n;&|<>()\"'$`");
        bool sets = memchr(line, '=', n) != NULL;
        if ((n != 4 || strncmp(line, "exec", 4)) && !sets) {
            char *word =
                n && !strchr("\"'$`(", line[n] ? line[n] : ' ') ? tl_format("%.*s", (int)n, line) : NULL;
            if (word && tl_is_one_of(word, own, TL_COUNT(own))) {
                free(word);
                word = NULL;
            }
            return word;
        }
        line += n;
    }
}

static bool is_value(const json_t *variant, const char *word)
{
    const char *axis;
    json_t *value;
    json_object_foreach((json_t *)variant, axis, value) {
        if (json_is_string(value) && !strcmp(json_string_value(value), word))
            return true;
    }
    return false;
}

static bool is_command(const char *word, const json_t *variant)
{
    size_t n = 0;
    for (; word[n]; n++)
        if (!(word[n] >= 'a' && word[n] <= 'z') && !(n && (word[n] == '-' || word[n] == '_')))
            return false;
    return n > 1 && n <= COMMAND_MOST && !is_value(variant, word);
}

struct tl_tool_name tl_tool_name_find(const json_t *argv, const json_t *variant)
{
    struct tl_tool_name t = {NULL, NULL};
    size_t at = skip_wrappers(argv);
    const char *name = base_of(word_at(argv, at)), *script = NULL;
    if (!*name)
        return t;
    if (is_interpreter(name))
        script = script_of(argv, &at);
    char *line = !script && is_interpreter(name) && !strcmp(word_at(argv, at + 1), "-c") && strstr(name, "sh")
                     ? first_of_line(word_at(argv, at + 2))
                     : NULL;
    t.name = tl_strdup(base_of(line ? line : script ? script : name));
    free(line);
    /* Behind the name of a file or a module stands what it works on. */
    if (!strchr(t.name, '.') && !is_interpreter(name) && is_command(word_at(argv, at + 1), variant))
        t.command = tl_strdup(word_at(argv, at + 1));
    return t;
}

void tl_tool_name_free(struct tl_tool_name *t)
{
    free(t->name);
    free(t->command);
    *t = (struct tl_tool_name){NULL, NULL};
}

char *tl_tool_version(const char *text)
{
    if (!text || !strncmp(text, "unknown", 7))
        return NULL;
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, " \t\n,;()");
        const char *from = (*p == 'v' || *p == 'V' || *p == 'b') && tl_is_digit(p[1]) ? p + 1 : p;
        size_t size = n - (size_t)(from - p);
        if (n && tl_is_digit(*from) && size <= VERSION_MOST)
            return tl_format("%.*s", (int)size, from);
        p += n;
        p += strspn(p, " \t\n,;()");
    }
    return NULL;
}
