/* What the schedules of all systems share: checks, what is installed, the calendar, asking the system's
 * programs. */
#include "harness/schedule/internal.h"

#include "harness/base/buffer.h"
#include "harness/base/paths.h"
#include "harness/base/program.h"
#include "harness/base/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#define SUITE_MOST 100
#define PATIENCE_S 60

static const char doing[] = "cannot schedule a nightly run";

int tl_schedule_time(const char *at, int *hour, int *minute, struct tl_error *e)
{
    static const char digits[] = "0123456789";
    bool form = at && strlen(at) == 5 && at[2] == ':';
    for (int i = 0; form && i < 5; i++)
        form = i == 2 || strchr(digits, at[i]);
    int h = form ? (at[0] - '0') * 10 + at[1] - '0' : 24;
    int m = form ? (at[3] - '0') * 10 + at[4] - '0' : 60;
    if (h > 23 || m > 59)
        return tl_fail(e, TL_ERROR_INPUT, doing, at ? at : "",
                       "the time of day is to be written as HH:MM, from 00:00 to 23:59");
    if (hour)
        *hour = h;
    if (minute)
        *minute = m;
    return 0;
}

static bool small_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

int tl_schedule_suite_valid(const char *suite, struct tl_error *e)
{
    size_t n = strlen(suite);
    bool good = n > 0 && n <= SUITE_MOST && small_or_digit(*suite);
    for (const char *c = suite; good && *c; c++)
        good = small_or_digit(*c) || strchr("._-", *c);
    if (!good)
        return tl_fail(
            e, TL_ERROR_INPUT, "not a name of a suite", suite,
            "1 to %d of a-z, 0-9, '.', '_' and '-' were expected, beginning with a letter or digit",
            SUITE_MOST);
    return 0;
}

/* Whether a text is UTF-8 of characters that both unit files and XML can hold. */
static bool plain_text(const char *text)
{
    json_t *j = json_string(text); /* NULL: not UTF-8 */
    if (!j)
        return false;
    json_decref(j);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if ((*c < 0x20 && *c != '\t') || *c == 0x7f)
            return false;
        /* U+FFFE, U+FFFF and U+FDD0 to U+FDEF are no characters. */
        if (*c == 0xef && ((c[1] == 0xbf && c[2] >= 0xbe) || (c[1] == 0xb7 && c[2] >= 0x90 && c[2] <= 0xaf)))
            return false;
        /* Nor are the last two of every other plane. */
        if (*c >= 0xf0 && (c[1] & 0x0f) == 0x0f && c[2] == 0xbf && c[3] >= 0xbe)
            return false;
    }
    return true;
}

int tl_schedule_check_text(const char *text, struct tl_error *e)
{
    if (plain_text(text))
        return 0;
    return tl_fail(
        e, TL_ERROR_INPUT, doing, text,
        "control characters, line breaks and bytes that are not UTF-8 cannot be written down for the "
        "system");
}

static int check_texts(const char *const *list, struct tl_error *e)
{
    for (; list && *list; list++)
        if (tl_schedule_check_text(*list, e))
            return -1;
    return 0;
}

static int check_path(const char *path, struct tl_error *e)
{
    if (*path != '/')
        return tl_fail(e, TL_ERROR_INPUT, doing, path, "an absolute path was expected");
    return tl_schedule_check_text(path, e);
}

int tl_schedule_check(const struct tl_schedule *s, struct tl_error *e)
{
    if (tl_schedule_suite_valid(s->suite, e) || tl_schedule_time(s->at, NULL, NULL, e) ||
        check_path(s->path, e) || check_path(s->program, e) || (s->db && check_path(s->db, e)) ||
        check_texts(s->more, e) || check_texts(s->environment, e))
        return -1;
    if (access(s->program, X_OK))
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, s->program, "it is what would be run");
    return 0;
}

char *tl_schedule_program(struct tl_error *e)
{
    char path[4096];
    size_t size = sizeof path;
    int rc = uv_exepath(path, &size);
    char *real = rc ? NULL : realpath(path, NULL);
    if (!real) {
        tl_fail(e, TL_ERROR_ENVIRONMENT, doing, rc ? "" : path,
                "where trapline itself is cannot be found out");
        return NULL;
    }
    const char *list = getenv("PATH"), *slash = strrchr(real, '/');
    for (char *at; slash && (at = tl_next_directory(&list)); free(at)) {
        char *named = tl_format("%s%s", at, slash);
        char *target = *at == '/' ? realpath(named, NULL) : NULL;
        bool same = target && !strcmp(target, real);
        free(target);
        if (same) {
            free(real);
            free(at);
            return named;
        }
        free(named);
    }
    char *found = tl_strdup(real);
    free(real);
    return found;
}

char **tl_schedule_environment(void)
{
    static const char *const names[] = {"PATH",
                                        "XDG_STATE_HOME",
                                        "XDG_CACHE_HOME",
                                        "XDG_DATA_HOME",
                                        "XDG_CONFIG_HOME",
                                        "TRAPLINE_RUNNERS",
                                        "TRAPLINE_PROFILES",
                                        "TRAPLINE_PYTHON",
                                        "TRAPLINE_REDACT"};
    size_t n = TL_COUNT(names), used = 0;
    char **list = tl_calloc(n + 1, sizeof *list);
    for (size_t i = 0; i < n; i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            list[used++] = tl_format("%s=%s", names[i], value);
    }
    return list;
}

void tl_schedule_environment_free(char **environment)
{
    for (char **at = environment; at && *at; at++)
        free(*at);
    free(environment);
}

/* --- what is installed --- */

void tl_schedule_list_free(char **suites)
{
    for (char **s = suites; s && *s; s++)
        free(*s);
    free(suites);
}

/* The suite of a file's name, new; NULL when it is not of the form. */
static char *suite_of(const char *name, const char *prefix, const char *suffix)
{
    size_t n = strlen(name), p = strlen(prefix), s = strlen(suffix);
    if (n <= p + s || strncmp(name, prefix, p) || strcmp(name + n - s, suffix))
        return NULL;
    char *suite = tl_format("%.*s", (int)(n - p - s), name + p);
    if (!tl_schedule_suite_valid(suite, NULL))
        return suite;
    free(suite);
    return NULL;
}

static bool is_ours(const char *directory, const char *name, const char *suite)
{
    struct tl_schedule_file f = {.path = tl_format("%s/%s", directory, name)};
    bool ours = !tl_schedule_examine(&f, suite, NULL) && f.before;
    tl_schedule_files_free(&f, 1);
    return ours;
}

char **tl_schedule_list(const char *directory, const char *prefix, const char *const *suffixes)
{
    size_t n = 0;
    char **list = tl_calloc(1, sizeof *list);
    uv_fs_t scan;
    uv_dirent_t entry;
    int rc = uv_fs_scandir(NULL, &scan, directory, 0, NULL);
    while (rc >= 0 && uv_fs_scandir_next(&scan, &entry) != UV_EOF) {
        for (const char *const *suffix = suffixes; *suffix; suffix++) {
            char *suite = suite_of(entry.name, prefix, *suffix);
            bool wanted = suite && is_ours(directory, entry.name, suite);
            for (size_t i = 0; i < n && wanted; i++)
                wanted = strcmp(list[i], suite) != 0;
            if (wanted) {
                list = tl_realloc(list, n + 2, sizeof *list);
                list[n++] = suite;
                list[n] = NULL;
            } else {
                free(suite);
            }
        }
    }
    uv_fs_req_cleanup(&scan);
    qsort(list, n, sizeof *list, tl_by_text);
    return list;
}

int tl_schedule_absent(const char *suite, char *const *installed, struct tl_error *e)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (; *installed; installed++)
        tl_buffer_printf(&b, "%s%s", b.size ? ", " : "", *installed);
    tl_fail(e, TL_ERROR_INPUT, "no nightly run of this suite is installed", suite, "%s%s",
            b.size ? "installed: " : "none is", b.size ? b.data : "");
    tl_buffer_free(&b);
    return -1;
}

/* --- the calendar, and the system's programs --- */

int64_t tl_schedule_next_us(int hour, int minute, int64_t now_us)
{
    time_t now = (time_t)(now_us / 1000000);
    struct tm today;
    localtime_r(&now, &today);
    for (int day = 0;; day++) {
        /* mktime moves a time that a change of the clock leaves out, as the systems do. */
        struct tm t = {.tm_year = today.tm_year,
                       .tm_mon = today.tm_mon,
                       .tm_mday = today.tm_mday + day,
                       .tm_hour = hour,
                       .tm_min = minute,
                       .tm_isdst = -1};
        time_t then = mktime(&t);
        if (then > now || day > 2)
            return (int64_t)then * 1000000;
    }
}

/* The last line of what a program wrote, in ASCII; new, or NULL. */
static char *last_line(const struct tl_buffer *text)
{
    const struct tl_output output = {.head = text->data, .head_size = text->size};
    char *line = tl_output_last_line(&output);
    for (char *c = line; c && *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return line;
}

int tl_schedule_ask(const char *const *argv, struct tl_buffer *out, char **said)
{
    /* Times in UTC, and words that are known here. */
    static const char *const environment[] = {"TZ=UTC", "LC_ALL=C", NULL};
    struct tl_buffer unwanted = TL_BUFFER_INIT, err = TL_BUFFER_INIT;
    struct tl_error e;
    struct tl_program p = {.argv = argv,
                           .environment = environment,
                           .out = out ? out : &unwanted,
                           .err = &err,
                           .timeout_s = PATIENCE_S};
    int rc = tl_program_run(&p, &e);
    *said = NULL;
    if (rc) {
        *said = tl_format("%s: %s", argv[0], e.why);
    } else if (p.status) {
        char *line = last_line(err.size ? &err : p.out);
        *said = line ? tl_format("%s: %s", argv[0], line)
                     : tl_format("%s ended with status %d and said nothing", argv[0], p.status);
        free(line);
        rc = -1;
    }
    tl_buffer_free(&unwanted);
    tl_buffer_free(&err);
    return rc;
}
