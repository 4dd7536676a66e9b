/* What a night found, as the JSON document that is stored, printed, and made into every other format
 * (docs/nightly.md), and as the cells that the next nights are compared with. */
#include "harness/campaign/nightly.h"

#include "harness/base/awake.h"
#include "harness/base/buffer.h"
#include "harness/base/quantile.h"
#include "harness/base/time_text.h"
#include "harness/search/change.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static json_t *failures_json(const struct tl_nightly_cell *c)
{
    json_t *list = json_array();
    for (size_t i = 0; i < c->n_kinds; i++) {
        const struct tl_nightly_kind *k = &c->kinds[i];
        json_t *f =
            json_pack("{s:s,s:s,s:s?,s:s,s:s?,s:s,s:I}", "outcome", tl_outcome_name(k->outcome), "phase",
                      tl_phase_name(k->phase), "signal", k->signal ? tl_signal_name(k->signal) : NULL,
                      "coarse", k->coarse, "title", k->title, "trial", k->trial, "trials", (json_int_t)k->n);
        const char *place = json_object_iter_key(json_object_iter(k->places));
        if (place)
            json_object_set_new(f, "signature", json_string(place));
        json_array_append_new(list, f);
    }
    return list;
}

bool tl_nightly_unexplained(const struct tl_nightly_cell *c)
{
    const char *unit = json_string_value(json_object_get(c->before, "unit"));
    json_t *mine = tl_nightly_environment(c);
    bool same = tl_nightly_outcome_changed(c->class) && unit && !strcmp(unit, c->unit->text) &&
                json_equal(json_object_get(c->before, "environment"), mine);
    json_decref(mine);
    return same;
}

static enum tl_class second_class(const struct tl_nightly_cell *c, bool memory)
{
    if (memory ? c->hungrier : c->slower)
        return memory ? TL_CLASS_HUNGRIER : TL_CLASS_SLOWER;
    if (memory ? c->leaner : c->faster)
        return memory ? TL_CLASS_LEANER : TL_CLASS_FASTER;
    return TL_CLASS_COUNT;
}

static bool has_class(const struct tl_nightly_cell *c, enum tl_class what)
{
    return tl_nightly_shown(c) == what || second_class(c, false) == what || second_class(c, true) == what;
}

static unsigned changed_bits(const struct tl_nightly_cell *c)
{
    return (tl_nightly_outcome_changed(c->class) ? TL_NIGHT_OUTCOME : 0) |
           (second_class(c, false) != TL_CLASS_COUNT ? TL_NIGHT_TIME : 0) |
           (second_class(c, true) != TL_CLASS_COUNT ? TL_NIGHT_MEMORY : 0);
}

/* A cell as the database keeps it. */
static void keep(const struct tl_nightly_cell *c, struct tl_night_cell *k)
{
    bool fresh;
    const struct tl_samples *s = tl_nightly_seconds(c, &fresh), *m = &c->memory[fresh];
    *k = (struct tl_night_cell){
        .case_name = tl_strdup(c->c->name),
        .unit = tl_strdup(c->unit->text),
        .runner_device = tl_strdup(c->runner_device),
        .continues = tl_strdup(c->continues),
        .class = tl_class_names[tl_nightly_shown(c)],
        .changed = changed_bits(c),
        .passed = c->passed,
        .failed = c->failed,
        .refused = c->refused,
        .unsupported = c->unsupported,
        .lost = c->lost,
        .fresh = fresh,
        .failures = failures_json(c),
        .environment = tl_nightly_environment(c),
        .since = json_incref(c->since),
        .since_nights = c->since_nights,
        .since_passed = c->since_passed,
        .since_failed = c->since_failed,
        .since_refused = c->since_refused,
        .n_seconds = s->n,
        .n_memory = m->n,
        .seconds = tl_calloc(s->n + 1, sizeof(double)),
        .memory = tl_calloc(m->n + 1, sizeof(double)),
    };
    memcpy(k->case_hash, c->c->hash, sizeof k->case_hash);
    memcpy(k->variant_hash, c->variant_hash, sizeof k->variant_hash);
    memcpy(k->seconds, s->list, s->n * sizeof(double));
    memcpy(k->memory, m->list, m->n * sizeof(double));
}

/* --- the document --------------------------------------------------------------------------------------- */

/* Which variant of the case it is: those that a case names itself need no list of their values. */
static const char *which(const struct tl_nightly_cell *c)
{
    bool failing = c->c->has_failing, baseline = true;
    for (size_t i = 0; i < c->c->n_axes; i++) {
        failing = failing && c->variant.index[i] == c->c->failing.index[i];
        baseline = baseline && c->variant.index[i] == 0;
    }
    return failing ? "failing" : baseline ? "baseline" : NULL;
}

/* A cell as far as it says where it stands. */
static json_t *cell_json(const struct tl_nightly_cell *c, enum tl_class what)
{
    json_t *j = json_pack("{s:s,s:s,s:s?,s:o,s:s,s:I,s:I,s:I,s:I,s:I}", "class", tl_class_names[what], "case",
                          c->c->name, "which", which(c), "variant", json_loads(c->variant_json, 0, NULL),
                          "unit", c->unit->text, "passed", (json_int_t)c->passed, "failed",
                          (json_int_t)c->failed, "refused", (json_int_t)c->refused, "unsupported",
                          (json_int_t)c->unsupported, "lost", (json_int_t)c->lost);
    bool fresh;
    const struct tl_samples *s = tl_nightly_seconds(c, &fresh);
    json_object_set_new(j, "seconds", json_real(tl_median(s->list, s->n)));
    json_object_set_new(j, "environment", tl_nightly_environment(c));
    if (c->known)
        json_object_set(j, "known", c->known);
    if (c->as_expected)
        json_object_set_new(j, "as_expected", json_integer((json_int_t)c->as_expected));
    return j;
}

/* Axes whose values are not those of the baseline: what a reader wants to see of a variant. */
static json_t *settings_json(const struct tl_nightly_cell *c)
{
    struct tl_variant v = tl_variant_baseline(c->c);
    json_t *all = json_loads(c->variant_json, 0, NULL), *baseline = tl_variant_object(c->c, &v), *value;
    const char *axis;
    void *next;
    json_object_foreach_safe(all, next, axis, value)
        if (json_equal(value, json_object_get(baseline, axis)))
            json_object_del(all, axis);
    json_decref(baseline);
    tl_variant_free(&v);
    return all;
}

/* A cell with all there is to say of it. */
static json_t *entry_json(const struct tl_nightly_cell *c, enum tl_class what)
{
    bool fresh;
    json_t *j = cell_json(c, what);
    tl_nightly_seconds(c, &fresh); /* the memory of the same kind of process */
    json_object_set_new(j, "settings", settings_json(c));
    json_object_set_new(j, "failures", failures_json(c));
    json_object_set_new(j, "memory", json_real(tl_median(c->memory[fresh].list, c->memory[fresh].n)));
    json_object_set_new(j, "before", c->before ? json_incref(c->before) : json_null());
    const char *evidence = what == TL_CLASS_SLOWER || what == TL_CLASS_FASTER     ? c->measured[0]
                           : what == TL_CLASS_HUNGRIER || what == TL_CLASS_LEANER ? c->measured[1]
                                                                                  : c->evidence;
    if (what == tl_nightly_shown(c) && tl_nightly_unexplained(c))
        json_object_set_new(j, "unexplained", json_true());
    if (evidence)
        json_object_set_new(j, "evidence", json_string(evidence));
    if (c->why)
        json_object_set_new(j, "why", json_string(c->why));
    if (*c->lost_trial)
        json_object_set_new(j, "lost_trial", json_string(c->lost_trial));
    if (c->finding)
        json_object_set(j, "isolation", c->finding);
    return j;
}

static json_t *list_of(const struct tl_nightly *n, enum tl_class from, enum tl_class to)
{
    json_t *list = json_array();
    for (enum tl_class what = from; what < to; what++)
        for (size_t i = 0; i < n->n_cells; i++) {
            const struct tl_nightly_cell *c = &n->cells[i];
            if (has_class(c, what))
                json_array_append_new(list, entry_json(c, what));
        }
    return list;
}

static json_t *retests_json(const struct tl_nightly *n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n->n_cells; i++) {
        json_t *retest = tl_nightly_retest_json(&n->cells[i]), *j;
        if (!retest)
            continue;
        j = entry_json(&n->cells[i], tl_nightly_shown(&n->cells[i]));
        json_object_set_new(j, "retest", retest);
        json_array_append_new(list, j);
    }
    return list;
}

/* Cells in which what was known is closed tonight. */
static json_t *closed_json(const struct tl_nightly *n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n->n_cells; i++)
        if (tl_nightly_known_is(&n->cells[i], "closed"))
            json_array_append_new(list, entry_json(&n->cells[i], tl_nightly_shown(&n->cells[i])));
    return list;
}

static void add_list(json_t *d, const char *name, const struct tl_nightly *n, enum tl_class from,
                     enum tl_class to)
{
    json_object_set_new(d, name, list_of(n, from, to));
}

/* The document of the night before; NULL: there is none, or it cannot be read. The caller's. */
static json_t *document_before(struct tl_nightly *n)
{
    json_t *list = NULL, *found = NULL, *one;
    struct tl_error ignored;
    size_t i;
    if (tl_night_list(tl_executor_store(n->x), n->night.suite, n->night.machine_id, NULL, 2, &list, &ignored))
        return NULL;
    json_array_foreach(list, i, one) {
        const char *id = json_string_value(json_object_get(one, "night"));
        if (!found && id && strcmp(id, n->night.id) != 0)
            found = json_incref(one);
    }
    json_decref(list);
    return found;
}

static json_t *previous_json(const json_t *before)
{
    return before
               ? json_pack("{s:O,s:O,s:O}", "night", json_object_get(before, "night"), "n",
                           json_object_get(before, "n"), "started_us", json_object_get(before, "started_us"))
               : json_null();
}

static json_t *when_json(int64_t us)
{
    char *text = tl_time_format(us, TL_TIME_ISO);
    json_t *j = json_string(text);
    free(text);
    return j;
}

/* What was lost although it has a verdict by now: listed, so that nobody wonders about the trial. */
static json_t *cut_short_json(const struct tl_nightly *n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n->n_cells; i++)
        if (n->cells[i].lost && n->cells[i].class != TL_CLASS_LOST)
            json_array_append_new(
                list, json_pack("{s:s,s:o,s:s,s:s,s:I,s:b}", "case", n->cells[i].c->name, "variant",
                                json_loads(n->cells[i].variant_json, 0, NULL), "unit", n->cells[i].unit->text,
                                "trial", n->cells[i].lost_trial, "times", (json_int_t)n->cells[i].lost,
                                "machine_went_down", n->cells[i].went_down > 0));
    return list;
}

static json_t *document(struct tl_nightly *n)
{
    struct tl_machine machine, *m = &machine;
    tl_nightly_machine(n, m);
    json_t *d = json_object(), *counts = json_object(), *cells = json_array(), *units = json_array();
    json_int_t trials = 0, judged = 0, untried = (json_int_t)n->units_missing;
    for (size_t i = 0; i < n->n_cells; i++) {
        const struct tl_nightly_cell *c = &n->cells[i];
        json_array_append_new(cells, cell_json(c, tl_nightly_shown(c)));
        judged += (json_int_t)(c->passed + c->failed + c->refused);
        untried += c->class == TL_CLASS_UNTRIED;
        trials += (json_int_t)(c->passed + c->failed + c->refused + c->lost);
    }
    for (size_t i = 0; i < n->names.n; i++)
        json_array_append_new(units, json_pack("{s:s,s:b,s:s?}", "unit", n->units[i]->text, "usable",
                                               n->units[i]->usable, "why",
                                               n->units[i]->usable ? NULL : n->units[i]->why));
    json_object_set_new(d, "night", json_string(n->night.id));
    json_object_set_new(d, "suite", json_string(n->suite->name));
    json_object_set_new(d, "n", json_integer(n->night.n));
    json_object_set_new(d, "machine", json_string(m->name ? m->name : ""));
    json_object_set_new(d, "os", json_string(m->os ? m->os : ""));
    json_object_set_new(d, "os_build", json_string(m->os_build ? m->os_build : ""));
    json_object_set_new(d, "started", when_json(n->night.started_us));
    json_object_set_new(d, "started_us", json_integer(n->night.started_us));
    json_object_set_new(d, "elapsed_s", json_real(tl_awake_since(n->started_ns)));
    json_object_set_new(d, "resumed", json_boolean(n->resumed));
    json_object_set_new(d, "complete", json_boolean(!n->over_budget));
    json_object_set_new(d, "repeat", json_integer((json_int_t)n->suite->repeat));
    json_object_set_new(d, "trials", json_integer(trials));
    json_t *before = document_before(n);
    json_object_set_new(d, "previous", previous_json(before));
    json_object_set_new(d, "units", units);
    add_list(d, "changes", n, 0, TL_CLASS_NEWS);
    json_object_set_new(d, "retests", retests_json(n));
    add_list(d, "still_failing", n, TL_CLASS_STILL, TL_CLASS_STILL + 1);
    add_list(d, "known", n, TL_CLASS_KNOWN, TL_CLASS_KNOWN + 1);
    json_object_set_new(d, "closed", closed_json(n));
    add_list(d, "unclear", n, TL_CLASS_UNCLEAR, TL_CLASS_UNCLEAR + 1);
    add_list(d, "first", n, TL_CLASS_FIRST_FAILURE, TL_CLASS_FIRST_FAILURE + 1);
    add_list(d, "lost", n, TL_CLASS_LOST, TL_CLASS_LOST + 1);
    json_object_set_new(d, "cut_short", cut_short_json(n));
    add_list(d, "not_supported", n, TL_CLASS_NOT_SUPPORTED, TL_CLASS_NOT_SUPPORTED + 1);
    add_list(d, "untried", n, TL_CLASS_UNTRIED, TL_CLASS_UNTRIED + 1);
    json_object_set_new(d, "cells", cells);
    json_t *notes = json_copy(n->notes);
    notes = notes ? notes : json_array();
    json_object_set_new(d, "processes", tl_nightly_processes_json(n, notes));
    json_object_set_new(d, "notes", notes);
    tl_stored_add_json(d, &(struct tl_stored_span){0}, &n->aside);
    size_t regressions = 0;
    for (enum tl_class what = 0; what < TL_CLASS_COUNT; what++) {
        json_int_t k = 0;
        for (size_t i = 0; i < n->n_cells; i++)
            k += has_class(&n->cells[i], what);
        if (k)
            json_object_set_new(counts, tl_class_names[what], json_integer(k));
        regressions += what < TL_CLASS_REGRESSIONS ? (size_t)k : 0;
    }
    json_object_set_new(d, "judged", json_integer(judged));
    json_object_set_new(d, "could_not_be_tried", json_integer(untried));
    json_object_set_new(d, "news", tl_nightly_news(d, before));
    json_decref(before);
    json_object_set_new(d, "counts", counts);
    json_object_set_new(d, "regressions", json_integer((json_int_t)regressions));
    return d;
}

int tl_nightly_end(struct tl_nightly *n, json_t **out, struct tl_error *e)
{
    struct tl_store *s = tl_executor_store(n->x);
    struct tl_night_cell *cells = tl_calloc(n->n_cells + 1, sizeof *cells);
    int result = 0;
    for (size_t i = 0; i < n->n_cells; i++) {
        keep(&n->cells[i], &cells[i]);
        /* Of a cell that was never tried nobody stored the variant. */
        result =
            result ? result : tl_store_put_variant(s, n->cells[i].variant_hash, n->cells[i].variant_json, e);
    }
    *out = document(n);
    if (!result)
        result = tl_night_end(s, &n->night, cells, n->n_cells, *out, e);
    for (size_t i = 0; i < n->n_cells; i++)
        tl_night_cell_free(&cells[i]);
    free(cells);
    if (result) {
        json_decref(*out);
        *out = NULL;
    }
    return result;
}
