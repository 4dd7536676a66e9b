/* Element types, and the bytes of an input.
 *
 * Random elements are counter-based: element i of seed s is splitmix64(s, i), so that they depend neither on
 * the machine nor on the order in which they are made. */
#include "cases/inputs.h"
#include "harness/base/buffer.h"

#include <math.h>
#include <string.h>

static const struct {
    enum tl_dtype dtype;
    const char *name;
    unsigned char size;
    bool real;
} dtypes[] = {
    {TL_DTYPE_FLOAT32, "float32", 4, true},   {TL_DTYPE_FLOAT16, "float16", 2, true},
    {TL_DTYPE_BFLOAT16, "bfloat16", 2, true}, {TL_DTYPE_FLOAT64, "float64", 8, true},
    {TL_DTYPE_INT8, "int8", 1, false},        {TL_DTYPE_INT16, "int16", 2, false},
    {TL_DTYPE_INT32, "int32", 4, false},      {TL_DTYPE_INT64, "int64", 8, false},
    {TL_DTYPE_UINT8, "uint8", 1, false},      {TL_DTYPE_UINT16, "uint16", 2, false},
    {TL_DTYPE_UINT32, "uint32", 4, false},    {TL_DTYPE_UINT64, "uint64", 8, false},
    {TL_DTYPE_BOOL, "bool", 1, false},
};
#define N_DTYPES (sizeof dtypes / sizeof dtypes[0])

const char *tl_dtype_name(enum tl_dtype t)
{
    for (size_t i = 0; i < N_DTYPES; i++)
        if (dtypes[i].dtype == t)
            return dtypes[i].name;
    return NULL;
}

enum tl_dtype tl_dtype_parse(const char *name)
{
    for (size_t i = 0; i < N_DTYPES; i++)
        if (!strcmp(dtypes[i].name, name))
            return dtypes[i].dtype;
    return TL_DTYPE_NONE;
}

size_t tl_dtype_size(enum tl_dtype t)
{
    for (size_t i = 0; i < N_DTYPES; i++)
        if (dtypes[i].dtype == t)
            return dtypes[i].size;
    return 0;
}

bool tl_dtype_is_float(enum tl_dtype t)
{
    for (size_t i = 0; i < N_DTYPES; i++)
        if (dtypes[i].dtype == t)
            return dtypes[i].real;
    return false;
}

double tl_half_to_double(uint16_t bits)
{
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double v = exponent == 31  ? (fraction ? NAN : INFINITY)
               : exponent == 0 ? ldexp(fraction, -24)
                               : ldexp(fraction + 1024, exponent - 25);
    return bits & 0x8000 ? -v : v;
}

uint16_t tl_half_from_double(double v)
{
    uint16_t sign = signbit(v) ? 0x8000 : 0;
    v = fabs(v);
    if (isnan(v))
        return sign | 0x7e00;
    if (v >= 65520) /* half way between the greatest and what would come next */
        return sign | 0x7c00;
    if (v < 0x1p-14) /* subnormal: a multiple of 2^-24; 1024 of them carry into the exponent as they should */
        return sign | (uint16_t)nearbyint(ldexp(v, 24));
    int exponent;
    double m = frexp(v, &exponent);                        /* v = m * 2^exponent, 0.5 <= m < 1 */
    unsigned fraction = (unsigned)nearbyint(ldexp(m, 11)); /* 1024..2048; 2048 carries */
    return (uint16_t)(sign | (unsigned)(((exponent + 14) << 10) + (int)fraction - 1024));
}

double tl_bfloat16_to_double(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float f;
    memcpy(&f, &wide, sizeof f);
    return f;
}

uint16_t tl_bfloat16_from_double(double v)
{
    float f = (float)v;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    if (isnan(f))
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

double tl_element_value(enum tl_dtype t, const void *data, uint64_t index)
{
    const char *at = (const char *)data + index * tl_dtype_size(t);
    union {
        float f;
        double d;
        int8_t i8;
        int16_t i16;
        int32_t i32;
        int64_t i64;
        uint8_t u8;
        uint16_t u16;
        uint32_t u32;
        uint64_t u64;
    } u = {0};
    memcpy(&u, at, tl_dtype_size(t));
    switch (t) {
    case TL_DTYPE_FLOAT32:
        return u.f;
    case TL_DTYPE_FLOAT64:
        return u.d;
    case TL_DTYPE_FLOAT16:
        return tl_half_to_double(u.u16);
    case TL_DTYPE_BFLOAT16:
        return tl_bfloat16_to_double(u.u16);
    case TL_DTYPE_INT8:
        return u.i8;
    case TL_DTYPE_INT16:
        return u.i16;
    case TL_DTYPE_INT32:
        return u.i32;
    case TL_DTYPE_INT64:
        return (double)u.i64;
    case TL_DTYPE_UINT8:
    case TL_DTYPE_BOOL:
        return u.u8;
    case TL_DTYPE_UINT16:
        return u.u16;
    case TL_DTYPE_UINT32:
        return u.u32;
    case TL_DTYPE_UINT64:
        return (double)u.u64;
    case TL_DTYPE_NONE:
        break;
    }
    return NAN;
}

static void store_real(enum tl_dtype t, char *at, double v)
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
static void store_integer(enum tl_dtype t, char *at, uint64_t v)
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

static uint64_t random_bits(uint64_t seed, uint64_t i)
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
    int precision = t == TL_DTYPE_FLOAT64    ? 53
                    : t == TL_DTYPE_FLOAT32  ? 24
                    : t == TL_DTYPE_FLOAT16  ? 11
                    : t == TL_DTYPE_BFLOAT16 ? 8
                                             : 0;
    if (precision)
        store_real(t, at, ldexp((double)(bits >> (64 - precision)), 1 - precision) - 1);
    else if (t == TL_DTYPE_INT8 || t == TL_DTYPE_INT16)
        store_integer(t, at, (bits >> 60) - 8);
    else
        store_integer(t, at, t == TL_DTYPE_BOOL ? bits >> 63 : bits >> 61);
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
            store_random(in->dtype, at, random_bits(in->seed, i));
        else if (real)
            store_real(in->dtype, at, v ? real_of(v) : start_r + (step_r != 0 ? (double)i * step_r : 0));
        else
            store_integer(in->dtype, at, v ? integer_of(v) : start_i + i * step_i);
    }
    return 0;
}
