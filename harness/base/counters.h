/* What is counted in the output of a program and among the files that it leaves, and the lines of its output with
 * which a phase begins. */
#ifndef TL_COUNTERS_H
#define TL_COUNTERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tl_line_regex;

/* A regular expression that is looked for in all lines. */
struct tl_counted_regex {
    struct tl_line_regex *regex;
    bool stopped; /* it costs too much: it is not looked for any more */
};

struct tl_counter {
    const char *name, *pattern;
    char *glob;   /* the pattern with the directory in it; NULL: a regular expression */
    bool number;  /* of which the first group is the value, that of the last match */
    bool seen;    /* there was a match */
    bool changed; /* by the line that was looked at last */
    int64_t min, max;
    struct tl_counted_regex regex;
    int64_t found;
};

/* A line that holds the text, or matches the expression, says that the phase has begun. */
struct tl_phase_marker {
    const char *phase, *text;
    struct tl_counted_regex regex; /* NULL when the text is no expression */
};

struct tl_counters {
    size_t n, n_markers;
    struct tl_counter *list;
    struct tl_phase_marker *markers;
    bool changed;                                 /* since tl_counters_json was called last */
    void (*begins)(void *arg, const char *phase); /* of a marker that was seen; NULL */
    void *arg;
};

/* counts: "count" of what is expected, or NULL; markers: "phase_marker", or NULL; both must outlive the counters.
 * expand puts the directory into a pattern of files, as a new string. Returns what is wrong with them, or NULL;
 * tl_counters_free in any case. */
const char *tl_counters_init(struct tl_counters *c, const json_t *counts, const json_t *markers,
                             const char *scratch, char *(*expand)(const char *text, const char *scratch));
void tl_counters_free(struct tl_counters *c);
/* whole: the line is complete; else more of it may come, and only markers are looked for. */
void tl_counters_line(struct tl_counters *c, const char *line, size_t size, bool whole);
void tl_counters_files(struct tl_counters *c); /* once the program has ended */
/* The first that is outside of its bounds; NULL. */
const struct tl_counter *tl_counters_outside(const struct tl_counters *c);
/* In words: "too few regions: 0, where at least 1 was expected". */
void tl_counter_outside_words(const struct tl_counter *k, char *words, size_t size);
const struct tl_counter *tl_counters_stopped(const struct tl_counters *c);
/* {NAME: VALUE} of those that are known: a new reference. */
json_t *tl_counters_json(struct tl_counters *c);

/* Lines of a stream that arrives in pieces. What is longer than TL_LINE_MOST is several lines. */
#define TL_LINE_MOST 65536
struct tl_counted_lines {
    char *data;
    size_t size;
};
int tl_counted_lines_init(struct tl_counted_lines *l);
void tl_counted_lines_feed(struct tl_counted_lines *l, struct tl_counters *c, const char *data, size_t size);
void tl_counted_lines_end(struct tl_counted_lines *l, struct tl_counters *c); /* and releases */

#endif
