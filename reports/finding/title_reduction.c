/* What a title says of a failure that was reduced: the operator that is left, and from how much. */
#include "reports/finding/title_failure.h"

#include "harness/base/buffer.h"
#include "harness/base/utf8.h"
#include "reports/finding/optimiser.h"
#include "reports/finding/title_message.h"
#include "reports/members.h"
#include "reports/page/page.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MOST 24 /* characters of the name of a node, or of an operator */
#define NODES_FEW 3  /* so many are named in a title where none of them is the one */

/* The node at which the failure ends; NULL: that is not known. */
static const json_t *marked_node(const json_t *reduction)
{
    const json_t *node;
    size_t i;
    json_array_foreach(json_object_get(json_object_get(reduction, "graph"), "nodes"), i, node)
        if (tl_member_true(node, "marked"))
            return node;
    return NULL;
}

static char *short_name(const char *name)
{
    char *clean = tl_clean_text(name, strlen(name), false), *cut = tl_title_fit(clean, NAME_MOST);
    free(clean);
    return cut;
}

/* "Mod (win.rest)", or "Mod" where the name is one that the reduction gave; NULL: none is known. */
static char *node_text(const json_t *node)
{
    const char *type = tl_member_text(node, "operator"),
               *name = tl_member_text(node, "original") ? NULL : tl_member_text(node, "name");
    if (!type)
        return NULL;
    char *operator_text = short_name(type), *own = name && *name ? short_name(name) : NULL,
         *text = own ? tl_format("%s (%s)", operator_text, own) : tl_strdup(operator_text);
    free(operator_text);
    free(own);
    return text;
}

/* The operators of a model of a few nodes, each once: "Pad, AveragePool". NULL: there are more, or none is known. */
static char *few_operators(const json_t *reduction)
{
    const json_t *nodes = json_object_get(json_object_get(reduction, "graph"), "nodes"), *node;
    const char *types[NODES_FEW];
    size_t i, n = 0;
    struct tl_buffer b = TL_BUFFER_INIT;
    if (json_array_size(nodes) > NODES_FEW)
        return NULL;
    json_array_foreach(nodes, i, node) {
        const char *type = tl_member_text(node, "operator");
        if (!type || tl_is_one_of(type, types, n))
            continue;
        types[n++] = type;
        char *one = short_name(type);
        tl_buffer_printf(&b, "%s%s", b.size ? ", " : "", one);
        free(one);
    }
    return b.data ? tl_buffer_take(&b) : NULL;
}

/* The one optimiser without which it does not fail; NULL: there is none, several are, or it is another one than the original's. */
static char *one_optimiser(const json_t *reduction)
{
    const json_t *found = json_object_get(reduction, "optimiser"), *names = json_object_get(found, "names");
    if (json_array_size(names) != 1 || tl_optimiser_is_other(reduction))
        return NULL;
    const char *name = json_string_value(json_array_get(names, 0));
    return name ? short_name(name) : NULL;
}

/* The name of an output is one that the reduction gave, and how far off it is a matter of the values that are left. */
static void tell_wrong(struct tl_title_failure *t)
{
    bool nan = !strncmp(t->head, "NaN ", 4), infinity = !strncmp(t->head, "infinity ", 9);
    free(t->head);
    t->head = tl_strdup(nan ? "NaN from" : infinity ? "infinity from" : "wrong output of");
}

/* Behind all of it: the operators, the optimiser, from how much; what does not fit is left out, the last first. */
static char *tail(const char *head, const char *between, const char *operators, const char *optimiser,
                  long long before, size_t most)
{
    for (unsigned less = 0;; less++) {
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_buffer_printf(&b, "%s%s", operators ? between : "", operators ? operators : "");
        if (optimiser && less < 2)
            tl_buffer_printf(&b, " through %s", optimiser);
        if (less < 1 || (less == 2 && optimiser) || !operators)
            tl_buffer_printf(&b, ", reduced from %lld nodes", before);
        if (less == 3 || tl_title_characters(head) + tl_title_characters(b.data) <= most)
            return tl_buffer_take(&b);
        tl_buffer_free(&b);
    }
}

void tl_title_reduction(const json_t *f, size_t most, struct tl_title_failure *t)
{
    const json_t *reduction = json_object_get(f, "reduction"), *nodes = json_object_get(reduction, "nodes");
    const char *phase = tl_member_text(f, "phase"), *outcome = tl_member_text(f, "outcome"),
               *type = tl_member_text(json_object_get(f, "operator"), "type");
    const long long before = json_integer_value(json_array_get(nodes, 0)),
                    left = json_integer_value(json_array_get(nodes, 1));
    if (!json_is_object(reduction) || left >= before)
        return;
    char *operators = node_text(marked_node(reduction)), *optimiser = one_optimiser(reduction);
    const char *between = ": ";
    if (!operators)
        operators = few_operators(reduction);
    if (t->words) {
        between = "; ";
    } else {
        bool in_flight = t->name && type && !strcmp(t->name, type);
        if (in_flight) { /* it is the node, which is said in more words */
            free(t->name);
            t->name = NULL;
        }
        if (!t->name && phase && (in_flight || t->vague)) {
            char *head = tl_format("%s in %s", t->head, phase);
            free(t->head);
            t->head = head;
        }
        if (operators && outcome && !strcmp(outcome, "wrong") && !t->name) {
            tell_wrong(t);
            between = " ";
        }
    }
    t->tail = tail(t->head, between, operators, optimiser, before, most);
    t->phase[0] = t->phase[1] = NULL;
    t->vague = false;
    free(operators);
    free(optimiser);
}
