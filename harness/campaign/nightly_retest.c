/* A failure that is reported somewhere meets a build that is new: the retest of a beta, of a release of a runtime, of a tool.
 *
 * A cell is one when it failed in the last night that tried it, and ran now with something else under it: another OS
 * build, another build of the runtime, or another version of what its case asks for. That is so in the
 * first night with a build; from the second on there is nothing to tell. It is told of for those who read the report: where
 * nobody has said that there is one (`trapline known`, "source" of the case) nobody waits for it. What is said of it follows
 * from the class that the cell was given beside everything before (nightly_judge.c), and not from one night's few trials. */
#include "harness/campaign/nightly.h"

#include "harness/base/buffer.h"

#include <string.h>

static const char *text(const json_t *j, const char *member)
{
    return json_string_value(json_object_get(j, member));
}

static bool differ(const char *a, const char *b)
{
    return a && b && *a && *b && strcmp(a, b) != 0;
}

/* The first version of a case's own that is another one than before. */
static const char *other_version(const json_t *was, const json_t *is)
{
    const char *name;
    json_t *version;
    json_object_foreach((json_t *)is, name, version)
        if (differ(json_string_value(json_object_get(was, name)), json_string_value(version)))
            return name;
    return NULL;
}

/* What is new under a cell: {"what": "os" | "runtime" | "version", "name", "build", "was"}; NULL: nothing is. */
static json_t *new_build(const struct tl_nightly_cell *c, const json_t *was, const json_t *is)
{
    const json_t *versions = json_object_get(is, "versions"),
                 *versions_were = json_object_get(was, "versions");
    const char *unit_was = text(c->before, "unit"), *runtime = text(is, "runtime_version"),
               *runtime_was = text(was, "runtime_version"), *name = other_version(versions_were, versions);
    if (differ(unit_was, c->unit->text) && c->unit->build && !differ(runtime, runtime_was))
        return json_pack("{s:s,s:s,s:s,s:s}", "what", "runtime", "name", c->unit->runner, "build",
                         c->unit->build, "was", unit_was);
    if (differ(runtime, runtime_was))
        return json_pack("{s:s,s:s,s:s,s:s}", "what", "runtime", "name", c->unit->runner, "build", runtime,
                         "was", runtime_was);
    if (differ(text(is, "os_build"), text(was, "os_build")))
        return json_pack("{s:s,s:s,s:s}", "what", "os", "build", text(is, "os_build"), "was",
                         text(was, "os_build"));
    if (name)
        return json_pack("{s:s,s:s,s:s,s:s}", "what", "version", "name", name, "build", text(versions, name),
                         "was", text(versions_were, name));
    if (differ(text(is, "runtime_sha256"), text(was, "runtime_sha256"))) /* made anew under its old name */
        return json_pack("{s:s,s:s,s:s#,s:s#}", "what", "runtime", "name", c->unit->runner, "build",
                         text(is, "runtime_sha256"), 12, "was", text(was, "runtime_sha256"), 12);
    return NULL;
}

/* Whether it is the failure that somebody has made known that is there tonight. */
static bool is_known_tonight(const struct tl_nightly_cell *c)
{
    return tl_nightly_known_is(c, "open") || tl_nightly_known_is(c, "again") ||
           tl_nightly_known_is(c, "over");
}

static const char *verdict_of(const struct tl_nightly_cell *c)
{
    uint64_t bad = c->failed + c->refused;
    if (!c->passed && !bad)
        return c->unsupported || c->untried ? "not-tried" : "not-run";
    if (!bad)
        return c->class == TL_CLASS_FIXED ? c->as_expected ? "as-expected" : "passes" : "not-seen";
    if (!c->failed && c->class == TL_CLASS_FIXED)
        return "clean-error";
    const char *was = text(json_array_get(json_object_get(c->before, "failures"), 0), "outcome");
    if (!c->failed && c->class == TL_CLASS_STILL && was && !strcmp(was, tl_outcome_name(TL_OUTCOME_ERROR)))
        return "still-refused";
    if (c->class != TL_CLASS_CHANGED && c->class != TL_CLASS_NEW && !tl_nightly_known_is(c, "again"))
        return "still-fails";
    if (!is_known_tonight(c))
        return "fails-otherwise";
    /* Another failure for the counts, which go by the build before: there it may have passed, or been a clean error. */
    return c->class == TL_CLASS_CHANGED ? "still-fails" : "fails-again";
}

/* The baseline stands for nothing where the night has the failing variant as well. */
static bool is_beside_failing(const struct tl_nightly_cell *c)
{
    bool baseline = true;
    for (size_t i = 0; i < c->c->n_axes; i++)
        baseline = baseline && c->variant.index[i] == 0;
    if (!baseline || !c->c->has_failing)
        return false;
    for (size_t i = 0; i < c->nightly->n_cells; i++) {
        const struct tl_nightly_cell *o = &c->nightly->cells[i];
        if (o != c && o->c == c->c && o->unit == c->unit &&
            !memcmp(o->variant.index, c->c->failing.index, c->c->n_axes * sizeof *o->variant.index))
            return true;
    }
    return false;
}

json_t *tl_nightly_retest_json(const struct tl_nightly_cell *c)
{
    const json_t *was = json_object_get(c->before, "environment");
    const json_t *known = tl_nightly_known_is(c, "elsewhere") ? NULL : c->known; /* it is not this one */
    const char *url = text(known, "url"), *as = text(known, "as"),
               *source = url  ? url
                         : as ? as
                              : c->c->source;
    if (!source || !json_array_size(json_object_get(c->before, "failures")) || is_beside_failing(c))
        return NULL;
    json_t *is = tl_nightly_environment(c), *j = new_build(c, was, is);
    if (j) {
        json_object_set_new(j, "verdict", json_string(verdict_of(c)));
        json_object_set_new(j, "source", json_string(source));
    }
    json_decref(is);
    return j;
}
