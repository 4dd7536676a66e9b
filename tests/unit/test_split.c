/* Command lines as words: as the POSIX shell would split and unquote them, and nothing expanded. */
#include "harness/base/split.h"

#include "harness/base/buffer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The words with | after each. */
static char *joined(const char *text)
{
    struct tl_error e = {0};
    char **words;
    cr_assert_eq(tl_split_words(text, &words, &e), 0, "%s: %s", text, e.why);
    struct tl_buffer b = TL_BUFFER_INIT;
    for (char **w = words; *w; w++)
        tl_buffer_printf(&b, "%s|", *w);
    tl_split_words_free(words);
    return tl_buffer_take(&b);
}

static void expect(const char *text, const char *words)
{
    char *got = joined(text);
    cr_expect_str_eq(got, words, "%s: %s instead of %s", text, got, words);
    free(got);
}

Test(split, blanks)
{
    expect("mail", "mail|");
    expect("mail -s  trapline\tme", "mail|-s|trapline|me|");
    expect(" \t\n mail \n", "mail|");
}

Test(split, single_quotes)
{
    expect("mail -s 'a  b' me", "mail|-s|a  b|me|");
    expect("'a\\b' '$HOME' '\"' 'a\nb'", "a\\b|$HOME|\"|a\nb|");
    expect("''", "|");
    expect("a'b c'd", "ab cd|");
    expect("'it'\\''s'", "it's|");
}

Test(split, double_quotes)
{
    expect("\"a  b\"", "a  b|");
    expect("\"\\\"\\\\\\$\\`\"", "\"\\$`|");
    expect("\"\\n\\a\"", "\\n\\a|"); /* before any other character a backslash is one */
    expect("\"a\\\nb\"", "ab|");
    expect("\"'\" \"\"", "'||");
    expect("a\"b c\"'d e'f", "ab cd ef|");
}

Test(split, backslash)
{
    expect("a\\ b \\'c\\' \\\"d\\\" \\\\", "a b|'c'|\"d\"|\\|");
    expect("a\\\nb", "ab|");
    expect("a \\\n b", "a|b|");
    expect("\\x", "x|");
}

Test(split, nothing_is_expanded)
{
    expect("a $HOME ${x} $(id) `id` * ? ~ {a,b} # b", "a|$HOME|${x}|$(id)|`id`|*|?|~|{a,b}|#|b|");
    expect("a|b;c&d>e <f (g)", "a|b;c&d>e|<f|(g)|");
}

Test(split, other_bytes)
{
    expect("gr\xc3\xbc\xc3\x9f \xff\x01", "gr\xc3\xbc\xc3\x9f|\xff\x01|");
    expect("a\xc2\xa0"
           "b",
           "a\xc2\xa0"
           "b|"); /* a no-break space is no blank */
}

static void refused(const char *text, const char *why)
{
    struct tl_error e = {0};
    char **words = (char **)&e;
    cr_expect_eq(tl_split_words(text, &words, &e), -1, "%s", text);
    cr_expect_null(words);
    cr_expect_eq(e.kind, TL_ERROR_INPUT);
    cr_expect_str_eq(e.why, why);
    cr_expect_str_eq(e.where, text);
}

Test(split, refused)
{
    refused("", "it holds no word");
    refused(" \t\\\n ", "it holds no word");
    refused("a 'b", "a single quote is not closed");
    refused("a '", "a single quote is not closed");
    refused("a \"b", "a double quote is not closed");
    refused("a \"b\\\"", "a double quote is not closed");
    refused("a \"b\\", "a double quote is not closed");
    refused("a\\", "it ends with a backslash");
    refused("a \\", "it ends with a backslash");
}

/* What a shell makes of the same text. It must hold nothing that a shell expands. */
static char *by_shell(const char *text)
{
    char *command = tl_format("sh -c 'printf \"%%s|\" \"$@\"' sh %s", text);
    FILE *f = popen(command, "r");
    struct tl_buffer b = TL_BUFFER_INIT;
    char part[4096];
    size_t n;
    cr_assert_not_null(f);
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        tl_buffer_add(&b, part, n);
    cr_assert_eq(pclose(f), 0, "%s", text);
    free(command);
    return tl_buffer_take(&b);
}

/* Random texts of the characters that matter. Where it is refused the shell is not asked. */
Test(split, like_the_shell, .timeout = 60)
{
    static const char letters[] = " \tab'\"\\";
    unsigned state = 12345, compared = 0;
    for (int round = 0; round < 400; round++) {
        char text[16] = "x";
        for (size_t i = 1; i < 12; i++) {
            state = state * 1103515245u + 12345u;
            text[i] = letters[(state >> 16) % (sizeof letters - 1)];
        }
        char **words;
        if (tl_split_words(text, &words, NULL))
            continue;
        tl_split_words_free(words);
        char *ours = joined(text), *theirs = by_shell(text);
        cr_assert_str_eq(ours, theirs, "[%s]: %s, a shell makes %s", text, ours, theirs);
        free(ours);
        free(theirs);
        compared++;
    }
    cr_assert_gt(compared, 100);
}
