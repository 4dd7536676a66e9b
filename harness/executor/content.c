/* From the words of a command to the files that it runs and reads.
 *
 * What is sound is too much rather than too little: a file that counts and does not matter costs trials that are run
 * anew, one that matters and does not count makes a wrong answer. So every word is taken for all that it could be:
 *
 *   the program            found as the trial finds it; where it is a script, its interpreter, and that one's own
 *   a path, or a part of   --weights=w.bin, -Iinclude, a:b:c, the words of sh -c: each part that is there. A directory
 *   a word that is one     with all that is in it; a script with the files beside it; an ONNX model with its data
 *   a name                 that PATH has: what `env`, `xcrun` or `nice` would run
 *   the words of a script  of a shell, which name the programs that it runs
 *   paths in a script      what it names outside its own directory (content_named.c)
 *   a compiled program     its shared libraries (content_libraries.c)
 *   a variable             of the case: each path in it that trapline's own has not
 *
 * Files beside a script are its modules and what it reads (content_walk.c). Of packages that are installed for an
 * interpreter their list counts (content_packages.c). What is behind a wrapper, cannot be seen from here: who has
 * one is told so (warnings.c), and says in "versions" how its version is found out.
 *
 * Digests are remembered for a second: a search asks for hundreds of variants, most of them with the same words. */
#include "harness/executor/content_impl.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/files.h"
#include "harness/base/paths.h"
#include "harness/base/places.h"
#include "harness/base/program.h"
#include "harness/executor/content_named.h"
#include "harness/executor/content_tools.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEMO_NS UINT64_C(1000000000)
#define DEPTH_MOST 6       /* script, interpreter, its interpreter; a script that runs a script */
#define SCRIPT_MOST 262144 /* bytes of a script whose words are looked at */
#define WORDS_MOST 4000    /* of those */
#define NAMING_MOST 200    /* sources beside a script whose paths are looked at */

struct command tl_content_command_of(struct tl_content *x, const char *directory, const char *const *settings)
{
    return (struct command){.x = x,
                            .directory = directory,
                            .settings = settings,
                            .path = tl_environment_value(settings, "PATH"),
                            .libraries = tl_environment_value(settings, "LD_LIBRARY_PATH")};
}

static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash != path ? tl_format("%.*s", (int)(slash - path), path) : tl_strdup("/");
}

/* --- the memo ------------------------------------------------------------------------------------------- */

void tl_content_forget_old(struct tl_content *x)
{
    uint64_t now = tl_monotonic_ns();
    if (now - x->memo_ns < MEMO_NS && x->memo_ns)
        return;
    json_object_clear(x->memo);
    x->memo_ns = now;
}

void tl_content_begin(struct tl_content *x, const char *key, const char *database)
{
    if (x->is_open)
        return;
    tl_known_hashes_open(&x->table, key);
    x->memo = json_object();
    x->first = json_object();
    x->roots = json_object();
    x->states = json_object();
    x->counted = json_object();
    x->key = tl_strdup(key);
    x->notes = x->notes ? x->notes : json_object();
    char *const places[] = {tl_cache_home("."), tl_state_home("."), tl_strdup(getenv("TMPDIR"))};
    if (places[0])
        tl_make_directories(places[0], 0700); /* where hashes are remembered, in the end */
    for (size_t i = 0; i < TL_COUNT(places); i++) {
        x->own[i] = places[i] ? realpath(places[i], NULL) : NULL;
        free(places[i]);
    }
    x->database = realpath(database, NULL);
    for (int i = 0; i < 2; i++)
        if (fstat(i + 1, &x->streams[i]))
            x->streams[i] = (struct stat){0};
    x->is_open = true;
    if (!x->found)
        tl_content_session_adopt(x);
}

bool tl_content_known(struct tl_content *x, struct tl_hash *h, const char *key, struct tl_hash *inner)
{
    const char *known = json_string_value(json_object_get(x->memo, key));
    if (known) {
        tl_hash_add_string(h, known);
        return true;
    }
    if (tl_hash_begin(inner))
        abort();                                                     /* out of memory */
    json_object_set_new_nocheck(x->memo, key, json_string("again")); /* of a script that runs itself */
    return false;
}

void tl_content_know(struct tl_content *x, struct tl_hash *h, const char *key, struct tl_hash *inner)
{
    char hex[TL_SHA256_SIZE];
    tl_hash_end(inner, hex);
    json_object_set_new_nocheck(x->memo, key, json_string(hex));
    tl_hash_add_string(h, hex);
}

void tl_content_add_known(const struct command *c, struct tl_hash *h, char kind, const char *what,
                          tl_content_adder add)
{
    char *key = tl_format("%c %s\n%s\n%s\n%s", kind, what, c->directory, c->path ? c->path : "",
                          c->libraries ? c->libraries : "");
    struct tl_hash inner;
    if (!tl_content_known(c->x, h, key, &inner)) {
        add(c, &inner, what);
        tl_content_know(c->x, h, key, &inner);
    }
    free(key);
}

/* --- programs ------------------------------------------------------------------------------------------- */

static void add_program(const struct command *c, struct tl_hash *h, const char *path);

bool tl_content_is_of_system(const char *directory)
{
    return !strncmp(directory, "/usr/", 5) || !strcmp(directory, "/bin") || !strcmp(directory, "/sbin");
}

void tl_content_tell(const struct command *c, struct tl_hash *h, const char *path, bool by_name)
{
    if (tl_tool_is_everybodys(path, by_name)) {
        c->x->found(c->x->found_arg, TL_CONTENT_TOOL, path, path);
        return;
    }
    if (by_name)
        c->x->found(c->x->found_arg, TL_CONTENT_IN_PATH, path, path);
    tl_content_add_known(c, h, 'o', path, tl_content_add_own);
}

void tl_content_add_by_name(const struct command *c, struct tl_hash *h, const char *name)
{
    struct tl_error ignored;
    char *path = tl_program_find_in(c->path, c->directory, name, &ignored);
    if (path && c->x->found)
        tl_content_tell(c, h, path, true);
    else if (path)
        tl_content_add_known(c, h, 'x', path, add_program);
    free(path);
}

/* Whether a word stands anywhere in a shell's text where a command is named. */
static bool is_command_in(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = text; (at = strstr(at, word)); at += n)
        if ((at == text || !tl_content_is_bare((char[]){at[-1], '\0'})) &&
            (!at[n] || !tl_content_is_bare((char[]){at[n], '\0'})) && tl_tool_is_command_at(text, at))
            return true;
    return false;
}

/* The programs that a script of a shell names. What is only told counts where a command stands: any word could be the name of
 * something that somebody has in $PATH. */
static void add_words(const struct command *c, struct tl_hash *h, const char *path)
{
    size_t size, n = 0;
    char *text = tl_read_file(path, SCRIPT_MOST, &size), *save = NULL, *whole = tl_strdup(text);
    struct stat st;
    json_t *seen = json_object();
    for (char *word = text ? strtok_r(text, " \t\r\n\"'`$(){}[];|&<>=,:*?!#@", &save) : NULL;
         word && n < WORDS_MOST; word = strtok_r(NULL, " \t\r\n\"'`$(){}[];|&<>=,:*?!#@", &save)) {
        if (json_object_get(seen, word))
            continue;
        json_object_set_new_nocheck(seen, word, json_true());
        n++;
        if (tl_content_is_bare(word) && c->x->found) {
            if (is_command_in(whole, word))
                tl_content_add_by_name(c, h, word);
        } else if (tl_content_is_bare(word)) {
            tl_content_add_by_name(c, h, word);
        } else if (*word == '/' && !access(word, X_OK) && c->x->found) {
            if (!stat(word, &st) && S_ISREG(st.st_mode))
                tl_content_tell(c, h, word, false);
        } else if (*word == '/' && !access(word, X_OK)) {
            tl_content_add_known(c, h, 'x', word, add_program);
        }
    }
    json_decref(seen);
    free(whole);
    free(text);
}

bool tl_content_is_shell(const char *program)
{
    static const char *const shells[] = {"sh",   "bash", "dash", "zsh",    "ksh",
                                         "mksh", "fish", "ash",  "busybox"};
    return tl_is_one_of(tl_base_name(program), shells, TL_COUNT(shells));
}

static bool is_python(const char *name)
{
    return !strncmp(name, "python", 6) || !strncmp(name, "pypy", 4);
}

/* The interpreter of a script and, where that is env, the program that it finds. *shell: it is a shell. */
static void add_interpreter(const struct command *c, struct tl_hash *h, char *line, bool *shell)
{
    char *save = NULL, *word = strtok_r(line, " \t", &save);
    *shell = word && tl_content_is_shell(word);
    if (!word)
        return;
    if (!c->x->found)
        tl_content_add_known(c, h, 'x', word, add_program);
    if (strcmp(tl_base_name(word), "env"))
        return;
    while ((word = strtok_r(NULL, " \t", &save)) && (*word == '-' || strchr(word, '=')))
        continue;
    if (!word)
        return;
    *shell = tl_content_is_shell(word);
    tl_content_add_by_name(c, h, word);
}

/* Whether a directory is one of PATH, where programs of everybody stand beside each other. */
static bool is_in_path(const struct command *c, const char *directory)
{
    const char *list = c->path;
    bool found = false;
    for (char *one; list && !found && (one = tl_next_directory(&list)); free(one))
        found = !strcmp(one, directory);
    return found;
}

/* What stands beside a script: of one in PATH its modules, else all that it may read. Where the path is a link, the
 * directory of the file counts too: Python and node look there. */
static void add_beside(const struct command *c, struct tl_hash *h, const char *path)
{
    char *real = realpath(path, NULL), *places[] = {directory_of(path), real ? directory_of(real) : NULL};
    for (size_t i = 0; i < 2; i++) {
        if (!places[i] || (i && !strcmp(places[0], places[1])) || tl_content_is_of_system(places[i]))
            continue;
        tl_content_walk(c->x, h, is_in_path(c, places[i]) ? TL_CONTENT_FLAT : TL_CONTENT_BESIDE, places[i]);
        tl_content_environment_of(c->x, h, places[i]);
    }
    free(places[0]);
    free(places[1]);
    free(real);
}

static void add_libraries(const struct command *c, struct tl_hash *h, const char *program)
{
    json_t *libraries = tl_libraries_of(program, c->libraries), *names, *unused;
    const char *path, *name;
    json_object_foreach(libraries, path, names) {
        if (!c->x->found)
            tl_content_now(c->x, h, path);
        else
            json_object_foreach(names, name, unused)
                tl_content_now(c->x, h, name);
    }
    json_decref(libraries);
}

/* Whether a directory holds another. */
static bool is_above(const char *directory, const char *other)
{
    char *real = realpath(other, NULL);
    size_t n = strlen(directory);
    bool is = real && !strncmp(real, directory, n) && real[n] == '/';
    free(real);
    return is;
}

/* A program with its interpreter, whatever stands beside it. */
static void add_program(const struct command *c, struct tl_hash *h, const char *path)
{
    struct command below = *c;
    if (below.depth++ > DEPTH_MOST)
        return;
    tl_content_now(c->x, h, path);
    char *line = tl_interpreter_line(path);
    bool shell = false;
    if (line)
        add_interpreter(&below, h, line, &shell);
    if (shell)
        add_words(&below, h, path);
    if (is_python(tl_base_name(path)))
        tl_content_python(c->x, h, path);
    if (!line)
        add_libraries(c, h, path);
    free(line);
}

static void add_named(const struct command *c, struct tl_hash *h, const char *script)
{
    struct command below = *c;
    if (below.depth++ > DEPTH_MOST)
        return;
    json_t *named = tl_named_by_script(script), *as_named;
    const char *path, *namer = c->x->namer;
    struct stat st;
    c->x->namer = script;
    json_object_foreach(named, path, as_named) {
        char *directory = directory_of(script);
        bool theirs = c->x->found && (tl_place_is_of_packages(path) || tl_place_is_of_system(path));
        if (c->x->found && json_is_string(as_named) && !theirs)
            c->x->found(c->x->found_arg, TL_CONTENT_LINK, json_string_value(as_named), path);
        if (theirs || stat(path, &st)) /* of an interpreter, as the first line names it */
            st.st_mode = 0;
        if (S_ISDIR(st.st_mode) && !tl_place_is_broad(path))
            tl_content_walk(c->x, h, is_above(path, directory) ? TL_CONTENT_FLAT : TL_CONTENT_BESIDE, path);
        else if (S_ISREG(st.st_mode) && tl_content_is_source(tl_base_name(path)))
            tl_content_add_known(&below, h, 'o', path, tl_content_add_own);
        else if (S_ISREG(st.st_mode) && (st.st_mode & 0111))
            tl_content_add_known(&below, h, 'o', path, tl_content_add_own);
        else if (S_ISREG(st.st_mode))
            tl_content_walk(c->x, h, TL_CONTENT_FILE, path);
        free(directory);
    }
    c->x->namer = namer;
    json_decref(named);
}

/* What a script names elsewhere, and what the sources beside it do, for it may import them. Where somebody asks for files those are
 * followed that a script which is taken names (case_files.c): what stands beside is other work, with other secrets. */
static void add_all_named(const struct command *c, struct tl_hash *h, const char *script)
{
    char *directory = directory_of(script);
    struct dirent **entries = NULL;
    tl_content_add_known(c, h, 'n', script, add_named);
    int n = c->x->found || is_in_path(c, directory) || tl_content_is_of_system(directory) ||
                    tl_place_is_broad(directory)
                ? 0
                : scandir(directory, &entries, NULL, alphasort);
    for (int i = 0, looked = 0; i < n; i++) {
        if (looked < NAMING_MOST && tl_content_is_source(entries[i]->d_name)) {
            char *path = tl_format("%s/%s", directory, entries[i]->d_name);
            tl_content_add_known(c, h, 'n', path, add_named);
            free(path);
            looked++;
        }
        free(entries[i]);
    }
    if (n < 0)
        tl_hash_add_string(h, strerror(errno));
    free(entries);
    free(directory);
}

void tl_content_add_own(const struct command *c, struct tl_hash *h, const char *path)
{
    if (c->x->found && tl_tool_is_everybodys(path, false))
        return;
    char *line = tl_interpreter_line(path);
    tl_content_add_known(c, h, 'x', path, add_program);
    if (line || tl_content_is_source(tl_base_name(path))) {
        add_beside(c, h, path);
        add_all_named(c, h, path);
        if (line && c->x->found)
            tl_content_around(c->x, h, path, false);
    } else if (c->x->found) {
        tl_content_around(c->x, h, path, true);
    } else {
        char *directory = directory_of(path); /* libraries beside a program */
        if (!tl_content_is_of_system(directory) && !is_in_path(c, directory))
            tl_content_walk(c->x, h, TL_CONTENT_FLAT, directory);
        free(directory);
    }
    free(line);
}

static void add_runner(const struct command *c, struct tl_hash *h, const char *runner)
{
    char *line = tl_interpreter_line(runner);
    if (line) {
        add_program(c, h, runner);
        tl_content_walk(c->x, h, TL_CONTENT_RUNNER, c->directory);
        tl_content_environment_of(c->x, h, c->directory);
        add_all_named(c, h, runner);
    } else {
        add_libraries(c, h, runner);
    }
    free(line);
}

/* Programs that a module or a script in another language starts. */
static void add_called(const struct command *c, struct tl_hash *h, const char *file)
{
    size_t size;
    const char *dot = strrchr(tl_base_name(file), '.');
    char *line = tl_interpreter_line(file), *text = tl_read_file(file, SCRIPT_MOST, &size);
    bool shell = line ? strstr(line, "sh") != NULL : dot && (!strcmp(dot, ".sh") || !strcmp(dot, ".bash")),
         source = line || tl_content_is_source(tl_base_name(file));
    json_t *called = text && source && !shell && !memchr(text, '\0', size) ? tl_tools_called(text) : NULL,
           *unused;
    const char *word;
    if (shell)
        add_words(c, h, file);
    json_object_foreach(called, word, unused)
        if (tl_content_is_bare(word))
            tl_content_add_by_name(c, h, word);
    json_decref(called);
    free(text);
    free(line);
}

void tl_content_follow(struct tl_content *x, struct tl_hash *h, const char *directory, const char *file)
{
    struct command c = tl_content_command_of(x, directory, NULL);
    tl_content_forget_old(x);
    tl_content_add_known(&c, h, 'n', file, add_named);
    tl_content_add_known(&c, h, 'c', file, add_called);
    add_libraries(&c, h, file);
}

void tl_content_runner(struct tl_content *x, struct tl_hash *h, const char *runner,
                       const char *const *settings)
{
    char *directory = directory_of(runner);
    struct command c = tl_content_command_of(x, directory, settings);
    tl_content_forget_old(x);
    tl_content_add_known(&c, h, 'r', runner, add_runner);
    tl_content_add_module_paths(&c, h);
    tl_content_add_settings(&c, h);
    free(directory);
}
