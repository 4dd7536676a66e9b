/* A regular expression (PCRE2) over the lines of text of unknown origin, in bounded time (line_regex.c has the
 * theory). Text is bytes: `.` is one byte, and no match goes beyond the end of a line. */
#ifndef TL_LINE_REGEX_H
#define TL_LINE_REGEX_H

#include <stdbool.h>
#include <stddef.h>

struct tl_line_regex;

/* NULL when it is no regular expression: *why, the caller's, says so, with the place. */
struct tl_line_regex *tl_line_regex_new(const char *pattern, char **why);
void tl_line_regex_free(struct tl_line_regex *x);
/* Whether an expression stays within its bounds on texts that make many expressions try for ever: what it costs there does not
 * depend on the machine. */
bool tl_line_regex_is_cheap(const char *pattern);

bool tl_line_regex_has_group(const struct tl_line_regex *x);

/* A match, which may be empty. group: the first one; NULL when there is none, or it took no part. */
struct tl_line_match {
    const char *text, *group;
    size_t size, group_size;
};
/* Returns whether to go on. */
typedef bool (*tl_line_regex_found)(void *arg, const struct tl_line_match *m);
/* All matches, which do not overlap, in their order. False when it was stopped because it costs too much, in this search
 * or together with those before it: what it found until then may be a part only. */
bool tl_line_regex_each(struct tl_line_regex *x, const char *data, size_t size, tl_line_regex_found found,
                        void *arg);

#endif
