/* Theory of operation. Element i of a random tensor is made of the seed and i alone, so that pieces can be made in any order.
 * Of a type of more than 8 bits, a draw among as many as there are elements decides whether it is a zero, a NaN, an infinity
 * or a number, in the shares that the tensor had. What was least and what was most stand at one place each. Numbers are normal
 * where those leave room for three deviations: the sum of twelve uniform ones, which needs additions only and so is the same on
 * every machine. Where they leave less, numbers are uniform, and where that does not fit either, one of two: the greatest, and
 * the one below the mean that gives the mean and the deviation, which is always between least and most. Of a type of up to 8 bits an element is drawn from the patterns that were there, as often
 * as they were. */
#include "cases/onnx/graph_fill.h"
#include "cases/inputs.h"
#include "harness/base/buffer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const tl_onnx_fill_names[] = {"zeros", "ones", "random", NULL};

/* Complex numbers are pairs of floats. */
static const struct tl_element_type *part_type(const struct tl_element_type *t, uint64_t *times)
{
    *times = t->kind == TL_ELEMENT_COMPLEX ? 2 : 1;
    return *times == 1 ? t : tl_element_type_number(t->size == 8 ? TL_DTYPE_FLOAT32 : TL_DTYPE_FLOAT64);
}

void tl_onnx_statistics_begin(struct tl_onnx_statistics *s, const struct tl_element_type *whole,
                              uint64_t elements)
{
    uint64_t times;
    *s = (struct tl_onnx_statistics){0};
    const struct tl_element_type *type = part_type(whole, &times);
    s->elements = elements * times;
    if (type->kind != TL_ELEMENT_STRING && type->size == 1)
        s->histogram = tl_calloc(256, sizeof *s->histogram);
}

static void count(struct tl_onnx_statistics *s, double x)
{
    if (isnan(x)) {
        s->nans++;
    } else if (isinf(x)) {
        *(x > 0 ? &s->infinite : &s->negative_infinite) += 1;
    } else if (x == 0) {
        s->zeros++;
    } else {
        if (!s->numbers++)
            s->shift = s->least = s->most = x;
        s->least = x < s->least ? x : s->least;
        s->most = x > s->most ? x : s->most;
        s->sum += x - s->shift;
        s->squares += (x - s->shift) * (x - s->shift);
    }
}

void tl_onnx_statistics_add(struct tl_onnx_statistics *s, const struct tl_element_type *whole,
                            const unsigned char *data, uint64_t n)
{
    uint64_t times;
    const struct tl_element_type *type = part_type(whole, &times);
    if (type->kind == TL_ELEMENT_STRING)
        return;
    if (type == tl_element_type_number(TL_DTYPE_FLOAT32)) { /* what gigabytes are of */
        for (uint64_t i = 0; i < n * times; i++) {
            float x;
            memcpy(&x, data + i * sizeof x, sizeof x);
            count(s, x);
        }
        return;
    }
    for (uint64_t i = 0; i < n * times; i++) {
        struct tl_element v;
        const unsigned char *at = data + i * type->size;
        if (s->histogram) {
            s->histogram[*at]++;
            continue;
        }
        tl_element_read(type, at, &v);
        double x = type->kind == TL_ELEMENT_FLOAT ? v.real
                   : v.negative                   ? -(double)v.magnitude
                                                  : (double)v.magnitude;
        count(s, x);
    }
}

void tl_onnx_statistics_end(struct tl_onnx_statistics *s)
{
    if (!s->numbers)
        return;
    double mean = s->sum / (double)s->numbers, variance = s->squares / (double)s->numbers - mean * mean;
    s->mean = s->shift + mean;
    s->deviation = variance > 0 ? sqrt(variance) : 0;
    if (!isfinite(s->mean) || !isfinite(s->deviation)) { /* numbers at the end of what a double can be */
        s->mean = s->least / 2 + s->most / 2;
        s->deviation = 0;
    }
}

void tl_onnx_statistics_of(const struct tl_tensor_pb *t, struct tl_onnx_statistics *s)
{
    tl_onnx_statistics_begin(s, t->type, t->elements);
    tl_onnx_statistics_add(s, t->type, t->data, t->elements);
    tl_onnx_statistics_end(s);
}

void tl_onnx_statistics_free(struct tl_onnx_statistics *s)
{
    free(s->histogram);
    s->histogram = NULL;
}

__extension__ typedef unsigned __int128 wide;

/* A number below n from 64 random bits. */
static uint64_t below(uint64_t bits, uint64_t n)
{
    return (uint64_t)((wide)bits * n >> 64);
}

static unsigned char one_of_8_bits(int number)
{
    switch (number) {
    case 17:
        return 0x38;
    case 18:
    case 20:
        return 0x40;
    case 19:
        return 0x3c;
    case 23:
        return 2;
    case 24:
        return 127;
    default:
        return 1;
    }
}

static void store(const struct tl_element_type *type, unsigned char *at, double v)
{
    enum tl_dtype t = (enum tl_dtype)type->number;
    if (type->kind == TL_ELEMENT_FLOAT)
        tl_store_real(t, (char *)at, v);
    else if (v >= 0x1p63)
        tl_store_integer(t, (char *)at, v >= 0x1p64 ? UINT64_MAX : (uint64_t)v);
    else
        tl_store_integer(t, (char *)at,
                         v < -0x1p63 ? (uint64_t)INT64_MIN : (uint64_t)(int64_t)floor(v + 0.5));
}

static double normal(uint64_t seed, uint64_t i)
{
    uint64_t sum = 0;
    for (uint64_t k = 1; k <= 3; k++) {
        uint64_t bits = tl_random_bits(seed + k * UINT64_C(0x5851f42d4c957f2d), i);
        for (unsigned shift = 0; shift < 64; shift += 16)
            sum += bits >> shift & 0xffff;
    }
    return (double)sum / 65536 - 6;
}

/* Of this mean and deviation, and between least and most. */
static double random_number(const struct tl_onnx_statistics *s, uint64_t seed, uint64_t i)
{
    double room = s->mean - s->least < s->most - s->mean ? s->mean - s->least : s->most - s->mean;
    double above = s->most - s->mean, variance = s->deviation * s->deviation;
    double drawn = (double)(tl_random_bits(seed + 1, i) >> 11) * 0x1p-53;
    if (3 * s->deviation <= room) {
        double v = s->mean + s->deviation * normal(seed, i);
        return v < s->least ? s->least : v > s->most ? s->most : v;
    }
    if (s->deviation * sqrt(3) <= room)
        return s->mean + s->deviation * sqrt(3) * (2 * drawn - 1);
    if (!(above > 0) || drawn < variance / (variance + above * above))
        return s->most;
    double v = s->mean - variance / above;
    return v < s->least ? s->least : v;
}

/* Where what is least and what is most stand, of at least two numbers. */
struct ends {
    bool there;
    uint64_t least, most;
};

static struct ends ends_of(const struct tl_onnx_fill *f)
{
    const struct tl_onnx_statistics *s = &f->statistics;
    struct ends e = {s->elements - s->zeros - s->nans - s->infinite - s->negative_infinite >= 2, 0, 0};
    if (e.there) {
        e.least = below(tl_random_bits(~f->seed, 0), s->elements);
        e.most = (e.least + 1 + below(tl_random_bits(~f->seed, 1), s->elements - 1)) % s->elements;
    }
    return e;
}

static double random_value(const struct tl_onnx_fill *f, const struct ends *ends, uint64_t i)
{
    const struct tl_onnx_statistics *s = &f->statistics;
    if (ends->there && (i == ends->least || i == ends->most))
        return i == ends->least ? s->least : s->most;
    uint64_t draw = below(tl_random_bits(f->seed, i), s->elements);
    if (draw < s->zeros)
        return 0;
    draw -= s->zeros;
    if (draw < s->nans)
        return (double)NAN;
    draw -= s->nans;
    if (draw < s->infinite)
        return (double)INFINITY;
    if (draw - s->infinite < s->negative_infinite)
        return -(double)INFINITY;
    return random_number(s, f->seed, i);
}

static unsigned char random_pattern(const struct tl_onnx_fill *f, uint64_t i)
{
    uint64_t draw = below(tl_random_bits(f->seed, i), f->statistics.elements);
    unsigned pattern = 0;
    while (pattern < 255 && draw >= f->statistics.histogram[pattern])
        draw -= f->statistics.histogram[pattern++];
    return (unsigned char)pattern;
}

/* Elements that have bytes of their own. */
static void fill_plain(const struct tl_onnx_fill *f, const struct tl_element_type *whole, uint64_t first,
                       uint64_t n, unsigned char *to)
{
    uint64_t times;
    const struct tl_element_type *type = part_type(whole, &times);
    if (f->kind == TL_ONNX_ZEROS || (f->kind == TL_ONNX_RANDOM && !f->statistics.elements)) {
        memset(to, 0, (size_t)(n * whole->size));
        return;
    }
    struct ends ends = f->kind == TL_ONNX_RANDOM ? ends_of(f) : (struct ends){0};
    for (uint64_t i = first * times; i < (first + n) * times; i++, to += type->size) {
        if (type->size == 1)
            *to = f->kind == TL_ONNX_ONES ? one_of_8_bits(type->number) : random_pattern(f, i);
        else if (f->kind == TL_ONNX_ONES)
            store(type, to, times == 2 ? i % 2 == 0 : 1);
        else
            store(type, to, random_value(f, &ends, i));
    }
}

/* The part of a range that lies in n elements from `first` on; false: none. */
static bool within(struct tl_onnx_range r, uint64_t first, uint64_t n, uint64_t *from, uint64_t *count)
{
    if (!n || r.last < first || r.first >= first + n)
        return false;
    *from = r.first > first ? r.first : first;
    uint64_t last = r.last < first + n - 1 ? r.last : first + n - 1;
    *count = last - *from + 1;
    return true;
}

static void fill_texts(const struct tl_onnx_fill *f, struct tl_tensor_pb *t)
{
    size_t range = 0;
    for (uint64_t i = 0; i < t->elements; i++) {
        while (range < f->n_keep && f->keep[range].last < i)
            range++;
        if (range < f->n_keep && f->keep[range].first <= i)
            continue;
        if (f->kind == TL_ONNX_ZEROS)
            t->sizes[i] = 0;
        else
            memset(t->texts[i], '1', t->sizes[i]);
    }
}

void tl_onnx_fill_tensor(const struct tl_onnx_fill *f, struct tl_tensor_pb *t)
{
    if (t->type->kind == TL_ELEMENT_STRING) {
        fill_texts(f, t);
        return;
    }
    unsigned char *data = tl_calloc((size_t)t->elements + 1, t->type->size);
    uint64_t from, n;
    fill_plain(f, t->type, 0, t->elements, data);
    for (size_t i = 0; i < f->n_keep; i++)
        if (within(f->keep[i], 0, t->elements, &from, &n))
            memcpy(data + from * t->type->size, t->data + from * t->type->size, (size_t)n * t->type->size);
    free(t->data);
    t->data = data;
}

/* Several elements in each byte: made one by one, then packed. */
static int fill_packed(const struct tl_onnx_fill *f, const struct tl_element_type *type,
                       tl_onnx_read_elements read, void *arg, uint64_t first, uint64_t n, unsigned char *to,
                       struct tl_error *e)
{
    unsigned each = 8u / type->bits, mask = (1u << type->bits) - 1;
    unsigned char *plain = tl_malloc((size_t)n + 1);
    int rc = 0;
    fill_plain(f, type, first, n, plain);
    for (size_t i = 0; rc == 0 && i < f->n_keep; i++) {
        uint64_t from, count;
        if (!within(f->keep[i], first, n, &from, &count))
            continue;
        uint64_t byte = from / each;
        unsigned char *kept = tl_malloc((size_t)(count / each) + 2);
        rc = read(arg, byte * each, from + count - byte * each, kept, e);
        for (uint64_t k = from; rc == 0 && k < from + count; k++)
            plain[k - first] = (unsigned char)(kept[k / each - byte] >> k % each * type->bits & mask);
        free(kept);
    }
    memset(to, 0, (size_t)((n + each - 1) / each));
    for (uint64_t i = 0; i < n; i++)
        to[i / each] |= (unsigned char)((plain[i] & mask) << i % each * type->bits);
    free(plain);
    return rc;
}

int tl_onnx_fill_piece(const struct tl_onnx_fill *f, const struct tl_element_type *type,
                       tl_onnx_read_elements read, void *arg, uint64_t first, uint64_t n, unsigned char *to,
                       struct tl_error *e)
{
    if (type->bits < 8)
        return fill_packed(f, type, read, arg, first, n, to, e);
    fill_plain(f, type, first, n, to);
    for (size_t i = 0; i < f->n_keep; i++) {
        uint64_t from, count;
        if (within(f->keep[i], first, n, &from, &count) &&
            read(arg, from, count, to + (from - first) * type->size, e))
            return -1;
    }
    return 0;
}
