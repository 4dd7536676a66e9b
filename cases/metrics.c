/* Numbers that the trials of a case tell besides their outcome.
 *
 * A metric is read from what is kept of a trial, its result and both ends of its output, and from the case as it is
 * now: so it is there for trials that ran before the case named it. */
#include "cases/metrics.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"
#include "harness/base/line_regex.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS_MOST 64 /* bytes of a number */
#define NAME_MOST 64
#define WHOLE_BELOW 9007199254740992.0 /* 2^53: up to there a double has every integer */

/* Groups of three digits between commas, as people write large numbers: the commas are left out. */
static size_t copy_number(const char *text, size_t size, char copy[DIGITS_MOST + 1])
{
    size_t n = 0;
    for (size_t i = 0; i < size && n < DIGITS_MOST; i++) {
        bool comma = text[i] == ',' && n && tl_is_digit(text[i - 1]) && i + 3 < size &&
                     tl_is_digit(text[i + 1]) && tl_is_digit(text[i + 2]) && tl_is_digit(text[i + 3]) &&
                     (i + 4 == size || !tl_is_digit(text[i + 4]));
        if (!comma)
            copy[n++] = text[i];
    }
    copy[n] = '\0';
    return n;
}

bool tl_metric_number(const char *text, size_t size, double *number)
{
    char copy[DIGITS_MOST + 1], *end;
    while (size && (*text == ' ' || *text == '\t')) {
        text++;
        size--;
    }
    copy_number(text, size, copy);
    const char *first = copy + (*copy == '-' || *copy == '+');
    if (!tl_is_digit(*first) && !(*first == '.' && tl_is_digit(first[1]))) /* "inf", "nan" are none */
        return false;
    *number = strtod(copy, &end);
    return end > copy && isfinite(*number);
}

/* Where the number stands: in the first group, of an expression without one (or whose first took no part) in the whole. */
static const char *place_of_number(const struct tl_line_match *m, size_t *size)
{
    *size = m->group ? m->group_size : m->size;
    return m->group ? m->group : m->text;
}

struct last {
    bool found;
    double number;
};

static bool take(void *arg, const struct tl_line_match *match)
{
    struct last *l = arg;
    size_t size;
    const char *text = place_of_number(match, &size);
    l->found |= tl_metric_number(text, size, &l->number);
    return true;
}

/* The last number in a stream of which the middle may be missing. */
static bool last_number(struct tl_line_regex *x, const struct tl_output *o, double *number)
{
    const struct {
        const char *data;
        size_t size;
    } parts[] = {{o->tail, o->tail_size}, {o->head, o->head_size}};
    for (size_t i = 0; i < TL_COUNT(parts); i++) {
        struct last l = {0};
        if (parts[i].data && parts[i].size)
            tl_line_regex_each(x, parts[i].data, parts[i].size, take, &l);
        if (l.found) {
            *number = l.number;
            return true;
        }
    }
    return false;
}

static bool read_output(const char *regex, const struct tl_trial_record *r, double *number)
{
    char *why;
    struct tl_line_regex *x = tl_line_regex_new(regex, &why);
    bool found = x && (last_number(x, &r->out, number) || last_number(x, &r->err, number));
    tl_line_regex_free(x);
    free(why);
    return found;
}

static bool is_number(const json_t *v)
{
    return json_is_number(v) && isfinite(json_number_value(v));
}

/* Counts and offsets stay the integers that they are. */
static json_t *number_json(double number)
{
    bool whole = fabs(number) < WHOLE_BELOW && number == floor(number);
    return whole ? json_integer((json_int_t)number) : json_real(number);
}

json_t *tl_metrics_of(const struct tl_case *c, const struct tl_trial_record *r)
{
    json_t *sent = json_object_get(r->result, "metrics"), *all = json_object(), *value;
    const char *name;
    for (size_t i = 0; i < c->n_metrics; i++) {
        const struct tl_metric *m = &c->metrics[i];
        double number;
        json_t *its = json_object_get(sent, m->name);
        if (is_number(its))
            json_object_set(all, m->name, its);
        else if (m->regex && read_output(m->regex, r, &number))
            json_object_set_new(all, m->name, number_json(number));
    }
    json_object_foreach(sent, name, value)
        if (is_number(value) && *name && strlen(name) <= NAME_MOST && json_object_size(all) < TL_METRICS_MOST)
            json_object_set(all, name, value);
    if (json_object_size(all))
        return all;
    json_decref(all);
    return NULL;
}

json_t *tl_metrics_units(const struct tl_case *c, const json_t *metrics)
{
    json_t *units = NULL;
    for (size_t i = 0; i < c->n_metrics; i++) {
        if (!c->metrics[i].unit || !json_object_get(metrics, c->metrics[i].name))
            continue;
        units = units ? units : json_object();
        json_object_set_new(units, c->metrics[i].name, json_string(c->metrics[i].unit));
    }
    return units;
}

struct mask {
    const char *message;
    bool *masked; /* of each byte of it: whether it belongs to a number */
    bool any;
};

/* The number with which a match begins, and what is written in one word with it ("16KB"). */
static bool mark(void *arg, const struct tl_line_match *match)
{
    struct mask *m = arg;
    double ignored;
    size_t n = 0, size;
    const char *text = place_of_number(match, &size);
    if (!tl_metric_number(text, size, &ignored))
        return true;
    while (n < size && (text[n] == ' ' || text[n] == '\t'))
        n++;
    for (size_t first = n; n < size && (tl_is_word(text[n]) || strchr(n == first ? "+-." : ".,", text[n]));)
        m->masked[text + n++ - m->message] = true;
    m->any = true;
    return true;
}

char *tl_metrics_masked(const struct tl_case *c, const char *message)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    struct mask m = {.message = message,
                     .masked = message ? tl_calloc(strlen(message) + 1, sizeof(bool)) : NULL};
    for (size_t i = 0; message && i < c->n_metrics; i++) {
        char *why;
        struct tl_line_regex *x = c->metrics[i].regex ? tl_line_regex_new(c->metrics[i].regex, &why) : NULL;
        if (x)
            tl_line_regex_each(x, message, strlen(message), mark, &m);
        tl_line_regex_free(x);
    }
    for (size_t i = 0; m.any && message[i]; i++)
        if (!m.masked[i])
            tl_buffer_add(&b, message + i, 1);
        else if (!i || !m.masked[i - 1])
            tl_buffer_add_string(&b, "<n>");
    free(m.masked);
    return m.any ? tl_buffer_take(&b) : NULL;
}
