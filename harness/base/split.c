#include "harness/base/split.h"

#include "harness/base/buffer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

/* Takes what follows a backslash. An escaped newline is nothing at all. */
static const char *escaped(const char *at, struct tl_buffer *word)
{
    if (*at != '\n')
        tl_buffer_add(word, at, 1);
    return at + 1;
}

/* Takes a quoted part, `at` being after its first quote. Returns what follows, or NULL when it is not closed.
 */
static const char *quoted(const char *at, char quote, struct tl_buffer *word)
{
    while (*at && *at != quote) {
        if (quote == '"' && *at == '\\' && at[1] && strchr("$`\"\\\n", at[1]))
            at = escaped(at + 1, word);
        else
            tl_buffer_add(word, at++, 1);
    }
    return *at ? at + 1 : NULL;
}

/* Takes one word that starts at *at. Returns what is wrong with it, or NULL. */
static const char *take_word(const char **at, struct tl_buffer *word)
{
    const char *p = *at;
    while (*p && !blank(*p)) {
        if (*p == '\'' || *p == '"') {
            char quote = *p;
            p = quoted(p + 1, quote, word);
            if (!p)
                return quote == '"' ? "a double quote is not closed" : "a single quote is not closed";
        } else if (*p == '\\') {
            if (!p[1])
                return "it ends with a backslash";
            p = escaped(p + 1, word);
        } else {
            tl_buffer_add(word, p++, 1);
        }
    }
    *at = p;
    return NULL;
}

static const char *skip_blanks(const char *at)
{
    for (;; at++) {
        if (at[0] == '\\' && at[1] == '\n')
            at++;
        else if (!blank(*at))
            return at;
    }
}

int tl_split_words(const char *text, char ***words, struct tl_error *e)
{
    size_t n = 0;
    const char *wrong = NULL;
    *words = tl_calloc(1, sizeof **words);
    for (const char *at = skip_blanks(text); *at && !wrong; at = skip_blanks(at)) {
        struct tl_buffer word = TL_BUFFER_INIT;
        wrong = take_word(&at, &word);
        *words = tl_realloc(*words, n + 2, sizeof **words);
        (*words)[n++] = tl_buffer_take(&word);
        (*words)[n] = NULL;
    }
    if (!wrong && !n)
        wrong = "it holds no word";
    if (!wrong)
        return 0;
    tl_split_words_free(*words);
    *words = NULL;
    return tl_fail(e, TL_ERROR_INPUT, "cannot take a command line apart", text, "%s", wrong);
}

void tl_split_words_free(char **words)
{
    for (char **w = words; w && *w; w++)
        free(*w);
    free(words);
}
