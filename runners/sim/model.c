/* Quantities of a variant, axes, and texts with their names in braces.
 *
 * The plan of the decode step is computed once for each model, by allocating on the simulated heap what the
 * layers need, one after the other. It is the same for every token. */
#include "runners/sim/model.h"

#include "harness/base/buffer.h"
#include "runners/sim/heap.h"

#include <stdlib.h>
#include <string.h>

static int64_t query_bytes(const struct tl_sim_model *m, bool full)
{
    int64_t element = m->scratch.element_bytes ? m->scratch.element_bytes : 2;
    return m->config.batch * tl_decoder_heads(&m->config, full) * tl_decoder_head_dim(&m->config, full) *
           element;
}

/* The decode step, one token, layer by layer. What a layer takes it gives back at its end. */
static void plan(struct tl_sim_model *m)
{
    struct tl_sim_heap heap = {.total = (uint64_t)m->scratch.total,
                               .alignment = (uint64_t)m->scratch.alignment};
    uint64_t base, scratch, query;
    struct tl_sim_plan *p = &m->plan;
    *p = (struct tl_sim_plan){0};
    if (tl_sim_heap_allocate(&heap, (uint64_t)m->scratch.base_bytes, &base))
        return; /* the profile was checked: what every model needs fits */
    for (int64_t layer = 0; layer < m->config.layers; layer++) {
        int64_t size = query_bytes(m, tl_decoder_is_full(&m->config, layer));
        if (tl_sim_heap_allocate(&heap, (uint64_t)m->scratch.layer_bytes, &scratch))
            return;
        int failed = tl_sim_heap_allocate(&heap, (uint64_t)size, &query);
        if (failed || size > p->size) {
            p->offset = (int64_t)query;
            p->size = size;
        }
        if (failed) {
            p->layer = layer + 1;
            p->end = p->offset + p->size;
            return;
        }
        tl_sim_heap_release(&heap, query);
        tl_sim_heap_release(&heap, scratch);
    }
    p->end = (int64_t)heap.peak;
}

void tl_sim_model_make(struct tl_sim_model *m, const json_t *variant, const struct tl_decoder_config *config,
                       const struct tl_sim_scratch *scratch)
{
    *m = (struct tl_sim_model){.variant = variant,
                               .config = *config,
                               .scratch = *scratch,
                               .tokens = config->seq,
                               .load = 1,
                               .run = 1};
    if (scratch->total)
        plan(m);
}

/* --- quantities ----------------------------------------------------------------------------------------- */

static int64_t layers_full(const struct tl_sim_model *m)
{
    return tl_decoder_full_layers(&m->config);
}

static int64_t layers_sliding(const struct tl_sim_model *m)
{
    return m->config.layers - layers_full(m);
}

static int64_t first_full_layer(const struct tl_sim_model *m)
{
    return tl_decoder_first_full(&m->config) + 1;
}

static int64_t kinds_of_layers(const struct tl_sim_model *m)
{
    return (layers_full(m) > 0) + (layers_sliding(m) > 0);
}

static int64_t mask_inputs(const struct tl_sim_model *m)
{
    if (m->config.attention != TL_DECODER_SDPA)
        return 0;
    return m->config.masks ? kinds_of_layers(m) : 1;
}

static int64_t largest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t largest_query(const struct tl_sim_model *m)
{
    return largest(layers_full(m) ? query_bytes(m, true) : 0, layers_sliding(m) ? query_bytes(m, false) : 0);
}

static int64_t attention_bytes(const struct tl_sim_model *m)
{
    return largest((int64_t)tl_decoder_attention_bytes(&m->config, true),
                   (int64_t)tl_decoder_attention_bytes(&m->config, false));
}

static int64_t weight_bytes(const struct tl_sim_model *m)
{
    return (int64_t)tl_decoder_weight_bytes(&m->config);
}

static int64_t input_bytes(const struct tl_sim_model *m)
{
    return (int64_t)tl_decoder_input_bytes(&m->config);
}

static int64_t past_length(const struct tl_sim_model *m)
{
    return tl_decoder_past_length(&m->config);
}

static int64_t present_length(const struct tl_sim_model *m)
{
    return tl_decoder_present_length(&m->config);
}

#define FIELD_OF(name, field)                                                                                \
    static int64_t name(const struct tl_sim_model *m)                                                        \
    {                                                                                                        \
        return m->field;                                                                                     \
    }
FIELD_OF(tokens, tokens)
FIELD_OF(load_number, load)
FIELD_OF(run_number, run)
FIELD_OF(heap_total, scratch.total)
FIELD_OF(heap_layer, plan.layer)
FIELD_OF(heap_offset, plan.offset)
FIELD_OF(heap_size, plan.size)
FIELD_OF(heap_end, plan.end)

static const struct tl_sim_quantity quantities[] = {
    {"layers_full", "layers that attend to everything", layers_full, false},
    {"layers_sliding", "layers that attend to a window", layers_sliding, false},
    {"first_full_layer", "the first full layer, from 1 on; 0: there is none", first_full_layer, false},
    {"kinds_of_layers", "1 or 2", kinds_of_layers, false},
    {"mask_inputs", "masks that the model is passed", mask_inputs, false},
    {"query_bytes", "the largest query of the decode step, in the runtime's own type", largest_query, false},
    {"attention_bytes", "the largest attention scores of a call, in the model's type", attention_bytes,
     false},
    {"weight_bytes", "all matrices as they are stored", weight_bytes, false},
    {"input_bytes", "all inputs of a call", input_bytes, false},
    {"past_length", "rows of the KV cache that goes in", past_length, false},
    {"present_length", "rows of the KV cache that comes out", present_length, false},
    {"tokens", "of the call: seq in prefill, 1 in the decode step that follows it", tokens, false},
    {"load", "which load it is, from 1 on (axis loads)", load_number, false},
    {"run", "which run it is, from 1 on (axis runs)", run_number, false},
    {"heap_total", "bytes of the scratch heap", heap_total, true},
    {"heap_layer", "the layer, from 1 on, whose query found no place on the heap; 0: all did", heap_layer,
     true},
    {"heap_offset", "where the query that found no place would have begun, else the largest one did",
     heap_offset, true},
    {"heap_size", "bytes of that query", heap_size, true},
    {"heap_end", "the end it would have had, else the highest end that was reached", heap_end, true},
};
#define N_QUANTITIES TL_COUNT(quantities)

const struct tl_sim_quantity *tl_sim_quantities(size_t *n)
{
    *n = N_QUANTITIES;
    return quantities;
}

const struct tl_sim_quantity *tl_sim_quantity_find(const char *name)
{
    for (size_t i = 0; i < N_QUANTITIES; i++)
        if (!strcmp(quantities[i].name, name))
            return &quantities[i];
    return NULL;
}

/* --- axes ----------------------------------------------------------------------------------------------- */

const struct tl_family_axis *tl_sim_axis_find(const char *name)
{
    const struct tl_family_axis *axis = tl_family_axis_find(&tl_family_decoder, name);
    return axis ? axis : tl_runtime_axis_find(name);
}

struct tl_value tl_sim_axis_value(const struct tl_sim_model *m, const struct tl_family_axis *axis)
{
    const json_t *v = json_object_get(m->variant, axis->name);
    struct tl_value value = {.type = axis->type};
    switch (axis->type) {
    case TL_VALUE_STRING:
        value.string = json_is_string(v) ? json_string_value(v) : axis->baseline;
        break;
    case TL_VALUE_INTEGER:
        value.integer = json_is_integer(v) ? json_integer_value(v) : strtoll(axis->baseline, NULL, 10);
        break;
    case TL_VALUE_BOOLEAN:
        value.integer = json_is_boolean(v) ? json_is_true(v) : !strcmp(axis->baseline, "true");
        break;
    }
    return value;
}

/* --- texts ---------------------------------------------------------------------------------------------- */

#define NAME_MOST 63

/* The name in braces at s; its length with them, or 0. */
static size_t braced(const char *s, char name[NAME_MOST + 1])
{
    size_t n = strcspn(s + 1, "{}");
    if (*s != '{' || s[n + 1] != '}' || n == 0 || n > NAME_MOST)
        return 0;
    memcpy(name, s + 1, n);
    name[n] = '\0';
    return n + 2;
}

char *tl_sim_expand(const char *text, const struct tl_sim_model *m)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    char name[NAME_MOST + 1];
    tl_buffer_add(&b, "", 0);
    for (const char *s = text; *s;) {
        size_t plain = strcspn(s, "{");
        tl_buffer_add(&b, s, plain);
        s += plain;
        size_t n = *s ? braced(s, name) : 0;
        const struct tl_sim_quantity *q = n ? tl_sim_quantity_find(name) : NULL;
        const struct tl_family_axis *axis = n && !q ? tl_sim_axis_find(name) : NULL;
        if (q) {
            tl_buffer_printf(&b, "%lld", (long long)q->value(m));
        } else if (axis) {
            char *value = tl_value_text(tl_sim_axis_value(m, axis));
            tl_buffer_add_string(&b, value);
            free(value);
        } else if (*s) {
            tl_buffer_add(&b, s, n = 1);
        }
        s += n;
    }
    return tl_buffer_take(&b);
}

void tl_sim_expand_check(const char *text, bool has_heap, void (*unknown)(void *arg, const char *name),
                         void *arg)
{
    char name[NAME_MOST + 1];
    for (const char *s = text + strcspn(text, "{}"); *s; s += strcspn(s, "{}")) {
        size_t n = braced(s, name);
        const struct tl_sim_quantity *q = n ? tl_sim_quantity_find(name) : NULL;
        if (n == 0)
            unknown(arg, NULL);
        else if (q ? q->of_heap && !has_heap : !tl_sim_axis_find(name))
            unknown(arg, name);
        s += n ? n : 1;
    }
}
