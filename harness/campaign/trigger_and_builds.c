#include "harness/campaign/trigger_and_builds.h"

#include "db/finding_join.h"
#include "harness/base/buffer.h"
#include "harness/base/unit_name.h"

#include <stdlib.h>
#include <string.h>

static const char *id_of(const json_t *document)
{
    const char *id = json_string_value(json_object_get(document, "finding"));
    return id ? id : "";
}

/* Whether a unit before it is of the same runner and device: all builds of those are searched once. */
static bool is_searched(const char *const *texts, size_t at)
{
    struct tl_unit_name name = tl_unit_name_of(texts[at]);
    char *own = tl_unit_without_build(&name);
    bool found = false;
    for (size_t i = 0; i < at && !found; i++) {
        name = tl_unit_name_of(texts[i]);
        char *other = tl_unit_without_build(&name);
        found = !strcmp(own, other);
        free(other);
    }
    free(own);
    return found;
}

/* Whether the failure showed on a unit: where it did not, another one would be found over builds. */
static bool has_failed(const json_t *documents, const char *text)
{
    const struct tl_unit_name name = tl_unit_name_of(text);
    char *own = tl_unit_without_build(&name);
    const json_t *d;
    size_t i;
    bool failed = false;
    json_array_foreach(documents, i, d) {
        const char *unit = json_string_value(json_object_get(d, "unit"));
        const struct tl_unit_name of = tl_unit_name_of(unit ? unit : "");
        char *other = tl_unit_without_build(&of);
        failed = failed || (!strcmp(own, other) && json_is_true(json_object_get(d, "reproduced")));
        free(other);
    }
    free(own);
    return failed;
}

static bool is_part_of(const json_t *documents, const json_t *over)
{
    const json_t *d;
    size_t i;
    json_array_foreach(documents, i, d) {
        if (*id_of(over) && !strcmp(id_of(json_object_get(d, "builds")), id_of(over)))
            return true;
    }
    return false;
}

static int join(struct tl_store *s, json_t *documents, const json_t *over, struct tl_error *e)
{
    json_t *d;
    size_t i;
    json_array_foreach(documents, i, d) {
        if (*id_of(d) && tl_finding_join(s, d, e))
            return -1;
    }
    json_array_foreach(over, i, d) {
        if (!is_part_of(documents, d))
            json_array_append(documents, d);
    }
    return 0;
}

int tl_isolation_run_over(const struct tl_campaign_isolation *s, const char *const *texts, size_t n,
                          json_t *documents, struct tl_error *e)
{
    int result = 0;
    for (size_t i = 0; i < n && !result && !tl_executor_interrupted(s->x) && !tl_isolation_out_of_time(s);
         i++) {
        struct tl_campaign_isolation over = *s;
        json_t *found;
        if (is_searched(texts, i) || !has_failed(documents, texts[i]))
            continue;
        over.over = texts[i];
        over.frontier = NULL;
        over.units = NULL;
        over.n_units = 0;
        result = tl_isolation_run(&over, &found, e);
        free(over.units);
        struct tl_error later; /* the first one counts */
        if (join(tl_executor_store(s->x), documents, found, result ? &later : e))
            result = -1;
        json_decref(found);
    }
    return result;
}
