/* A variant as a config, with words for what is wrong in it; what follows from a config (which inputs the
 * graph has, and what is in them), asked by the model, the inputs and the reference alike so that they cannot
 * disagree; and tensors in memory. */
#include "cases/decoder/internal.h"
#include "cases/half.h"
#include "harness/base/buffer.h"

#include <math.h>
#include <stdlib.h>

int tl_decoder_config_parse(const json_t *variant, struct tl_decoder_config *c, struct tl_error *e)
{
    const char *axis = NULL;
    if (!json_is_object(variant))
        return tl_fail(e, TL_ERROR_INPUT, "cannot read the variant", NULL, "a JSON object was expected");
    if (tl_decoder_config_read(variant, c, &axis) != 0) {
        char *found = json_dumps(json_object_get(variant, axis), JSON_ENCODE_ANY | JSON_COMPACT);
        const struct tl_family_axis *a = tl_family_decoder.axes;
        while (strcmp(a->name, axis) != 0)
            a++;
        struct tl_buffer want = TL_BUFFER_INIT;
        if (a->type == TL_VALUE_INTEGER)
            tl_buffer_printf(&want, "an integer from %lld to %lld", (long long)a->least, (long long)a->most);
        else
            for (size_t i = 0; a->values[i]; i++)
                tl_buffer_printf(&want, "%s\"%s\"", i == 0 ? "one of " : ", ", a->values[i]);
        tl_fail(e, TL_ERROR_INPUT, "the decoder family does not know this value", axis,
                "%s was expected, not %s", want.data, found ? found : "this");
        tl_buffer_free(&want);
        free(found);
        return -1;
    }
    const char *why = tl_decoder_constraint(c);
    if (why)
        return tl_fail(e, TL_ERROR_INPUT, "this combination of axes makes no sense", NULL, "%s", why);
    return 0;
}

bool tl_decoder_derives_window(const struct tl_decoder_config *c)
{
    return c->attention == TL_DECODER_SDPA && c->masks == 0 && tl_decoder_full_layers(c) < c->layers;
}

bool tl_decoder_has_positions(const struct tl_decoder_config *c)
{
    bool inside = c->attention == TL_DECODER_GQA && c->rope == TL_DECODER_ROPE_FUSED;
    return (c->rope && !inside) || tl_decoder_derives_window(c);
}

bool tl_decoder_has_mask(const struct tl_decoder_config *c)
{
    return c->attention == TL_DECODER_SDPA && (c->masks == 0 || tl_decoder_full_layers(c) > 0);
}

bool tl_decoder_has_sliding_mask(const struct tl_decoder_config *c)
{
    return c->attention == TL_DECODER_SDPA && c->masks == 1 && tl_decoder_full_layers(c) < c->layers;
}

int64_t tl_decoder_seqlens(const struct tl_decoder_config *c)
{
    return c->begin + c->begin_error + c->seq - 1;
}

bool tl_decoder_has_seqlens(const struct tl_decoder_config *c)
{
    return c->attention == TL_DECODER_GQA && c->begin_index == TL_DECODER_BEGIN_NONE;
}

bool tl_decoder_has_total(const struct tl_decoder_config *c)
{
    return c->attention == TL_DECODER_GQA && (c->begin_index != TL_DECODER_BEGIN_CONSTANT || c->query);
}

float tl_decoder_scale(const struct tl_decoder_config *c, bool full)
{
    return 1 / sqrtf((float)tl_decoder_head_dim(c, full));
}

void tl_decoder_tensors_free(struct tl_decoder_tensors *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->list[i].data);
    free(t->list);
    *t = (struct tl_decoder_tensors){0};
}

struct tl_decoder_tensor *tl_decoder_tensor_add(struct tl_decoder_tensors *t, const char *name,
                                                enum tl_dtype dtype, size_t element, int rank,
                                                const int64_t *shape)
{
    struct tl_decoder_tensor *x = TL_GROW(t->list, t->n);
    *x = (struct tl_decoder_tensor){.dtype = dtype, .rank = rank, .count = 1};
    snprintf(x->name, sizeof x->name, "%s", name);
    for (int i = 0; i < rank; i++) {
        x->shape[i] = shape[i];
        x->count *= (size_t)shape[i];
    }
    x->data = tl_calloc(x->count ? x->count : 1, element);
    return x;
}

double tl_decoder_difference(const float *expected, const float *got, size_t count)
{
    double most = 0, difference = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(expected[i]) || !isfinite(got[i])) {
            bool same = expected[i] == got[i] || (isnan(expected[i]) && isnan(got[i]));
            if (!same)
                return INFINITY;
            continue;
        }
        most = fmax(most, fabs((double)expected[i]));
        difference = fmax(difference, fabs((double)expected[i] - (double)got[i]));
    }
    return difference == 0 ? 0 : most > 0 ? difference / most : INFINITY;
}
