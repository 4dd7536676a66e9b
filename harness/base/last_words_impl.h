/* The parts of last_words.h: lines, which of them say why, and which of these counts. */
#ifndef TL_LAST_WORDS_IMPL_H
#define TL_LAST_WORDS_IMPL_H

#include "harness/base/last_words.h"

#include <string.h>

static inline bool starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static inline bool has_letter(const char *s)
{
    while (*s && !((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (unsigned char)*s >= 0x80))
        s++;
    return *s != '\0';
}

static inline const char *skip_blanks(const char *s)
{
    while (*s == ' ')
        s++;
    return s;
}

struct tl_lines {
    char **line; /* NUL-terminated, into clean; without the prefixes of loggers and launchers */
    char *level; /* what the logger says each is: F, E, W, I or D; 0 when none says it */
    size_t n;
    char *clean;
};

/* Cleans a text and cuts it into lines; tl_lines_free releases them. */
void tl_lines_cut(const char *text, size_t size, struct tl_lines *t);
void tl_lines_free(struct tl_lines *t);

/* Whether a line is a frame of a stack that was printed. */
bool tl_line_is_of_a_stack(const char *s);
/* Where a line first says that it is a warning, or less; NULL. */
const char *tl_line_warning(const struct tl_lines *t, size_t i);
/* Whether a line says that it is an error, and no warning that speaks of one. */
bool tl_line_names_error(const struct tl_lines *t, size_t i);
/* Whether a line has a word of failing in it. */
bool tl_line_complains(const char *s);
/* Whether a line is for the reader: what to do next, and never why. */
bool tl_line_is_advice(const char *s);

/* Whether a line counts what passed and failed, and says no more. */
bool tl_line_is_summary(const char *s);
/* Where a line says that a test failed; NULL. */
const char *tl_line_failed_test(const char *s);
/* A panic of Go, and in which function of the program: a new string; NULL when it is none. */
char *tl_go_panic(const struct tl_lines *t, size_t i);
/* What go test says of a test that failed, and what that test said: a new string, or NULL. */
char *tl_go_test_failure(const struct tl_lines *t, size_t i, size_t *end);

/* Whether a message only announces the end: it counts when there is nothing better. */
bool tl_message_is_epilogue(const char *s);
/* Whether a message is an error of a compiler about itself that only names the signal it got. */
bool tl_message_is_bare_internal_error(const char *s);
/* Whether a message says that something failed and not what. */
bool tl_message_is_verdict(const char *s);
/* Whether a line that names an error ends before it has said which. */
bool tl_message_is_unfinished(const char *s);

/* A message that ends as line `at` does, in an opened bracket, with what the block below says: takes the message. *end is moved
 * behind the block. Any other is returned as it is. */
char *tl_message_with_block(const struct tl_lines *t, size_t at, char *message, size_t *end);
/* What a block says that line `at` opens: the field that describes an error, a value that is a sentence, or the fields without those
 * that name files. A new string, or NULL. */
char *tl_block_reason(const struct tl_lines *t, size_t at);
/* A line without the bracket at its end, and the name of what is in it: a new string. */
char *tl_head_of_block(const char *s);
/* The line after an exception that Python reported and ignored, with its traceback and those that it came from, when line i is the
 * head of one; 0. */
size_t tl_python_ignored(const struct tl_lines *t, size_t i);

/* The message of a line that is of a known kind, and of the lines that belong to it: a new string, or NULL.
 * *end is the line after those. An empty message: these lines are no reason, whatever they hold. */
char *tl_last_words_known(const struct tl_lines *t, size_t i, size_t *end);

#endif
