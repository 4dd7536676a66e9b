/* What every command prints in the same way: errors with the exit status that each kind has, mistakes, and
 * JSON documents. */
#include "harness/cli/cli.h"

#include "harness/base/buffer.h"
#include "harness/base/plural.h"
#include "harness/base/record.h"
#include "harness/base/style.h"
#include "harness/base/time_text.h"
#include "harness/base/utf8.h"
#include "harness/base/visible_stream.h"
#include "harness/cli/follow_up.h"
#include "reports/page/page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int tl_print_error(const struct tl_error *e)
{
    char *why = tl_cli_follow_up(e->why, false),
         *text = tl_format("%s%s%s: %s", e->what, *e->where ? ": " : "", e->where, why),
         *line = tl_one_line(text);
    tl_cli_progress_clear();
    fprintf(stderr, "trapline: %s\n", line);
    free(line);
    free(text);
    free(why);
    return tl_error_exit_status(e->kind);
}

static bool quiet;
static enum { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER } colour;

void tl_cli_be_quiet(bool yes)
{
    quiet = yes;
}

bool tl_cli_is_quiet(void)
{
    return quiet;
}

/* "trapline: WHO: " and a text, whose commands can be run as they stand. */
__attribute__((format(printf, 2, 0))) static void print_text(const char *who, const char *format,
                                                             va_list values)
{
    char *text = NULL;
    if (vasprintf(&text, format, values) < 0)
        return;
    char *whole = tl_cli_follow_up(text, false), *line = tl_one_line(whole);
    fprintf(stderr, "trapline: %s%s%s", who, *who ? ": " : "", line);
    free(line);
    free(whole);
    free(text);
}

void tl_cli_note(const char *format, ...)
{
    va_list ap;
    if (quiet)
        return;
    tl_cli_progress_clear();
    va_start(ap, format);
    print_text("", format, ap);
    putc('\n', stderr);
    va_end(ap);
}

__attribute__((format(printf, 2, 0))) static void print_line(FILE *f, const char *format, va_list values)
{
    char *text = NULL;
    if (vasprintf(&text, format, values) < 0)
        return;
    char *line = tl_one_line(text);
    fprintf(f, "%s\n", line);
    free(line);
    free(text);
}

void tl_cli_line(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    print_line(stdout, format, ap);
    va_end(ap);
}

void tl_cli_error_line(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    print_line(stderr, format, ap);
    va_end(ap);
}

int tl_usage_error(const struct tl_command *c, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    print_text(c ? c->name : "", format, ap);
    va_end(ap);
    fprintf(stderr, "\n  `trapline %s%s--help` says what there is\n", c ? c->name : "",
            c && *c->name ? " " : "");
    return TL_EXIT_INPUT;
}

int tl_cli_trials_status(uint64_t ended, uint64_t failed, uint64_t not_judged, uint64_t judged)
{
    if (failed)
        return TL_EXIT_FAILURE;
    if (not_judged)
        fprintf(stderr,
                "trapline: %llu of %llu trial%s could not be judged: what %s answered was not compared\n",
                (unsigned long long)not_judged, (unsigned long long)ended, tl_plural(ended),
                tl_one_or_many(not_judged, "it", "they"));
    else if (!judged)
        fputs("trapline: nothing was tried, and so nothing is known\n", stderr);
    return not_judged || !judged ? TL_EXIT_INPUT : TL_EXIT_OK;
}

int tl_finish_output(int status)
{
    static bool said;
    errno = EIO; /* where it failed before, and nobody knows why */
    const bool failed = fflush(stdout) || ferror(stdout);
    const int now = errno, first = tl_visible_error(stdout), err = first ? first : now;
    if (!failed || err == EPIPE) /* `| head` has seen enough */
        return status;
    if (!said) /* some have a document to finish, and the command itself */
        fprintf(stderr, "trapline: cannot write the output: %s\n", strerror(err));
    said = true;
    return TL_EXIT_ENVIRONMENT;
}

int tl_print_json(json_t *document)
{
    json_dumpf(document, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(document);
    return tl_finish_output(0);
}

int tl_cli_check_format(const struct tl_command *c, const struct tl_options *o)
{
    static const char *const formats[] = {"md", "html", "json", "junit"};
    for (size_t i = 0; o->format && i < TL_COUNT(formats); i++)
        if (!strcmp(formats[i], o->format))
            return -1;
    return o->format ? tl_usage_error(c, "--format %s: expected md, html, json or junit", o->format) : -1;
}

int tl_cli_print_report(const struct tl_options *o, const struct tl_cli_formats *f, json_t *document)
{
    const char *format = o->json ? "json" : o->format ? o->format : "md";
    if (!strcmp(format, "json"))
        return tl_print_json(document);
    enum tl_extent extent = o->brief ? TL_EXTENT_SHORT : o->full ? TL_EXTENT_FULL : TL_EXTENT_PAGE;
    char *text = !strcmp(format, "html")    ? f->html(document, extent)
                 : !strcmp(format, "junit") ? f->junit(document)
                                            : f->markdown(document, extent);
    if (!strcmp(format, "md") && isatty(STDOUT_FILENO)) {
        char *plain = tl_markdown_for_terminal(text);
        free(text);
        text = plain;
    }
    fputs(text, stdout);
    free(text);
    json_decref(document);
    return tl_finish_output(TL_EXIT_OK);
}

int tl_cli_print_version(bool json)
{
    if (json)
        return tl_print_json(json_pack("{s:s}", "version", TL_VERSION));
    puts("trapline " TL_VERSION);
    return tl_finish_output(TL_EXIT_OK);
}

static const char *const colour_words[] = {"auto", "always", "never"};

static int colour_of(const char *when)
{
    for (size_t i = 0; i < TL_COUNT(colour_words); i++)
        if (!strcmp(when, colour_words[i]))
            return (int)i;
    return -1;
}

bool tl_cli_is_colour(const char *when)
{
    return colour_of(when) >= 0;
}

bool tl_cli_set_colour(const char *when)
{
    int found = colour_of(when);
    if (found >= 0)
        colour = (unsigned)found;
    return found >= 0;
}

size_t tl_output_width(size_t otherwise)
{
    struct winsize w;
    const char *columns = getenv("COLUMNS");
    long said = columns ? strtol(columns, NULL, 10) : 0;
    if (isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) && w.ws_col)
        return w.ws_col;
    return said >= 20 && said <= 1000 ? (size_t)said : otherwise;
}

bool tl_colour(FILE *f)
{
    if (colour != COLOUR_AUTO)
        return colour == COLOUR_ALWAYS;
    const char *term = getenv("TERM"), *no = getenv("NO_COLOR");
    return isatty(f == stderr ? STDERR_FILENO : STDOUT_FILENO) && !(no && *no) &&
           !(term && !strcmp(term, "dumb"));
}

const char *tl_outcome_colour(int outcome)
{
    switch (outcome) {
    case TL_OUTCOME_PASS:
        return tl_style(TL_STYLE_GREEN);
    case TL_OUTCOME_CRASH:
    case TL_OUTCOME_OOM:
    case TL_OUTCOME_HANG:
        return tl_style(TL_STYLE_RED);
    case TL_OUTCOME_UNSUPPORTED:
        return tl_style(TL_STYLE_DIM);
    default:
        return tl_style(TL_STYLE_YELLOW);
    }
}

char *tl_reason_text(bool usable, const char *why)
{
    static const char space[] = " \t\r\n";
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *text = why ? why : usable ? "" : "its runner does not say why";
    text += strspn(text, space);
    tl_buffer_add_string(&b, *text || !usable ? ": " : "");
    while (*text) {
        size_t n = strcspn(text, space);
        tl_buffer_printf(&b, "%.*s", (int)n, text);
        text += n + strspn(text + n, space);
        tl_buffer_add_string(&b, *text ? " " : "");
    }
    return tl_buffer_take(&b);
}

char *tl_time_text(int64_t wall_us)
{
    return tl_time_format(wall_us, TL_TIME_LOCAL);
}
