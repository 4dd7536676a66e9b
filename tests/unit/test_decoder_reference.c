/* The reference engine of the decoder family, held against sums by hand and against itself: variants that
 * must mean the same give the same answer. */
#include "cases/decoder/decoder.h"
#include "cases/decoder/internal.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct tl_decoder_config config(const char *base, const char *more)
{
    struct tl_decoder_config c;
    struct tl_error e;
    json_t *v = json_loads(base, 0, NULL), *w = json_loads(more, 0, NULL);
    cr_assert(v && w, "%s %s", base, more);
    json_object_update(v, w);
    cr_assert_eq(tl_decoder_config_parse(v, &c, &e), 0, "%s %s: %s", base, more, e.why);
    json_decref(v);
    json_decref(w);
    return c;
}

static struct tl_decoder_tensors run(const char *base, const char *more)
{
    struct tl_decoder_config c = config(base, more);
    struct tl_decoder_tensors t;
    struct tl_error e;
    cr_assert_eq(tl_decoder_reference(&c, &t, &e), 0, "%s %s: %s", base, more, e.why);
    return t;
}

/* The first output of both is the same (or clearly not). */
static void compare(const char *base, const char *a, const char *b, bool same)
{
    struct tl_decoder_tensors x = run(base, a), y = run(base, b);
    cr_assert_eq(x.list[0].count, y.list[0].count);
    double d = tl_decoder_difference(x.list[0].data, y.list[0].data, x.list[0].count);
    if (same)
        cr_assert_lt(d, 1e-6, "%s: %s and %s: %g", base, a, b, d);
    else
        cr_assert_gt(d, 1e-3, "%s: %s and %s: %g", base, a, b, d);
    tl_decoder_tensors_free(&x);
    tl_decoder_tensors_free(&y);
}

/* One token that attends to itself: y = x + wo(wv(norm(x))), each query head with the value of its own key
 * head. */
Test(reference, first_token_by_hand)
{
    struct tl_decoder_config c =
        config("{\"heads\": 4, \"kv_heads\": 2, \"head_dim\": 8, \"hidden\": 12}", "{}");
    struct tl_decoder_tensors in, out;
    struct tl_decoder_stored s;
    cr_assert_eq(tl_decoder_inputs(&c, &in, NULL), 0);
    cr_assert_eq(tl_decoder_reference(&c, &out, NULL), 0);
    tl_decoder_store(&c, 0, TL_DECODER_WV, &s);
    float *wv = tl_decoder_stored_values(&c, &s);
    tl_decoder_stored_free(&s);
    tl_decoder_store(&c, 0, TL_DECODER_WO, &s);
    float *wo = tl_decoder_stored_values(&c, &s), *norm = tl_decoder_norm_weights(&c, 0, 0);
    tl_decoder_stored_free(&s);
    const float *x = in.list[0].data;
    double h[12], v[16] = {0}, squares = 0;
    for (int i = 0; i < 12; i++)
        squares += (double)x[i] * (double)x[i];
    for (int i = 0; i < 12; i++)
        h[i] = (double)x[i] / sqrt(squares / 12 + 1e-5) * (double)norm[i];
    for (int i = 0; i < 12; i++)
        for (int j = 0; j < 16; j++)
            v[j] += h[i] * (double)wv[i * 16 + j];
    for (int j = 0; j < 12; j++) {
        double y = (double)x[j];
        for (int head = 0; head < 4; head++)
            for (int d = 0; d < 8; d++)
                y += v[head / 2 * 8 + d] * (double)wo[(head * 8 + d) * 12 + j];
        cr_assert_float_eq(((float *)out.list[0].data)[j], y, 1e-6);
    }
    free(wv);
    free(wo);
    free(norm);
    tl_decoder_tensors_free(&in);
    tl_decoder_tensors_free(&out);
}

Test(reference, forms_of_the_same_model_agree)
{
    const char *base =
        "{\"layers\": 3, \"full_every\": 2, \"window\": 3, \"begin\": 5, \"seq\": 3, \"mlp\": \"silu\","
        "\"heads\": 4, \"kv_heads\": 2, \"rope\": \"primitives\"}";
    const char *zero = "{\"seq\": 6, \"batch\": 2, \"head_dim\": 32, \"rope\": \"fused\"}";
    compare(base, "{}", "{\"rope\": \"fused\"}", true);
    compare(base, "{}", "{\"masks\": \"two\"}", true);
    compare(base, "{}", "{\"shapes\": \"dynamic\", \"query\": \"dynamic\"}", true);
    compare(base, "{\"attention\": \"gqa\"}", "{}", true);
    compare(base, "{\"attention\": \"gqa\"}", "{\"attention\": \"gqa\", \"rope\": \"fused\"}", true);
    compare(zero, "{}", "{\"kv_write\": \"scatter\"}", true);
    compare(zero, "{}", "{\"kv_write\": \"tensor_scatter\"}", true);
    compare(zero, "{}", "{\"attention\": \"gqa\", \"kv_write\": \"scatter\"}", true);
    static const char *const indices[] = {"constant", "shape", "tensor"};
    for (int i = 0; i < 3; i++) {
        char a[80], b[80];
        snprintf(a, sizeof a, "{\"begin_index\": \"%s\", \"kv_write\": \"scatter\"}", indices[i]);
        snprintf(b, sizeof b, "{\"begin_index\": \"%s\", \"kv_write\": \"tensor_scatter\"}",
                 indices[(i + 1) % 3]);
        compare(base, a, b, true);
    }
}

Test(reference, axes_that_matter_do)
{
    const char *base =
        "{\"layers\": 2, \"begin\": 5, \"seq\": 3, \"kv_write\": \"scatter\", \"begin_index\": \"tensor\"}";
    compare(base, "{}", "{\"rope\": \"primitives\"}", false);
    compare(base, "{}", "{\"mlp\": \"silu\"}", false);
    compare(base, "{}", "{\"full_every\": 2, \"window\": 2}", false);
    compare(base, "{}", "{\"weights\": \"int4_block\"}", false);
    compare(base, "{}", "{\"weights\": \"int4_codebook\"}", false);
    compare(base, "{}", "{\"weights\": \"int8\"}", false);
    compare(base, "{}", "{\"begin\": 6}", false);
    compare(base, "{}", "{\"begin_error\": 4}", false);
    compare(base, "{}", "{\"weight_seed\": 2}", false);
    compare(base, "{}", "{\"input_seed\": 2}", false);
    compare(base, "{\"weights\": \"int4_block\"}", "{\"weights\": \"int4_block\", \"accuracy_level\": 4}",
            false);
}

static void expect_no_answer(const char *variant, bool none)
{
    struct tl_decoder_config c = config("{\"begin\": 5, \"seq\": 2, \"context\": 16}", variant);
    struct tl_decoder_tensors t;
    struct tl_error e;
    int result = tl_decoder_reference(&c, &t, &e);
    cr_assert_eq(result, none ? -1 : 0, "%s", variant);
    cr_assert_eq(tl_decoder_no_answer(&c) != NULL, none, "%s", variant);
    if (none)
        cr_assert_eq(e.kind, TL_ERROR_INPUT);
    else
        tl_decoder_tensors_free(&t);
}

Test(reference, an_index_outside_the_cache_has_no_answer)
{
    expect_no_answer("{\"begin_error\": 1000000}", false); /* no index is given */
    expect_no_answer("{\"begin_index\": \"tensor\", \"begin_error\": 1}", true);
    expect_no_answer("{\"begin_index\": \"tensor\", \"kv_write\": \"scatter\", \"begin_error\": 9}", false);
    expect_no_answer("{\"begin_index\": \"tensor\", \"kv_write\": \"scatter\", \"begin_error\": 10}", true);
    expect_no_answer("{\"begin_index\": \"shape\", \"kv_write\": \"tensor_scatter\", \"begin_error\": 10}",
                     true);
    expect_no_answer("{\"attention\": \"gqa\", \"begin_error\": 1}", true);
    expect_no_answer("{\"attention\": \"gqa\", \"kv_write\": \"scatter\", \"begin_error\": 9}", false);
    expect_no_answer("{\"attention\": \"gqa\", \"kv_write\": \"scatter\", \"begin_error\": 1000000}", true);
}

Test(reference, the_cache_holds_what_was_written)
{
    const char *base =
        "{\"begin\": 2, \"seq\": 1, \"context\": 4, \"begin_index\": \"tensor\", \"kv_heads\": 2}";
    struct tl_decoder_tensors grown = run(base, "{\"kv_write\": \"concat\"}");
    struct tl_decoder_tensors sdpa = run(base, "{\"kv_write\": \"scatter\"}");
    struct tl_decoder_tensors gqa = run(base, "{\"kv_write\": \"scatter\", \"attention\": \"gqa\"}");
    struct tl_decoder_config c = config(base, "{\"kv_write\": \"scatter\"}");
    struct tl_decoder_tensors in;
    cr_assert_eq(tl_decoder_inputs(&c, &in, NULL), 0);
    const float *past = NULL;
    for (size_t i = 0; i < in.n; i++)
        if (strcmp(in.list[i].name, "past_key_0") == 0)
            past = in.list[i].data;
    const float *a = grown.list[1].data, *b = sdpa.list[1].data, *g = gqa.list[1].data;
    for (int head = 0; head < 2; head++)
        for (int row = 0; row < 4; row++)
            for (int d = 0; d < 16; d++) {
                int at = (head * 4 + row) * 16 + d;
                float new_row = a[(head * 3 + 2) * 16 + d];
                cr_assert_eq(b[at], row == 2 ? new_row : past[at]);
                cr_assert_eq(g[at], row == 2 ? new_row : row < 2 ? past[at] : 0);
            }
    tl_decoder_tensors_free(&grown);
    tl_decoder_tensors_free(&sdpa);
    tl_decoder_tensors_free(&gqa);
    tl_decoder_tensors_free(&in);
}

Test(reference, no_tokens_at_all)
{
    struct tl_decoder_tensors t = run("{\"seq\": 0, \"begin\": 3}", "{}");
    cr_assert_eq(t.list[0].count, 0u);
    cr_assert_eq(t.list[1].shape[2], 3);
    tl_decoder_tensors_free(&t);
}

Test(difference, is_relative_to_the_largest)
{
    const float a[] = {0, -4, 1}, b[] = {0.5f, -4, 1}, zero[] = {0, 0, 0};
    cr_assert_float_eq(tl_decoder_difference(a, b, 3), 0.125, 1e-12);
    cr_assert_eq(tl_decoder_difference(a, a, 3), 0);
    cr_assert_eq(tl_decoder_difference(zero, zero, 3), 0);
    cr_assert(isinf(tl_decoder_difference(zero, a, 3)));
    cr_assert_eq(tl_decoder_difference(a, b, 0), 0);
}

Test(difference, values_that_are_not_finite_must_be_the_same)
{
    const float a[] = {NAN, INFINITY, 1}, b[] = {NAN, -INFINITY, 1}, c[] = {0, INFINITY, 1};
    cr_assert_eq(tl_decoder_difference(a, a, 3), 0);
    cr_assert(isinf(tl_decoder_difference(a, b, 3)));
    cr_assert(isinf(tl_decoder_difference(c, a, 3)));
    cr_assert(isinf(tl_decoder_difference(a, c, 3)));
}
