/* Counts what a step left behind: files that a pattern names, and matches of regular expressions in its output. */
#ifndef TL_COMMAND_COUNT_H
#define TL_COMMAND_COUNT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tl_counter {
    const char *name, *pattern;
    char *glob; /* the pattern with the directory in it; NULL: a regular expression */
    int64_t min, max;
    void *code, *match, *context; /* PCRE2's */
    int64_t found;
    double seconds; /* that matching took so far */
    bool stopped;   /* the expression costs too much: it is not looked for any more */
};
struct tl_counters {
    size_t n;
    struct tl_counter *list;
};

/* list: "count" of a step, or NULL; it must outlive the counters. expand puts the directory into a pattern of
 * files, as a new string. Returns what is wrong with it, or NULL; tl_counters_free in any case. */
const char *tl_counters_init(struct tl_counters *c, const json_t *list, const char *scratch,
                             char *(*expand)(const char *text, const char *scratch));
void tl_counters_free(struct tl_counters *c);
void tl_counters_line(struct tl_counters *c, const char *line, size_t size);
void tl_counters_files(struct tl_counters *c); /* once the step has ended */
/* The first that is outside of its bounds; NULL. */
const struct tl_counter *tl_counters_outside(const struct tl_counters *c);
const struct tl_counter *tl_counters_stopped(const struct tl_counters *c);

/* Lines of a stream that arrives in pieces. A line longer than TL_LINE_MOST is looked at in parts. */
#define TL_LINE_MOST 65536
struct tl_counted_lines {
    char *data;
    size_t size;
};
int tl_counted_lines_init(struct tl_counted_lines *l);
void tl_counted_lines_feed(struct tl_counted_lines *l, struct tl_counters *c, const char *data, size_t size);
void tl_counted_lines_end(struct tl_counted_lines *l, struct tl_counters *c); /* and releases */

#endif
