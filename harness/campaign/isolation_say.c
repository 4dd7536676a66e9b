/* What the user is told while an isolation runs: at its start what it will cost at most, and then all the time what the
 * best answer so far is. Where a trial takes minutes that decides whether somebody waits for it, and when it is enough. */
#include "harness/campaign/isolation_say.h"

#include "db/query.h"
#include "harness/base/awake.h"
#include "harness/base/buffer.h"
#include "harness/base/plural.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEST_MOST 44 /* bytes of the best answer on the line, which has to leave room for the rest */

/* "0.3 s", "42 s", "7 min", "4 h 47 min". A new string. */
static char *duration(double seconds)
{
    if (seconds < 9.95)
        return tl_format("%.1f s", seconds);
    if (seconds < 100)
        return tl_format("%.0f s", seconds);
    if (seconds < 5970)
        return tl_format("%.0f min", seconds / 60);
    double minutes = round(seconds / 60);
    return tl_format("%.0f h %.0f min", floor(minutes / 60), fmod(minutes, 60));
}

static uint64_t budget_left(const struct tl_driver *d)
{
    return !d->max_trials ? UINT64_MAX : d->max_trials > d->n_run ? d->max_trials - d->n_run : 0;
}

static unsigned at_once(const struct tl_campaign_isolation *s, const struct tl_driver *d)
{
    unsigned jobs = tl_executor_jobs(s->x), slots = d->unit && d->unit->slots ? d->unit->slots : jobs;
    return slots < jobs ? slots : jobs;
}

void tl_isolation_say_cost(const struct tl_campaign_isolation *s, const struct tl_driver *d,
                           const char *trial)
{
    struct tl_trial_record r;
    struct tl_error ignored;
    struct tl_buffer b = TL_BUFFER_INIT;
    uint64_t left = tl_search_left(d->search), budget = budget_left(d);
    if (!s->announce)
        return;
    if (d->units && !s->wishes.fresh && left <= UINT64_MAX / 2)
        left *= 2; /* on a build on which a fresh process passes a child of a fork server is tried as well */
    left = left < budget ? left + (left < UINT64_MAX) : budget; /* and the first one of the failing variant */
    left = left < budget ? left : budget;
    tl_buffer_printf(&b, "%s: at most %llu trial%s, those that are known already among them",
                     d->units ? s->over : d->unit->text, (unsigned long long)left, tl_plural(left));
    if (*trial && !tl_query_trial(tl_executor_store(s->x), trial, &r, &ignored)) {
        unsigned n = s->wishes.effort == TL_EFFORT_QUICK ? 1 : at_once(s, d);
        char *one = duration(r.wall_seconds), *all = duration((double)left * r.wall_seconds / n);
        tl_buffer_printf(&b, "; the first took %s, so at most about %s", one, all);
        if (n > 1)
            tl_buffer_printf(&b, ", %u at a time", n);
        free(one);
        free(all);
        tl_trial_record_free(&r);
    }
    if (s->wishes.max_seconds)
        tl_buffer_printf(&b, "; it ends after %llu s in any case", (unsigned long long)s->wishes.max_seconds);
    tl_buffer_add_string(&b, ". A failure that does not show every time takes more");
    tl_watch_say(s->watch, "%s", b.data);
    tl_buffer_free(&b);
}

/* The values that are away from the baseline in the simplest variant that failed, as far as there is room. */
static void add_best(struct tl_buffer *b, const struct tl_driver *d, const struct tl_search_result *r)
{
    size_t left_out = 0, n = 0, begin = b->size;
    if (!r->minimal || d->units || d->frontier)
        return;
    const struct tl_variant v = {(uint64_t *)r->minimal};
    json_t *values = tl_variant_object(d->c, &v);
    tl_buffer_add_string(b, "fails with ");
    for (size_t a = 0; a < d->c->n_axes; a++) {
        if (!r->minimal[a])
            continue;
        const json_t *value = json_object_get(values, d->c->axes[a].name);
        char *text =
            json_is_string(value) ? tl_strdup(json_string_value(value)) : json_dumps(value, JSON_ENCODE_ANY);
        size_t size = strlen(d->c->axes[a].name) + strlen(text ? text : "") + 2;
        if (b->size + size > begin + BEST_MOST)
            left_out++;
        else
            tl_buffer_printf(b, "%s%s=%s", n++ ? " " : "", d->c->axes[a].name, text ? text : "?");
        free(text);
    }
    if (left_out)
        tl_buffer_printf(b, "%s%zu%s", n ? " and " : "", left_out,
                         n ? " more" : tl_one_or_many(left_out, " axis", " axes"));
    else if (!n)
        tl_buffer_add_string(b, "the baseline");
    tl_buffer_add_string(b, " so far; ");
    json_decref(values);
}

void tl_isolation_say_progress(const struct tl_campaign_isolation *s, const struct tl_driver *d)
{
    const struct tl_search_result *r = tl_search_result(d->search);
    uint64_t left = tl_search_left(d->search), budget = budget_left(d);
    struct tl_buffer best = TL_BUFFER_INIT;
    char most[48] = "", budgeted[32] = "";
    if (s->wishes.max_seconds)
        snprintf(most, sizeof most, " of at most %llu s", (unsigned long long)s->wishes.max_seconds);
    if (d->max_trials)
        snprintf(budgeted, sizeof budgeted, " (of %llu)", (unsigned long long)d->max_trials);
    add_best(&best, d, r);
    tl_watch_line(s->watch, "%s: %s%s; %llu trial%s, at most %llu more%s, %.0f s%s",
                  (d->units ? d->units[0] : d->unit)->runner, best.size ? best.data : "", d->doing,
                  (unsigned long long)r->trials, tl_plural(r->trials),
                  (unsigned long long)(left < budget ? left : budget), budgeted,
                  tl_awake_since(s->started_ns), most);
    tl_buffer_free(&best);
}
