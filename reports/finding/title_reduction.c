/* What a title says of a failure that was reduced: the operator that is left, and from how much. */
#include "reports/finding/title_failure.h"

#include "harness/base/buffer.h"
#include "harness/base/utf8.h"
#include "reports/finding/title_message.h"
#include "reports/members.h"
#include "reports/page/page.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MOST 24 /* characters of the name of a node, or of an operator */

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

/* "Mod (n1)"; NULL: none is known. */
static char *node_text(const json_t *node)
{
    const char *type = tl_member_text(node, "operator"), *name = tl_member_text(node, "name");
    if (!type)
        return NULL;
    char *operator_text = short_name(type), *own = name && *name ? short_name(name) : NULL,
         *text = own ? tl_format("%s (%s)", operator_text, own) : tl_strdup(operator_text);
    free(operator_text);
    free(own);
    return text;
}

void tl_title_reduction(const json_t *f, struct tl_title_failure *t)
{
    const json_t *reduction = json_object_get(f, "reduction"), *nodes = json_object_get(reduction, "nodes");
    const char *phase = tl_member_text(f, "phase"),
               *type = tl_member_text(json_object_get(f, "operator"), "type");
    const long long before = json_integer_value(json_array_get(nodes, 0)),
                    left = json_integer_value(json_array_get(nodes, 1));
    if (!json_is_object(reduction) || left >= before)
        return;
    char *node = node_text(marked_node(reduction)), *of = tl_format("reduced from %lld nodes", before);
    if (t->words) {
        t->tail = node ? tl_format("; %s, %s", node, of) : tl_format(", %s", of);
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
        t->tail = node ? tl_format(": %s, %s", node, of) : tl_format(", %s", of);
    }
    t->phase[0] = t->phase[1] = NULL;
    t->vague = false;
    free(node);
    free(of);
}
