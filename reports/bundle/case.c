/* What the case of a bundle names: inputs and expected outputs are files of the bundle there. */
#include "reports/bundle/parts.h"

#include "harness/base/buffer.h"
#include "reports/members.h"

#include <string.h>

static const json_t *named(const json_t *list, const char *name)
{
    const json_t *x;
    size_t i;
    json_array_foreach(list, i, x)
        if (name && !strcmp(tl_member_or(x, "name", ""), name))
            return x;
    return NULL;
}

static void name_inputs(struct tl_bundle *b, json_t *list)
{
    json_t *input;
    size_t i;
    json_array_foreach(list, i, input) {
        const char *name = tl_member_text(input, "name"), *path = tl_member_text(input, "npy"),
                   *npy = path ? tl_member_text(named(b->inputs, name), "npy") : NULL;
        if (npy && !strchr(path, '{'))
            json_object_set_new(input, "npy", json_string(npy));
        else if (path)
            tl_bundle_leave_out(b,
                                tl_format("the file of the input %s that case.json names", name ? name : ""));
    }
}

/* Without its files a reference is none. */
static void name_outputs(struct tl_bundle *b, json_t *c)
{
    json_t *outputs = json_object_get(json_object_get(c, "reference"), "outputs"), *output;
    size_t i;
    bool known = true;
    json_array_foreach(outputs, i, output) {
        bool has = json_object_get(output, "npy") || json_object_get(output, "pb");
        const char *npy = tl_member_text(named(b->expected, tl_member_text(output, "name")), "npy");
        if (has && npy) {
            json_object_del(output, "pb");
            json_object_set_new(output, "npy", json_string(npy));
        }
        known = known && (!has || npy);
    }
    if (known)
        return;
    json_object_del(c, "reference");
    tl_bundle_leave_out(b,
                        tl_strdup("the reference of case.json: files of its expected outputs are not here"));
}

void tl_bundle_case_files(struct tl_bundle *b, json_t *c)
{
    if (!tl_member_true(json_object_get(b->report, "bundle"), "repro")) /* no files of it are here */
        return;
    name_inputs(b, json_object_get(c, "inputs"));
    name_outputs(b, c);
}
