/* Which texts are words of operators is told by the words, and not by the names of the attributes alone: an operator of somebody's
 * own may have any text in "mode". */
#include "cases/onnx/graph_texts.h"
#include "cases/onnx/graph_editing.h"
#include "cases/onnx/graph_names.h"
#include "cases/onnx/graph_query.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT_TYPE 8 /* ONNX's number of texts */

/* --- words ------------------------------------------------------------------------------------------------------- */

/* Of the operators of ONNX and of its contributed ones; case makes no difference, as it makes none to activations. */
static const char *const words[] = {
    "NOTSET",
    "SAME_UPPER",
    "SAME_LOWER",
    "VALID", /* auto_pad */
    "constant",
    "reflect",
    "edge",
    "wrap",
    "zeros",
    "border",
    "reflection", /* padding */
    "nearest",
    "linear",
    "bilinear",
    "cubic",
    "bicubic",
    "avg",
    "max",
    "area", /* mode */
    "half_pixel",
    "half_pixel_symmetric",
    "output_half_pixel",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_half_pixel_for_nn",
    "tf_crop_and_resize", /* coordinates */
    "simple",
    "round_prefer_floor",
    "round_prefer_ceil",
    "floor",
    "ceil", /* nearest_mode */
    "stretch",
    "not_larger",
    "not_smaller", /* aspect ratio */
    "LEFT",
    "RIGHT",
    "forward",
    "reverse",
    "bidirectional", /* direction */
    "Relu",
    "Tanh",
    "Sigmoid",
    "Affine",
    "LeakyRelu",
    "ThresholdedRelu",
    "ScaledTanh",
    "HardSigmoid",
    "Elu",
    "Softsign",
    "Softplus",
    "Gelu",
    "QuickGelu",
    "FastGelu",
    "Silu",
    "Swish",
    "Swiglu",
    "Clip",
    "HardSwish",
    "Identity",
    "none",
    "tanh",
    "sum",
    "mean",
    "add",
    "mul",
    "min",
    "average",
    "minimum",
    "maximum", /* reduction */
    "DCR",
    "CRD",
    "standard",
    "nesterov",
    "RGB",
    "BGR",
    "Grayscale",
    "L1",
    "L2",
    "LOWER",
    "UPPER",
    "TO_FLOAT",
    "TO_STRING",
    "TO_INT64",
    "DENSE",
    "SPARSE",
    "LINEAR",
    "POLY",
    "RBF",
    "SIGMOID",
    "SOFTMAX",
    "LOGISTIC",
    "SOFTMAX_ZERO",
    "PROBIT",
    "BRANCH_LEQ",
    "BRANCH_LT",
    "BRANCH_GTE",
    "BRANCH_GT",
    "BRANCH_EQ",
    "BRANCH_NEQ",
    "BRANCH_MEMBER",
    "LEAF",
    "TF",
    "IDF",
    "TFIDF", /* TfIdfVectorizer */
    "FLOAT",
    "FLOAT16",
    "BFLOAT16",
    "DOUBLE",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "UINT8",
    "UINT16",
    "UINT32",
    "UINT64",
    "BOOL",
    "STRING",
    "COMPLEX64",
    "COMPLEX128", /* Cast's first version */
    "exact",
    "NHWC",
    "NCHW",
    "ones",
    "true",
    "false",
    "default",
    "nf4",
    "fp4",
    "PER_TENSOR",
    "PER_CHANNEL",
};

/* "ij,jk->ik", and the name of a language: "en_US.UTF-8". */
static bool is_all_of(const ProtobufCBinaryData *text, const char *others)
{
    for (size_t i = 0; i < text->len; i++) {
        unsigned char c = text->data[i], lower = c | 32;
        if (!c || ((lower < 'a' || lower > 'z') && !strchr(others, c)))
            return false;
    }
    return true;
}

static bool is_word(const char *op, const char *attribute, const ProtobufCBinaryData *text)
{
    static const char *const never[] = {"value_string", "value_strings", "default_string"};
    if (!attribute || tl_is_one_of(attribute, never, TL_COUNT(never)))
        return false;
    if (!strcmp(attribute, "equation") && op && !strcmp(op, "Einsum"))
        return is_all_of(text, ",.-> ");
    if (!strcmp(attribute, "locale") && op && !strcmp(op, "StringNormalizer"))
        return text->len <= 16 && is_all_of(text, "_-.@0123456789");
    for (size_t i = 0; i < TL_COUNT(words); i++)
        if (strlen(words[i]) == text->len && !strncasecmp(words[i], (const char *)text->data, text->len))
            return true;
    return false;
}

/* s1, s2 …, as the edit makes them. */
static bool is_made(const ProtobufCBinaryData *text)
{
    bool made = text->len > 1 && text->len < 12 && text->data[0] == 's' && text->data[1] != '0';
    for (size_t i = 1; i < text->len && made; i++)
        made = text->data[i] >= '0' && text->data[i] <= '9';
    return made;
}

/* --- where they stand -------------------------------------------------------------------------------------------- */

struct place {
    struct tl_onnx_text_place told;
    const char *op;
    bool list;
};
typedef void (*visit_texts)(void *arg, const struct place *p, ProtobufCBinaryData *texts, size_t n);
struct walk {
    visit_texts visit;
    void *arg;
};

/* Lists of what is nothing but data may have any word in them. */
static bool is_owned(const struct place *p, const ProtobufCBinaryData *text)
{
    static const char *const lists[] = {"activations", "nodes_modes"};
    const char *attribute = p->told.attribute;
    bool may_be_word =
        p->list ? attribute && tl_is_one_of(attribute, lists, TL_COUNT(lists)) : attribute != NULL;
    return text->len && !is_made(text) && !(may_be_word && is_word(p->op, attribute, text));
}

static void in_tensor(const struct walk *w, struct place p, tl_onnx_tensor_pb *t, bool numbered)
{
    if (!t || t->data_type != TEXT_TYPE || !t->n_string_data)
        return;
    p.list = p.told.in_tensor = true;
    if (numbered)
        p.told.tensor = tl_onnx_tensor_number(t);
    w->visit(w->arg, &p, t->string_data, t->n_string_data);
}

static void in_attribute(const struct walk *w, struct place p, tl_onnx_attribute_pb *a)
{
    p.told.attribute = a->name ? a->name : "";
    p.list = false;
    if (a->has_s)
        w->visit(w->arg, &p, &a->s, 1);
    p.list = true;
    if (a->n_strings)
        w->visit(w->arg, &p, a->strings, a->n_strings);
    in_tensor(w, p, a->t, true);
    for (size_t i = 0; i < a->n_tensors; i++)
        in_tensor(w, p, a->tensors[i], false);
    if (a->sparse_tensor)
        in_tensor(w, p, a->sparse_tensor->values, false);
    for (size_t i = 0; i < a->n_sparse_tensors; i++)
        in_tensor(w, p, a->sparse_tensors[i]->values, false);
}

static int in_body(void *arg, struct tl_onnx_body body)
{
    const struct walk *w = arg;
    struct place p = {.told = {.node = TL_ONNX_NOWHERE, .tensor = TL_ONNX_NOWHERE, .of = ""}};
    for (size_t i = 0; body.graph && i < body.graph->n_initializer; i++) {
        p.told.of = body.graph->initializer[i]->name ? body.graph->initializer[i]->name : "";
        in_tensor(w, p, body.graph->initializer[i], true);
    }
    for (size_t i = 0; body.graph && i < body.graph->n_sparse_initializer; i++) {
        tl_onnx_tensor_pb *values = body.graph->sparse_initializer[i]->values;
        p.told.of = values && values->name ? values->name : "";
        in_tensor(w, p, values, false);
    }
    for (size_t i = 0; body.function && i < body.function->n_attribute_proto; i++) {
        p.told.of = body.function->name ? body.function->name : "";
        in_attribute(w, p, body.function->attribute_proto[i]);
    }
    for (size_t i = 0; i < *body.n; i++) {
        tl_onnx_node_pb *n = (*body.nodes)[i];
        p.op = n->op_type;
        p.told.node = tl_onnx_node_number(n);
        p.told.of = n->n_output ? n->output[0] : "";
        for (size_t k = 0; k < n->n_attribute; k++)
            in_attribute(w, p, n->attribute[k]);
    }
    return 0;
}

static void each_texts(struct tl_onnx_model *m, visit_texts visit, void *arg)
{
    struct walk w = {visit, arg};
    tl_onnx_each_body(m, in_body, &w);
}

struct places {
    struct tl_onnx_text_place *list;
    size_t n;
};

static void add_place(void *arg, const struct place *p, ProtobufCBinaryData *texts, size_t n)
{
    struct places *all = arg;
    struct tl_onnx_text_place place = p->told;
    place.elements = n;
    for (size_t i = 0; i < n; i++)
        place.owned += is_owned(p, &texts[i]);
    if (place.owned)
        *TL_GROW(all->list, all->n) = place;
}

void tl_onnx_text_places(struct tl_onnx_model *m, struct tl_onnx_text_place **places, size_t *n)
{
    struct places all = {0};
    each_texts(m, add_place, &all);
    *places = all.list;
    *n = all.n;
}

bool tl_onnx_text_is_of_attribute(const struct tl_onnx_text_place *p)
{
    return p->attribute && (!p->in_tensor || p->node == TL_ONNX_NOWHERE);
}

/* --- which they are ---------------------------------------------------------------------------------------------- */

/* A text as a name that can be looked up, whatever is in it: zeros are spelled out. */
static char *key_of(const ProtobufCBinaryData *text)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t i = 0; i < text->len; i++)
        if (!text->data[i] || text->data[i] == '\\')
            tl_buffer_printf(&b, "\\%02x", text->data[i]);
        else
            tl_buffer_add(&b, &text->data[i], 1);
    return b.data ? tl_buffer_take(&b) : tl_strdup("");
}

struct different {
    struct tl_onnx_names places; /* by the key, which the keys own */
    char **keys, **texts;
    size_t n_keys, n;
};

static void add_different(void *arg, const struct place *p, ProtobufCBinaryData *texts, size_t n)
{
    struct different *all = arg;
    for (size_t i = 0; i < n; i++) {
        if (!is_owned(p, &texts[i]))
            continue;
        char *key = key_of(&texts[i]);
        if (!tl_onnx_names_add(&all->places, key, all->n)) {
            free(key);
            continue;
        }
        char *text = tl_malloc(texts[i].len + 1);
        memcpy(text, texts[i].data, texts[i].len);
        text[texts[i].len] = 0;
        *TL_GROW(all->keys, all->n_keys) = key;
        *TL_GROW(all->texts, all->n) = text;
    }
}

static void forget(struct different *all)
{
    tl_onnx_names_free(&all->places);
    for (size_t i = 0; i < all->n_keys; i++)
        free(all->keys[i]);
    free(all->keys);
}

void tl_onnx_texts(struct tl_onnx_model *m, char ***texts, size_t *n)
{
    struct different all = {0};
    each_texts(m, add_different, &all);
    forget(&all);
    *texts = all.texts;
    *n = all.n;
}

void tl_onnx_texts_free(char **texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(texts[i]);
    free(texts);
}

/* --- the edit ---------------------------------------------------------------------------------------------------- */

struct naming {
    struct different all;
    struct tl_onnx_model *m;
    struct tl_onnx_names made; /* that are there already */
    char **to;                 /* of each of them; NULL: it stays */
};

/* What a list holds may be shared with a copy of its node: it then becomes the same in both. */
static void name_texts(void *arg, const struct place *p, ProtobufCBinaryData *texts, size_t n)
{
    const struct naming *x = arg;
    for (size_t i = 0; i < n; i++) {
        if (!is_owned(p, &texts[i]))
            continue;
        char *key = key_of(&texts[i]);
        size_t at = tl_onnx_names_get(&x->all.places, key);
        if (at != TL_ONNX_NO_NAME && x->to[at])
            texts[i] = (ProtobufCBinaryData){strlen(x->to[at]), (uint8_t *)x->to[at]};
        free(key);
    }
}

/* s1, s2 … that the model has already stay what they are. */
static void note_made(void *arg, const struct place *p, ProtobufCBinaryData *texts, size_t n)
{
    struct naming *x = arg;
    for (size_t i = 0; i < n; i++)
        if (is_made(&texts[i]))
            tl_onnx_names_add(
                &x->made, tl_onnx_text_format(x->m, "%.*s", (int)texts[i].len, (const char *)texts[i].data),
                i);
}

int tl_onnx_texts_edit(struct tl_onnx_editing *x, const json_t *value)
{
    struct naming naming = {.m = x->m};
    struct tl_onnx_range *kept = NULL;
    const json_t *keep = json_object_get(value, "keep");
    size_t n_kept = 0;
    unsigned number = 0;
    if (!json_is_true(value) && !keep)
        return tl_onnx_edit_form(x, "true or keep: a set");
    if (keep && tl_onnx_edit_set(x, keep, &kept, &n_kept))
        return -1;
    each_texts(x->m, add_different, &naming.all);
    each_texts(x->m, note_made, &naming);
    naming.to = tl_calloc(naming.all.n + 1, sizeof *naming.to);
    for (size_t i = 0; i < naming.all.n; i++) {
        if (kept && tl_onnx_in_set(kept, n_kept, i))
            continue;
        do
            naming.to[i] = tl_onnx_text_format(x->m, "s%u", ++number);
        while (tl_onnx_names_get(&naming.made, naming.to[i]) != TL_ONNX_NO_NAME);
    }
    each_texts(x->m, name_texts, &naming);
    forget(&naming.all);
    tl_onnx_texts_free(naming.all.texts, naming.all.n);
    tl_onnx_names_free(&naming.made);
    free(naming.to);
    free(kept);
    return 0;
}
