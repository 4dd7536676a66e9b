/* Writes down what a search found, as the document of a finding (docs/isolation.md).
 *
 * A claim of the document has a trial behind it where there is one: the evidence is a trial of the minimal
 * variant, the control one of a variant that differs in one axis and passes, and every decisive pair names
 * the two trials that decided it. Fresh trials are named rather than a fork server's children. */
#include "harness/campaign/finding_document.h"

#include "db/query.h"
#include "harness/base/awake.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/files.h"
#include "harness/base/plural.h"
#include "harness/campaign/finding_parts.h"
#include "harness/campaign/processes.h"
#include "harness/executor/case_files.h"
#include "harness/executor/reading.h"

#include <stdlib.h>
#include <string.h>

/* A trial of the path that shows something: of this variant, with this outcome, a fresh one if there is any.
 */
static const char *trial_showing(const struct tl_driver *d, const struct tl_search_result *r,
                                 const uint64_t *index, enum tl_search_outcome outcome)
{
    const char *found = NULL;
    size_t n = d->units ? 1 : d->c->n_axes; /* over builds there is one axis: the build */
    for (size_t i = 0; i < r->n_path && i < d->n_trials; i++) {
        const struct tl_search_step *s = &r->path[i];
        if (s->outcome != outcome || !d->trials[i].told || memcmp(s->index, index, n * sizeof *index))
            continue;
        if (!found || (s->fresh && d->trials[i].fresh))
            found = d->trials[i].id;
    }
    if (!found && d->units && d->shown.told && *index == d->shown_at && outcome == TL_SEARCH_MATCH)
        found = d->shown.id;
    return found;
}

/* Where the baseline itself fails no pair was looked for, and what was tried beside it may pass all the same. */
static const char *passing_neighbour(const struct tl_driver *d, const struct tl_search_result *r)
{
    for (size_t i = 0; i < r->n_path && i < d->n_trials; i++) {
        const uint64_t *index = r->path[i].index;
        size_t differ = 0;
        for (size_t a = 0; a < d->c->n_axes; a++)
            differ += index[a] != r->minimal[a];
        if (differ != 1 || r->path[i].outcome != TL_SEARCH_PASS ||
            trial_showing(d, r, index, TL_SEARCH_MATCH))
            continue;
        const char *trial = trial_showing(d, r, index, TL_SEARCH_PASS);
        if (trial)
            return trial;
    }
    return NULL;
}

static json_t *decisive_json(const struct tl_driver *d, const struct tl_search_result *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->n_decisive; i++) {
        const struct tl_search_pair *p = &r->decisive[i];
        json_array_append_new(
            list, json_pack("{s:s,s:o,s:o,s:I,s:I,s:o,s:o}", "axis", d->c->axes[p->axis].name, "fails",
                            tl_finding_variant(d->c, p->fails), "passes", tl_finding_variant(d->c, p->passes),
                            "n_fails", (json_int_t)p->n_fails, "n_passes", (json_int_t)p->n_passes,
                            "fails_trial", tl_finding_id(trial_showing(d, r, p->fails, TL_SEARCH_MATCH)),
                            "passes_trial", tl_finding_id(trial_showing(d, r, p->passes, TL_SEARCH_PASS))));
    }
    return list;
}

/* Over builds, whether the trial that showed the failure beforehand is none of the search's own. */
static bool is_shown_apart(const struct tl_driver *d, const struct tl_search_result *r)
{
    for (size_t i = 0; i < r->n_path && i < d->n_trials; i++)
        if (d->trials[i].told && !strcmp(d->trials[i].id, d->shown.id))
            return false;
    return d->units && d->shown.told;
}

static json_t *path_json(const struct tl_driver *d, const struct tl_search_result *r)
{
    json_t *list = json_array();
    if (is_shown_apart(d, r))
        json_array_append_new(list,
                              json_pack("{s:{s:s},s:s,s:s,s:s,s:b,s:i,s:s}", "variant", "build",
                                        d->units[d->shown_at]->text, "trial", d->shown.id, "purpose",
                                        tl_search_purpose_name(TL_SEARCH_REPRODUCE), "outcome",
                                        tl_search_outcome_name(TL_SEARCH_MATCH), "fresh", (int)d->shown.fresh,
                                        "repeat", 0, "signature", d->shown.coarse_id));
    for (size_t i = 0; i < r->n_path && i < d->n_trials; i++) {
        const struct tl_search_step *s = &r->path[i];
        if (s->purpose == TL_SEARCH_JUDGE) /* no trial */
            continue;
        json_t *j = json_pack(
            "{s:o,s:o,s:s,s:s,s:b,s:I}", "variant",
            d->units ? json_pack("{s:s}", "build", d->units[s->index[0]]->text)
                     : tl_finding_variant(d->c, s->index),
            "trial", tl_finding_id(d->trials[i].told ? d->trials[i].id : NULL), "purpose",
            tl_search_purpose_name(s->purpose), "outcome", tl_search_outcome_name(s->outcome), "fresh",
            d->trials[i].told ? d->trials[i].fresh : s->fresh, "repeat", (json_int_t)s->repeat);
        if (d->trials[i].counted)
            json_object_set_new(j, "counted",
                                d->trials[i].count ? json_integer((json_int_t)d->trials[i].count)
                                                   : json_null());
        if (s->signature && *s->signature)
            json_object_set_new(j, "signature", json_string(s->signature));
        json_array_append_new(list, j);
    }
    return list;
}

static json_t *axes_json(const struct tl_case *c, const struct tl_unit *u)
{
    static const char *const kinds[] = {"range", "ordered", "choices", "subset"};
    json_t *list = json_array();
    for (size_t i = 0; i < c->n_axes; i++) {
        const struct tl_axis *a = &c->axes[i];
        json_t *j = json_pack("{s:s,s:s}", "name", a->name, "kind", kinds[a->kind]);
        if (a->kind == TL_AXIS_RANGE) {
            json_object_set_new(j, "range", json_pack("[I,I]", (json_int_t)a->first, (json_int_t)a->last));
        } else {
            json_t *values = json_array();
            if (a->kind == TL_AXIS_SUBSET)
                json_object_set_new(j, "elements",
                                    json_integer((json_int_t)tl_axis_sets_elements(a->sets)->n));
            if (a->sequence)
                json_object_set_new(j, "sequence", json_true());
            for (uint64_t k = 0; k < a->count; k++)
                json_array_append_new(values, tl_finding_value(c, i, k));
            json_object_set_new(j, "values", values);
        }
        tl_finding_add_about(c, u, i, j);
        json_array_append_new(list, j);
    }
    return list;
}

static json_t *environment_json(const struct tl_driver *d, const struct tl_unit *u)
{
    const struct tl_machine *m = tl_executor_machine_of(d->x, u);
    const char *sha = json_string_value(json_object_get(u->build_object, "sha256"));
    const char *version = json_string_value(json_object_get(u->build_object, "version"));
    json_t *versions = tl_executor_versions(d->x, d->c);
    json_t *j =
        json_pack("{s:s?,s:s?,s:s?,s:s?,s:s?,s:I,s:I,s:s,s:s,s:s?,s:s?,s:s?,s:s?}", "os", m->os, "os_build",
                  m->os_build, "kernel", m->kernel, "machine", m->arch, "cpu", m->cpu, "cores",
                  (json_int_t)m->cores, "memory", (json_int_t)m->memory, "trapline", TL_VERSION, "runner",
                  u->runner, "runner_version", u->runner_version, "runtime_path", tl_unit_runtime(u),
                  "runtime_sha256", sha, "runtime_version", version);
    json_t *processor = m->processor ? json_loads(m->processor, 0, NULL) : NULL;
    if (processor)
        json_object_set_new(j, "processor", processor);
    if (versions)
        json_object_set_new(j, "versions", versions);
    if (u->alias) /* all else is of the machine on which it hangs */
        json_object_set_new(
            j, "target",
            json_pack("{s:s?,s:s?,s:s?}", "os", u->os, "os_build", u->os_build, "model", u->model));
    return j;
}

/* The search does not know which bound it was that ran out, nor who named it. */
static char *note_text(const struct tl_driver *d, enum tl_search_note note)
{
    const char *text = tl_search_note_text(note);
    if (note != TL_NOTE_BUDGET || !d->default_budget || d->n_run < d->max_trials)
        return tl_strdup(text);
    return tl_format("%s (%llu trial%s, as nothing else was asked for: --max-trials N allows more)", text,
                     (unsigned long long)d->max_trials, tl_plural(d->max_trials));
}

static json_t *notes_json(const struct tl_driver *d, const struct tl_search_result *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->n_notes; i++) {
        char *text = note_text(d, r->notes[i]);
        json_array_append_new(list,
                              json_pack("{s:s,s:s}", "code", tl_search_note_name(r->notes[i]), "text", text));
        free(text);
    }
    if (d->bare_trials) {
        char *text = tl_format(
            "%zu trial%s left no stack: what is missing is unknown and not another failure, so "
            "%s matched by outcome, phase and signal",
            d->bare_trials, tl_plural(d->bare_trials), tl_one_or_many(d->bare_trials, "it was", "they were"));
        json_array_append_new(list, json_pack("{s:s,s:s}", "code", "no-stack", "text", text));
        free(text);
    }
    if (r->answers) {
        char *text = tl_format("what %zu trial%s counted as \"%s\" tells of every value of %s: each counts "
                               "beside each value that it tells of",
                               d->n_counts, tl_plural(d->n_counts), d->counted->name, d->counted->axis);
        json_array_append_new(list, json_pack("{s:s,s:s}", "code", "inferred", "text", text));
        free(text);
    }
    return list;
}

/* Why the failing variant cannot be tried here, as the message: there is no failure that has one. */
static void add_reason(const struct tl_driver *d, const struct tl_search_result *r, json_t *document)
{
    struct tl_trial_record t;
    struct tl_error ignored;
    bool ended = r->trials || d->n_cached;
    if (!r->reproduced &&
        (tl_search_has_note(r, TL_NOTE_LOST) || !ended)) { /* it may fail or pass: nobody saw */
        json_object_set_new(document, "judged", json_false());
        json_object_set_new(
            document, "message",
            json_string("no trial of the failing variant came to its end; give it more time"));
        return;
    }
    if (!tl_search_has_note(r, TL_NOTE_FAILING_UNSUPPORTED))
        return;
    char *why = tl_variant_forbidden(d->c, d->failing);
    if (!why && d->n_trials && d->trials[0].told &&
        !tl_query_trial(tl_executor_store(d->x), d->trials[0].id, &t, &ignored)) {
        why = t.message ? tl_strdup(t.message) : NULL;
        if (tl_outcome_is_not_judged(t.outcome, t.phase))
            json_object_set_new(document, "judged", json_false());
        tl_trial_record_free(&t);
    }
    if (why)
        json_object_set_new(document, "message", json_string(why));
    free(why);
}

/* Whether a variant is what the rate of the finding is that of: M, F of a boundary, or a build that fails. */
static bool is_counted(const struct tl_driver *d, const struct tl_search_result *r, const uint64_t *index)
{
    const uint64_t *reported = d->frontier || !r->minimal ? d->failing->index : r->minimal;
    if (!d->units)
        return !memcmp(index, reported, d->c->n_axes * sizeof *index);
    for (size_t i = 0; i < r->n_path; i++)
        if (r->path[i].outcome == TL_SEARCH_MATCH && r->path[i].index[0] == index[0])
            return true;
    return false;
}

/* How often that failed: all of its trials that said something, as the tables of reports count them. The search's
 * own figure is that of the fresh ones. */
static void add_rate(const struct tl_driver *d, const struct tl_search_result *r, json_t *document)
{
    json_int_t failed = is_shown_apart(d, r), runs = failed;
    double low, high;
    for (size_t i = 0; i < r->n_path; i++) {
        const struct tl_search_step *s = &r->path[i];
        bool match = s->outcome == TL_SEARCH_MATCH;
        if (s->purpose == TL_SEARCH_JUDGE || !is_counted(d, r, s->index))
            continue;
        failed += match;
        runs += match || s->outcome == TL_SEARCH_OTHER || s->outcome == TL_SEARCH_PASS;
    }
    tl_wilson((uint64_t)failed, (uint64_t)runs, TL_FINDING_CONFIDENCE, &low, &high);
    json_object_set_new(document, "rate", json_pack("[I,I]", failed, runs));
    json_object_set_new(document, "rate_interval", json_pack("[f,f]", low, high));
}

static json_t *suspects_json(const struct tl_driver *d)
{
    json_t *axes = json_array();
    for (size_t i = 0; i < d->n_suspects; i++)
        json_array_append_new(axes, json_string(d->c->axes[d->suspects[i]].name));
    return json_pack("{s:o,s:o}", "axes", axes, "finding",
                     tl_finding_id(*d->suspects_from ? d->suspects_from : NULL));
}

static void add_search(const struct tl_driver *d, const struct tl_search_result *r, json_t *document)
{
    const struct tl_case *c = d->c;
    json_t *independent = json_array(), *reset = json_array(), *joint = json_array(), *causes = json_array(),
           *purposes = json_object();
    for (size_t i = 0; i < r->n_independent; i++)
        json_array_append_new(independent, json_string(c->axes[r->independent[i]].name));
    for (size_t i = 0; i < r->n_reset; i++)
        json_array_append_new(reset, json_string(c->axes[r->reset[i]].name));
    for (size_t i = 0; i < r->n_causes; i++)
        json_array_append_new(causes, tl_finding_answer(c, &r->causes[i]));
    for (size_t i = 0; i < r->n_joint; i++)
        json_array_append_new(joint, json_pack("{s:s,s:s,s:o}", "less", c->axes[r->joint[i].less].name,
                                               "more", c->axes[r->joint[i].more].name, "witness",
                                               tl_finding_variant(c, r->joint[i].witness)));
    uint64_t trials = r->trials; /* of which the search was told one for each request */
    for (int i = 0; i < TL_SEARCH_PURPOSE_COUNT; i++) {
        trials += d->twice[i];
        if (r->by_purpose[i] + d->twice[i])
            json_object_set_new(purposes, tl_search_purpose_name((enum tl_search_purpose)i),
                                json_integer((json_int_t)(r->by_purpose[i] + d->twice[i])));
    }
    json_object_set_new(document, "minimal",
                        r->minimal && !d->units && !d->frontier ? tl_finding_variant(c, r->minimal)
                                                                : json_null());
    json_object_set_new(document, "trigger",
                        d->units ? json_array() : tl_finding_triggers(c, r->triggers, r->n_triggers));
    json_object_set_new(document, "joint", joint);
    json_object_set_new(document, "match", json_string(r->wide ? "wide" : "strict"));
    if (r->strict.minimal)
        json_object_set_new(document, "strict", tl_finding_answer(c, &r->strict));
    json_object_set_new(document, "or", causes);
    json_object_set_new(document, "needs", tl_finding_needs(c, r->needs, r->n_needs));
    json_object_set_new(document, "local_needs", tl_finding_needs(c, r->local_needs, r->n_local_needs));
    json_object_set_new(document, "independent", independent);
    json_object_set_new(document, "reset", reset);
    json_object_set_new(document, "decisive", d->units ? json_array() : decisive_json(d, r));
    json_object_set_new(
        document, "generalises",
        json_pack("{s:[i,i],s:[i,i]}", "held", r->held[0], r->held[1], "broken", r->broken[0], r->broken[1]));
    json_object_set_new(document, "generalises_strict",
                        json_pack("{s:i,s:i}", "held", r->held_exact, "broken", r->broken_exact));
    if (r->not_held)
        json_object_set_new(document, "not_held", tl_finding_variant(c, r->not_held));
    if (r->also)
        json_object_set_new(document, "also", tl_finding_variant(c, r->also));
    add_rate(d, r, document);
    json_object_set_new(document, "flaky", json_boolean(r->flaky));
    json_object_set_new(document, "confidence",
                        r->flaky && r->confidence > 0 ? json_real(r->confidence) : json_null());
    json_object_set_new(document, "trials", json_integer((json_int_t)trials));
    json_object_set_new(document, "search_trials", json_integer((json_int_t)r->search_trials));
    if (r->answers)
        json_object_set_new(document, "inferred",
                            json_pack("{s:I,s:I,s:s,s:s}", "answers", (json_int_t)r->answers, "trials",
                                      (json_int_t)d->n_counts, "count", d->counted->name, "axis",
                                      d->counted->axis));
    json_object_set_new(document, "cached", json_integer((json_int_t)d->n_cached));
    tl_stored_add_json(document, &d->span, &d->aside);
    if (tl_processes_tell(&d->processes) || d->all_forked) {
        json_t *processes = tl_processes_json(&d->processes);
        json_object_set_new(processes, "isolated", json_string(d->all_forked ? "forked" : "fresh"));
        json_object_set_new(document, "processes", processes);
    }
    json_object_set_new(document, "by_purpose", purposes);
    if (d->quick || d->thorough)
        json_object_set_new(document, "effort", json_string(d->quick ? "quick" : "thorough"));
    if (d->n_suspects)
        json_object_set_new(document, "suspects", suspects_json(d));
    json_object_set_new(document, "budget",
                        d->max_trials ? json_pack("{s:I,s:b}", "trials", (json_int_t)d->max_trials, "default",
                                                  (int)d->default_budget)
                                      : json_null());
}

/* Takes an axis out of a list of names, or of objects that name one as "axis". */
static void take_out(json_t *list, const char *axis)
{
    for (size_t i = json_array_size(list); i-- > 0;) {
        const json_t *entry = json_array_get(list, i),
                     *name = json_is_object(entry) ? json_object_get(entry, "axis") : entry;
        if (!strcmp(json_string_value(name), axis))
            json_array_remove(list, i);
    }
}

/* Axes that nothing reads say nothing: neither that the failure does without them nor that it needs them, and what
 * passes with another value of them is no evidence. */
static void set_unread_apart(const struct tl_driver *d, const struct tl_unit *u, json_t *document)
{
    static const char *const lists[] = {"independent", "reset", "decisive"};
    json_t *unread = json_array();
    for (size_t a = 0; a < d->c->n_axes; a++) {
        const char *axis = d->c->axes[a].name;
        if (tl_executor_reading(d->x, d->c, d->failing, u, a) != TL_READING_NO)
            continue;
        json_array_append_new(unread, json_string(axis));
        for (size_t i = 0; i < TL_COUNT(lists); i++)
            take_out(json_object_get(document, lists[i]), axis);
    }
    json_object_set_new(document, "unread", unread);
}

static void add_frontier(const struct tl_driver *d, const struct tl_search_result *r, json_t *document)
{
    json_t *corners = json_array();
    for (size_t i = 0; i < r->n_corners; i++)
        json_array_append_new(corners, json_pack("{s:o,s:o,s:b}", "a",
                                                 tl_finding_value(d->c, d->frontier[0], r->corners[i].a), "b",
                                                 tl_finding_value(d->c, d->frontier[1], r->corners[i].b),
                                                 "gap", r->corners[i].gap));
    json_object_set_new(document, "frontier",
                        json_pack("{s:s,s:s,s:o}", "a", d->c->axes[d->frontier[0]].name, "b",
                                  d->c->axes[d->frontier[1]].name, "corners", corners));
}

/* What the case file says for people, besides its title and source. */
static json_t *about_json(const struct tl_case *c)
{
    static const char *const names[] = {"notes", "expected_text", "impact", "related", "tried"};
    json_t *about = json_object();
    for (size_t i = 0; i < TL_COUNT(names); i++)
        if (json_object_get(c->document, names[i]))
            json_object_set(about, names[i], json_object_get(c->document, names[i]));
    return about;
}

/* What the files of the case and its tools held: whoever makes a bundle later is told what was changed since. */
static void add_contents(const struct tl_driver *d, const struct tl_search_result *r, const struct tl_unit *u,
                         json_t *document)
{
    struct tl_variant minimal = {(uint64_t *)r->minimal},
                      variants[] = {*d->failing, r->minimal && !d->units ? minimal : *d->failing};
    json_t *files = tl_case_files(d->c, variants, TL_COUNT(variants), u->path,
                                  tl_store_path(tl_executor_store(d->x))),
           *contents = tl_case_contents(files);
    if (json_object_size(contents))
        json_object_set(document, "contents", contents);
    json_decref(contents);
    json_decref(files);
}

json_t *tl_finding_document(const struct tl_driver *d, struct tl_error *e)
{
    const char *kind = d->units ? "builds" : d->frontier ? "frontier" : "isolation";
    const struct tl_search_result *r = tl_search_result(d->search);
    const struct tl_case *c = d->c;
    const struct tl_unit *u = d->unit;
    struct tl_variant baseline = tl_variant_baseline(c);
    char id[TL_UUID_SIZE], environment[TL_ID_SIZE];
    const uint64_t newest_bad = d->units && r->n_ranges ? r->ranges[r->n_ranges - 1].last_bad : 0;
    if (d->units)
        u = d->units[newest_bad];
    tl_uuid7(id);
    json_t *document = json_pack("{s:s,s:s,s:s,s:s?,s:s,s:s?}", "finding", id, "kind", kind, "case", c->name,
                                 "title", c->title, "case_hash", c->hash, "source", c->source);
    json_object_set_new(document, "about", about_json(c));
    /* One from standard input has a directory, too, and is there what it would be called. */
    json_object_set_new(document, "case_path",
                        strcmp(c->path, "-") ? json_sprintf("%s/%s", c->directory, tl_base_name(c->path))
                                             : json_sprintf("%s/%s.json", c->directory, c->name));
    json_object_set_new(document, "unit", json_string(u->text));
    json_object_set_new(document, "runner", json_string(u->runner));
    json_object_set_new(document, "device", json_string(u->device));
    json_object_set(document, "build", u->build_object ? u->build_object : json_null());
    json_object_set_new(document, "created_us", json_integer(tl_wall_us()));
    json_object_set_new(document, "elapsed_s", json_real(tl_awake_since(d->started_ns)));
    json_object_set_new(document, "reproduced", json_boolean(r->reproduced));
    json_object_set_new(document, "complete", json_boolean(r->complete));
    json_object_set_new(document, "failing", tl_finding_variant(c, d->failing->index));
    json_object_set_new(document, "baseline", tl_finding_variant(c, baseline.index));
    tl_variant_free(&baseline);
    const char *evidence = NULL, *control = NULL;
    if (d->units)
        evidence = r->n_ranges ? trial_showing(d, r, &newest_bad, TL_SEARCH_MATCH) : NULL;
    else if (r->minimal) /* a point of a boundary is no more minimal than the next: F, which was run most */
        evidence = trial_showing(d, r, d->frontier ? d->failing->index : r->minimal, TL_SEARCH_MATCH);
    for (size_t i = 0; i < r->n_decisive && !control && !d->units; i++)
        control = trial_showing(d, r, r->decisive[i].passes, TL_SEARCH_PASS);
    if (!control && r->minimal && !d->units && !d->frontier)
        control = passing_neighbour(d, r);
    json_object_set_new(
        document, "evidence",
        json_pack("{s:o,s:o}", "trial", tl_finding_id(evidence), "control", tl_finding_id(control)));
    add_search(d, r, document);
    set_unread_apart(d, u, document);
    json_object_set_new(document, "notes", notes_json(d, r));
    json_object_set_new(document, "axes", axes_json(c, u));
    json_object_set_new(document, "path", path_json(d, r));
    tl_finding_count_by_path(document);
    json_object_set_new(document, "environment", environment_json(d, u));
    if (d->units)
        tl_finding_add_builds(d, r, document);
    if (d->frontier)
        add_frontier(d, r, document);
    if (tl_executor_environment(d->x, c, d->failing, u, environment, e) ||
        tl_finding_add_failure(d, u->runner, evidence, document, e) ||
        tl_finding_add_metrics(d, r, document, e)) {
        json_decref(document);
        return NULL;
    }
    tl_finding_add_places(d, r, document);
    if (r->reproduced)
        add_contents(d, r, u, document);
    add_reason(d, r, document);
    json_object_set_new(document, "environment_id", json_string(environment));
    return document;
}
