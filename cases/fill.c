/* The bytes of an input.
 *
 * Random elements are counter-based: element i of seed s is a mix of s and i alone (splitmix64), so that they
 * depend neither on the machine nor on the order in which they are made, and a larger input begins like a
 * smaller one. Floats are uniform in [-1, 1), integers small. */
#include "cases/inputs.h"
#include "cases/npy.h"
#include "harness/base/buffer.h"

#include <math.h>
#include <string.h>

void tl_store_real(enum tl_dtype t, char *at, double v)
{
    float f = (float)v;
    uint16_t h = t == TL_DTYPE_FLOAT16 ? tl_half_from_double(v) : tl_bfloat16_from_double(v);
    if (t == TL_DTYPE_FLOAT64)
        memcpy(at, &v, sizeof v);
    else if (t == TL_DTYPE_FLOAT32)
        memcpy(at, &f, sizeof f);
    else
        memcpy(at, &h, sizeof h);
}

/* The low bytes of v: integers wrap around. */
void tl_store_integer(enum tl_dtype t, char *at, uint64_t v)
{
    if (t == TL_DTYPE_BOOL)
        v = v != 0;
    memcpy(at, &v, tl_dtype_size(t)); /* little endian, see npy.c */
}

static double real_of(const json_t *v)
{
    if (json_is_string(v)) {
        const char *s = json_string_value(v);
        return !strcmp(s, "nan") ? (double)NAN : s[0] == '-' ? -(double)INFINITY : (double)INFINITY;
    }
    return json_number_value(v);
}

static uint64_t integer_of(const json_t *v)
{
    return json_is_boolean(v) ? json_is_true(v) : (uint64_t)json_integer_value(v);
}

uint64_t tl_random_bits(uint64_t seed, uint64_t i)
{
    /* splitmix64: the seed is mixed first, so that seeds that differ by one do not give shifted sequences. */
    uint64_t z = seed * 0x9e3779b97f4a7c15u ^ 0xd1b54a32d192ed03u;
    z = (z ^ z >> 32) * 0xd6e8feb86659fd93u + (i + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Floats are multiples of their precision in [-1, 1), so that none is rounded up to 1. */
static void store_random(enum tl_dtype t, char *at, uint64_t bits)
{
    int precision = tl_dtype_precision(t);
    if (precision)
        tl_store_real(t, at, ldexp((double)(bits >> (64 - precision)), 1 - precision) - 1);
    else if (t == TL_DTYPE_INT8 || t == TL_DTYPE_INT16)
        tl_store_integer(t, at, (bits >> 60) - 8);
    else
        tl_store_integer(t, at, t == TL_DTYPE_BOOL ? bits >> 63 : bits >> 61);
}

static int fill_from_npy(const struct tl_input *in, void *buffer, size_t size, struct tl_error *e)
{
    struct tl_npy h;
    if (tl_npy_open(in->npy, &h, e))
        return -1;
    bool same = h.dtype == in->dtype && h.rank == in->rank;
    for (size_t i = 0; same && i < h.rank; i++)
        same = h.dims[i] == in->dims[i];
    if (!same)
        return tl_fail(e, TL_ERROR_INPUT, "cannot fill an input", in->npy,
                       "input %s is of another type or shape than this file", in->name);
    return tl_npy_read(in->npy, &h, buffer, size, e);
}

int tl_input_fill(const struct tl_input *in, void *buffer, size_t size, struct tl_error *e)
{
    if (size != in->bytes)
        return tl_fail(e, TL_ERROR_INPUT, "cannot fill an input", in->name,
                       "the buffer has %zu bytes, not %llu", size, (unsigned long long)in->bytes);
    if (in->fill == TL_FILL_NPY)
        return fill_from_npy(in, buffer, size, e);
    bool real = tl_dtype_is_float(in->dtype);
    size_t step = tl_dtype_size(in->dtype);
    double start_r = in->start && real ? real_of(in->start) : 0,
           step_r = in->step && real ? real_of(in->step) : 0;
    uint64_t start_i = in->start && !real ? integer_of(in->start) : 0,
             step_i = in->step && !real ? integer_of(in->step) : 0;
    char *at = buffer;
    for (uint64_t i = 0; i < in->elements; i++, at += step) {
        const json_t *v = in->fill == TL_FILL_DATA ? json_array_get(in->data, i) : NULL;
        if (in->fill == TL_FILL_RANDOM)
            store_random(in->dtype, at, tl_random_bits(in->seed, i));
        else if (real)
            tl_store_real(in->dtype, at, v ? real_of(v) : start_r + (step_r != 0 ? (double)i * step_r : 0));
        else
            tl_store_integer(in->dtype, at, v ? integer_of(v) : start_i + i * step_i);
    }
    return 0;
}
