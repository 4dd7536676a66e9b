/* Theory of operation. An expression may be anybody's, and so may the text: most engines can be made to try for ever,
 * ((a+)+$ on a line of a's). Three bounds hold here. Lines are looked at in parts of PART_MOST bytes, since what even
 * harmless expressions do with a line grows with its square. PCRE2 calls back before each item of the expression that
 * it tries; the calls of one search are counted, and with too many it is stopped, in the middle of a match too (the
 * limit of PCRE2 itself counts for each place of a text anew). What lies between two calls is at most a walk through
 * a part, and how far the place has moved is counted as well. All searches for an expression together are bounded too, since a program may write for ever. So the work is
 * bounded by numbers that are the same on every machine, and no clock is read.
 *
 * Whether an expression is cheap is found out by trying it on short texts of one character each, where those that
 * grow faster than the square of a line's length show it; without the look-ahead by which PCRE2 sees that a text lacks a
 * character, for another text may have it. */
#include "harness/base/line_regex.h"

#include "harness/base/buffer.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdlib.h>
#include <string.h>

/* A text may be anything, UTF-8 or not. */
#define OPTIONS (PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UCP | PCRE2_NEVER_UTF | PCRE2_AUTO_CALLOUT)
#define PART_MOST 4096      /* bytes of a line that are looked at together */
#define CALLS_MOST 10000000 /* of a search, half a second */
#define CALLS_IN_ALL 100000000
#define WALK_OF_CALL 128    /* bytes that cost what a call costs */
#define PROBE_SIZE 256      /* bytes of a text that an expression is tried on */
#define PROBE_CALLS 1000000 /* whose square is 65,000, and whose cube 17 million */
#define KINDS_MOST 24       /* characters of which it is made */
#define HEAP_MOST_KIB 32768

struct tl_line_regex {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *context;
    size_t calls, calls_most, left; /* of this search, and of all that will be */
    size_t place, walked;           /* since a call was counted for it */
};

static int count_call(pcre2_callout_block *block, void *arg)
{
    struct tl_line_regex *x = arg;
    size_t place = block->current_position;
    x->walked += place > x->place ? place - x->place : x->place - place;
    x->place = place;
    x->calls += 1 + x->walked / WALK_OF_CALL;
    x->walked %= WALK_OF_CALL;
    return x->calls > x->calls_most ? PCRE2_ERROR_CALLOUT : 0;
}

static struct tl_line_regex *compile(const char *pattern, uint32_t options, char **why)
{
    int error;
    PCRE2_SIZE offset;
    struct tl_line_regex *x = tl_calloc(1, sizeof *x);
    *why = NULL;
    x->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, &error, &offset, NULL);
    if (!x->code) {
        PCRE2_UCHAR text[160];
        if (pcre2_get_error_message(error, text, sizeof text) < 0)
            text[0] = '\0';
        *why = tl_format("at byte %zu: %s", (size_t)offset, (const char *)text);
        free(x);
        return NULL;
    }
    x->match = pcre2_match_data_create_from_pattern(x->code, NULL);
    x->context = pcre2_match_context_create(NULL);
    if (!x->match || !x->context)
        abort(); /* as in buffer.c: there is no memory */
    pcre2_set_callout(x->context, count_call, x);
    pcre2_set_heap_limit(x->context, HEAP_MOST_KIB);
    x->left = CALLS_IN_ALL;
    return x;
}

struct tl_line_regex *tl_line_regex_new(const char *pattern, char **why)
{
    return compile(pattern, OPTIONS, why);
}

void tl_line_regex_free(struct tl_line_regex *x)
{
    if (!x)
        return;
    pcre2_match_data_free(x->match);
    pcre2_match_context_free(x->context);
    pcre2_code_free(x->code);
    free(x);
}

bool tl_line_regex_has_group(const struct tl_line_regex *x)
{
    uint32_t groups = 0;
    return !pcre2_pattern_info(x->code, PCRE2_INFO_CAPTURECOUNT, &groups) && groups;
}

/* The matches in a part of a line; options say where that is not the line's beginning, or its end. Returns whether to
 * go on; *stopped: too much. */
static bool look(struct tl_line_regex *x, const char *part, size_t size, uint32_t options,
                 tl_line_regex_found found, void *arg, bool *stopped)
{
    PCRE2_SIZE from = 0;
    while (from <= size) {
        int rc = pcre2_match(x->code, (PCRE2_SPTR)part, size, from, options, x->match, x->context);
        if (rc == PCRE2_ERROR_NOMATCH)
            return true;
        if (rc < 0) {
            *stopped = true;
            return false;
        }
        const PCRE2_SIZE *at = pcre2_get_ovector_pointer(x->match);
        /* \K can put the start of a match, or of a group, behind its end. */
        struct tl_line_match m = {.text = part + at[0], .size = at[1] > at[0] ? at[1] - at[0] : 0};
        if (rc > 1 && at[2] != PCRE2_UNSET && at[3] >= at[2]) {
            m.group = part + at[2];
            m.group_size = at[3] - at[2];
        }
        if (!found(arg, &m))
            return false;
        from = at[1] > from ? at[1] : from;
        from += at[1] <= at[0];
    }
    return true;
}

/* The same in a line, part by part. */
static bool look_at_line(struct tl_line_regex *x, const char *line, size_t size, tl_line_regex_found found,
                         void *arg, bool *stopped)
{
    size_t at = 0;
    for (;; at += PART_MOST) {
        bool last = size - at <= PART_MOST;
        uint32_t options = (at ? PCRE2_NOTBOL : 0) | (last ? 0 : PCRE2_NOTEOL);
        if (!look(x, line + at, last ? size - at : PART_MOST, options, found, arg, stopped))
            return false;
        if (last)
            return true;
    }
}

bool tl_line_regex_each(struct tl_line_regex *x, const char *data, size_t size, tl_line_regex_found found,
                        void *arg)
{
    bool stopped = false;
    x->calls = 0;
    x->calls_most = x->left < CALLS_MOST ? x->left : CALLS_MOST;
    for (;;) {
        const char *end = size ? memchr(data, '\n', size) : NULL;
        size_t line = end ? (size_t)(end - data) : size;
        if (!look_at_line(x, data, line, found, arg, &stopped) || !end || line + 1 == size)
            break;
        data += line + 1;
        size -= line + 1;
    }
    x->left -= x->calls < x->left ? x->calls : x->left;
    return !stopped;
}

static bool ignore(void *arg, const struct tl_line_match *m)
{
    (void)arg;
    (void)m;
    return true;
}

/* Characters of which texts are made: one of each class that expressions have, and those that stand in this one. */
static void kinds_for(const char *pattern, char kinds[KINDS_MOST + 1])
{
    static const char always[] = "a0 .Z_=,";
    size_t n = sizeof always - 1;
    memcpy(kinds, always, sizeof always);
    for (const char *c = pattern; *c && n < KINDS_MOST; c++)
        if (*c != '\n' && !strchr(kinds, *c)) {
            kinds[n++] = *c;
            kinds[n] = '\0';
        }
}

bool tl_line_regex_is_cheap(const char *pattern)
{
    char kinds[KINDS_MOST + 1], text[PROBE_SIZE], *why;
    bool stopped = false;
    struct tl_line_regex *x = compile(pattern, OPTIONS | PCRE2_NO_START_OPTIMIZE, &why);
    free(why);
    kinds_for(pattern, kinds);
    for (size_t i = 0; x && kinds[i] && !stopped; i++)
        for (int last = 0; last < 2 && !stopped; last++) { /* alone, and before something else */
            memset(text, kinds[i], sizeof text);
            if (last)
                text[sizeof text - 1] = '!';
            x->calls = 0;
            x->calls_most = PROBE_CALLS;
            look(x, text, sizeof text, 0, ignore, NULL, &stopped);
        }
    tl_line_regex_free(x);
    return !stopped;
}
