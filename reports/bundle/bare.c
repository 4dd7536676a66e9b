/* What repro.sh finds on this machine alone: below the home directory, or by variables of the shell that trapline was called
 * from (PYTHONPATH, MY_FLAG).
 *
 * It was proved as this user would run it. Whoever is sent it has another home and another shell, so it is run once more
 * with neither. Where that comes to something else it is run with the home alone, and then with fewer and fewer of the
 * variables, until the one is known without which it does not do as reported; only its name is told. */
#include "reports/bundle/parts.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENV "/usr/bin/env"
#define SECONDS_MOST 30  /* of a run: what takes longer is not looked at any further */
#define VARIABLES_MOST 6 /* that are named */

extern char **environ;

struct bare {
    struct tl_bundle *b;
    const struct tl_proof_request *proved; /* as it was run before */
    const char **variables;                /* NAME=VALUE… of this shell */
    size_t n;
    struct tl_error *e;
};

static bool is_named(const char *setting, const char *name)
{
    size_t n = strlen(name);
    return !strncmp(setting, name, n) && setting[n] == '=';
}

/* What each run has anyway, and what a shell sets for itself. */
static bool is_everywhere(const char *setting)
{
    static const char *const names[] = {"PATH", "HOME", "TMPDIR", "PWD", "OLDPWD", "SHLVL", "_", "SHELL"};
    for (size_t i = 0; i < TL_COUNT(names); i++)
        if (is_named(setting, names[i]))
            return true;
    return !strncmp(setting, "TRAPLINE_", 9) || !strchr(setting, '=');
}

/* 1: it does as reported with these variables; 0: it does not, and *p, which may be NULL, says what it does; -1: stopped. */
static int run(const struct bare *w, bool home, const char *const *variables, size_t n, struct tl_proof *p)
{
    const char *own = getenv("HOME"), *temporary = getenv("TMPDIR"), **words = NULL;
    char *home_setting = tl_format("HOME=%s", home && own ? own : "{scratch}"),
         *temporary_setting = temporary ? tl_format("TMPDIR=%s", temporary) : NULL;
    size_t size = 0;
    *TL_GROW(words, size) = ENV;
    *TL_GROW(words, size) = "-i";
    *TL_GROW(words, size) = home_setting;
    if (temporary_setting)
        *TL_GROW(words, size) = temporary_setting;
    for (size_t i = 0; i < n; i++)
        *TL_GROW(words, size) = variables[i];
    for (const char *const *setting = w->proved->environment; *setting; setting++)
        *TL_GROW(words, size) = *setting;
    for (const char *const *word = w->proved->argv; *word; word++)
        *TL_GROW(words, size) = *word;
    *TL_GROW(words, size) = NULL;
    struct tl_proof_request q = *w->proved;
    struct tl_proof proof;
    q.argv = words;
    q.runs = 1;
    int rc = w->b->o->prove(&q, &proof, w->e);
    int as = rc ? -1 : proof.as_expected == 1;
    if (p && rc == 0)
        *p = proof;
    else
        tl_proof_free(&proof);
    free(words);
    free(temporary_setting);
    free(home_setting);
    return as;
}

/* Puts those first without which it does not do as reported, each found by halving; how many they are, 0 when it does so with
 * none of them or too many are needed; -1: stopped. */
static int find_variables(const struct bare *w, bool home)
{
    size_t found = 0, most = w->n;
    while (found < VARIABLES_MOST) {
        int as = run(w, home, w->variables, found, NULL);
        if (as)
            return as < 0 ? -1 : (int)found;
        size_t low = found, high = most; /* with the first `low` it does not, with the first `high` it does */
        while (high - low > 1) {
            size_t middle = low + (high - low) / 2;
            as = run(w, home, w->variables, middle, NULL);
            if (as < 0)
                return -1;
            *(as ? &high : &low) = middle;
        }
        if (high <= found)
            return 0;
        const char *needed = w->variables[high - 1];
        memmove(w->variables + found + 1, w->variables + found, (high - 1 - found) * sizeof *w->variables);
        w->variables[found++] = needed;
        most = high; /* the others were not needed beside it */
    }
    return 0;
}

static char *names_of(const struct bare *w, int n)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (int i = 0; i < n; i++)
        tl_buffer_printf(&b, "%s%.*s", i ? ", " : "", (int)strcspn(w->variables[i], "="), w->variables[i]);
    return n > 0 ? tl_buffer_take(&b) : NULL;
}

/* "it passed", "it exited with 1", "it died of SIGABRT" */
static char *end_words(const struct tl_proof *p)
{
    if (p->signal)
        return tl_format("it died of %s", tl_signal_name(p->signal));
    if (p->outcome == TL_OUTCOME_HANG)
        return tl_strdup("it did not come to an end");
    return p->exit_status == 0 ? tl_strdup("it passed")
                               : tl_format("it ended with status %d", p->exit_status);
}

static char *script_of(const struct tl_bundle *b)
{
    char *path = tl_format("%s/repro.sh", b->stage), *text = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd >= 0 && !fstat(fd, &st)) {
        text = tl_realloc(NULL, (size_t)st.st_size + 1, 1);
        int64_t n = tl_read_at(fd, text, (size_t)st.st_size, 0);
        text[n > 0 ? n : 0] = '\0';
    }
    if (fd >= 0)
        close(fd);
    free(path);
    return text;
}

/* At the head of the script, behind the programs that it needs. */
static int say_in_script(const struct bare *w, const char *what)
{
    static const char mark[] = "# It needs ", nothing[] = "nothing but what is in the bundle";
    char *text = script_of(w->b), *at = text ? strstr(text, mark) : NULL,
         *end = at ? strstr(at, ".\n") : NULL;
    int rc = 0;
    if (end) {
        const char *needs = at + sizeof mark - 1;
        bool none = !strncmp(needs, nothing, sizeof nothing - 1);
        char *changed = tl_format("%.*s%s%s%s", (int)((none ? needs : end) - text), text,
                                  none ? "" : ", and ", what, end);
        rc = tl_bundle_write_text(w->b, "repro.sh", changed, NULL, w->e);
        free(changed);
    }
    free(text);
    return rc;
}

static int say(const struct bare *w, bool home, int n, const struct tl_proof *p, json_t *seen)
{
    char *names = names_of(w, n), *end = end_words(p),
         *what = names && home ? tl_format("%s of the environment and files below HOME", names)
                 : names       ? tl_format("%s of the environment", names)
                 : home        ? tl_strdup("files below HOME")
                               : tl_strdup("variables of the environment or files below HOME");
    const char *before = json_string_value(json_object_get(seen, "note"));
    char *note =
        tl_format("%s%sWith another home directory and without the variables of this shell %s: it needs %s.",
                  before ? before : "", before ? " " : "", end, what);
    json_object_set_new(seen, "note", json_string(note));
    tl_bundle_leave_out(w->b, tl_format("what repro.sh needs besides and finds here: %s", what));
    int rc = say_in_script(w, what);
    free(note);
    free(what);
    free(end);
    free(names);
    return rc;
}

/* What makes it do as reported again: *n variables and, where *home, the home. 1: it is known, and 0 of both means that any may
 * be; 0: nothing does, so that it was chance; -1: stopped. */
static int find(struct bare *w, bool *home, int *n)
{
    int as = run(w, true, NULL, 0, NULL);
    *n = 0;
    *home = as > 0;
    if (as)
        return as;
    as = run(w, false, w->variables, w->n, NULL);
    *home = as == 0;
    if (as == 0)
        as = run(w, true, w->variables, w->n, NULL);
    if (as <= 0)
        return as;
    *n = find_variables(w, *home);
    *home = *home && *n > 0;
    return *n < 0 ? -1 : 1;
}

int tl_bundle_prove_bare(struct tl_bundle *b, const struct tl_proof_request *q, double seconds, json_t *seen,
                         struct tl_error *e)
{
    struct bare w = {.b = b, .proved = q, .e = e};
    struct tl_proof p = {0};
    bool home = false;
    int n = 0;
    if (access(ENV, X_OK))
        return 0;
    for (char **setting = environ; *setting; setting++)
        if (!is_everywhere(*setting))
            *TL_GROW(w.variables, w.n) = *setting;
    int as = run(&w, false, NULL, 0, &p);
    if (as == 0) /* once is chance */
        as = run(&w, false, NULL, 0, NULL);
    int known = as ? 0 : seconds > SECONDS_MOST ? 1 : find(&w, &home, &n);
    int rc = as < 0 || known < 0 ? -1 : known ? say(&w, home, n, &p, seen) : 0;
    tl_proof_free(&p);
    free(w.variables);
    return rc;
}
