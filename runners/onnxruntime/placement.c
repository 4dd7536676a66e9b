/* Where nodes were placed, read from the verbose log of a session being made:
 *
 *   Node placements
 *    All nodes placed on [WebGpuExecutionProvider]. Number of nodes: 1
 *    Node(s) placed on [CPUExecutionProvider]. Number of nodes: 2
 *     Mul (name of the node)
 *     ReduceMax (…)
 *
 * The operators are listed only when there is more than one provider. */
#include "runners/onnxruntime/runtime.h"

#include "harness/base/buffer.h"

#include <ctype.h>
#include <string.h>

/* Operators that a runtime keeps on the CPU as a matter of course, because they compute shapes and indices. A
 * session that has nothing else there still ran on its device. */
static bool is_index_arithmetic(const char *op)
{
    static const char *const ops[] = {
        "Shape",
        "Size",
        "Gather",
        "Unsqueeze",
        "Squeeze",
        "Concat",
        "Slice",
        "Range",
        "Cast",
        "Add",
        "Sub",
        "Mul",
        "Div",
        "Mod",
        "Min",
        "Max",
        "ConstantOfShape",
        "Reshape",
        "Equal",
        "Where",
        "Less",
        "Greater",
        "And",
        "Or",
        "Not",
        "Constant",
        "Identity",
        "Neg",
        "Abs",
        "Expand",
        "ReduceMax",
        "ReduceMin",
        "ReduceSum",
        "ReduceProd",
        "MemcpyFromHost",
        "MemcpyToHost",
    };
    for (size_t i = 0; i < TL_COUNT(ops); i++) {
        if (!strcmp(ops[i], op))
            return true;
    }
    return false;
}

void tl_placement_start(struct tl_placement *p)
{
    pthread_mutex_lock(&p->lock);
    json_decref(p->providers);
    p->providers = json_object();
    p->told = p->listing = false;
    p->elsewhere = 0;
    p->listening = true;
    pthread_mutex_unlock(&p->lock);
}

void tl_placement_stop(struct tl_placement *p)
{
    pthread_mutex_lock(&p->lock);
    p->listening = false;
    pthread_mutex_unlock(&p->lock);
}

void tl_placement_free(struct tl_placement *p)
{
    json_decref(p->providers);
    p->providers = NULL;
}

static void count(struct tl_placement *p, const char *op, size_t size, unsigned long n)
{
    json_t *ops = json_object_get(p->providers, p->provider);
    char name[64];
    if (!ops) {
        ops = json_object();
        if (json_object_set_new(p->providers, p->provider, ops) != 0)
            return;
    }
    if (size == 0 || json_object_size(ops) >= 200)
        return;
    if (size >= sizeof name)
        size = sizeof name - 1;
    memcpy(name, op, size);
    name[size] = '\0';
    json_int_t before = json_integer_value(json_object_get(ops, name));
    json_object_set_new(ops, name, json_integer(before + (json_int_t)n));
    if (!strcmp(p->provider, TL_ORT_CPU_PROVIDER) && !is_index_arithmetic(name))
        p->elsewhere += n;
}

void tl_placement_line(struct tl_placement *p, const char *message)
{
    static const char placed[] = "placed on [";
    pthread_mutex_lock(&p->lock);
    if (p->listening) {
        const char *at = message[0] == ' ' ? strstr(message, placed) : NULL;
        if (at) {
            const char *name = at + sizeof placed - 1;
            size_t size = strcspn(name, "]");
            if (size < sizeof p->provider) {
                memcpy(p->provider, name, size);
                p->provider[size] = '\0';
                p->told = p->listing = true;
                count(p, "", 0, 0);
            }
        } else if (p->listing && message[0] == ' ' && message[1] == ' ' &&
                   isalpha((unsigned char)message[2])) {
            const char *op = message + 2;
            count(p, op, strcspn(op, " ("), 1);
        } else {
            p->listing = false;
        }
    }
    pthread_mutex_unlock(&p->lock);
}
