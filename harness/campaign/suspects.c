/* Which axes an isolation tries first: those that the user names, or what an earlier finding needed.
 *
 * The newest finding counts of the same case, or else of the same runner, whose whole trigger consists of axes that this
 * failing variant has away from its baseline. Two bounds keep what is known of use:
 *
 * An isolation that goes on where it stopped has to ask the same questions again. Findings that were stored since its first
 * trial would change them, so only those count that are older than the oldest trial of the failing variant that answers
 * for it. Of a problem that is solved that is none of its own.
 *
 * A wrong guess costs two trials (harness/search/suspects.c), so one is made only where a finding says exactly which axes
 * it needed. */
#include "harness/campaign/suspects.h"

#include "db/finding.h"
#include "harness/base/clock.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_AT 20 /* findings */

/* Since when something is known of the failing variant, as an answer; now, where nothing is. */
static int known_since(struct tl_campaign_isolation *s, const struct tl_unit *u, int64_t *us,
                       struct tl_error *e)
{
    char hash[TL_ID_SIZE], environment[TL_ID_SIZE];
    struct tl_cached *list;
    size_t n;
    *us = tl_executor_started_us(s->x);
    if (s->wishes.no_cache)
        return 0;
    tl_variant_hash(s->c, &s->failing, hash);
    if (tl_executor_environment(s->x, s->c, &s->failing, u, environment, e) ||
        tl_store_cached(tl_executor_store(s->x), s->c->hash, hash, u->text, environment, 4096, &list, &n, e))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (list[i].started_us < *us)
            *us = list[i].started_us;
    free(list);
    return 0;
}

/* The axes of a finding's trigger, by their places in the case. 0: it has none, or one of them is no axis here that is
 * away from the baseline. */
static size_t trigger_of(const struct tl_campaign_isolation *s, const json_t *finding, size_t *axes)
{
    const json_t *trigger = json_object_get(finding, "trigger"), *t;
    size_t i, n = 0;
    json_array_foreach(trigger, i, t) {
        const char *name = json_string_value(json_object_get(t, "axis"));
        size_t at;
        if (!name || n == s->c->n_axes || !tl_case_axis(s->c, name, &at) || s->failing.index[at] == 0)
            return 0;
        axes[n++] = at;
    }
    return n;
}

static bool is_text(const json_t *finding, const char *key, const char *text)
{
    const char *value = json_string_value(json_object_get(finding, key));
    return value && !strcmp(value, text);
}

static int earlier(struct tl_campaign_isolation *s, const struct tl_unit *u, int64_t before_us, bool of_case,
                   size_t *axes, size_t *n, char from[TL_UUID_SIZE], struct tl_error *e)
{
    const struct tl_filter f = {.case_name = of_case ? s->c->name : NULL, .limit = LOOK_AT};
    json_t *list, *d;
    size_t i;
    if (tl_finding_list(tl_executor_store(s->x), &f, &list, e))
        return -1;
    json_array_foreach(list, i, d) {
        const char *id = json_string_value(json_object_get(d, "finding"));
        if (json_integer_value(json_object_get(d, "created_us")) >= before_us || !id ||
            strlen(id) >= TL_UUID_SIZE || !is_text(d, "kind", "isolation") ||
            json_object_get(d, "reduction") || /* it is of another model, of which little is left */
            !json_is_true(json_object_get(d, "reproduced")) ||
            (!of_case && !is_text(d, "runner", u->runner)) || !(*n = trigger_of(s, d, axes)))
            continue;
        strcpy(from, id);
        break;
    }
    json_decref(list);
    return 0;
}

int tl_suspects_find(struct tl_campaign_isolation *s, const struct tl_unit *u, size_t *axes, size_t *n,
                     char from[TL_UUID_SIZE], struct tl_error *e)
{
    int64_t before_us;
    *n = 0;
    *from = '\0';
    if (s->n_suspects) {
        memcpy(axes, s->suspects, s->n_suspects * sizeof *axes);
        *n = s->n_suspects;
        return 0;
    }
    if (known_since(s, u, &before_us, e) || earlier(s, u, before_us, true, axes, n, from, e))
        return -1;
    return *n ? 0 : earlier(s, u, before_us, false, axes, n, from, e);
}
