/* What the optimisers of a session did, read from its verbose log, of which each has a line whenever it has ended:
 *
 *   GraphTransformer MatMulAddFusion modified: 1 with status: OK
 *
 * It is told as counts, so that it is known of a session that dies, too: of the optimiser in which that is there is no line. The
 * log of a large model has many lines; no other than these is looked at further than its first word, and nothing is told again
 * that is known already. */
#include "runners/onnxruntime/optimizers.h"

#include "harness/base/buffer.h"

#include <string.h>

#define NAMES_MOST 1000 /* that are told of: a message has room for so many */
#define NAME_MOST 128

void tl_optimizers_start(struct tl_optimizers *o, struct tl_run *run)
{
    pthread_mutex_lock(&o->lock);
    json_decref(o->changes);
    o->changes = json_object();
    o->run = run;
    pthread_mutex_unlock(&o->lock);
}

void tl_optimizers_stop(struct tl_optimizers *o)
{
    pthread_mutex_lock(&o->lock);
    o->run = NULL;
    pthread_mutex_unlock(&o->lock);
}

void tl_optimizers_free(struct tl_optimizers *o)
{
    json_decref(o->changes);
    o->changes = NULL;
}

static void ended(struct tl_optimizers *o, const char *name, bool changed)
{
    const json_t *before = json_object_get(o->changes, name);
    if ((before && !changed) || (!before && json_object_size(o->changes) >= NAMES_MOST))
        return;
    json_t *now = json_integer(json_integer_value(before) + changed);
    json_object_set(o->changes, name, now);
    char *told = tl_format(TL_OPTIMIZER "%s", name);
    tl_run_counts(o->run, json_pack("{s:o}", told, now));
    free(told);
}

void tl_optimizers_line(struct tl_optimizers *o, const char *message)
{
    static const char begin[] = "GraphTransformer ", then[] = " modified: ";
    char name[NAME_MOST];
    if (strncmp(message, begin, sizeof begin - 1) != 0)
        return;
    const char *at = message + sizeof begin - 1;
    size_t size = strcspn(at, " ");
    if (!size || size >= sizeof name || strncmp(at + size, then, sizeof then - 1) != 0)
        return;
    memcpy(name, at, size);
    name[size] = '\0';
    const char *changed = at + size + sizeof then - 1;
    pthread_mutex_lock(&o->lock);
    if (o->run)
        ended(o, name, *changed == '1' || *changed == 't');
    pthread_mutex_unlock(&o->lock);
}
