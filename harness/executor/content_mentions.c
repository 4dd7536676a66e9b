/* A file that stands beside a script goes into a bundle where the script names it. `e`, `m`, `data`, `log` and `out` are what people
 * call their variables, and also what they call the files into which they write what is nobody's business. So it is not the words
 * of a script that count but its texts, and of those that have no dot only what is opened. */
#include "harness/executor/content_mentions.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/executor/content_tools.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_LEAST 3   /* bytes of a name without a dot that is no part of a path */
#define OPENER_MOST 64 /* bytes before a text in which the function is looked for that is given it */

enum tl_script_kind tl_script_kind_of(const char *path, const char *text)
{
    static const char *const shells[] = {"sh", "bash", "zsh", "fish", "ksh", "mk", "cmake", "tcl"},
                             *const hashes[] = {"py", "pyi", "pyx", "pyw", "rb",  "pl",  "pm", "t",
                                                "r",  "R",   "jl",  "ex",  "exs", "awk", "sed"},
                             *const slashes[] = {"js",  "mjs", "cjs", "ts", "mts", "cts",   "jsx",  "tsx",
                                                 "php", "go",  "rs",  "c",  "h",   "cc",    "cpp",  "cxx",
                                                 "hpp", "hh",  "m",   "mm", "kt",  "kts",   "java", "scala",
                                                 "cs",  "fs",  "ml",  "cl", "cu",  "swift", "metal"},
                             *const interpreters[] = {"python", "pypy", "ruby", "perl", "lua", "julia"};
    const char *dot = strrchr(tl_base_name(path), '.'), *ending = dot ? dot + 1 : "";
    if (tl_is_one_of(ending, shells, TL_COUNT(shells)))
        return TL_SCRIPT_SHELL;
    if (tl_is_one_of(ending, hashes, TL_COUNT(hashes)))
        return TL_SCRIPT_HASH;
    if (tl_is_one_of(ending, slashes, TL_COUNT(slashes)))
        return TL_SCRIPT_SLASHES;
    char *first = tl_format("%.*s", (int)strcspn(text, "\n"), text);
    enum tl_script_kind kind = TL_SCRIPT_SHELL;
    for (size_t i = 0; !strncmp(first, "#!", 2) && i < TL_COUNT(interpreters); i++)
        if (strstr(first, interpreters[i]))
            kind = TL_SCRIPT_HASH;
    if (!strncmp(first, "#!", 2) &&
        (strstr(first, "node") || strstr(first, "deno") || strstr(first, "swift")))
        kind = TL_SCRIPT_SLASHES;
    free(first);
    return kind;
}

static bool is_letter(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Whether a text of n bytes names it, which is bare: it has no dot. whole: the text may be nothing else. */
static bool text_names(const char *text, size_t n, const char *name, bool bare, bool whole)
{
    const size_t length = strlen(name);
    for (size_t i = 0; i + length <= n; i++) {
        const bool begins = !i || !is_letter(text[i - 1]),
                   ends = i + length == n || !is_letter(text[i + length]);
        if (!begins || !ends || memcmp(text + i, name, length) != 0)
            continue;
        const bool in_path = (i && text[i - 1] == '/') || (i + length < n && text[i + length] == '/');
        if (!bare || in_path || (whole && length >= NAME_LEAST && length == n))
            return true;
    }
    return false;
}

/* Whether what stands before a text opens what it names: a function whose name says so and which is given it, by itself or in a
 * list, or `path / "x"`. */
static bool is_opened(const char *begin, const char *at)
{
    static const char *const openers[] = {"open",   "read",       "load",    "path",   "join",   "file",
                                          "exists", "copy",       "listdir", "glob",   "stat",   "scan",
                                          "mmap",   "require",    "walk",    "import", "system", "resolve",
                                          "spawn",  "subprocess", "exec"};
    const char *end = at;
    while (end > begin && (isspace((unsigned char)end[-1]) || strchr("rbfu", end[-1])))
        end--;
    if (end > begin && end[-1] == '/')
        return true;
    for (int depth = 0; end > begin && at - end < OPENER_MOST; end--) {
        const char c = end[-1];
        depth += c == ')' || c == ']' ? 1 : c == '(' || c == '[' ? -1 : 0;
        if (!depth && strchr(";{}", c))
            return false;
        if (depth >= 0)
            continue;
        const char *name = end - 1;
        while (name > begin && (is_letter(name[-1]) || name[-1] == '.'))
            name--;
        char *function = tl_format("%.*s", (int)(end - 1 - name), name);
        bool is = false;
        for (size_t i = 0; c == '(' && i < TL_COUNT(openers) && !is; i++)
            is = strcasestr(function, openers[i]) != NULL;
        const bool is_list = !*function;
        free(function);
        if (is || !is_list)
            return is;
        depth = 0;
    }
    return false;
}

/* The end of a comment that begins here; NULL where none does. */
static const char *comment_end(const char *at, enum tl_script_kind kind, char before)
{
    if (kind == TL_SCRIPT_SLASHES && !strncmp(at, "/*", 2)) {
        const char *end = strstr(at + 2, "*/");
        return end ? end + 2 : at + strlen(at);
    }
    const bool begins = kind == TL_SCRIPT_SLASHES ? !strncmp(at, "//", 2)
                        : kind == TL_SCRIPT_SHELL ? *at == '#' && (!before || isspace((unsigned char)before))
                                                  : *at == '#';
    return begins ? at + strcspn(at, "\n") : NULL;
}

static bool quoted_mentions(const char *text, enum tl_script_kind kind, const char *name, bool bare)
{
    for (const char *at = text; *at;) {
        const char *past = comment_end(at, kind, '\0');
        if (past) {
            at = past;
            continue;
        }
        if (!strchr("\"'`", *at)) {
            at++;
            continue;
        }
        const char quote = *at, *begin = at, *end;
        const bool triple = at[1] == quote && at[2] == quote;
        at += triple ? 3 : 1;
        for (end = at; *end; end++) {
            if (*end == '\\' && end[1])
                end++;
            else if (triple ? end[0] == quote && end[1] == quote && end[2] == quote
                            : *end == quote || (*end == '\n' && quote != '`'))
                break;
        }
        if (text_names(at, (size_t)(end - at), name, bare, !triple && is_opened(text, begin)))
            return true;
        at = end + (!*end ? 0 : triple ? 3 : 1);
    }
    return false;
}

/* Whether a command of a shell only says its words. */
static bool only_says(const char *command)
{
    static const char *const sayers[] = {"echo",   "printf", "exit",  "return",
                                         "export", "local",  "unset", "trap"};
    for (size_t i = 0; command && i < TL_COUNT(sayers); i++) {
        const size_t n = strlen(sayers[i]);
        if (!strncmp(command, sayers[i], n) && isspace((unsigned char)command[n]))
            return true;
    }
    return false;
}

/* Words of a shell. A command is none of the files beside its script unless a path says so; what it sets, or writes first, it
 * does not read from somebody. In a quoted text of many words a bare one is prose. */
static bool shell_mentions(const char *text, const char *name, bool bare)
{
    static const char between[] = " \t\r\n;&|()<>\"'`=,:";
    const char *command = NULL;
    char before = '\n'; /* what stands between this word and the one before it, but for blanks */
    for (const char *at = text; *at;) {
        const char *past = comment_end(at, TL_SCRIPT_SHELL, at > text ? at[-1] : '\0');
        if (past) {
            at = past;
            continue;
        }
        if (*at == '"' || *at == '\'') {
            const char *end = strchr(at + 1, *at);
            const size_t n = end ? (size_t)(end - at - 1) : strlen(at + 1);
            if (strcspn(at + 1, " \t\n") < n) {
                if (text_names(at + 1, n, name, bare, false))
                    return true;
                at += 1 + n + (end != NULL);
                before = ' ';
                continue;
            }
        }
        const size_t n = strcspn(at, between);
        if (!n) {
            before = *at == ' ' || *at == '\t' || *at == '"' || *at == '\'' ? before : *at;
            command = strchr("\n;&|(", *at) && before != '>' ? NULL : command;
            at++;
            continue;
        }
        const bool first = tl_tool_is_command_at(text, at), set = first && at[n] == '=',
                   is_name = n == strlen(name) && !memcmp(at, name, n);
        command = first || !command ? at : command;
        if (before == '>' && is_name)
            return false;
        if (!set && text_names(at, n, name, bare, !first && !only_says(command)))
            return true;
        before = ' ';
        at += n;
    }
    return false;
}

bool tl_script_mentions(const char *text, enum tl_script_kind kind, const char *name)
{
    if (!*name || !strstr(text, name))
        return false;
    const bool bare = !strchr(name, '.');
    return kind == TL_SCRIPT_SHELL ? shell_mentions(text, name, bare)
                                   : quoted_mentions(text, kind, name, bare);
}
