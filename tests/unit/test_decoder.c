/* The decoder family: axes, encodings of weights, inputs, models and the reference engine. Whether a real
 * runtime agrees with the reference is tests/integration's business; here the reference is held against
 * itself and against sums that can be done by hand. */
#include "cases/decoder/decoder.h"
#include "cases/decoder/internal.h"
#include "cases/half.h"
#include "onnx.pb-c.h"
#include "tests/integration/decoder_reference.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct tl_decoder_config config(const char *json)
{
    struct tl_decoder_config c;
    struct tl_error e;
    json_t *v = json_loads(json, 0, NULL);
    cr_assert(v, "%s", json);
    cr_assert_eq(tl_decoder_config_parse(v, &c, &e), 0, "%s: %s: %s", json, e.where, e.why);
    json_decref(v);
    return c;
}

static struct tl_decoder_tensors inputs(const char *json)
{
    struct tl_decoder_config c = config(json);
    struct tl_decoder_tensors t;
    struct tl_error e;
    cr_assert_eq(tl_decoder_inputs(&c, &t, &e), 0, "%s: %s", json, e.why);
    return t;
}

static const struct tl_decoder_tensor *find(const struct tl_decoder_tensors *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->list[i].name, name) == 0)
            return &t->list[i];
    return NULL;
}

Test(half, every_value_survives_a_round_trip)
{
    for (uint32_t h = 0; h < 0x10000; h++) {
        float f = tl_half_to_float((uint16_t)h);
        if (isnan(f))
            cr_assert(isnan(tl_half_to_float(tl_half_from_float(f))));
        else
            cr_assert_eq(tl_half_from_float(f), h, "%04x", h);
    }
}

Test(half, rounds_to_the_nearest_and_ties_to_even)
{
    for (uint32_t h = 0; h < 0x7bff; h++) {
        float low = tl_half_to_float((uint16_t)h), high = tl_half_to_float((uint16_t)(h + 1));
        float middle = (low + high) / 2; /* exact in fp32 */
        cr_assert_eq(tl_half_from_float(middle), h & 1 ? h + 1 : h, "%04x", h);
        cr_assert_eq(tl_half_from_float(nextafterf(middle, INFINITY)), h + 1, "%04x", h);
        cr_assert_eq(tl_half_from_float(nextafterf(middle, 0)), h, "%04x", h);
    }
    cr_assert_eq(tl_half_from_float(65519.996f), 0x7bff);
    cr_assert_eq(tl_half_from_float(65520), 0x7c00);
    cr_assert_eq(tl_half_from_float(-INFINITY), 0xfc00);
}

Test(axes, baseline_is_the_simplest_and_makes_sense)
{
    struct tl_decoder_config c = config("{}");
    cr_assert_eq(c.layers, 1);
    cr_assert_eq(c.attention, TL_DECODER_SDPA);
    cr_assert_eq(c.kv_write, TL_DECODER_CONCAT);
    for (size_t i = 0; i < tl_family_decoder.n_axes; i++) {
        const struct tl_family_axis *a = &tl_family_decoder.axes[i];
        if (a->type == TL_VALUE_STRING)
            cr_assert_str_eq(a->baseline, a->values[0], "%s", a->name);
        cr_assert(a->about && *a->about);
    }
}

Test(axes, others_axes_are_passed_over)
{
    cr_assert_eq(config("{\"threads\": 4, \"layers\": 3, \"note\": null}").layers, 3);
}

Test(axes, values_out_of_bounds_or_of_another_type_are_refused)
{
    for (size_t i = 0; i < tl_family_decoder.n_axes; i++) {
        const struct tl_family_axis *a = &tl_family_decoder.axes[i];
        json_t *bad[] = {json_true(), json_null(), json_real(1.5), json_string("nonsense"), json_array(),
                         NULL,        NULL};
        if (a->type == TL_VALUE_INTEGER) {
            bad[5] = json_integer(a->least - 1);
            bad[6] = a->most < INT64_MAX ? json_integer(a->most + 1) : json_integer(INT64_MIN);
        } else {
            bad[5] = json_integer(0);
            bad[6] = json_string("");
        }
        for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
            struct tl_decoder_config c;
            struct tl_error e;
            json_t *v = json_pack("{s:o}", a->name, bad[k]);
            cr_assert_eq(tl_decoder_config_parse(v, &c, &e), -1, "%s", a->name);
            cr_assert_str_eq(e.where, a->name);
            cr_assert_eq(e.kind, TL_ERROR_INPUT);
            cr_assert(tl_family_decoder.constraint(v), "%s", a->name);
            json_decref(v);
        }
    }
    struct tl_decoder_config c;
    struct tl_error e;
    cr_assert_eq(tl_decoder_config_parse(NULL, &c, &e), -1);
}

Test(axes, contradictions_are_constraints)
{
    static const struct {
        const char *variant, *why; /* NULL: it makes sense */
    } table[] = {
        {"{\"block_size\": 48}", "power of two"},
        {"{\"begin\": 32}", "context"},
        {"{\"begin\": 31}", NULL},
        {"{\"seq\": 33}", "context"},
        {"{\"seq\": 0}", NULL},
        {"{\"kv_write\": \"scatter\", \"begin\": 1}", "begin must be 0"},
        {"{\"kv_write\": \"tensor_scatter\", \"begin\": 1}", "begin must be 0"},
        {"{\"kv_write\": \"scatter\", \"begin\": 1, \"begin_index\": \"shape\"}", NULL},
        {"{\"kv_write\": \"scatter\", \"begin\": 1, \"attention\": \"gqa\"}", NULL},
        {"{\"heads\": 3, \"kv_heads\": 2}", "kv_heads"},
        {"{\"heads\": 4, \"kv_heads\": 2, \"full_heads\": 3}", "kv_heads"},
        {"{\"heads\": 3, \"kv_heads\": 2, \"full_heads\": 4}", NULL},
        {"{\"head_dim\": 7, \"rope\": \"fused\"}", "even"},
        {"{\"head_dim\": 7}", NULL},
        {"{\"head_dim\": 12, \"attention\": \"gqa\"}", "divisible by 8"},
        {"{\"head_dim\": 8, \"attention\": \"gqa\", \"rope\": \"fused\"}", "divisible by 16"},
        {"{\"head_dim\": 8, \"attention\": \"gqa\", \"rope\": \"primitives\"}", NULL},
        {"{\"attention\": \"gqa\", \"kv_write\": \"tensor_scatter\"}", "itself"},
        {"{\"attention\": \"gqa\", \"seq\": 0}", "one token"},
        {"{\"attention\": \"gqa\", \"seq\": 2, \"begin\": 1, \"batch\": 2}", "batch 1"},
        {"{\"attention\": \"gqa\", \"seq\": 2, \"begin\": 1, \"begin_error\": 2147483646}", "32 bits"},
        {"{\"attention\": \"gqa\", \"begin_error\": 1000000}", NULL},
        {"{\"layers\": 96, \"hidden\": 16384, \"mlp\": \"silu\"}", "2 GiB"},
        {"{\"layers\": 96, \"batch\": 64, \"kv_heads\": 2, \"context\": 100000, \"begin\": 90000}", "4 GiB"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        json_t *v = json_loads(table[i].variant, 0, NULL);
        const char *why = tl_family_decoder.constraint(v);
        cr_assert_eq(why != NULL, table[i].why != NULL, "%s: %s", table[i].variant, why ? why : "accepted");
        if (why)
            cr_assert(strstr(why, table[i].why), "%s: %s", table[i].variant, why);
        json_decref(v);
    }
}

Test(quantities, kinds_of_layers)
{
    struct tl_decoder_config c = config("{\"layers\": 7, \"full_every\": 3, \"heads\": 4, \"full_heads\": 8,"
                                        "\"full_head_dim\": 32, \"seq\": 2, \"begin\": 5, \"batch\": 3}");
    cr_assert_eq(tl_decoder_full_layers(&c), 2);
    cr_assert_eq(tl_decoder_first_full(&c), 2);
    cr_assert(tl_decoder_is_full(&c, 2) && tl_decoder_is_full(&c, 5) && !tl_decoder_is_full(&c, 6));
    cr_assert_eq(tl_decoder_heads(&c, false), 4);
    cr_assert_eq(tl_decoder_heads(&c, true), 8);
    cr_assert_eq(tl_decoder_head_dim(&c, true), 32);
    cr_assert_eq(tl_decoder_attention_bytes(&c, false), 3u * 4 * 2 * 7 * 4);
    cr_assert_eq(tl_decoder_attention_bytes(&c, true), 3u * 8 * 2 * 7 * 4);
    c = config("{\"layers\": 2, \"full_every\": 3, \"activation\": \"fp16\", \"kv_write\": \"scatter\"}");
    cr_assert_eq(tl_decoder_full_layers(&c), 0);
    cr_assert_eq(tl_decoder_first_full(&c), -1);
    cr_assert_eq(tl_decoder_attention_bytes(&c, true), 0);
    cr_assert_eq(tl_decoder_attention_bytes(&c, false), 2u * 32 * 2);
    c = config("{\"kv_write\": \"tensor_scatter\"}");
    cr_assert_eq(tl_decoder_opset(&c), 24);
}

/* Decodes MatMulNBits' layout as the operator describes it, written apart from the code under test. */
static double nbits_value(const struct tl_decoder_stored *s, int64_t size, int64_t k, int64_t n)
{
    int64_t blocks = (s->k + size - 1) / size, b = k / size, row = (blocks + 1) / 2;
    int q = s->data[(n * blocks + b) * (size / 2) + k % size / 2];
    q = k % 2 ? q >> 4 : q & 15;
    int zero = 8;
    if (s->zero_points) {
        zero = s->zero_points[n * row + b / 2];
        zero = b % 2 ? zero >> 4 : zero & 15;
    }
    return (q - zero) * (double)s->scales[n * blocks + b];
}

static float *plain_values(struct tl_decoder_config c, enum tl_decoder_matrix m)
{
    struct tl_decoder_stored s;
    c.weights = TL_DECODER_FP32;
    c.activation = 0;
    tl_decoder_store(&c, 0, m, &s);
    float *w = tl_decoder_stored_values(&c, &s);
    tl_decoder_stored_free(&s);
    return w;
}

Test(weights, int4_block_is_what_MatMulNBits_defines)
{
    static const char *const variants[] = {
        "{\"weights\": \"int4_block\", \"hidden\": 72, \"block_size\": 16}",
        "{\"weights\": \"int4_block\", \"hidden\": 72, \"block_size\": 32, \"zero_points\": \"yes\"}",
        "{\"weights\": \"int4_block\", \"hidden\": 40, \"block_size\": 128, \"zero_points\": \"yes\"}",
    };
    for (size_t i = 0; i < 3; i++) {
        struct tl_decoder_config c = config(variants[i]);
        struct tl_decoder_stored s;
        tl_decoder_store(&c, 0, TL_DECODER_WQ, &s);
        float *got = tl_decoder_stored_values(&c, &s), *plain = plain_values(c, TL_DECODER_WQ);
        int64_t blocks = (s.k + c.block_size - 1) / c.block_size;
        cr_assert_eq(s.data_size, (size_t)(s.n * blocks * c.block_size / 2));
        cr_assert_eq(s.n_zero_points, (size_t)(c.zero_points ? s.n * ((blocks + 1) / 2) : 0));
        for (int64_t k = 0; k < s.k; k++)
            for (int64_t n = 0; n < s.n; n++) {
                double scale = fabs((double)s.scales[n * blocks + k / c.block_size]);
                cr_assert_float_eq(got[k * s.n + n], nbits_value(&s, c.block_size, k, n), 1e-7);
                /* a clamped end may be off by more than half a step, but never by more than one */
                cr_assert_leq(fabs((double)got[k * s.n + n] - (double)plain[k * s.n + n]), scale * 1.01);
            }
        free(got);
        free(plain);
        tl_decoder_stored_free(&s);
    }
}

Test(weights, int4_codebook_takes_the_nearest_value_of_its_block)
{
    struct tl_decoder_config c =
        config("{\"weights\": \"int4_codebook\", \"hidden\": 30, \"block_size\": 64}");
    struct tl_decoder_stored s;
    tl_decoder_store(&c, 0, TL_DECODER_WK, &s);
    float *got = tl_decoder_stored_values(&c, &s), *plain = plain_values(c, TL_DECODER_WK);
    cr_assert_eq(s.data_size, (size_t)(s.k * s.n / 2));
    for (int64_t i = 0; i < s.k * s.n; i++) {
        int64_t k = i % s.k, n = i / s.k; /* columns one after the other */
        float most = s.scales[i / 64];
        cr_assert_leq(fabsf(plain[k * s.n + n]), most);
        cr_assert_leq(fabsf(got[k * s.n + n] - plain[k * s.n + n]), 0.16f * most); /* half the widest gap */
        int q = i % 2 ? s.data[i / 2] & 15 : s.data[i / 2] >> 4;
        cr_assert_eq(q == 15, got[k * s.n + n] == most);
        cr_assert_eq(q == 7, got[k * s.n + n] == 0);
    }
    free(got);
    free(plain);
    tl_decoder_stored_free(&s);
}

Test(weights, int8_is_within_half_a_step)
{
    for (int zero = 0; zero < 2; zero++) {
        struct tl_decoder_config c = config("{\"weights\": \"int8\"}");
        c.zero_points = zero;
        struct tl_decoder_stored s;
        tl_decoder_store(&c, 0, TL_DECODER_WO, &s);
        float *got = tl_decoder_stored_values(&c, &s), *plain = plain_values(c, TL_DECODER_WO);
        cr_assert_eq(s.n_scales, (size_t)s.k);
        for (int64_t i = 0; i < s.k * s.n; i++) {
            float scale = s.scales[i / s.n];
            int zero_point = zero ? (int8_t)s.zero_points[i / s.n] : 0;
            cr_assert_float_eq(got[i], (float)((int8_t)s.data[i] - zero_point) * scale, 1e-7);
            cr_assert_leq(fabsf(got[i] - plain[i]), scale * (zero ? 1.01f : 0.501f));
        }
        free(got);
        free(plain);
        tl_decoder_stored_free(&s);
    }
}

Test(inputs, are_a_function_of_the_seed)
{
    struct tl_decoder_tensors a = inputs("{\"begin\": 3}"), b = inputs("{\"begin\": 3}");
    struct tl_decoder_tensors other = inputs("{\"begin\": 3, \"input_seed\": 2}");
    cr_assert_eq(a.n, b.n);
    for (size_t i = 0; i < a.n; i++) {
        size_t size = a.list[i].count * tl_dtype_size(a.list[i].dtype);
        cr_assert_eq(memcmp(a.list[i].data, b.list[i].data, size), 0);
        bool mask = strcmp(a.list[i].name, "mask") == 0;
        cr_assert_eq(memcmp(a.list[i].data, other.list[i].data, size) == 0, mask, "%s", a.list[i].name);
    }
    tl_decoder_tensors_free(&a);
    tl_decoder_tensors_free(&b);
    tl_decoder_tensors_free(&other);
}

Test(inputs, masks_show_what_may_be_seen)
{
    struct tl_decoder_tensors t =
        inputs("{\"layers\": 2, \"full_every\": 2, \"masks\": \"two\", \"begin\": 3, \"seq\": 2,"
               "\"window\": 2, \"kv_write\": \"scatter\", \"begin_index\": \"tensor\","
               "\"context\": 7, \"begin_error\": 1}");
    static const char *const seen[2] = {"1111000"
                                        "1111100",
                                        "0011000"
                                        "0001100"};
    for (int sliding = 0; sliding < 2; sliding++) {
        const struct tl_decoder_tensor *m = find(&t, sliding ? "mask_sliding" : "mask");
        cr_assert_eq(m->count, 14u);
        for (size_t i = 0; i < m->count; i++)
            cr_assert_eq(((float *)m->data)[i] == 0, seen[sliding][i] == '1', "%d %zu", sliding, i);
    }
    cr_assert_eq(((int64_t *)find(&t, "begin")->data)[0], 4); /* the mask goes by 3 */
    tl_decoder_tensors_free(&t);
}

Test(inputs, json_holds_every_value)
{
    struct tl_decoder_tensors t =
        inputs("{\"activation\": \"fp16\", \"begin_index\": \"shape\", \"begin_error\": 100000}");
    json_t *list = tl_decoder_inputs_json(&t);
    cr_assert_eq(json_array_size(list), t.n);
    for (size_t i = 0; i < t.n; i++) {
        json_t *o = json_array_get(list, i), *data = json_object_get(o, "data");
        cr_assert_str_eq(json_string_value(json_object_get(o, "name")), t.list[i].name);
        cr_assert_str_eq(json_string_value(json_object_get(o, "dtype")), tl_dtype_name(t.list[i].dtype));
        cr_assert_eq(json_array_size(json_object_get(o, "shape")), (size_t)t.list[i].rank);
        cr_assert(data || json_object_get(o, "fill"));
        if (data)
            cr_assert_eq(json_array_size(data), t.list[i].count);
        for (size_t k = 0; data && t.list[i].dtype == TL_DTYPE_FLOAT16 && k < t.list[i].count; k++)
            cr_assert_eq((float)json_real_value(json_array_get(data, k)),
                         tl_half_to_float(((uint16_t *)t.list[i].data)[k]));
        if (strcmp(t.list[i].name, "history") == 0)
            cr_assert_null(data, "a long run of zeros is a fill");
    }
    json_decref(list);
    tl_decoder_tensors_free(&t);
}

static bool is_value(const Onnx__GraphProto *g, size_t before, const char *name)
{
    for (size_t i = 0; i < g->n_input; i++)
        if (strcmp(g->input[i]->name, name) == 0)
            return true;
    for (size_t i = 0; i < g->n_initializer; i++)
        if (strcmp(g->initializer[i]->name, name) == 0)
            return true;
    for (size_t i = before; i-- > 0;)
        for (size_t k = 0; k < g->node[i]->n_output; k++)
            if (strcmp(g->node[i]->output[k], name) == 0)
                return true;
    return false;
}

static void check_values(Onnx__ValueInfoProto **infos, size_t n, const struct tl_decoder_tensors *want,
                         const char *text)
{
    cr_assert_eq(n, want->n, "%s", text);
    for (size_t i = 0; i < n; i++) {
        const struct tl_decoder_tensor *t = &want->list[i];
        const Onnx__TypeProto__Tensor *type = infos[i]->type->tensor_type;
        cr_assert_str_eq(infos[i]->name, t->name, "%s", text);
        cr_assert_eq(type->elem_type, (int)t->dtype, "%s %s", t->name, text);
        cr_assert_eq(type->shape->n_dim, (size_t)t->rank, "%s %s", t->name, text);
        for (int d = 0; d < t->rank; d++)
            if (type->shape->dim[d]->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE)
                cr_assert_eq(type->shape->dim[d]->dim_value, t->shape[d], "%s %s", t->name, text);
    }
}

static void check_model(const json_t *variant)
{
    struct tl_decoder_config c;
    struct tl_error e;
    char *text = json_dumps(variant, JSON_COMPACT);
    uint8_t *bytes;
    size_t size;
    struct tl_decoder_tensors in, out;
    cr_assert_eq(tl_decoder_config_parse(variant, &c, &e), 0);
    cr_assert_eq(tl_decoder_build(&c, &bytes, &size, &e), 0, "%s", e.why);
    cr_assert_eq(tl_decoder_inputs(&c, &in, &e), 0);
    cr_assert_eq(tl_decoder_reference(&c, &out, &e), 0);
    Onnx__ModelProto *m = onnx__model_proto__unpack(NULL, size, bytes);
    cr_assert(m, "%s", text);
    cr_assert_leq(m->ir_version, 8);
    cr_assert_eq(m->opset_import[0]->version, c.kv_write == TL_DECODER_TENSOR_SCATTER ? 24 : 13);
    const Onnx__GraphProto *g = m->graph;
    bool contrib = false;
    for (size_t i = 0; i < g->n_node; i++) {
        contrib |= g->node[i]->domain && strcmp(g->node[i]->domain, "com.microsoft") == 0;
        for (size_t k = 0; k < g->node[i]->n_input; k++)
            cr_assert(!*g->node[i]->input[k] || is_value(g, i, g->node[i]->input[k]), "%s of %s",
                      g->node[i]->input[k], text);
        for (size_t k = 0; k < g->node[i]->n_output; k++)
            cr_assert(!is_value(g, i, g->node[i]->output[k]), "%s twice in %s", g->node[i]->output[k], text);
    }
    cr_assert_eq(m->n_opset_import, contrib ? 2u : 1u);
    check_values(g->input, g->n_input, &in, text);
    check_values(g->output, g->n_output, &out, text);
    for (size_t i = 0; i < out.n; i++)
        for (size_t k = 0; k < out.list[i].count; k++)
            cr_assert(isfinite(((float *)out.list[i].data)[k]), "%s", text);
    onnx__model_proto__free_unpacked(m, NULL);
    tl_decoder_tensors_free(&in);
    tl_decoder_tensors_free(&out);
    free(bytes);
    free(text);
}

Test(model, of_a_covering_set_is_whole, .timeout = 60)
{
    struct tl_decoder_coverage coverage;
    json_t *set = tl_decoder_covering_set(300, &coverage), *again = tl_decoder_covering_set(300, &coverage);
    cr_assert_geq(json_array_size(set), 300u);
    cr_assert(json_equal(set, again));
    cr_assert_eq(coverage.covered + coverage.impossible, coverage.pairs);
    cr_assert_leq(coverage.impossible, coverage.pairs / 50);
    for (size_t i = 0; i < json_array_size(set); i++)
        check_model(json_array_get(set, i));
    json_decref(set);
    json_decref(again);
}

Test(model, is_always_the_same_bytes)
{
    struct tl_decoder_config c =
        config("{\"layers\": 2, \"mlp\": \"silu\", \"rope\": \"fused\", \"weights\": \"int4_block\"}");
    uint8_t *a, *b;
    size_t na, nb;
    cr_assert_eq(tl_decoder_build(&c, &a, &na, NULL), 0);
    cr_assert_eq(tl_decoder_build(&c, &b, &nb, NULL), 0);
    cr_assert(na == nb && memcmp(a, b, na) == 0);
    free(b);
    c.weight_seed = 2;
    cr_assert_eq(tl_decoder_build(&c, &b, &nb, NULL), 0);
    cr_assert(na == nb && memcmp(a, b, na) != 0);
    free(a);
    free(b);
}

Test(model, of_96_layers)
{
    json_t *v =
        json_loads("{\"layers\": 96, \"full_every\": 6, \"masks\": \"two\", \"weights\": \"int8\"}", 0, NULL);
    check_model(v);
    json_decref(v);
}

Test(model, too_large_is_a_clear_error)
{
    struct tl_decoder_config c = config("{}");
    struct tl_error e;
    uint8_t *bytes;
    size_t size;
    c.layers = 96;
    c.hidden = 16384;
    c.mlp = 1;
    cr_assert_eq(tl_decoder_build(&c, &bytes, &size, &e), -1);
    cr_assert(strstr(e.why, "2 GiB"));
}
