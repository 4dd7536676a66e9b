/* Homes and other places of this machine, in paths.
 *
 * A path begins where no name stands before it. What is a home there becomes "~", whoever's it is; within a longer path
 * ("/mnt/home/…", "C:\Users\…") only the name in it is replaced, so that the path stays one. The home of this user is looked
 * for within longer paths too, as it need not stand where homes do. All of it in every spelling (spelling.h). */
#include "harness/base/ascii.h"
#include "harness/base/buffer.h"
#include "reports/redact/parts.h"
#include "reports/redact/spelling.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MOST 64 /* bytes of the name of a user that is looked for elsewhere */

/* Directories whose entries are called as users are. */
static const struct homes {
    const char *path;
    bool always; /* else only where a path begins */
    bool home;   /* what it names is a home, and no disk of somebody's */
} homes[] = {
    {"/home/", true, true},        {"/Users/", true, true},   {"/Documents and Settings/", true, true},
    {"/run/media/", false, false}, {"/media/", false, false},
};

/* What a text begins with, which is a directory of homes and a name in it. */
struct found {
    size_t before, name; /* bytes; name 0: nothing was found */
    bool slash;          /* it begins with a slash, and no backslash: "~" can stand for it */
    bool home;
};

/* Of two directories in any spelling, the one that is spelled as everybody does is taken wherever it stands. */
static bool as_written(const char *text, size_t n, const char *path)
{
    size_t length = strlen(path) - 2;
    for (size_t i = 0; i + length <= n; i++)
        if (!strncmp(text + i, path + 1, length))
            return true;
    return false;
}

static struct found find_home(const char *text, bool start)
{
    struct found f = {0};
    if (!tl_spelled_slash(text))
        return f;
    for (size_t i = 0; i < TL_COUNT(homes); i++) {
        size_t n = tl_spelled(text, homes[i].path), name = n ? tl_spelled_name(text + n) : 0;
        if (!name || (!start && !(homes[i].always && as_written(text, n, homes[i].path))))
            continue;
        f = (struct found){.before = n, .name = name, .home = homes[i].home};
        f.slash = f.home && tl_is_forward_slash(text);
        return f;
    }
    return f;
}

/* How much of text, where a path begins, is the home of this user, or that of root. */
static size_t own_home(const struct tl_redaction *r, const char *text)
{
    size_t n = r->home ? tl_spelled(text, r->home) : 0;
    if (n && !tl_name_goes_on(text + n))
        return n;
    n = tl_spelled(text, "/root");
    return n && !strncmp(text + n - 4, "root", 4) && !tl_name_goes_on(text + n) ? n : 0;
}

/* Within a path: how much of it is this user's home without its last part; *name: that part. Homes that are one directory
 * only are told by where a path begins. */
static size_t own_home_within(const struct tl_redaction *r, const char *text, size_t *name)
{
    const char *last = r->home ? strrchr(r->home, '/') : NULL;
    if (!last || last == r->home || !last[1])
        return 0;
    size_t all = tl_spelled(text, r->home);
    if (!all || tl_name_goes_on(text + all))
        return 0;
    char *above = tl_format("%.*s/", (int)(last - r->home), r->home);
    size_t n = tl_spelled(text, above);
    free(above);
    *name = all - n;
    return n;
}

/* The place that text begins with, and how many bytes spell it; NULL for none. */
static const struct tl_redacted_place *place_at(const struct tl_redaction *r, const char *text, size_t *n)
{
    for (size_t i = 0; i < r->n_places; i++) {
        *n = tl_spelled(text, r->places[i].path);
        if (*n && !tl_name_goes_on(text + *n))
            return &r->places[i];
    }
    *n = 0;
    return NULL;
}

/* Whether a path may begin at i: behind no name, but behind "-I", "\n" and "%3A". */
static bool begins(const char *text, size_t i)
{
    if (i == 0 || !tl_is_file_name(text[i - 1]))
        return true;
    if (i >= 3 && text[i - 3] == '%' && isxdigit((unsigned char)text[i - 2]) &&
        isxdigit((unsigned char)text[i - 1]))
        return true;
    if (i >= 2 && text[i - 2] == '\\' && strchr("nrt", text[i - 1]))
        return true;
    return i >= 2 && text[i - 2] == '-' && tl_is_letter(text[i - 1]) &&
           (i == 2 || !tl_is_file_name(text[i - 3]));
}

/* The two slashes of "file:///": they belong to no path. */
static size_t of_address(const char *text, size_t i)
{
    if (i == 0 ||
        (text[i - 1] != ':' && !(i >= 3 && !strncmp(text + i - 3, "%3", 2) && strchr("Aa", text[i - 1]))))
        return 0;
    size_t one = tl_spelled_slash(text + i), two = one ? tl_spelled_slash(text + i + one) : 0;
    return two && tl_spelled_slash(text + i + one + two) ? one + two : 0;
}

/* "~carol/": the length of the name. Nothing that C++ destroys stands before a slash. */
static size_t tilde(const char *text, size_t i)
{
    if (text[i] != '~' || !islower((unsigned char)text[i + 1]) ||
        (i && (tl_is_file_name(text[i - 1]) || text[i - 1] == '~')))
        return 0;
    size_t n = tl_spelled_name(text + i + 1);
    return tl_spelled_slash(text + i + 1 + n) ? n : 0;
}

/* Two directories below it are a user's on macOS. */
static size_t folders(const char *text, size_t *two)
{
    size_t n = tl_spelled(text, "/var/folders/"), first = n ? tl_spelled_name(text + n) : 0,
           slash = first ? tl_spelled_slashes(text + n + first) : 0;
    *two = first + (slash ? slash + tl_spelled_name(text + n + first + slash) : 0);
    return first ? n : 0;
}

/* What stands at i is added in the form in which it is published. Returns how much of the text it was. */
static size_t step(const struct tl_redaction *r, const char *text, size_t i, struct tl_buffer *b)
{
    const char *p = text + i;
    size_t n = 0, name = tilde(text, i), spelled, keep = of_address(text, i);
    if (name) {
        tl_buffer_add_string(b, "~");
        return 1 + name;
    }
    if (keep || !tl_spelled_slash(p)) {
        tl_buffer_add(b, p, keep ? keep : 1);
        return keep ? keep : 1;
    }
    bool start = begins(text, i);
    struct found f = find_home(p, start);
    const struct tl_redacted_place *place = start ? place_at(r, p, &spelled) : NULL;
    size_t own = start ? own_home(r, p) : 0, any = start && f.slash ? f.before + f.name : 0,
           home = own > any ? own : any;
    if (place && spelled >= home) {
        tl_buffer_add_string(b, place->instead);
        return spelled;
    }
    if (home) {
        tl_buffer_add_string(b, "~");
        return home;
    }
    n = f.before;
    name = f.name;
    if (!name)
        n = folders(p, &name);
    if (!name)
        n = own_home_within(r, p, &name);
    if (!name) {
        tl_buffer_add(b, p, 1);
        return 1;
    }
    tl_buffer_add(b, p, n);
    tl_buffer_add_string(b, "USER");
    return n + name;
}

char *tl_redact_homes(const struct tl_redaction *r, const char *text)
{
    if (!strpbrk(text, "/\\%&"))
        return tl_strdup(text);
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "");
    for (size_t i = 0; text[i];)
        i += step(r, text, i, &b);
    return tl_buffer_take(&b);
}

/* ---- names that a text tells ---- */

/* The name as it is without its spelling. */
static void learn_name(struct tl_redaction *r, const char *text, size_t n)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    char c[5];
    for (size_t at = 0; at < n; tl_buffer_add_string(&b, c))
        at += tl_spelled_character(text + at, c);
    while (b.size && b.data[b.size - 1] == '.') /* the end of a sentence */
        b.data[--b.size] = '\0';
    if (b.size && b.size <= NAME_MOST)
        tl_redaction_add(r, b.data, "USER");
    tl_buffer_free(&b);
}

static bool is_known(const struct tl_redaction *r, const char *name, size_t n, const char *as)
{
    for (size_t i = 0; i < r->n; i++)
        if (strlen(r->names[i].name) == n && !strncmp(r->names[i].name, name, n) &&
            !strcmp(r->names[i].instead, as))
            return true;
    return false;
}

/* "carol@megabox", where one of the two is known, tells the other. */
static void learn_both(struct tl_redaction *r, const char *text, const char *at)
{
    const char *user = at, *host = at + 1;
    size_t n = 0;
    while (user > text && at - user < NAME_MOST && tl_is_file_name(user[-1]))
        user--;
    while (n < NAME_MOST && tl_is_file_name(host[n]))
        n++;
    while (n && host[n - 1] == '.')
        n--;
    if (user == at || !n || tl_is_digit(*host))
        return;
    bool of_user = is_known(r, user, (size_t)(at - user), "USER"), of_host = is_known(r, host, n, "HOST");
    char *name = of_user == of_host ? NULL
                 : of_user          ? tl_format("%.*s", (int)n, host)
                                    : tl_format("%.*s", (int)(at - user), user);
    tl_redaction_add(r, name, of_user ? "HOST" : "USER");
    free(name);
}

void tl_redaction_learn(struct tl_redaction *r, const char *text)
{
    for (const char *p = text + strcspn(text, "/\\%&~@"); *p; p += 1 + strcspn(p + 1, "/\\%&~@")) {
        size_t i = (size_t)(p - text), n = tilde(text, i);
        if (*p == '@') {
            learn_both(r, text, p);
        } else if (n) {
            learn_name(r, p + 1, n);
        } else {
            struct found f = find_home(p, begins(text, i));
            if (f.home)
                learn_name(r, p + f.before, f.name);
        }
    }
}
