/* Single elements of tensors.
 *
 * The small floats differ in more than their sizes. Those of OCP (e5m2, e4m3fn) have a bias of half the range of
 * the exponent, as IEEE has; e5m2 has infinities and e4m3fn has none, so that its largest exponent is used for
 * numbers. The "fnuz" ones have a bias that is larger by one, no infinity, and no negative zero: its bits are the
 * only NaN. e2m1 has neither, e8m0 is a power of two and nothing else. */
#include "cases/element.h"

#include "cases/dtype.h"
#include "harness/base/buffer.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

static const struct tl_element_type types[] = {
    {1, "float32", TL_ELEMENT_FLOAT, 4, 32, true},
    {2, "uint8", TL_ELEMENT_INTEGER, 1, 8, false},
    {3, "int8", TL_ELEMENT_INTEGER, 1, 8, true},
    {4, "uint16", TL_ELEMENT_INTEGER, 2, 16, false},
    {5, "int16", TL_ELEMENT_INTEGER, 2, 16, true},
    {6, "int32", TL_ELEMENT_INTEGER, 4, 32, true},
    {7, "int64", TL_ELEMENT_INTEGER, 8, 64, true},
    {8, "string", TL_ELEMENT_STRING, 0, 0, false},
    {9, "bool", TL_ELEMENT_BOOL, 1, 8, false},
    {10, "float16", TL_ELEMENT_FLOAT, 2, 16, true},
    {11, "float64", TL_ELEMENT_FLOAT, 8, 64, true},
    {12, "uint32", TL_ELEMENT_INTEGER, 4, 32, false},
    {13, "uint64", TL_ELEMENT_INTEGER, 8, 64, false},
    {14, "complex64", TL_ELEMENT_COMPLEX, 8, 64, true},
    {15, "complex128", TL_ELEMENT_COMPLEX, 16, 128, true},
    {16, "bfloat16", TL_ELEMENT_FLOAT, 2, 16, true},
    {17, "float8e4m3fn", TL_ELEMENT_FLOAT, 1, 8, true},
    {18, "float8e4m3fnuz", TL_ELEMENT_FLOAT, 1, 8, true},
    {19, "float8e5m2", TL_ELEMENT_FLOAT, 1, 8, true},
    {20, "float8e5m2fnuz", TL_ELEMENT_FLOAT, 1, 8, true},
    {21, "uint4", TL_ELEMENT_INTEGER, 1, 4, false},
    {22, "int4", TL_ELEMENT_INTEGER, 1, 4, true},
    {23, "float4e2m1", TL_ELEMENT_FLOAT, 1, 4, true},
    {24, "float8e8m0", TL_ELEMENT_FLOAT, 1, 8, false},
    {25, "uint2", TL_ELEMENT_INTEGER, 1, 2, false},
    {26, "int2", TL_ELEMENT_INTEGER, 1, 2, true},
};

/* What the same types are called elsewhere, once capitals and what joins words are gone. */
static const struct {
    const char *name, *ours;
} aliases[] = {
    {"float", "float32"},
    {"double", "float64"},
    {"half", "float16"},
    {"boolean", "bool"},
    {"str", "string"},
    {"float8e8m0fnu", "float8e8m0"},
    {"float4e2m1fn", "float4e2m1"},
    {"object", "string"},
};

const struct tl_element_type *tl_element_type_find(const char *name)
{
    char plain[32];
    size_t n = 0;
    for (const char *s = name; *s; s++) {
        if (*s == '_' || *s == '-')
            continue;
        if (n + 1 == sizeof plain)
            return NULL;
        plain[n++] = (char)tolower((unsigned char)*s);
    }
    plain[n] = '\0';
    const char *ours = plain;
    for (size_t i = 0; i < TL_COUNT(aliases); i++)
        if (!strcmp(aliases[i].name, plain))
            ours = aliases[i].ours;
    for (size_t i = 0; i < TL_COUNT(types); i++)
        if (!strcmp(types[i].name, ours))
            return &types[i];
    return NULL;
}

const struct tl_element_type *tl_element_type_number(int number)
{
    return number >= 1 && (size_t)number <= TL_COUNT(types) ? &types[number - 1] : NULL;
}

/* A small float with a sign, `exponent` bits of that size, and the rest fraction; without special values. */
static double small_float(unsigned bits, int width, int exponent_bits, int bias)
{
    int fraction_bits = width - 1 - exponent_bits;
    unsigned fraction = bits & ((1u << fraction_bits) - 1);
    int exponent = (int)(bits >> fraction_bits & ((1u << exponent_bits) - 1));
    double v = exponent ? ldexp(1 + ldexp(fraction, -fraction_bits), exponent - bias)
                        : ldexp(fraction, 1 - bias - fraction_bits);
    return bits >> (width - 1) & 1 ? -v : v;
}

static double float8(int number, uint8_t bits)
{
    switch (number) {
    case 17:
        return (bits & 0x7f) == 0x7f ? NAN : small_float(bits, 8, 4, 7);
    case 18:
        return bits == 0x80 ? NAN : small_float(bits, 8, 4, 8);
    case 19:
        if ((bits & 0x7c) != 0x7c)
            return small_float(bits, 8, 5, 15);
        return bits & 3 ? NAN : bits & 0x80 ? -INFINITY : INFINITY;
    case 20:
        return bits == 0x80 ? NAN : small_float(bits, 8, 5, 16);
    case 23:
        return small_float(bits & 15, 4, 2, 1);
    default:
        return bits == 0xff ? NAN : ldexp(1, bits - 127);
    }
}

static double float_at(const struct tl_element_type *t, const void *at)
{
    if (t->size == 1)
        return float8(t->number, *(const uint8_t *)at);
    return tl_element_value((enum tl_dtype)t->number, at, 0);
}

static void integer_at(const struct tl_element_type *t, const void *at, struct tl_element *v)
{
    uint64_t bits = 0;
    memcpy(&bits, at, t->size); /* little endian, as everything that is stored */
    unsigned unused = 64 - t->bits;
    bits = bits << unused >> unused;
    v->negative = t->is_signed && bits >> (t->bits - 1) & 1;
    v->magnitude = v->negative ? (~bits + 1) << unused >> unused : bits;
}

void tl_element_read(const struct tl_element_type *t, const void *at, struct tl_element *v)
{
    *v = (struct tl_element){0};
    switch (t->kind) {
    case TL_ELEMENT_FLOAT:
        v->real = float_at(t, at);
        return;
    case TL_ELEMENT_COMPLEX: {
        enum tl_dtype part = t->size == 8 ? TL_DTYPE_FLOAT32 : TL_DTYPE_FLOAT64;
        v->real = tl_element_value(part, at, 0);
        v->imaginary = tl_element_value(part, at, 1);
        return;
    }
    case TL_ELEMENT_INTEGER:
        integer_at(t, at, v);
        return;
    case TL_ELEMENT_BOOL:
        v->magnitude = *(const uint8_t *)at != 0;
        return;
    case TL_ELEMENT_STRING:
        return;
    }
}
