/* What is known of a command for its identity (content.c) is more than somebody else needs: all that stands beside a
 * script counts there, for it may be read. What is published is rather too little than too much: notes, keys and
 * results of other work stand beside scripts, too. So of what is beside a script
 *
 *   sources             are taken, hidden ones excepted; where there are many, where the directory is everybody's, or where it
 *                       is not below that of the case (a script of a project that the case tries), those only that a script
 *                       which is taken names (its name, or that of a module)
 *   project files       pyproject.toml, Package.swift and their like; elsewhere those beside the script itself
 *   other data          where a script names it (content_mentions.h): its name, its ending ("*.txt"), or a directory that it
 *                       is in
 *
 * The scripts whose words count are those that a command names, and that such a script names: what only stands beside them is of
 * other work, and what it names may be anything on the machine.
 *
 * What a compiled program may open (content_tools.c) is taken where its texts name it. Links on the way to a file are kept apart:
 * a program finds its libraries from where it is, a script its modules from where it was called.
 *
 * and what was named by a command itself is taken as it is, but for what is hidden in a directory that is named. */
#include "harness/executor/case_files.h"

#include "cases/reference.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/paths.h"
#include "harness/base/places.h"
#include "harness/base/unit_name.h"
#include "harness/executor/content_mentions.h"
#include "harness/executor/content_named.h"
#include "harness/executor/content_tools.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define OUTSIDE_MOST 200      /* data in a directory outside of the case's that a script names as a whole */
#define SOURCES_MOST 100      /* beside scripts: more are a project of which a script needs a part */
#define SCRIPT_MOST (1 << 20) /* bytes of a script in which names are looked for */
#define CASE_MOST (4 << 20)
#define FILES_MOST 5000
#define LINKS_MOST 1000
#define CONTENTS_MOST 2000
#define TURNS_MOST 8   /* a script names a module, which names another */
#define PROGRAM_WORD 4 /* bytes of a name that the texts of a program have not by chance */

struct found_file {
    char *path, *top;
    bool named, everywhere; /* everywhere: it stands in a directory that many use */
    bool outside;           /* of the directory of the case */
    bool module;            /* it stands where a variable lets interpreters look for modules */
    bool reached;           /* a command names it, or what is reached does */
    bool taken, followed;   /* followed: what it names elsewhere is known */
    size_t looked;          /* at so many files, whether it names them */
};
struct found_files {
    char *directory; /* of the case, real, with a slash at its end */
    struct found_file *list;
    size_t n;
    json_t *index;           /* path -> place in the list */
    json_t *gone;            /* paths of the case's directory that a command names and that are not there */
    json_t *links;           /* where a link stands -> the real path behind it */
    json_t *in_path, *tools; /* programs that $PATH has: somebody's own, and everybody's; paths in the keys */
};

static bool has_hidden_part(const char *path)
{
    return strstr(path, "/.") != NULL;
}

/* Where a path that is named is not hidden by itself, what it holds may be. */
static bool is_hidden(const struct found_file *f)
{
    size_t n = strlen(f->top);
    return has_hidden_part(!strncmp(f->path, f->top, n) && f->path[n] == '/' ? f->path + n : "");
}

static void on_link(void *arg, const char *link, const char *real)
{
    struct found_files *all = arg;
    char *above = tl_format("%.*s", (int)(tl_base_name(link) - link), link);
    if (strcmp(above, "/") != 0 && !tl_place_is_of_system(link) && json_object_size(all->links) < LINKS_MOST)
        json_object_set_new_nocheck(all->links, link, json_string_nocheck(real));
    free(above);
}

static void add_file(struct found_files *all, enum tl_content_mode mode, const char *real, const char *top)
{
    bool named = mode == TL_CONTENT_FILE || mode == TL_CONTENT_TREE || mode == TL_CONTENT_PROGRAM;
    const json_t *known = json_object_get(all->index, real);
    struct found_file *f = known ? &all->list[json_integer_value(known)] : NULL;
    if (f && named && !f->named) {
        f->named = true;
        free(f->top);
        f->top = tl_strdup(mode == TL_CONTENT_PROGRAM ? real : top);
    } else if (!f && all->n < FILES_MOST) {
        json_object_set_new_nocheck(all->index, real, json_integer((json_int_t)all->n));
        struct found_file *added = TL_GROW(all->list, all->n);
        *added = (struct found_file){.path = tl_strdup(real),
                                     .top = tl_strdup(mode == TL_CONTENT_PROGRAM ? real : top),
                                     .named = named,
                                     .outside = strncmp(real, all->directory, strlen(all->directory)) != 0,
                                     .module = mode == TL_CONTENT_SOURCES,
                                     .everywhere = mode == TL_CONTENT_FLAT || mode == TL_CONTENT_NAMED ||
                                                   mode == TL_CONTENT_SOURCES || tl_place_is_broad(top)};
    }
}

static void on_found(void *arg, enum tl_content_mode mode, const char *path, const char *top)
{
    struct found_files *all = arg;
    char *place = tl_real_directory(path), *real = realpath(path, NULL);
    if (mode == TL_CONTENT_IN_PATH || mode == TL_CONTENT_TOOL)
        json_object_set_new_nocheck(mode == TL_CONTENT_TOOL ? all->tools : all->in_path, place ? place : path,
                                    json_true());
    if (mode != TL_CONTENT_TOOL && real && strcmp(real, path) != 0)
        tl_follow_links(path, on_link, all);
    bool data = mode == TL_CONTENT_FILE || mode == TL_CONTENT_TREE; /* named by itself, wherever it is */
    if (mode != TL_CONTENT_TOOL && mode != TL_CONTENT_IN_PATH && mode != TL_CONTENT_LINK && real &&
        (data || !tl_place_is_of_packages(real)))
        add_file(all, mode, real, top);
    free(place);
    free(real);
}

static bool is_case_file(const char *path)
{
    size_t size, n = strlen(path);
    if (n < 5 || strcmp(path + n - 5, ".json") != 0)
        return false;
    char *text = tl_read_file(path, CASE_MOST, &size);
    bool is = text && memmem(text, size, "\"trapline\"", 10);
    free(text);
    return is;
}

static bool is_project_file(const char *name)
{
    static const char *const names[] = {
        "pyproject.toml", "uv.lock",           "setup.py",      "setup.cfg",        ".python-version",
        "package.json",   "package-lock.json", "Package.swift", "Package.resolved", "Cargo.toml",
        "Cargo.lock",     "CMakeLists.txt",    "Makefile",      "Gemfile",          "go.mod",
        "go.sum"};
    return tl_is_one_of(name, names, TL_COUNT(names)) || !strncmp(name, "requirements", 12);
}

static bool is_letter(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Whether it stands in a text, as a word. */
static bool names_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = n ? text : NULL; at && (at = strstr(at, word)); at++)
        if ((at == text || !is_letter(at[-1])) && !is_letter(at[n]))
            return true;
    return false;
}

/* Whether a text holds an ending as a pattern has it ("*.txt", and not "*.txtx"). */
static bool names_ending(const char *text, const char *ending)
{
    size_t n = strlen(ending);
    for (const char *at = text; (at = strstr(at, ending)); at++)
        if (!is_letter(at[n]))
            return true;
    return false;
}

/* Whether one source may be a module of another: they are of one language, or that is not known. */
static bool may_import(const char *script, const char *dot)
{
    static const char *const compiled[] = {".so", ".dylib", ".dll"};
    const char *own = strrchr(tl_base_name(script), '.');
    return !own || !dot || !strcmp(own, dot) || tl_is_one_of(dot, compiled, TL_COUNT(compiled));
}

/* Whether a script's text names a file: by its name, as a module, by its ending, or by a directory that it is in. */
static bool names_file(const char *text, const char *script, const char *path)
{
    const char *name = tl_base_name(path), *dot = strrchr(name, '.');
    const enum tl_script_kind kind = tl_script_kind_of(script, text);
    if (tl_script_mentions(text, kind, name))
        return true;
    char *stem = tl_format("%.*s", dot && dot != name ? (int)(dot - name) : (int)strlen(name), name);
    bool source = tl_content_is_source(name),
         is = source && may_import(script, dot) && names_word(text, stem);
    char *ending = dot && dot != name && !source ? tl_format("*%s", dot) : NULL;
    is = is || (ending && names_ending(text, ending));
    free(ending);
    free(stem);
    /* The directories between the script's and the file. */
    size_t above = (size_t)(tl_base_name(script) - script);
    if (is || strncmp(script, path, above) != 0)
        return is;
    char *below = tl_strdup(path + above), *save = NULL;
    for (char *part = strtok_r(below, "/", &save), *next; part && !is; part = next) {
        next = strtok_r(NULL, "/", &save);
        is = next && (source ? names_word(text, part) : tl_script_mentions(text, kind, part));
    }
    free(below);
    return is;
}

/* Whether a script names the package that a file is of. */
static bool names_package(const char *text, const struct found_file *f)
{
    size_t n = strlen(f->top);
    const char *below = f->module && !strncmp(f->path, f->top, n) && f->path[n] == '/' ? f->path + n + 1 : "";
    if (!strchr(below, '/'))
        return false;
    char *package = tl_format("%.*s", (int)strcspn(below, "/"), below);
    bool is = names_word(text, package);
    free(package);
    return is;
}

static bool take(struct found_file *f)
{
    if (f->taken || is_case_file(f->path))
        return false;
    f->taken = true;
    return true;
}

/* Whether anything is new of it. */
static bool reach(struct found_file *f)
{
    bool any = take(f) || (f->taken && !f->reached);
    f->reached = f->taken;
    return any;
}

static bool is_behind_parents(const char *texts, const char *at)
{
    const char *begin = at;
    while (begin - texts >= 3 && !strncmp(begin - 3, "../", 3))
        begin -= 3;
    bool linker =
        begin - texts >= 8 && (!strncmp(begin - 7, "ORIGIN/", 7) || !strncmp(begin - 8, "ORIGIN}/", 8));
    return begin < at && !linker;
}

/* Whether texts of a program, one on each line, name a directory by where it is from that of the program: "data/…", "/data",
 * "../data". up: only behind "../". A path of the machine on which it was compiled is none, nor is one for the linker. */
static bool names_directory(const char *texts, const char *relative, bool up)
{
    size_t n = strlen(relative);
    for (const char *at = n ? texts : NULL; at && (at = strstr(at, relative)); at++) {
        bool first = at == texts || at[-1] == '\n',
             second = at > texts && at[-1] == '/' && (at - 1 == texts || at[-2] == '\n'),
             behind = is_behind_parents(texts, at);
        if (!is_letter(at[n]) && at[n] != '.' && (behind || (!up && (first || second))))
            return true;
    }
    return false;
}

/* Whether the texts of a program name a file: its name, its ending as a pattern, or a directory that it is in. */
static bool program_names_file(const char *texts, const char *program, const char *path)
{
    const char *name = tl_base_name(path), *dot = strrchr(name, '.');
    if (strlen(name) >= PROGRAM_WORD && names_word(texts, name))
        return true;
    char *ending = dot && dot != name ? tl_format("*%s", dot) : NULL,
         *home = tl_format("%.*s", (int)(tl_base_name(program) - program), program),
         *directory = tl_format("%.*s", (int)(name - path - (name - path > 1)), path);
    bool is = ending && strlen(ending) > 2 && names_ending(texts, ending);
    for (int levels = 0; levels < 2 && !is && strlen(home) > 1;
         levels++) { /* of the program, and of its installation */
        size_t n = strlen(home);
        if (!strncmp(directory, home, n) && directory[n] && strcmp(directory + n, "share") != 0)
            is = names_directory(texts, directory + n, false);
        home[n - 1] = '\0';
        home[tl_base_name(home) - home] = '\0';
    }
    const char *tail = directory + strlen(directory);
    for (int parts = 0; parts < 3 && !is && tail > directory; parts++) {
        while (tail > directory && tail[-1] != '/')
            tail--;
        is = names_directory(texts, tail, true);
        tail -= tail > directory;
    }
    free(directory);
    free(home);
    free(ending);
    return is;
}

/* What one script or program that is taken names. */
static bool take_named_by(struct found_files *all, struct found_file *script)
{
    size_t size;
    bool any = false;
    size_t i = script->looked;
    if (i == all->n)
        return false;
    script->looked = all->n;
    char *texts = script->named ? tl_texts_of_program(script->path) : NULL,
         *text = !texts && (tl_content_is_source(tl_base_name(script->path)) || script->named)
                     ? tl_read_file(script->path, SCRIPT_MOST, &size)
                     : NULL;
    bool read = text && !memchr(text, '\0', size);
    for (; (texts || read) && i < all->n; i++) {
        struct found_file *f = &all->list[i];
        if (!(f->taken && f->reached) && !(is_hidden(f) && !f->named) &&
            (texts ? program_names_file(texts, script->path, f->path)
                   : names_file(text, script->path, f->path) || names_package(text, f)))
            any |= reach(f);
    }
    free(texts);
    free(text);
    return any;
}

/* Whether a file goes with the script that it stands beside although nothing names it. */
static bool goes_with_script(const struct found_file *f, size_t sources)
{
    const char *name = tl_base_name(f->path);
    size_t n = strlen(f->top);
    if (f->everywhere)
        return false;
    if (f->outside)
        return is_project_file(name) && !strncmp(f->path, f->top, n) && f->path + n + 1 == name;
    return is_project_file(name) || (tl_content_is_source(name) && sources <= SOURCES_MOST);
}

static void choose(struct found_files *all)
{
    size_t sources = 0;
    for (size_t i = 0; i < all->n; i++)
        sources += !all->list[i].named && tl_content_is_source(tl_base_name(all->list[i].path));
    for (size_t i = 0; i < all->n; i++) {
        struct found_file *f = &all->list[i];
        if ((f->named || goes_with_script(f, sources)) &&
            !(is_hidden(f) && strcmp(tl_base_name(f->path), ".python-version") != 0)) {
            take(f);
            f->reached = f->reached || (f->named && f->taken);
        }
    }
    bool more = true;
    for (int turn = 0; more && turn < TURNS_MOST; turn++) {
        more = false;
        for (size_t i = 0; i < all->n; i++)
            if (all->list[i].reached)
                more |= take_named_by(all, &all->list[i]);
    }
}

/* What is taken names other files, which may name others. */
static void choose_all(struct tl_content *x, struct tl_hash *h, const struct tl_case *c,
                       struct found_files *all)
{
    bool more = true;
    for (int turn = 0; more && turn < TURNS_MOST; turn++) {
        size_t n = all->n;
        choose(all);
        for (size_t i = 0; i < n; i++) {
            if (!all->list[i].reached || all->list[i].followed)
                continue;
            all->list[i].followed = true;
            char *path = tl_strdup(all->list[i].path); /* the list may move */
            tl_content_follow(x, h, c->directory, path);
            free(path);
        }
        more = all->n > n;
    }
}

/* A word of a command, or the value of a variable, that is a path below the case's directory and names nothing. */
static void look_for_gone(struct found_files *all, const struct tl_case *c, const char *word)
{
    size_t n = strlen(c->directory);
    struct stat st;
    json_t *name;
    if (strncmp(word, c->directory, n) || word[n] != '/' || !lstat(word, &st))
        return;
    size_t i;
    json_array_foreach(all->gone, i, name)
        if (!strcmp(json_string_value(name), word))
            return;
    name = json_string(word);
    if (name) /* one that is no text cannot be said */
        json_array_append_new(all->gone, name);
}

static void look_at_variant(struct tl_content *x, struct tl_hash *h, const struct tl_case *c,
                            const struct tl_variant *v)
{
    static const struct tl_placeholder_paths unfilled = {"{model}", "{inputs}", "{outputs}", "{scratch}",
                                                         "{elements}"};
    char **settings = tl_case_environment(c, v);
    for (size_t i = 0; i <= c->n_steps; i++) {
        const struct tl_argv *argv = i < c->n_steps ? &c->steps[i].argv : &c->generate;
        char **words = argv->n ? tl_case_command(c, v, argv, &unfilled) : NULL;
        if (words)
            tl_content_command(x, h, c->directory, (const char *const *)settings, words);
        for (size_t k = 0; words && words[k]; k++)
            look_for_gone(x->found_arg, c, words[k]);
        tl_strings_free(words);
    }
    for (size_t i = 0; i < c->n_versions; i++)
        for (size_t k = 0; k < c->versions[i].n_argv; k++) {
            char *word = tl_case_substitute(c, v, c->versions[i].argv[k], NULL, NULL, NULL);
            char *const words[] = {word, NULL};
            if (word && strchr(word, '/'))
                tl_content_command(x, h, c->directory, (const char *const *)settings, words);
            free(word);
        }
    for (size_t i = 0; settings && settings[i]; i++) {
        const char *value = strchr(settings[i], '=');
        const char *list = value ? value + 1 : NULL; /* which may be one of directories */
        for (char *one; list && (one = tl_next_directory(&list)); free(one))
            look_for_gone(x->found_arg, c, one);
    }
    tl_strings_free(settings);
}

static bool is_script(const char *path)
{
    char head[2] = "";
    FILE *f = path ? fopen(path, "re") : NULL;
    bool is = f && fread(head, 1, 2, f) == 2 && head[0] == '#' && head[1] == '!';
    if (f)
        fclose(f);
    return is;
}

/* A runner of somebody's own, with what stands beside it. */
static void look_at_runner(struct tl_content *x, struct tl_hash *h, const char *runner)
{
    if (!is_script(runner))
        return;
    on_found(x->found_arg, TL_CONTENT_PROGRAM, runner, runner);
    tl_content_runner(x, h, runner, NULL);
}

/* Data that no command names, of a directory elsewhere that holds a great many: a script that names `state` or `out` there reads, or
 * writes, one of them. {DIRECTORY: how many}; they are not taken. */
static json_t *leave_out_many(struct found_files *all)
{
    json_t *counts = json_object(), *count;
    const char *top;
    void *next;
    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < all->n; i++) {
            struct found_file *f = &all->list[i];
            if (!f->taken || !f->outside || f->named || tl_content_is_source(tl_base_name(f->path)))
                continue;
            count = json_object_get(counts, f->top);
            if (turn)
                f->taken = !count;
            else
                json_object_set_new_nocheck(counts, f->top, json_integer(1 + json_integer_value(count)));
        }
        json_object_foreach_safe(counts, next, top, count)
            if (json_integer_value(count) <= OUTSIDE_MOST)
                json_object_del(counts, top);
    }
    return counts;
}

json_t *tl_case_contents(const json_t *files)
{
    static const char *const lists[] = {"files", "tools"};
    json_t *contents = json_object(), *one;
    struct tl_known_hashes table;
    tl_known_hashes_open(&table, "contents of findings");
    for (size_t i = 0, k; i < TL_COUNT(lists); i++)
        json_array_foreach(json_object_get(files, lists[i]), k, one) {
            const char *path = json_string_value(i ? one : json_object_get(one, "path"));
            char sha[TL_SHA256_SIZE];
            struct stat st;
            if (!path || stat(path, &st) || !S_ISREG(st.st_mode) ||
                json_object_size(contents) >= CONTENTS_MOST)
                continue;
            if (st.st_size > TL_CONTENT_LARGE) {
                char *state = tl_content_state(&st);
                json_object_set_new(contents, path, json_string(state));
                free(state);
            } else if (!tl_known_hashes_of(&table, path, &st, sha)) {
                json_object_set_new(contents, path, json_string(sha));
            }
        }
    tl_known_hashes_close(&table);
    return contents;
}

/* Of the unit whose outputs are compared with. */
static void look_at_reference(struct tl_content *x, struct tl_hash *h, const struct tl_case *c)
{
    struct tl_unit_name name;
    if (!c->reference.unit || tl_unit_name_parse(c->reference.unit, &name))
        return;
    char *runner = tl_unit_part_text(name.runner),
         *real = strchr(runner, '/') ? realpath(runner, NULL) : NULL;
    if (real)
        look_at_runner(x, h, real);
    free(real);
    free(runner);
}

static void look_at_data(struct tl_content *x, struct tl_hash *h, const struct tl_case *c)
{
    const json_t *input;
    size_t i;
    char **expected = tl_reference_files(c);
    json_array_foreach(c->inputs, i, input) {
        const char *npy = json_string_value(json_object_get(input, "npy"));
        if (npy)
            tl_content_walk(x, h, TL_CONTENT_FILE, npy);
    }
    for (i = 0; i < c->n_files; i++)
        tl_content_walk(x, h, TL_CONTENT_FILE, c->files[i].path);
    for (i = 0; expected && expected[i]; i++)
        tl_content_walk(x, h, TL_CONTENT_FILE, expected[i]);
    tl_strings_free(expected);
}

/* Directories of trapline's own LD_LIBRARY_PATH in which libraries are that were taken. */
static json_t *library_path(const struct found_files *all)
{
    const char *list = getenv("LD_LIBRARY_PATH");
    json_t *directories = json_array();
    for (char *one; list && (one = tl_next_directory(&list)); free(one)) {
        char *real = realpath(one, NULL);
        size_t n = real ? strlen(real) : 0;
        bool holds = false;
        for (size_t i = 0; n && i < all->n && !holds; i++)
            holds = all->list[i].taken && !strncmp(all->list[i].path, real, n) &&
                    all->list[i].path[n] == '/' &&
                    tl_base_name(all->list[i].path) == all->list[i].path + n + 1;
        const char *link;
        json_t *unused;
        if (n && !holds)
            json_object_foreach(all->links, link, unused)
                holds = holds ||
                        (!strncmp(link, real, n) && link[n] == '/' && tl_base_name(link) == link + n + 1);
        if (holds)
            json_array_append_new(directories, json_string(real));
        free(real);
    }
    return directories;
}

/* Of each variable for modules, the directories of trapline's own in or below which a file was taken. */
static json_t *module_paths(const struct found_files *all)
{
    json_t *variables = json_object();
    for (const char *const *name = tl_content_module_variables; *name; name++) {
        const char *list = getenv(*name);
        json_t *directories = json_array();
        for (char *one; list && (one = tl_next_directory(&list)); free(one)) {
            char *real = *one == '/' ? realpath(one, NULL) : NULL;
            size_t n = real ? strlen(real) : 0;
            bool holds = false;
            for (size_t i = 0; n > 1 && i < all->n && !holds; i++)
                holds =
                    all->list[i].taken && !strncmp(all->list[i].path, real, n) && all->list[i].path[n] == '/';
            if (holds)
                json_array_append_new(directories, json_string(real));
            free(real);
        }
        if (json_array_size(directories))
            json_object_set(variables, *name, directories);
        json_decref(directories);
    }
    return variables;
}

static json_t *keys_of(const json_t *object)
{
    json_t *keys = json_array(), *unused;
    const char *key;
    json_object_foreach((json_t *)object, key, unused)
        json_array_append_new(keys, json_string(key));
    return keys;
}

static json_t *links_of(const struct found_files *all)
{
    json_t *links = json_array(), *to;
    const char *link;
    json_object_foreach(all->links, link, to)
        json_array_append_new(links, json_pack("{s:s,s:O}", "path", link, "to", to));
    return links;
}

json_t *tl_case_files(const struct tl_case *c, const struct tl_variant *variants, size_t n,
                      const char *runner, const char *database)
{
    char *real = realpath(c->directory, NULL);
    struct found_files all = {.directory = tl_format("%s/", real ? real : c->directory),
                              .index = json_object(),
                              .gone = json_array(),
                              .links = json_object(),
                              .in_path = json_object(),
                              .tools = json_object()};
    struct tl_content x = {.found = on_found, .found_arg = &all};
    struct tl_hash h;
    char unused[TL_SHA256_SIZE];
    if (tl_hash_begin(&h))
        abort(); /* out of memory */
    tl_content_begin(&x, c->directory, database ? database : "");
    for (size_t i = 0; i < n; i++)
        look_at_variant(&x, &h, c, &variants[i]);
    look_at_runner(&x, &h, runner);
    look_at_reference(&x, &h, c);
    look_at_data(&x, &h, c);
    choose_all(&x, &h, c, &all);
    tl_hash_end(&h, unused);
    tl_content_end(&x, false);
    json_t *files = json_array(), *left_out = json_array(), *libraries = library_path(&all),
           *modules = module_paths(&all), *links = links_of(&all), *in_path = keys_of(all.in_path),
           *tools = keys_of(all.tools);
    json_t *too_many = leave_out_many(&all);
    for (size_t i = 0; i < all.n; i++) {
        struct found_file *f = &all.list[i];
        if (f->taken)
            json_array_append_new(files,
                                  json_pack("{s:s,s:s,s:b,s:b}", "path", f->path, "top", f->top, "named",
                                            f->named && !strcmp(f->path, f->top), "outside", f->outside));
        else if (!f->everywhere && !is_hidden(f) && !is_case_file(f->path) &&
                 !json_object_get(too_many, f->top))
            json_array_append_new(left_out, json_string(f->path));
        free(f->path);
        free(f->top);
    }
    free(all.list);
    free(all.directory);
    free(real);
    json_decref(all.index);
    json_decref(all.links);
    json_decref(all.in_path);
    json_decref(all.tools);
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "module_paths", modules, "files", files,
                     "left_out", left_out, "too_many", too_many, "gone", all.gone, "links", links, "in_path",
                     in_path, "library_path", libraries, "tools", tools);
}
