/* Theory of operation. An expression may be anybody's, and what it is held against anything: most engines can
 * be made to try for ever. PCRE2 counts what it tries and stops when told to; that bounds a single match. All
 * matches of an expression together may take SECONDS_MOST of the processor. One that reaches either bound is
 * stopped for good, and its step ends with an error that says so: a count that is not known is never taken for
 * one that is right, nor for a runtime that hangs. */
#include "runners/command/count.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* As cases/check_expected.c has them: what a step writes may be anything, UTF-8 or not. */
#define REGEX_OPTIONS (PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UCP | PCRE2_NEVER_UTF)
#define MATCH_LIMIT 1000000
#define HEAP_LIMIT_KIB 32768
#define SECONDS_MOST 5

static double processor_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const char *init_regex(struct tl_counter *k)
{
    int error;
    PCRE2_SIZE offset;
    k->code =
        pcre2_compile((PCRE2_SPTR)k->pattern, PCRE2_ZERO_TERMINATED, REGEX_OPTIONS, &error, &offset, NULL);
    k->match = k->code ? pcre2_match_data_create_from_pattern(k->code, NULL) : NULL;
    k->context = pcre2_match_context_create(NULL);
    if (!k->code)
        return "a \"regex\" is no regular expression";
    if (!k->match || !k->context)
        return "there is no memory";
    pcre2_set_match_limit(k->context, MATCH_LIMIT);
    pcre2_set_heap_limit(k->context, HEAP_LIMIT_KIB);
    return NULL;
}

static const char *init_one(struct tl_counter *k, const json_t *j,
                            char *(*expand)(const char *, const char *), const char *scratch)
{
    const char *glob = json_string_value(json_object_get(j, "glob"));
    const json_t *max = json_object_get(j, "max");
    k->name = json_string_value(json_object_get(j, "name"));
    k->pattern = glob ? glob : json_string_value(json_object_get(j, "regex"));
    k->min = json_integer_value(json_object_get(j, "min"));
    k->max = max ? json_integer_value(max) : INT64_MAX;
    if (!k->name || !k->pattern)
        return "what is counted needs a \"name\" and a \"glob\" or a \"regex\"";
    if (!glob)
        return init_regex(k);
    return (k->glob = expand(glob, scratch)) ? NULL : "there is no memory";
}

const char *tl_counters_init(struct tl_counters *c, const json_t *list, const char *scratch,
                             char *(*expand)(const char *, const char *))
{
    const char *wrong = NULL;
    *c = (struct tl_counters){0};
    if (list && !json_is_array(list))
        return "\"count\" is a list";
    c->list = calloc(json_array_size(list) + 1, sizeof *c->list);
    if (!c->list)
        return "there is no memory";
    for (; !wrong && c->n < json_array_size(list); c->n++)
        wrong = init_one(&c->list[c->n], json_array_get(list, c->n), expand, scratch);
    return wrong;
}

void tl_counters_free(struct tl_counters *c)
{
    for (size_t i = 0; i < c->n; i++) {
        pcre2_match_data_free(c->list[i].match);
        pcre2_match_context_free(c->list[i].context);
        pcre2_code_free(c->list[i].code);
        free(c->list[i].glob);
    }
    free(c->list);
    *c = (struct tl_counters){0};
}

/* Counts the matches in a line, which do not overlap; an empty one counts once at its place. */
static void count_matches(struct tl_counter *k, const char *line, size_t size)
{
    double began = processor_seconds();
    PCRE2_SIZE from = 0;
    while (from <= size && !k->stopped) {
        int rc = pcre2_match(k->code, (PCRE2_SPTR)line, size, from, 0, k->match, k->context);
        if (rc == PCRE2_ERROR_NOMATCH)
            break;
        if (rc < 0 || k->seconds + processor_seconds() - began > SECONDS_MOST) {
            k->stopped = true;
            break;
        }
        const PCRE2_SIZE *at = pcre2_get_ovector_pointer(k->match);
        k->found++;
        from = at[1] > from ? at[1] : from; /* \K can put the start of a match behind its end */
        from += at[1] <= at[0];
    }
    k->seconds += processor_seconds() - began;
    k->stopped |= k->seconds > SECONDS_MOST;
}

void tl_counters_line(struct tl_counters *c, const char *line, size_t size)
{
    for (size_t i = 0; i < c->n; i++)
        if (!c->list[i].glob && !c->list[i].stopped)
            count_matches(&c->list[i], line, size);
}

void tl_counters_files(struct tl_counters *c)
{
    for (size_t i = 0; i < c->n; i++) {
        glob_t found;
        if (!c->list[i].glob || glob(c->list[i].glob, GLOB_NOSORT, NULL, &found))
            continue;
        c->list[i].found = (int64_t)found.gl_pathc;
        globfree(&found);
    }
}

const struct tl_counter *tl_counters_outside(const struct tl_counters *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->list[i].found < c->list[i].min || c->list[i].found > c->list[i].max)
            return &c->list[i];
    return NULL;
}

const struct tl_counter *tl_counters_stopped(const struct tl_counters *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->list[i].stopped)
            return &c->list[i];
    return NULL;
}

int tl_counted_lines_init(struct tl_counted_lines *l)
{
    *l = (struct tl_counted_lines){.data = malloc(TL_LINE_MOST)};
    return l->data ? 0 : -1;
}

void tl_counted_lines_feed(struct tl_counted_lines *l, struct tl_counters *c, const char *data, size_t size)
{
    while (c->n && size) {
        const char *end = memchr(data, '\n', size);
        size_t part = end ? (size_t)(end - data) : size, room = TL_LINE_MOST - l->size,
               taken = part < room ? part : room;
        memcpy(l->data + l->size, data, taken);
        l->size += taken;
        data += taken;
        size -= taken;
        bool whole = size && *data == '\n' && taken == part;
        if (!whole && l->size < TL_LINE_MOST)
            return;
        tl_counters_line(c, l->data, l->size);
        l->size = 0;
        data += whole;
        size -= whole;
    }
}

void tl_counted_lines_end(struct tl_counted_lines *l, struct tl_counters *c)
{
    if (l->size)
        tl_counters_line(c, l->data, l->size);
    free(l->data);
    *l = (struct tl_counted_lines){0};
}
