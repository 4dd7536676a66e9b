/* Theory of operation. An expression may be anybody's, and what it is held against anything: line_regex.c bounds what
 * it may try in a line, and in all lines together. One that reaches a bound is stopped for good, and who asked for it is
 * told so: a count that is not known is never taken for one that is right, nor for a runtime that hangs.
 *
 * A marker is looked for in what there is of a line, too: a program that says "Generating..." and then works says the
 * rest of that line when it is done. Where several markers are in one line the last of them counts. */
#include "harness/base/counters.h"

#include "harness/base/line_regex.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void look_for(struct tl_counted_regex *r, const char *line, size_t size, tl_line_regex_found found,
                     void *arg)
{
    if (r->regex && !r->stopped)
        r->stopped = !tl_line_regex_each(r->regex, line, size, found, arg);
}

/* --- set-up --------------------------------------------------------------------------------------------- */

static const char *init_counter(struct tl_counter *k, const json_t *j,
                                char *(*expand)(const char *, const char *), const char *scratch)
{
    const char *glob = json_string_value(json_object_get(j, "glob")),
               *regex = json_string_value(json_object_get(j, "regex")),
               *number = json_string_value(json_object_get(j, "number"));
    const json_t *min = json_object_get(j, "min"), *max = json_object_get(j, "max");
    k->name = json_string_value(json_object_get(j, "name"));
    k->pattern = glob ? glob : regex ? regex : number;
    k->number = !glob && !regex;
    k->min = min ? json_integer_value(min) : INT64_MIN;
    k->max = max ? json_integer_value(max) : INT64_MAX;
    if (!k->name || !k->pattern)
        return "what is counted needs a \"name\" and a \"glob\", a \"regex\" or a \"number\"";
    if (glob)
        return (k->glob = expand(glob, scratch)) ? NULL : "there is no memory";
    char *why;
    k->regex.regex = tl_line_regex_new(k->pattern, &why);
    free(why);
    return k->regex.regex ? NULL : "a \"regex\" or \"number\" is no regular expression";
}

static const char *init_marker(struct tl_phase_marker *m, const char *phase, const json_t *text)
{
    m->phase = phase;
    m->text = json_string_value(text);
    if (!m->text)
        return "\"phase_marker\" is an object of texts, or of lists of them";
    char *why;
    m->regex.regex = tl_line_regex_new(m->text, &why); /* one that is none is a text all the same */
    free(why);
    return NULL;
}

static const char *init_markers(struct tl_counters *c, const json_t *markers)
{
    const char *phase, *wrong = NULL;
    json_t *texts;
    size_t most = 0;
    if (markers && !json_is_object(markers))
        return "\"phase_marker\" is an object";
    json_object_foreach((json_t *)markers, phase, texts)
        most += json_array_size(texts) + 1;
    c->markers = calloc(most + 1, sizeof *c->markers);
    if (!c->markers)
        return "there is no memory";
    json_object_foreach((json_t *)markers, phase, texts) {
        if (!json_is_array(texts))
            wrong = wrong ? wrong : init_marker(&c->markers[c->n_markers++], phase, texts);
        for (size_t i = 0; !wrong && i < json_array_size(texts); i++)
            wrong = init_marker(&c->markers[c->n_markers++], phase, json_array_get(texts, i));
    }
    return wrong;
}

const char *tl_counters_init(struct tl_counters *c, const json_t *counts, const json_t *markers,
                             const char *scratch, char *(*expand)(const char *, const char *))
{
    const char *wrong = NULL;
    *c = (struct tl_counters){0};
    if (counts && !json_is_array(counts))
        return "\"count\" is a list";
    c->list = calloc(json_array_size(counts) + 1, sizeof *c->list);
    if (!c->list)
        return "there is no memory";
    for (; !wrong && c->n < json_array_size(counts); c->n++)
        wrong = init_counter(&c->list[c->n], json_array_get(counts, c->n), expand, scratch);
    c->changed = c->n > 0;
    return wrong ? wrong : init_markers(c, markers);
}

void tl_counters_free(struct tl_counters *c)
{
    for (size_t i = 0; i < c->n; i++) {
        tl_line_regex_free(c->list[i].regex.regex);
        free(c->list[i].glob);
    }
    for (size_t i = 0; i < c->n_markers; i++)
        tl_line_regex_free(c->markers[i].regex.regex);
    free(c->list);
    free(c->markers);
    *c = (struct tl_counters){0};
}

/* --- lines ---------------------------------------------------------------------------------------------- */

/* The number that a group holds; false when it holds something else. */
static bool number_at(const char *text, size_t size, int64_t *number)
{
    char digits[32], *end;
    if (!size || size >= sizeof digits)
        return false;
    memcpy(digits, text, size);
    digits[size] = '\0';
    *number = strtoll(digits, &end, 10); /* a number that is too large is the largest */
    return !*end;
}

/* Counts a match; an empty one counts once at its place. */
static bool count_match(void *arg, const struct tl_line_match *m)
{
    struct tl_counter *k = arg;
    int64_t number;
    bool read = k->number && m->group && number_at(m->group, m->group_size, &number);
    if (read)
        k->found = number;
    else if (!k->number)
        k->found++;
    k->changed |= read || !k->number;
    return true;
}

static void count_matches(struct tl_counters *c, struct tl_counter *k, const char *line, size_t size)
{
    k->changed = false;
    look_for(&k->regex, line, size, count_match, k);
    k->seen |= k->changed;
    c->changed |= k->changed;
}

static bool note_place(void *arg, const struct tl_line_match *m)
{
    *(const char **)arg = m->text;
    return false;
}

/* Where in a line a marker is; SIZE_MAX: nowhere. */
static size_t place_of(struct tl_phase_marker *m, const char *line, size_t size)
{
    const char *text = memmem(line, size, m->text, strlen(m->text));
    if (!text)
        look_for(&m->regex, line, size, note_place, &text);
    return text ? (size_t)(text - line) : SIZE_MAX;
}

void tl_counters_line(struct tl_counters *c, const char *line, size_t size, bool whole)
{
    const struct tl_phase_marker *last = NULL;
    size_t last_at = 0;
    for (size_t i = 0; i < c->n && whole; i++)
        if (!c->list[i].glob)
            count_matches(c, &c->list[i], line, size);
    for (size_t i = 0; i < c->n_markers; i++) {
        size_t at = place_of(&c->markers[i], line, size);
        if (at == SIZE_MAX || (last && at < last_at))
            continue;
        last = &c->markers[i];
        last_at = at;
    }
    if (last && c->begins)
        c->begins(c->arg, last->phase);
}

void tl_counters_files(struct tl_counters *c)
{
    for (size_t i = 0; i < c->n; i++) {
        glob_t found;
        if (!c->list[i].glob)
            continue;
        c->list[i].seen = true;
        c->changed = true;
        if (glob(c->list[i].glob, GLOB_NOSORT, NULL, &found))
            continue;
        c->list[i].found = (int64_t)found.gl_pathc;
        globfree(&found);
    }
}

/* --- what came of it ------------------------------------------------------------------------------------ */

static bool is_outside(const struct tl_counter *k)
{
    bool bounded = k->min != INT64_MIN || k->max != INT64_MAX;
    return bounded && ((k->number && !k->seen) || k->found < k->min || k->found > k->max);
}

const struct tl_counter *tl_counters_outside(const struct tl_counters *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (is_outside(&c->list[i]))
            return &c->list[i];
    return NULL;
}

void tl_counter_outside_words(const struct tl_counter *k, char *words, size_t size)
{
    long long found = (long long)k->found, min = (long long)k->min, max = (long long)k->max;
    if (k->number && !k->seen)
        snprintf(words, size, "%.200s was not written", k->name);
    else if (k->found < k->min)
        snprintf(words, size, "too few %.200s: %lld, where at least %lld %s expected", k->name, found, min,
                 min == 1 ? "was" : "were");
    else
        snprintf(words, size, "too many %.200s: %lld, where at most %lld %s expected", k->name, found, max,
                 max == 1 ? "was" : "were");
}

const struct tl_counter *tl_counters_stopped(const struct tl_counters *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->list[i].regex.stopped)
            return &c->list[i];
    return NULL;
}

json_t *tl_counters_json(struct tl_counters *c)
{
    json_t *all = json_object();
    for (size_t i = 0; i < c->n; i++) {
        const struct tl_counter *k = &c->list[i];
        bool known = !k->regex.stopped && (k->seen || (!k->glob && !k->number));
        if (known)
            json_object_set_new(all, k->name, json_integer((json_int_t)k->found));
    }
    c->changed = false;
    return all;
}

/* --- streams -------------------------------------------------------------------------------------------- */

int tl_counted_lines_init(struct tl_counted_lines *l)
{
    *l = (struct tl_counted_lines){.data = malloc(TL_LINE_MOST)};
    return l->data ? 0 : -1;
}

void tl_counted_lines_feed(struct tl_counted_lines *l, struct tl_counters *c, const char *data, size_t size)
{
    while ((c->n || c->n_markers) && size) {
        const char *end = memchr(data, '\n', size);
        size_t part = end ? (size_t)(end - data) : size, room = TL_LINE_MOST - l->size,
               taken = part < room ? part : room;
        memcpy(l->data + l->size, data, taken);
        l->size += taken;
        data += taken;
        size -= taken;
        bool whole = size && *data == '\n' && taken == part;
        if (!whole && l->size < TL_LINE_MOST) {
            tl_counters_line(c, l->data, l->size, false);
            return;
        }
        tl_counters_line(c, l->data, l->size, true);
        l->size = 0;
        data += whole;
        size -= whole;
    }
}

void tl_counted_lines_end(struct tl_counted_lines *l, struct tl_counters *c)
{
    if (l->size)
        tl_counters_line(c, l->data, l->size, true);
    free(l->data);
    *l = (struct tl_counted_lines){0};
}
