/* Words of commands that name files without saying where they are.
 *
 * A command of a case runs in a scratch directory, so that trials do not get at one another's files. A word such as
 * `repro.py` names nothing there, although that file stands beside the case: {case_dir}/repro.py does. Whether a word is
 * meant to be that file cannot be known (a tool may write one of that name), so it is warned of, and not refused. */
#include "harness/executor/beside.h"

#include "cases/option_name.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_MOST ((size_t)64 << 20) /* bytes of a file that is compared with its copy */

/* Calls back for each word of each command of the case, with the place of the command. */
typedef void each_word(void *arg, const struct tl_case *c, const char *where, const struct tl_argv *argv,
                       size_t at);

static void for_each_word(const struct tl_case *c, each_word *call, void *arg)
{
    for (size_t i = 0; i < c->generate.n; i++)
        call(arg, c, "$.model.generate", &c->generate, i);
    for (size_t k = 0; k < c->n_steps; k++) {
        char *where = tl_format("$.model.steps[%zu]", k);
        for (size_t i = 0; i < c->steps[k].argv.n; i++)
            call(arg, c, where, &c->steps[k].argv, i);
        free(where);
    }
}

/* The part of a word that may be a path: what stands behind the = of an option, or all of it. */
static const char *path_in(const char *word)
{
    const char *equals = *word == '-' ? strchr(word, '=') : NULL;
    return equals ? equals + 1 : word;
}

static bool is_file(const char *directory, const char *name)
{
    char *path = tl_format("%s/%s", directory, name);
    struct stat st;
    bool is = !stat(path, &st) && S_ISREG(st.st_mode);
    free(path);
    return is;
}

static bool is_beside(const struct tl_case *c, const char *path)
{
    return *path && *path != '/' && *path != '-' && *path != '@' && !strpbrk(path, "{}\n") &&
           is_file(c->directory, path);
}

/* Whether a word says where something is to be written. */
static bool says_output(const char *word)
{
    return *word == '-' && tl_option_is_output(word);
}

static void warn_of(void *arg, const struct tl_case *c, const char *where, const struct tl_argv *argv,
                    size_t at)
{
    const char *word = argv->words[at].text, *path = path_in(word);
    /* The program itself is looked for by its own rules. */
    if (!at || !is_beside(c, path) || says_output(word) || says_output(argv->words[at - 1].text))
        return;
    char *text =
        tl_format("warning: %s: %s: `%s` names a file beside the case, and commands run in a directory of "
                  "their own, where it is not: write \"%.*s{case_dir}/%s\"",
                  c->path, where, word, (int)(path - word), word, path);
    json_array_append_new(arg, json_string(text));
    free(text);
}

static bool is_later(struct timespec a, struct timespec b)
{
    return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

/* Whether a file was written after another one, and holds something else. */
static bool is_newer(const char *path, const char *than)
{
    struct stat st, old;
    size_t size = 0, old_size = 0;
    if (stat(path, &st) || stat(than, &old) || !S_ISREG(st.st_mode) || !S_ISREG(old.st_mode) ||
        !is_later(tl_modified(&st), tl_modified(&old)))
        return false;
    if (st.st_size != old.st_size)
        return true;
    char *bytes = tl_read_file(path, COPY_MOST, &size), *had = tl_read_file(than, COPY_MOST, &old_size);
    bool newer = bytes && had && (size != old_size || memcmp(bytes, had, size) != 0);
    free(bytes);
    free(had);
    return newer;
}

/* A program that was rebuilt, or a script that was changed, where the case has a copy of what it was. */
static void warn_of_copy(void *arg, const struct tl_case *c, const char *where, const struct tl_argv *argv,
                         size_t at)
{
    const char *path = path_in(argv->words[at].text);
    if (strncmp(path, "{case_dir}/", 11) != 0 || strpbrk(path + 11, "{}/") ||
        !is_file(c->directory, path + 11))
        return;
    char *copy = tl_format("%s/%s", c->directory, path + 11),
         *above = tl_format("%s/../%s", c->directory, path + 11), *real = realpath(above, NULL);
    if (real && is_newer(real, copy)) {
        char *text = tl_format("warning: %s: %s: %s is run, and %s is another one, which is newer: copy it "
                               "there if that is to be tried",
                               c->path, where, copy, real);
        json_array_append_new(arg, json_string(text));
        free(text);
    }
    free(real);
    free(above);
    free(copy);
}

json_t *tl_beside_warnings(const struct tl_case *c)
{
    json_t *list = json_array();
    for_each_word(c, warn_of, list);
    for_each_word(c, warn_of_copy, list);
    return list;
}

struct absent {
    const char *message;
    char *said;
    const char *name; /* of the file that is not there, in the words of the case */
    bool written;     /* the word may say where something is to be written */
    bool optional;    /* the word is there for some values of the axes, and not for others */
    bool there;       /* the file is where the word says: it is missed in another sense */
};

/* Whether a text holds a name, and not only as a part of another one. */
static bool names(const char *text, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = text; n > 1 && (at = strstr(at, name)); at += n) {
        unsigned char before = at == text ? ' ' : (unsigned char)at[-1], after = (unsigned char)at[n];
        if (!isalnum(before) && before != '_' && before != '-' && !isalnum(after) && after != '_' &&
            after != '-')
            return true;
    }
    return false;
}

static void look(void *arg, const struct tl_case *c, const char *where, const struct tl_argv *argv, size_t at)
{
    struct absent *a = arg;
    const char *word = argv->words[at].text, *path = path_in(word),
               *inner = strncmp(path, "{case_dir}/", 11) ? path : path + 11;
    if (a->said || !at || strpbrk(inner, "{}") || !*inner || *inner == '-' ||
        !names(a->message, tl_base_name(inner)))
        return;
    if (inner == path && is_beside(c, path))
        a->said = tl_format(
            "%s: `%s` names a file beside the case, and commands run in a directory of their own, where "
            "it is not: write \"%.*s{case_dir}/%s\"",
            where, word, (int)(path - word), word, path);
    else if (inner != path && !is_file(c->directory, inner))
        a->said = tl_format("%s: `%s` is not there: no file of that name is beside the case, in %s", where,
                            word, c->directory);
    else if (*path != '/' && inner == path && (strchr(path, '.') || strchr(path, '/')))
        a->said = tl_format(
            "%s: commands run in a directory of their own, where `%s` is not: put the file beside the "
            "case and write \"%.*s{case_dir}/%s\", or give its whole path",
            where, word, (int)(path - word), word, tl_base_name(path));
    else if (*path == '/')
        a->said = tl_format("%s: `%s` is what it does not find", where, word);
    a->name = a->said ? tl_base_name(inner) : NULL;
    a->optional = argv->words[at].when;
    a->there = *path == '/' && !access(path, F_OK);
    a->written = says_output(word) || says_output(argv->words[at - 1].text);
}

struct told {
    const char *name;
    size_t n;
};

static void count_word(void *arg, const struct tl_case *c, const char *where, const struct tl_argv *argv,
                       size_t at)
{
    struct told *t = arg;
    (void)c, (void)where;
    t->n += names(argv->words[at].text, t->name);
}

char *tl_absent_input(const struct tl_case *c, const char *message)
{
    struct absent a = {.message = message};
    for_each_word(c, look, &a);
    struct told t = {.name = a.name};
    if (a.said)
        for_each_word(c, count_word, &t);
    if (t.n == 1 && a.optional && !a.written && !a.there)
        return a.said;
    free(a.said);
    return NULL;
}

char *tl_absent_word(const struct tl_case *c, const char *message)
{
    struct absent a = {.message = message};
    for_each_word(c, look, &a);
    return a.said;
}

static bool holds_any(const char *message, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcasestr(message, texts[i]))
            return true;
    return false;
}

bool tl_says_absent(const struct tl_case *c, const char *message)
{
    static const char *const always[] = {"no such file",     "can't open file", "command not found",
                                         "enoent",           "no module named", "cannot find module",
                                         "filenotfounderror"},
                             *const of_a_word[] = {"not found",   "does not exist", "doesn't exist",
                                                   "cannot open", "could not open", "can't open",
                                                   "cannot find", "can't find"};
    if (!message || holds_any(message, always, TL_COUNT(always)))
        return message;
    char *word = holds_any(message, of_a_word, TL_COUNT(of_a_word)) ? tl_absent_word(c, message) : NULL;
    bool says = word;
    free(word);
    return says;
}
