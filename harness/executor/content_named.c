/* The paths that a script names: `require("../lib/b")`, `sys.path.insert(0, os.path.join(here, "..", "lib"))`,
 * `exec "$(dirname "$0")/../other/tool"`, `open("/data/weights.bin")`.
 *
 * No language is parsed. Every word of the text is taken for a path, and what is there counts:
 *
 *   with "../" in it       relative to the directory of the script, from there on
 *   beginning with '/'     as it is
 *   other ones             only where the script goes up by itself (a ".." that stands alone, `.parent.parent`, a
 *                          dirname of a dirname): in quotes, behind a '/', or after import, relative to the one or two
 *                          directories above
 *
 * A module may be named without its extension. Directories that hold the script are no answer: they would be the
 * whole project; of the one above its sources count, where the script goes up. */
#include "harness/executor/content_named.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SCRIPT_MOST 262144
#define WORDS_MOST 20000
#define NAMED_MOST 400

static const char between[] = " \t\r\n\"'`$(){}[];|&<>=,:*?!#@+\\";

static bool begins(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

static bool is_of_system(const char *path)
{
    static const char *const roots[] = {"/usr/", "/bin/", "/sbin/", "/lib",     "/etc/",    "/dev/",
                                        "/proc", "/sys/", "/run/",  "/System/", "/Library/"};
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
        if (begins(path, roots[i]))
            return true;
    return false;
}

/* Whether the script leaves its directory in a way that no single word tells. */
static bool goes_up(const char *text)
{
    static const char *const ways[] = {
        ".parent.parent",        ".parents[", "dirname(os.path.dirname", "dirname(dirname",
        "dirname(path.dirname",  "pardir",    "dirname \"$(dirname",     "dirname $(dirname",
        "dirname -- \"$(dirname"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strstr(text, ways[i]))
            return true;
    for (const char *at = text; (at = strstr(at, "..")); at += 2) {
        char before = at == text ? ' ' : at[-1], after = at[2];
        if (strchr("'\"`/ \t(", before) && (!after || strchr("'\"` \t\r\n);&", after)))
            return true;
    }
    return false;
}

/* path: with what an import leaves out, where it is not there as it stands. */
static void add_if_there(json_t *named, const char *directory, const char *path)
{
    static const char *const endings[] = {"",      ".py", ".js", ".mjs", ".cjs", ".ts", ".json",
                                          ".node", ".sh", ".rb", ".pl",  ".pm",  ".lua"};
    size_t length = strlen(directory);
    for (size_t i = 0; i < sizeof endings / sizeof *endings && json_object_size(named) < NAMED_MOST; i++) {
        char *one = tl_format("%s%s", path, endings[i]), *real = realpath(one, NULL);
        struct stat st;
        bool is = real && !stat(real, &st) && (S_ISREG(st.st_mode) || (S_ISDIR(st.st_mode) && !*endings[i]));
        if (is) {
            size_t n = strlen(real);
            bool holds = n == 1 || (!strncmp(directory, real, n) && (directory[n] == '/' || !directory[n]));
            bool below = !strncmp(real, directory, length) && real[length] == '/'; /* counts anyway */
            if (!holds && !below && !is_of_system(real))
                json_object_set_new_nocheck(named, real, json_string_nocheck(one));
        }
        free(one);
        free(real);
        if (is)
            return;
    }
}

struct word {
    const char *text;
    char before;   /* what stands before it */
    bool imported; /* the word before was import, from, require or use */
};

static void add_word(json_t *named, const char *directory, const struct word *w, bool up)
{
    const char *climb = strstr(w->text, "../");
    char *path;
    if (strlen(w->text) < 2 || strlen(w->text) >= PATH_MAX / 2)
        return;
    if (climb && (climb == w->text || climb[-1] == '/' || climb[-1] == '-' || climb[-1] == 'I')) {
        path = tl_format("%s/%s", directory, climb);
        add_if_there(named, directory, path);
        free(path);
        return;
    }
    if (*w->text == '/' && strchr(w->text + 1, '/'))
        add_if_there(named, directory, w->text);
    if (!up || begins(w->text, ".") || (!w->imported && !strchr("'\"`", w->before) && *w->text != '/'))
        return;
    char *plain = tl_strdup(w->text + (*w->text == '/'));
    if (w->imported) /* the package of a module */
        plain[strcspn(plain, ".")] = '\0';
    for (int levels = 1; levels <= 2 && *plain; levels++) {
        path = tl_format("%s/%s%s", directory, levels == 1 ? "../" : "../../", plain);
        add_if_there(named, directory, path);
        free(path);
    }
    free(plain);
}

json_t *tl_named_by_script(const char *script)
{
    json_t *named = json_object();
    char *real = realpath(script, NULL), *slash = real ? strrchr(real, '/') : NULL;
    size_t size = 0, n = 0;
    char *text = slash && slash != real ? tl_read_file(real, SCRIPT_MOST, &size) : NULL;
    if (text && !memchr(text, '\0', size)) {
        *slash = '\0';
        bool up = goes_up(text), imported = false;
        char before = '\n';
        for (char *at = text; *at && n < WORDS_MOST; n++) {
            size_t skip = strspn(at, between);
            if (skip)
                before = at[skip - 1];
            at += skip;
            size_t length = strcspn(at, between);
            char after = at[length];
            at[length] = '\0';
            const char *word =
                before == '$' ? strchr(at, '/') : at; /* $HERE/share/x: what follows the variable */
            if (length && word)
                add_word(named, real, &(struct word){word, before, imported}, up);
            imported = !strcmp(at, "import") || !strcmp(at, "from") || !strcmp(at, "use");
            at += length;
            before = after;
            if (after)
                at++;
        }
        if (up) { /* its sources, as a directory that imports are looked for in */
            char *above = tl_strdup(real), *last = strrchr(above, '/');
            if (last && last != above) {
                *last = '\0';
                json_object_set_new_nocheck(named, above, json_true());
            }
            free(above);
        }
    }
    free(text);
    free(real);
    return named;
}
