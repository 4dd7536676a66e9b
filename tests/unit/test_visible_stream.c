/* What a terminal would obey is spelled out, however a text is cut into writes; styles are not. */
#include "harness/base/style.h"
#include "harness/base/utf8.h"
#include "harness/base/visible_stream.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What comes out of a stream, of which `piece` bytes are written at a time. */
static char *through(const char *text, size_t size, size_t piece)
{
    static char out[4096];
    int pipes[2];
    cr_assert_eq(pipe(pipes), 0);
    FILE *f = tl_visible_stream(pipes[1]);
    cr_assert_not_null(f);
    for (size_t at = 0; at < size; at += piece) {
        fwrite(text + at, 1, size - at < piece ? size - at : piece, f);
        cr_assert_eq(fflush(f), 0);
    }
    cr_assert_eq(fclose(f), 0);
    close(pipes[1]);
    size_t got = 0;
    for (ssize_t n; (n = read(pipes[0], out + got, sizeof out - 1 - got)) > 0;)
        got += (size_t)n;
    close(pipes[0]);
    out[got] = '\0';
    return out;
}

Test(visible_stream, what_a_terminal_obeys_is_seen)
{
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"plain\ttext\n", "plain\ttext\n"},
        {"\033]0;owned\a", "\\u001b]0;owned\\u0007"},
        {"\033[31mred\033[0m", "\\u001b[31mred\\u001b[0m"},
        {"over\rwritten\bX\177", "over\\u000dwritten\\u0008X\\u007f"},
        {"C1 \xc2\x9b"
         "31m",
         "C1 \\u009b31m"},
        {"raw \x9b"
         "31m",
         "raw \\x9b31m"},
        {"turned \xe2\x80\xae"
         "exe.txt",
         "turned \\u202eexe.txt"},
        {"marks \xe2\x80\x8f\xd8\x9c.", "marks \\u200f\\u061c."},
        {"gr\xc3\xbc\xc3\x9f \xe6\xbc\xa2 \xf0\x9f\x98\x80",
         "gr\xc3\xbc\xc3\x9f \xe6\xbc\xa2 \xf0\x9f\x98\x80"},
        {"cut \xe6\xbc", "cut \\xe6\\xbc"},
        {"cut \xe6\xbc!", "cut \\xe6\\xbc!"},
        {"no \xff\xc0\xaf", "no \\xff\\xc0\\xaf"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t piece = 1; piece < 40; piece++)
            cr_expect_str_eq(through(cases[i].text, strlen(cases[i].text), piece), cases[i].shown,
                             "%zu, by %zu", i, piece);
    cr_expect_str_eq(through("a\0b", 3, 3), "a\\u0000b");
}

Test(visible_stream, styles_are_marks_that_no_text_can_have)
{
    cr_expect_str_eq(through(tl_style(TL_STYLE_BOLD), strlen(tl_style(TL_STYLE_BOLD)), 40), "\\u001b[1m",
                     "without marks it is text like any other");
    tl_style_use_marks();
    char text[256], broken[64];
    snprintf(text, sizeof text, "%s%sred%s.\n", tl_style(TL_STYLE_ERASE_LINE), tl_style(TL_STYLE_RED),
             tl_style(TL_STYLE_PLAIN));
    for (size_t piece = 1; piece < 60; piece++)
        cr_expect_str_eq(through(text, strlen(text), piece), "\r\033[K\033[1;31mred\033[0m.\n", "by %zu",
                         piece);
    /* The beginning of one is none. */
    snprintf(broken, sizeof broken, "%.5s[31m", tl_style(TL_STYLE_RED));
    snprintf(text, sizeof text, "\\u001b%.4s[31m", tl_style(TL_STYLE_RED) + 1);
    for (size_t piece = 1; piece < 12; piece++)
        cr_expect_str_eq(through(broken, strlen(broken), piece), text, "by %zu", piece);
}

Test(visible_stream, what_cannot_be_written_is_an_error)
{
    int fd = open("/dev/full", O_WRONLY);
    if (fd < 0)
        cr_skip_test("there is no /dev/full");
    FILE *f = tl_visible_stream(fd);
    fputs("text", f);
    cr_expect_eq(fflush(f), EOF);
    cr_expect_eq(errno, ENOSPC);
    cr_expect(ferror(f));
    /* Later, when other calls have failed, and a write of nothing has not. */
    errno = EBADF;
    cr_expect_eq(fflush(f), 0);
    cr_expect_eq(tl_visible_error(f), ENOSPC);
    FILE *other = tl_visible_stream(STDERR_FILENO);
    cr_expect_eq(tl_visible_error(other), 0);
    cr_expect_eq(tl_visible_error(stderr), 0);
    cr_expect_eq(tl_visible_error(f), ENOSPC);
    fclose(other);
    fclose(f);
    close(fd);
}

Test(visible_stream, texts_of_files_and_of_lines)
{
    static const struct {
        const char *text, *visible, *line;
    } texts[] = {
        {"", "", ""},
        {"a\tb\nc\n", "a\tb\nc\n", "a\tb\\u000ac\\u000a"},
        {"\033[31m\xc2\x9b", "\\u001b[31m\\u009b", "\033[31m\xc2\x9b"},
        {"\xe2\x80\xae\xe2\x80\xa8\xe2\x82\xac", "\\u202e\\u2028\xe2\x82\xac",
         "\xe2\x80\xae\\u2028\xe2\x82\xac"},
        {"a\xf3\xa0\x81\x81", "a\\udb40\\udc41", "a\xf3\xa0\x81\x81"},
        {"\x9b\xff\xe2", "\x9b\xff\xe2", "\x9b\xff\xe2"},
    };
    for (size_t i = 0; i < TL_COUNT(texts); i++) {
        char *visible = tl_visible_text(texts[i].text), *line = tl_one_line(texts[i].text);
        cr_expect_str_eq(visible, texts[i].visible, "%zu: %s", i, visible);
        cr_expect_str_eq(line, texts[i].line, "%zu: %s", i, line);
        free(visible);
        free(line);
    }
}

Test(visible_stream, what_is_kept_and_how_the_rest_is_spelled)
{
    static const struct {
        const char *text, *keep, *shown;
    } texts[] = {
        {"a\tb\nc", "", "a\\x09b\\x0ac"},
        {"a\tb\nc", "\t\n", "a\tb\nc"},
        {"\033[1m\xc2\x9b\177", "\t", "\\x1b[1m\\x9b\\x7f"},
        {"\xe2\x80\xae\x9b\xe2\x82\xac", "", "\\u202e\x9b\xe2\x82\xac"},
    };
    for (size_t i = 0; i < TL_COUNT(texts); i++) {
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_add_visible(&b, texts[i].text, texts[i].keep);
        char *shown = tl_buffer_take(&b);
        cr_expect_str_eq(shown, texts[i].shown, "%zu", i);
        free(shown);
    }
}
