/* The words of a command, and the variables that it is given, taken for all that they could be (content.c has the whole). */
#include "harness/executor/content_impl.h"

#include "cases/onnx_external.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/paths.h"
#include "harness/base/places.h"
#include "harness/base/program.h"
#include "harness/executor/content_named.h"
#include "harness/executor/content_tools.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool tl_content_is_bare(const char *word)
{
    return *word && strcmp(word, ".") && strcmp(word, "..") &&
           word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-")] == '\0';
}

static void add_external(const struct command *c, struct tl_hash *h, const char *model)
{
    json_t *names = tl_onnx_external(model), *unused;
    const char *name;
    const int above = (int)(tl_base_name(model) - model);
    json_object_foreach(names, name, unused) {
        char *path = *name == '/' ? tl_strdup(name) : tl_format("%.*s%s", above, model, name);
        tl_content_walk(c->x, h, TL_CONTENT_FILE, path);
        free(path);
    }
    json_decref(names);
}

/* One thing that a word may mean. names: it may be the name of a program. */
static void add_candidate(const struct command *c, struct tl_hash *h, const char *text, bool names)
{
    struct stat st;
    size_t n = strlen(text);
    if (!n || n >= PATH_MAX / 2)
        return;
    char *path = *text == '/' ? tl_strdup(text) : tl_format("%s/%s", c->directory, text);
    if (stat(path, &st)) {
        if (strchr(text, '/')) /* it may be there later: what a trial writes is then known for it */
            tl_content_walk(c->x, h, TL_CONTENT_FILE, path);
        else if (tl_content_is_bare(text) && names)
            tl_content_add_by_name(c, h, text);
    } else if (S_ISDIR(st.st_mode)) {
        tl_content_walk(c->x, h, TL_CONTENT_TREE, path);
    } else if (S_ISREG(st.st_mode) && c->x->found && (st.st_mode & 0111) &&
               tl_tool_is_everybodys(path, false)) {
        c->x->found(c->x->found_arg, TL_CONTENT_TOOL, path, path);
    } else if (S_ISREG(st.st_mode)) {
        char *line = tl_interpreter_line(path);
        if (line || (st.st_mode & 0111) || tl_content_is_source(tl_base_name(path)))
            tl_content_add_known(c, h, 'o', path, tl_content_add_own);
        else
            tl_content_walk(c->x, h, TL_CONTENT_FILE, path);
        size_t length = strlen(path);
        if (length > 5 && !strcmp(path + length - 5, ".onnx"))
            add_external(c, h, path);
        free(line);
    }
    free(path);
}

/* Whether a part of a word may be the name of a program. called: what the word starts, where it is a text of a language, whose
 * words are mostly names of its own (`w`, `import`, `print` may be programs, too); NULL: it may be one of a shell. */
static bool may_be_program(const struct command *c, const json_t *called, const char *part, const char *word,
                           const char *at)
{
    if (called)
        return json_object_get(called, part) != NULL;
    return !c->x->found || (strchr(word, ' ') && tl_tool_is_command_at(word, at));
}

/* A word as a whole, its parts, and what follows an option of one letter or the first '/'. */
static void add_parts(const struct command *c, struct tl_hash *h, const char *word, const json_t *called)
{
    static const char between[] = " \t\n\"'`=,:;@(){}[]|&<>";
    tl_hash_add_string(h, word);
    add_candidate(c, h, word, !c->x->found || (c->started && !strcmp(c->started, word)));
    size_t whole = strlen(word);
    for (const char *at = word; *at;) {
        size_t n = strcspn(at, between);
        char *part = tl_format("%.*s", (int)n, at);
        const char *slash = strchr(part, '/');
        if (n && n < whole)
            add_candidate(c, h, part, may_be_program(c, called, part, word, at));
        if (part[0] == '-' && n > 2)
            add_candidate(c, h, part + 2, !c->x->found && !called);
        if (slash && slash != part && slash != part + 2)
            add_candidate(c, h, slash, false);
        free(part);
        at += n;
        at += strspn(at, between);
    }
}

static void add_word(const struct command *c, struct tl_hash *h, const char *word)
{
    add_parts(c, h, word, NULL);
}

/* The text of a program, in another language than a shell's. */
static void add_text(const struct command *c, struct tl_hash *h, const char *text)
{
    json_t *called = tl_tools_called(text);
    add_parts(c, h, text, called);
    json_decref(called);
}

/* Whether words[i] is the text of a program for an interpreter that is none of a shell: `python3 -c TEXT`. */
static bool is_text(char *const *words, size_t i)
{
    static const char *const interpreters[] = {"python", "pypy", "perl", "ruby", "node", "lua"};
    if (i < 2 || (strcmp(words[i - 1], "-c") && strcmp(words[i - 1], "-e") && strcmp(words[i - 1], "-Ic")))
        return false;
    for (size_t k = i - 1; k-- > 0;)
        for (size_t l = 0; words[k][0] != '-' && l < TL_COUNT(interpreters); l++)
            if (!strncmp(tl_base_name(words[k]), interpreters[l], strlen(interpreters[l])))
                return true;
    return false;
}

const char *const tl_content_module_variables[] = {"PYTHONPATH", "NODE_PATH", "RUBYLIB",
                                                   "PERL5LIB",   "LUA_PATH",  NULL};

/* Where interpreters look for modules besides. Of what the case itself sets, words say it (add_settings). */
void tl_content_add_module_paths(const struct command *c, struct tl_hash *h)
{
    for (const char *const *name = tl_content_module_variables; *name; name++) {
        const char *list = tl_environment_value(c->settings, *name), *own = getenv(*name);
        if (c->x->found && list != own)
            continue;
        for (char *one; list && (one = tl_next_directory(&list)); free(one))
            if (*one == '/' && !(c->x->found && (tl_place_is_of_packages(one) || tl_place_is_of_system(one))))
                tl_content_walk(c->x, h, TL_CONTENT_SOURCES, one);
    }
}

/* The module that Python is told to run by its name, where a variable of the shell finds it: all of its package. */
static void add_module(const struct command *c, struct tl_hash *h, const char *name)
{
    const char *list = getenv("PYTHONPATH");
    if (list != tl_environment_value(c->settings, "PYTHONPATH") || strchr(name, '/'))
        return;
    bool found = false;
    for (char *one; list && !found && (one = tl_next_directory(&list)); free(one)) {
        char *package = tl_format("%s/%.*s", one, (int)strcspn(name, "."), name),
             *module = tl_format("%s.py", package);
        const bool is_package = !access(package, R_OK), is_module = !access(module, R_OK);
        found = *one == '/' && !tl_place_is_of_packages(one) && (is_package || is_module);
        if (found)
            tl_content_walk(c->x, h, is_package ? TL_CONTENT_TREE : TL_CONTENT_FILE,
                            is_package ? package : module);
        free(module);
        free(package);
    }
}

/* Variables of the case: each path in them. What trapline's own variable of that name has too is everybody's. */
void tl_content_add_settings(const struct command *c, struct tl_hash *h)
{
    for (size_t i = 0; c->settings && c->settings[i]; i++) {
        const char *equals = strchr(c->settings[i], '='), *list = equals ? equals + 1 : NULL;
        char *name = tl_format("%.*s", equals ? (int)(equals - c->settings[i]) : 0, c->settings[i]);
        if (!strcmp(name, "HOME"))
            list = NULL;
        for (char *one; list && (one = tl_next_directory(&list)); free(one)) {
            const char *own = getenv(name);
            bool shared = tl_content_is_of_system(one);
            for (char *other; own && !shared && (other = tl_next_directory(&own)); free(other))
                shared = !strcmp(one, other);
            if (!shared)
                tl_content_add_known(c, h, 'w', one, add_word);
        }
        free(name);
    }
}

void tl_content_command(struct tl_content *x, struct tl_hash *h, const char *directory,
                        const char *const *settings, char *const *words)
{
    struct command c = tl_content_command_of(x, directory, settings);
    struct tl_error ignored;
    tl_content_forget_old(x);
    char *program = tl_program_find_in(c.path, directory, words[0], &ignored);
    tl_hash_add_string(h, program ? program : words[0]);
    if (program && x->found)
        tl_content_tell(&c, h, program, !strchr(words[0], '/'));
    else if (program)
        tl_content_add_known(&c, h, 'o', program, tl_content_add_own);
    const size_t started = x->found ? tl_tool_started(words) : 0;
    for (size_t i = 1; words[i]; i++) {
        c.started = i == started ? words[i] : NULL;
        const bool text = is_text(words, i);
        if (x->found) /* what it means depends on its place */
            (text ? add_text : add_word)(&c, h, words[i]);
        else
            tl_content_add_known(&c, h, text ? 't' : 'w', words[i], text ? add_text : add_word);
        if (!strcmp(words[i], "-m")) /* a module, found from the directory in which Python is run */
            tl_content_walk(x, h, TL_CONTENT_BESIDE, directory);
        if (x->found && !strcmp(words[i], "-m") && words[i + 1])
            add_module(&c, h, words[i + 1]);
    }
    tl_content_add_module_paths(&c, h);
    tl_content_add_settings(&c, h);
    tl_content_environment_of(x, h, directory);
    free(program);
}
