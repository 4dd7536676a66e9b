/* Element types of tensors. The 16-bit floats, which C lacks, are converted by way of double: each of their
 * values is a double exactly, so that only the way back rounds (a half once, a bfloat16 by way of float). */
#include "cases/dtype.h"
#include "cases/half.h"
#include "harness/base/buffer.h"

#include <math.h>
#include <string.h>

static const struct {
    enum tl_dtype dtype;
    const char *name;
    unsigned char size, precision;
} dtypes[] = {
    {TL_DTYPE_FLOAT32, "float32", 4, 24},  {TL_DTYPE_FLOAT16, "float16", 2, 11},
    {TL_DTYPE_BFLOAT16, "bfloat16", 2, 8}, {TL_DTYPE_FLOAT64, "float64", 8, 53},
    {TL_DTYPE_INT8, "int8", 1, 0},         {TL_DTYPE_INT16, "int16", 2, 0},
    {TL_DTYPE_INT32, "int32", 4, 0},       {TL_DTYPE_INT64, "int64", 8, 0},
    {TL_DTYPE_UINT8, "uint8", 1, 0},       {TL_DTYPE_UINT16, "uint16", 2, 0},
    {TL_DTYPE_UINT32, "uint32", 4, 0},     {TL_DTYPE_UINT64, "uint64", 8, 0},
    {TL_DTYPE_BOOL, "bool", 1, 0},
};
#define N_DTYPES TL_COUNT(dtypes)

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

int tl_dtype_precision(enum tl_dtype t)
{
    for (size_t i = 0; i < N_DTYPES; i++)
        if (dtypes[i].dtype == t)
            return dtypes[i].precision;
    return 0;
}

bool tl_dtype_is_float(enum tl_dtype t)
{
    return tl_dtype_precision(t) > 0;
}

double tl_half_to_double(uint16_t bits)
{
    return (double)tl_half_to_float(bits);
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
