/* Writes a finding for people, in a terminal: from its document alone, so that one from the database reads as
 * it did when it was found. */
#include "harness/cli/isolate_text.h"

#include "harness/base/plural.h"
#include "harness/base/style.h"
#include "harness/cli/follow_up.h"
#include "harness/cli/with_lines.h"
#include "reports/commands.h"
#include "reports/finding/answers.h"
#include "reports/finding/axes.h"
#include "reports/finding/builds.h"
#include "reports/finding/figures.h"
#include "reports/finding/members.h"
#include "reports/finding/metrics.h"
#include "reports/finding/values.h"
#include "reports/finding/words.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MOST 12      /* of a list of values */
#define ELEMENTS_MOST 40  /* elements of a set that are named */
#define REMAINING_MOST 20 /* nodes that are left of a model */

static const char *text_of(const json_t *o, const char *name)
{
    return tl_member_or(o, name, "");
}

/* The first of a list between two texts; nothing when it is empty. */
static void add_list(struct tl_buffer *b, const char *before, const json_t *list, const char *after)
{
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n && i < LIST_MOST; i++) {
        tl_buffer_add_string(b, i ? ", " : before);
        tl_isolate_add_value(b, json_array_get(list, i));
    }
    if (n > LIST_MOST)
        tl_buffer_printf(b, ", … %zu more", n - LIST_MOST);
    tl_buffer_add_string(b, n ? after : "");
}

/* A line with only what is away from the baseline, of axes that something reads: that is the variant, to a
 * reader. */
static void add_variant(struct tl_buffer *b, const json_t *d, const char *name, const json_t *variant)
{
    const char *axis;
    const json_t *v, *baseline = json_object_get(d, "baseline");
    tl_buffer_add_string(b, name);
    size_t before = b->size;
    json_object_foreach((json_t *)variant, axis, v)
        if (!json_equal(v, json_object_get(baseline, axis)) && !tl_finding_unread(d, axis)) {
            tl_buffer_printf(b, "%s%s=", b->size > before ? " " : "", axis);
            tl_isolate_add_value(b, v);
        }
    tl_buffer_add_string(b, b->size > before             ? "\n"
                            : json_object_size(baseline) ? "(the baseline)\n"
                                                         : "(the case as it is, which has no axes)\n");
}

/* "13 of 30, 23% to 66%" */
static void add_rate(struct tl_buffer *b, const json_t *rate)
{
    const json_t *interval = json_object_get(rate, "interval");
    tl_buffer_printf(b, "%lld of %lld", tl_member_integer(rate, "failed"), tl_member_integer(rate, "runs"));
    if (json_array_size(interval) == 2)
        tl_buffer_printf(b, ", %.0f%% to %.0f%%", 100 * json_real_value(json_array_get(interval, 0)),
                         100 * json_real_value(json_array_get(interval, 1)));
}

static void add_band(struct tl_buffer *b, const json_t *band)
{
    const json_t *never = json_object_get(band, "never"), *always = json_object_get(band, "always");
    tl_buffer_add_string(b, "      a band of values, no sharp threshold (with confidence 0.99):\n        ");
    if (json_is_object(never)) {
        tl_buffer_add_string(b, "never at ");
        tl_isolate_add_value(b, json_object_get(never, "value"));
        tl_buffer_add_string(b, " (");
        add_rate(b, never);
        tl_buffer_add_string(b, "), ");
    } else {
        tl_buffer_add_string(b, "no value was found that never fails, ");
    }
    bool certain = json_equal(json_object_get(always, "failed"), json_object_get(always, "runs"));
    tl_buffer_add_string(b, certain ? "always from " : "as often as further on from ");
    tl_isolate_add_value(b, json_object_get(always, "value"));
    tl_buffer_add_string(b, " (");
    add_rate(b, always);
    tl_buffer_add_string(b, ")\n");
    if (tl_member_true(band, "uneven"))
        tl_buffer_add_string(b, "        between them it goes up and down\n");
    if (tl_member_true(band, "moves"))
        tl_buffer_add_string(b, "        where it lies depends on axes that are not in the trigger\n");
    /* What was measured on the way from the one to the other: up to 16 of the values, spread evenly. */
    for (size_t n = 0, shown = 0, pass = 0, i; pass < 2; pass++) {
        bool inside = !json_is_object(never);
        size_t at = 0;
        const json_t *s;
        json_array_foreach(json_object_get(band, "samples"), i, s) {
            const json_t *value = json_object_get(s, "value");
            if (json_equal(value, json_object_get(always, "value")))
                break;
            if (inside && tl_member_integer(s, "runs") > 1) {
                at++;
                if (pass == 1 && (n <= 16 || at * 16 / n > shown)) {
                    shown++;
                    tl_buffer_add_string(b, "        ");
                    tl_isolate_add_value(b, value);
                    tl_buffer_add_string(b, ": ");
                    add_rate(b, s);
                    tl_buffer_add_string(b, "\n");
                }
            }
            inside = inside || json_equal(value, json_object_get(never, "value"));
        }
        n = at;
    }
}

/* Inline text of a report, without its marks. */
static void add_plain(struct tl_buffer *b, struct tl_buffer *words)
{
    char *text = tl_inline_plain(tl_buffer_take(words));
    tl_buffer_add_string(b, text);
    free(text);
}

/* "  (threshold; passes with 16, 15; fails with 17, 48)" */
static void add_tried(struct tl_buffer *b, const json_t *t)
{
    const json_t *passes = json_object_get(t, "passes_with"), *fails = json_object_get(t, "fails_with");
    bool several = json_array_size(passes) && json_array_size(fails) > 1;
    add_list(b, json_object_get(t, "threshold") ? "  (threshold; passes with " : "  (passes with ", passes,
             several ? "" : ")");
    if (several)
        add_list(b, "; fails with ", fails, ")");
}

/* A set of values: which ones, and what passes. */
static void add_set(struct tl_buffer *b, const json_t *d, const json_t *t)
{
    const json_t *passes = json_object_get(t, "passes_with");
    struct tl_buffer words = TL_BUFFER_INIT;
    tl_words_condition(&words, d, t, false);
    if (json_array_size(passes)) {
        tl_buffer_add_string(&words, "  (passes with ");
        tl_words_set(&words, tl_axis_named(d, text_of(t, "axis"), NULL), passes, LIST_MOST);
        tl_buffer_add_string(&words, ")");
    }
    add_plain(b, &words);
}

static void add_trigger(struct tl_buffer *b, const json_t *d, const json_t *t)
{
    tl_buffer_add_string(b, "    ");
    if (tl_words_is_set(d, t)) {
        add_set(b, d, t);
    } else {
        tl_buffer_printf(b, "%s = ", text_of(t, "axis"));
        tl_isolate_add_value(b, json_object_get(t, "value"));
        add_tried(b, t);
    }
    add_list(b, "  (fails more rarely with ", json_object_get(t, "rarer_with"), ")");
    add_list(b, "  (fails in another way with ", json_object_get(t, "other_with"), ")");
    tl_buffer_add_string(b, "\n");
    if (json_array_size(json_object_get(t, "elements")) > 0) {
        struct tl_buffer words = TL_BUFFER_INIT;
        tl_words_elements(&words, d, t, ELEMENTS_MOST);
        tl_buffer_add_string(b, "      ");
        add_plain(b, &words);
        tl_buffer_add_string(b, "\n");
    }
    const json_t *open = json_object_get(t, "not_shown");
    if (open) {
        tl_buffer_printf(
            b, "      not shown to be needed, as without any one of them it fails in another way: %lld: ",
            (long long)tl_member_integer(open, "n"));
        tl_isolate_add_value(b, json_object_get(open, "value"));
        tl_buffer_add_string(b, "\n");
    }
    if (json_is_object(json_object_get(t, "band")))
        add_band(b, json_object_get(t, "band"));
    if (tl_member_true(t, "set"))
        tl_buffer_add_string(b, "      not monotone; every value was tried\n");
    else if (json_object_get(t, "non_monotone")) {
        tl_buffer_add_string(b, "      not monotone: the value ");
        tl_isolate_add_value(b, json_object_get(t, "non_monotone"));
        tl_buffer_add_string(b, " does not behave as the threshold says\n");
    }
    if (tl_finding_unread(d, text_of(t, "axis")))
        tl_buffer_add_string(b, "      nothing reads it: that it seems to be needed is luck\n");
    if (tl_words_fails_at_baseline(d, t))
        tl_buffer_add_string(b, "      it fails with its simplest value, too: it may not be needed\n");
    else if (tl_member_true(t, "unresolved") && !strcmp(text_of(d, "effort"), "quick") &&
             !json_array_size(json_object_get(t, "unsupported_with")))
        tl_buffer_add_string(
            b, "      needed with other axes as they were on the way; not tried without it with all "
               "else as it is\n");
    else if (tl_member_true(t, "unresolved"))
        tl_buffer_add_string(b, json_array_size(json_object_get(t, "unsupported_with"))
                                    ? "      no simpler value of it could be tried: it may not be needed\n"
                                    : "      no simpler value of it was tried yet with all else as it is: it "
                                      "may not be needed\n");
}

static void add_needs(struct tl_buffer *b, const json_t *d, const char *list, const char *before)
{
    const json_t *need;
    size_t i;
    json_array_foreach(json_object_get(d, list), i, need) {
        struct tl_buffer words = TL_BUFFER_INIT;
        tl_words_need(&words, d, need);
        tl_buffer_add_string(b, before);
        add_plain(b, &words);
        tl_buffer_add_string(b, "\n");
    }
}

/* What else triggers the failure, and what has to stay as it is though no reset shows it. */
static void add_causes(struct tl_buffer *b, const json_t *d)
{
    const json_t *j, *x;
    size_t i, k;
    json_array_foreach(json_object_get(d, "or"), i, j) {
        struct tl_buffer words = TL_BUFFER_INIT;
        tl_buffer_add_string(b, i ? "  or\n" : "  or (found so far)\n");
        json_array_foreach(json_object_get(j, "trigger"), k, x)
            add_trigger(b, d, x);
        if (tl_words_cause_place(&words, d, j)) {
            tl_buffer_add_string(b, "    it shows ");
            add_plain(b, &words);
            tl_buffer_add_string(b, "\n");
        }
        if (!json_array_size(json_object_get(j, "needs")))
            continue;
        tl_words_needs(&words, d, json_object_get(j, "needs"));
        tl_buffer_add_string(b, "    where it also needs ");
        add_plain(b, &words);
        tl_buffer_add_string(b, "\n");
    }
    add_needs(b, d, "needs", "  also needs ");
    add_needs(b, d, "local_needs", "  next to the minimal variant it also needs ");
}

static void add_place(struct tl_buffer *b, const json_t *d, const json_t *place)
{
    tl_buffer_printf(b, "    %s  (", text_of(place, "title"));
    tl_words_relation(b, d, place);
    tl_buffer_add_string(b, ")\n");
    add_variant(b, d, "      with ", json_object_get(place, "variant"));
}

/* The places in the code at which it shows, and what is known of the one that was isolated first. */
static void add_places(struct tl_buffer *b, const json_t *d)
{
    const json_t *place, *strict = json_object_get(d, "strict"), *places = json_object_get(d, "places");
    struct tl_buffer words = TL_BUFFER_INIT;
    const char *two = tl_words_may_be_two(d);
    size_t i;
    if (json_array_size(places) > 1) {
        tl_words_any(&words, d);
        tl_buffer_add_string(b, "  ");
        if (tl_finding_over_builds(d)) /* wording and places change from build to build */
            tl_buffer_clear(&words);
        else
            tl_buffer_add_string(&words, " needs only that; ");
        add_plain(b, &words);
        tl_buffer_printf(
            b, tl_finding_is_error(d) ? "it shows in %zu wordings\n" : "it shows at %zu places in the code\n",
            json_array_size(places));
        json_array_foreach(places, i, place)
            add_place(b, d, place);
        bool shared = tl_words_common_frame(&words, d);
        const char *outcome = tl_member_or(d, "outcome", "");
        if (!shared)
            tl_buffer_add_string(&words, "none of those that name them");
        /* An error has no stack of which that could be said. */
        if (shared || !strcmp(outcome, "crash") || !strcmp(outcome, "hang")) {
            tl_buffer_add_string(b, "    the innermost frame that all share: ");
            add_plain(b, &words);
            tl_buffer_add_string(b, "\n");
        }
        tl_buffer_clear(&words);
    }
    if (strict)
        add_variant(b, d, "  by the signature of the first alone: ", json_object_get(strict, "minimal"));
    if (strict && tl_words_only_with(&words, d)) {
        tl_buffer_add_string(b, "    this place was seen only ");
        add_plain(b, &words);
        tl_buffer_add_string(b, "\n");
    }
    if (two)
        tl_buffer_printf(b, "  %s\n", two);
    tl_buffer_free(&words);
}

void tl_isolate_add_builds(struct tl_buffer *b, const json_t *d)
{
    const json_t *builds = json_object_get(d, "builds"), *g, *line;
    json_t *lines = tl_words_builds(d, false);
    size_t i;
    json_array_foreach(json_object_get(builds, "ranges"), i, g) {
        tl_buffer_printf(b, "  bad from %s to %s\n", text_of(g, "first_bad"), text_of(g, "last_bad"));
        tl_buffer_printf(b, "    before it, the last that does not fail in this way: %s\n",
                         tl_member_or(g, "good_before", "none that can be tried"));
        tl_buffer_printf(b, "    after it, the first that does not:                  %s\n",
                         tl_member_or(g, "fixed", "none yet"));
    }
    json_array_foreach(lines, i, line) {
        struct tl_buffer words = TL_BUFFER_INIT;
        tl_buffer_add_string(&words, json_string_value(line));
        tl_buffer_add_string(b, "    ");
        add_plain(b, &words);
        tl_buffer_add_string(b, "\n");
    }
    json_decref(lines);
    add_list(b, "  could not be tried: ", json_object_get(builds, "unsupported"), "\n");
}

/* Whether the newest build still fails. */
static void add_newest(struct tl_buffer *b, const json_t *d)
{
    struct tl_buffer words = TL_BUFFER_INIT;
    tl_words_newest(&words, d);
    if (!words.size)
        return;
    tl_buffer_add_string(b, "  ");
    add_plain(b, &words);
    tl_buffer_add_string(b, "\n");
}

/* "killed by SIGKILL, which …": what the words before the signal say is said. */
static const char *without_signal(const char *message, const char *signal)
{
    const char *at = strstr(message, signal), *rest = at ? at + strlen(signal) : message;
    bool leads = at && at - message <= (ptrdiff_t)strlen("killed by ");
    rest = leads ? rest + strspn(rest, ",: ") : message;
    return *rest ? rest : "nothing else is known of it";
}

/* What failed and where, or that nothing did. */
static void add_head(struct tl_buffer *b, const json_t *d, const char *bold, const char *off)
{
    const json_t *failing = json_object_get(d, "failing");
    const char *signal = tl_member_text(d, "signal"), *message = text_of(d, "message");
    if (!tl_member_true(d, "reproduced")) {
        tl_buffer_printf(b, "%s%s%s on %s\n", bold,
                         json_is_false(json_object_get(d, "judged")) ? "not judged" : "not reproduced", off,
                         text_of(d, "unit"));
        add_variant(b, d, "  variant: ", failing);
        if (*message && json_is_false(json_object_get(d, "judged")))
            tl_buffer_printf(b, "  %s\n", message);
        else if (*message)
            tl_buffer_printf(b, "  it cannot be tried: %s\n", message);
        return;
    }
    bool ended = signal && !strcmp(text_of(d, "outcome"),
                                   "error"); /* by a signal that is no crash: no error of anybody's */
    if (ended)
        tl_buffer_printf(b, "%sended by %s in %s: %s\n", bold, signal, text_of(d, "phase"),
                         without_signal(message, signal));
    else
        tl_buffer_printf(b, "%s%s in %s%s%s: %s\n", bold, text_of(d, "outcome"), text_of(d, "phase"),
                         signal ? ", " : "", signal ? signal : "",
                         text_of(json_object_get(d, "signature"), "title"));
    tl_buffer_printf(b, "%s  on %s\n", off, text_of(d, "unit"));
    if (!json_is_object(json_object_get(d, "frontier")))
        return;
    add_variant(b, d, "  variant: ", failing);
    if (!tl_member_true(d, "complete"))
        tl_buffer_add_string(b, "  the boundary so far, not shown to be all of it\n");
}

/* Which values of other axes the failure was shown to be independent of: by drawing them at random. */
static void add_generalises(struct tl_buffer *b, const json_t *d)
{
    const json_t *g = json_object_get(d, "generalises"), *held = json_object_get(g, "held"),
                 *broken = json_object_get(g, "broken");
    if (!tl_integer_at(held, 1))
        return;
    if (!json_array_size(json_object_get(d, "trigger")))
        tl_buffer_printf(b, "  with every axis at random: fails %lld of %lld\n", tl_integer_at(held, 0),
                         tl_integer_at(held, 1));
    else
        tl_buffer_printf(b,
                         "  with the trigger held and the rest at random: fails %lld of %lld; with it "
                         "broken: %lld of %lld\n",
                         tl_integer_at(held, 0), tl_integer_at(held, 1), tl_integer_at(broken, 0),
                         tl_integer_at(broken, 1));
}

/* Axes that are at their baseline in the minimal variant, by what is known of them. */
static void add_free_axes(struct tl_buffer *b, const json_t *d)
{
    long long n = tl_finding_draws(d);
    char *drawn = n == 1                 ? tl_strdup(" (the only variant that there is)\n")
                  : n < TL_FINDING_DRAWS ? tl_format(" (all %lld variants that there are)\n", n)
                                         : tl_format(" (%lld of %lld random variants)\n", n, n);
    add_list(b, "  independent of: ", n ? json_object_get(d, "independent") : NULL, drawn);
    add_list(b, "  reset (fails with the simplest value, others may make a difference): ",
             json_object_get(d, "reset"), "\n");
    add_list(b, "  nothing reads, so that no value of it is another variant: ", json_object_get(d, "unread"),
             "\n");
    free(drawn);
}

static void add_measured_rate(struct tl_buffer *b, const json_t *d)
{
    const json_t *interval = json_object_get(d, "rate_interval");
    struct tl_finding_runs r = tl_finding_runs(d);
    if (r.runs <= 0)
        return;
    tl_buffer_printf(b, "  rate: %lld of %lld run%s", (long long)r.failed, (long long)r.runs,
                     tl_plural((unsigned long long)r.runs));
    if (r.runs_fresh && r.runs_fresh < r.runs)
        tl_buffer_printf(b, ", %lld of %lld in fresh processes", (long long)r.failed_fresh,
                         (long long)r.runs_fresh);
    tl_buffer_printf(b, " (%.0f%% to %.0f%% with confidence 0.99)\n",
                     100 * json_real_value(json_array_get(interval, 0)),
                     100 * json_real_value(json_array_get(interval, 1)));
}

/* What of the answer was known before it was asked for. */
static void add_stored(struct tl_buffer *b, const json_t *d)
{
    struct tl_buffer words = TL_BUFFER_INIT;
    tl_words_stored(&words, d, TL_TIME_LOCAL);
    if (words.size)
        tl_buffer_printf(b, "%s; with --no-cache all are run anew\n", words.data);
    tl_buffer_free(&words);
}

/* What was tried first, and on whose word. */
static void add_suspects(struct tl_buffer *b, const json_t *d)
{
    const json_t *suspects = json_object_get(d, "suspects");
    const char *finding = tl_member_text(suspects, "finding");
    if (!suspects)
        return;
    char *why = finding ? tl_format(" (finding %.18s needed them)\n", finding) : tl_strdup("\n");
    add_list(b, "  tried first: ", json_object_get(suspects, "axes"), why);
    free(why);
}

/* What is left of a model, each node with its name in the original. */
static void add_reduction(struct tl_buffer *b, const json_t *reduction)
{
    const json_t *nodes = json_object_get(reduction, "nodes"), *one;
    size_t i;
    tl_buffer_printf(b, "  a reduction: %lld of %lld nodes are left%s\n",
                     (long long)json_integer_value(json_array_get(nodes, 1)),
                     (long long)json_integer_value(json_array_get(nodes, 0)),
                     !tl_member_true(reduction, "complete")  ? ", not yet minimal"
                     : !tl_member_true(reduction, "minimal") ? ", not shown to be minimal"
                                                             : "");
    json_array_foreach(json_object_get(reduction, "remaining"), i, one)
        if (i < REMAINING_MOST)
            tl_buffer_printf(b, "    %s %s\n", text_of(one, "operator"),
                             tl_member_or(one, "original", tl_member_or(one, "node", "")));
    if (i > REMAINING_MOST)
        tl_buffer_printf(b, "    and %zu more\n", i - REMAINING_MOST);
    tl_buffer_add_string(b,
                         "    the report's bundle (`trapline report FINDING --bundle DIR`) has model.onnx\n");
}

static char *write_text(const json_t *d, bool colour)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *bold = colour ? tl_style(TL_STYLE_BOLD) : "", *off = colour ? tl_style(TL_STYLE_PLAIN) : "";
    const json_t *trigger = json_object_get(d, "trigger"), *j;
    size_t i;
    add_head(&b, d, bold, off);
    const json_t *reduction = json_object_get(d, "reduction");
    if (json_is_object(reduction))
        add_reduction(&b, reduction);
    else if (json_is_object(json_object_get(d, "minimal")))
        add_variant(&b, d,
                    tl_member_true(d, "complete")            ? "  minimal variant: "
                    : !strcmp(text_of(d, "effort"), "quick") ? "  minimal variant so far (a quick search): "
                                                             : "  minimal variant so far: ",
                    json_object_get(d, "minimal"));
    if (json_array_size(trigger))
        tl_buffer_printf(&b, "  %strigger%s\n", bold, off);
    json_array_foreach(trigger, i, j)
        add_trigger(&b, d, j);
    json_array_foreach(json_object_get(d, "joint"), i, j)
        tl_buffer_printf(&b,
                         "    the thresholds of %s and %s depend on each other (--frontier %s,%s draws it)\n",
                         text_of(j, "less"), text_of(j, "more"), text_of(j, "more"), text_of(j, "less"));
    add_causes(&b, d);
    add_places(&b, d);
    if (!json_is_object(reduction)) {
        add_free_axes(&b, d);
        add_generalises(&b, d);
    }
    if (json_is_object(json_object_get(d, "builds")))
        tl_isolate_add_builds(&b, d);
    add_newest(&b, d);
    if (json_is_object(json_object_get(d, "frontier")))
        tl_isolate_add_frontier(&b, d);
    tl_words_metrics(&b, d);
    add_measured_rate(&b, d);
    struct tl_buffer processes = TL_BUFFER_INIT;
    tl_words_processes(&processes, d);
    if (processes.size)
        tl_buffer_printf(&b, "  %s\n", processes.data);
    tl_buffer_free(&processes);
    json_array_foreach(json_object_get(d, "others"), i, j) {
        tl_buffer_printf(&b, "  another failure: %s in %s: %s\n", text_of(j, "outcome"), text_of(j, "phase"),
                         text_of(j, "title"));
        add_variant(&b, d, "    with ", json_object_get(j, "variant"));
    }
    add_suspects(&b, d);
    json_array_foreach(json_object_get(d, "notes"), i, j)
        if (!json_is_object(reduction) || strcmp(text_of(j, "code"), "baseline-fails") != 0)
            tl_buffer_printf(&b, "  note: %s\n", text_of(j, "text"));
    long long trials = tl_member_integer(d, "trials");
    tl_buffer_printf(&b, "%lld trial%s (%lld of search, %lld known already) in %.1f s\n", trials,
                     tl_plural((unsigned long long)trials), tl_member_integer(d, "search_trials"),
                     tl_member_integer(d, "cached"), json_real_value(json_object_get(d, "elapsed_s")));
    add_stored(&b, d);
    if (tl_member_text(d, "finding"))
        tl_buffer_printf(&b, "finding %s\n", text_of(d, "finding"));
    return tl_buffer_take(&b);
}

char *tl_isolate_text(const json_t *document, bool colour)
{
    json_t *d = tl_cli_with_lines(document);
    char *text = write_text(d, colour);
    json_decref(d);
    return text;
}

void tl_isolate_say_report(const char *finding)
{
    char *text = tl_format("`trapline report %.18s` writes the report", finding),
         *whole = tl_cli_follow_up(text, false);
    puts(whole);
    free(whole);
    free(text);
}
