/* The elements of an output against those that are expected.
 *
 * Both sides are looked at together: a value that is not finite is right where the same one is expected, NaN for
 * NaN and an infinity for the infinity of its sign. Everything else that is not finite on one side differs
 * without bound. Integers are compared as integers of 64 bits, never by way of a double, in which 2^53 and
 * 2^53 + 1 are one number.
 *
 * The worst elements are those to show: where a value is not finite, or the farthest ones. With bounds for each
 * element they are those that exceed their own bound most. Of equally bad ones the first come first. */
#include "harness/executor/closeness.h"

#include "harness/base/buffer.h"
#include "harness/base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TEXT_SHOWN 80 /* bytes of a text that are shown */

struct seen {
    const struct tl_tolerance *tolerance;
    enum tl_element_kind kind;
    double largest;        /* magnitude that is expected */
    double apart;          /* largest difference */
    uint64_t unbounded;    /* elements that differ without bound */
    uint64_t beyond;       /* elements beyond their own bound, and of exact types all that differ */
    bool all_zero;         /* got */
    bool nonzero_expected; /* somewhere */
    bool not_finite;       /* the first that differs without bound is not finite in what was got */
    size_t n_worst;        /* the worst first */
    uint64_t worst[TL_CLOSENESS_SHOWN];
    double badness[TL_CLOSENESS_SHOWN];
};

static bool same_text(const struct tl_element *a, const struct tl_element *b)
{
    return a->size == b->size && (!a->size || !memcmp(a->text, b->text, a->size));
}

static bool same_part(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* The difference of two integers, exactly as long as it has 64 bits. */
static long double apart(const struct tl_element *a, const struct tl_element *b)
{
    if (a->negative == b->negative)
        return a->magnitude > b->magnitude ? (long double)(a->magnitude - b->magnitude)
                                           : (long double)(b->magnitude - a->magnitude);
    return (long double)a->magnitude + (long double)b->magnitude;
}

static double magnitude(const struct seen *s, const struct tl_element *x)
{
    if (s->kind == TL_ELEMENT_INTEGER || s->kind == TL_ELEMENT_BOOL)
        return (double)x->magnitude;
    return s->kind == TL_ELEMENT_COMPLEX ? hypot(x->real, x->imaginary) : fabs(x->real);
}

static bool is_finite(const struct tl_element *x)
{
    return isfinite(x->real) && isfinite(x->imaginary);
}

static bool is_same(const struct seen *s, const struct tl_element *a, const struct tl_element *b)
{
    switch (s->kind) {
    case TL_ELEMENT_STRING:
        return same_text(a, b);
    case TL_ELEMENT_INTEGER:
    case TL_ELEMENT_BOOL:
        return a->magnitude == b->magnitude && a->negative == b->negative;
    default:
        return same_part(a->real, b->real) && same_part(a->imaginary, b->imaginary);
    }
}

/* How far apart two elements are that differ; INFINITY: without bound. */
static double difference(const struct seen *s, const struct tl_element *a, const struct tl_element *b)
{
    switch (s->kind) {
    case TL_ELEMENT_STRING:
        return INFINITY;
    case TL_ELEMENT_INTEGER:
    case TL_ELEMENT_BOOL:
        return (double)apart(a, b);
    case TL_ELEMENT_COMPLEX:
        return is_finite(a) && is_finite(b) ? hypot(a->real - b->real, a->imaginary - b->imaginary)
                                            : INFINITY;
    default:
        return is_finite(a) && is_finite(b) ? fabs(a->real - b->real) : INFINITY;
    }
}

/* How far an element is beyond what its bound allows: above 1, and not a number for none. */
static double beyond(const struct seen *s, const struct tl_element *a, double d)
{
    const struct tl_tolerance *t = s->tolerance;
    if (s->kind == TL_ELEMENT_STRING || s->kind == TL_ELEMENT_BOOL)
        return INFINITY;
    if (s->kind == TL_ELEMENT_INTEGER && !t->of_integers)
        return INFINITY;
    if (!t->elementwise)
        return NAN; /* told when all are seen */
    double allowed = t->atol + t->rtol * magnitude(s, a);
    return d <= allowed ? d / allowed : isfinite(d) && allowed > 0 ? d / allowed : INFINITY;
}

/* Keeps an element among the worst, where it is one of them. */
static void keep_worst(struct seen *s, uint64_t i, double badness)
{
    size_t at = s->n_worst;
    while (at > 0 && badness > s->badness[at - 1])
        at--;
    if (at == TL_CLOSENESS_SHOWN)
        return;
    size_t last = s->n_worst < TL_CLOSENESS_SHOWN ? s->n_worst++ : TL_CLOSENESS_SHOWN - 1;
    for (size_t k = last; k > at; k--) {
        s->worst[k] = s->worst[k - 1];
        s->badness[k] = s->badness[k - 1];
    }
    s->worst[at] = i;
    s->badness[at] = badness;
}

static void look_at(struct seen *s, uint64_t i, const struct tl_element *a, const struct tl_element *b)
{
    if (s->kind != TL_ELEMENT_STRING) {
        double m = magnitude(s, a), n = magnitude(s, b);
        if (isfinite(m) && m > s->largest)
            s->largest = m;
        s->all_zero = s->all_zero && n == 0;
        s->nonzero_expected = s->nonzero_expected || m != 0;
    }
    if (is_same(s, a, b))
        return;
    double d = difference(s, a, b), x = beyond(s, a, d);
    bool numbers = s->kind == TL_ELEMENT_FLOAT || s->kind == TL_ELEMENT_COMPLEX,
         unbounded = numbers && !(is_finite(a) && is_finite(b));
    if (unbounded && !s->unbounded)
        s->not_finite = !is_finite(b);
    s->unbounded += unbounded;
    s->beyond += x > 1;
    if (!unbounded && d > s->apart)
        s->apart = d;
    /* Without a bound of its own an element is as bad as it is far; without any, the first is shown. */
    keep_worst(s, i, unbounded ? INFINITY : isnan(x) || isinf(x) ? d : x);
}

static json_t *real_json(double v)
{
    return isfinite(v) ? json_real(v) : json_string(isnan(v) ? "nan" : v < 0 ? "-inf" : "inf");
}

static json_t *element_json(enum tl_element_kind kind, const struct tl_element *x)
{
    char text[24];
    switch (kind) {
    case TL_ELEMENT_FLOAT:
        return real_json(x->real);
    case TL_ELEMENT_COMPLEX:
        return json_pack("[o,o]", real_json(x->real), real_json(x->imaginary));
    case TL_ELEMENT_BOOL:
        return json_boolean(x->magnitude);
    case TL_ELEMENT_STRING: {
        char *clean =
            tl_clean_text(x->text ? x->text : "", x->size > TEXT_SHOWN ? TEXT_SHOWN : x->size, false);
        json_t *j = json_string(clean);
        free(clean);
        return j ? j : json_null();
    }
    case TL_ELEMENT_INTEGER:
        break;
    }
    if (x->magnitude <= INT64_MAX)
        return json_integer(x->negative ? -(json_int_t)x->magnitude : (json_int_t)x->magnitude);
    snprintf(text, sizeof text, "%s%llu", x->negative ? "-" : "", (unsigned long long)x->magnitude);
    return json_string(text);
}

/* An element is read once more: its text is gone, and so may be its block. */
static int show(const struct seen *s, uint64_t at, struct tl_values *expected, struct tl_values *got,
                struct tl_far_element *x)
{
    struct tl_element a, b;
    *x = (struct tl_far_element){.at = at, .absolute = NAN, .relative = NAN};
    if (tl_values_get(expected, at, &a))
        return -1;
    x->expected = element_json(s->kind, &a);
    double m = magnitude(s, &a);
    if (tl_values_get(got, at, &b))
        return -1;
    x->got = element_json(s->kind, &b);
    if (s->kind == TL_ELEMENT_STRING || s->kind == TL_ELEMENT_BOOL)
        return 0;
    /* a was read before b, and has no text that b's reading could have taken away. */
    double d = difference(s, &a, &b);
    if (isfinite(d)) {
        x->absolute = d;
        x->relative = m > 0 ? d / m : NAN;
    }
    return 0;
}

static int show_worst(const struct seen *s, struct tl_values *expected, struct tl_values *got,
                      struct tl_closeness *c)
{
    for (size_t i = 0; i < s->n_worst; i++) {
        c->n_worst = i + 1;
        if (show(s, s->worst[i], expected, got, &c->worst[i]))
            return -1;
    }
    return 0;
}

/* Held to the output as a whole, an element is too far by a bound that is known when all were seen. */
static int count_far(struct seen *s, struct tl_values *expected, struct tl_values *got)
{
    double allowed = s->tolerance->whole * s->largest;
    for (uint64_t i = 0; i < expected->elements; i++) {
        struct tl_element a, b;
        if (tl_values_get(expected, i, &a) || tl_values_get(got, i, &b))
            return -1;
        s->beyond += !is_same(s, &a, &b) && !(difference(s, &a, &b) <= allowed);
    }
    return 0;
}

static void conclude(const struct seen *s, struct tl_closeness *c)
{
    bool exact = s->kind != TL_ELEMENT_FLOAT && s->kind != TL_ELEMENT_COMPLEX,
         numbers = s->kind != TL_ELEMENT_STRING;
    c->exact = s->kind == TL_ELEMENT_STRING || s->kind == TL_ELEMENT_BOOL ||
               (s->kind == TL_ELEMENT_INTEGER && !s->tolerance->of_integers);
    bool far = s->beyond > 0 || s->unbounded > 0;
    c->absolute = s->unbounded ? INFINITY : s->apart;
    c->error = s->unbounded || (!numbers && s->beyond) ? INFINITY
               : s->apart == 0                         ? 0
               : s->largest > 0                        ? s->apart / s->largest
                                                       : INFINITY;
    if (!s->tolerance->elementwise && (!exact || s->tolerance->of_integers) &&
        !(c->error <= s->tolerance->whole))
        far = true;
    if (!far)
        return;
    if (s->unbounded && s->not_finite)
        c->how = TL_DIFFERS_NOT_FINITE;
    else if (numbers && s->kind != TL_ELEMENT_BOOL && s->all_zero && s->nonzero_expected)
        c->how = TL_DIFFERS_ALL_ZERO;
    else
        c->how = TL_DIFFERS_VALUES;
}

int tl_closeness_find(struct tl_values *expected, struct tl_values *got, const struct tl_tolerance *tolerance,
                      struct tl_closeness *c, struct tl_error *e)
{
    struct seen s = {.tolerance = tolerance, .kind = expected->type->kind, .all_zero = true};
    *c = (struct tl_closeness){0};
    if (expected->type != got->type) {
        c->how = TL_DIFFERS_TYPE;
        c->error = c->absolute = INFINITY;
        return 0;
    }
    if (expected->rank != got->rank ||
        memcmp(expected->dims, got->dims, expected->rank * sizeof *got->dims) != 0) {
        c->how = TL_DIFFERS_SHAPE;
        c->error = c->absolute = INFINITY;
        return 0;
    }
    int failed = 0;
    for (uint64_t i = 0; i < expected->elements && !failed; i++) {
        struct tl_element a, b;
        failed = tl_values_get(expected, i, &a) || tl_values_get(got, i, &b);
        if (!failed)
            look_at(&s, i, &a, &b);
    }
    conclude(&s, c);
    if (!failed)
        failed = show_worst(&s, expected, got, c);
    if (!failed && c->how && !tolerance->elementwise && !c->exact)
        failed = count_far(&s, expected, got);
    c->apart = s.beyond > s.unbounded ? s.beyond : s.unbounded;
    if (!failed)
        return 0;
    tl_closeness_free(c);
    return tl_fail(e, TL_ERROR_INPUT, "cannot read an output", "", "its file became shorter meanwhile");
}

void tl_closeness_free(struct tl_closeness *c)
{
    for (size_t i = 0; i < c->n_worst; i++) {
        json_decref(c->worst[i].expected);
        json_decref(c->worst[i].got);
    }
    *c = (struct tl_closeness){0};
}
