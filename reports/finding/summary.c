/* The summary of a report: what fails where and when, what else it needs, and since which build. */
#include "harness/base/plural.h"
#include "reports/finding/answers.h"
#include "reports/finding/builds.h"
#include "reports/finding/figures.h"
#include "reports/finding/members.h"
#include "reports/finding/optimiser.h"
#include "reports/finding/title_failure.h"
#include "reports/finding/words.h"

#include <stdlib.h>
#include <string.h>

/* What happens, as a verb with what belongs to it. program: it is no model that a runtime runs. */
static void add_verb(struct tl_buffer *b, const json_t *f, bool program)
{
    const char *outcome = tl_member_text(f, "outcome"), *signal = tl_member_text(f, "signal");
    if (!outcome)
        tl_buffer_add_string(b, "fails");
    else if (!strcmp(outcome, "crash"))
        tl_buffer_printf(b, "%s with %s", program ? "dies" : "crashes",
                         signal ? signal : "an unknown signal");
    else if (!strcmp(outcome, "hang"))
        tl_buffer_add_string(b, "does not come to an end within its time limit");
    else if (!strcmp(outcome, "oom"))
        tl_buffer_add_string(b, "runs out of the memory it is allowed");
    else if (!strcmp(outcome, "error"))
        tl_words_error(b, f);
    else if (!strcmp(outcome, "wrong"))
        tl_buffer_add_string(b, "gives wrong outputs");
    else if (!strcmp(outcome, "fallback") && tl_title_told_by_text(f))
        tl_buffer_add_string(b, "ends well, but its output tells of another way than the one asked for");
    else if (!strcmp(outcome, "fallback"))
        tl_buffer_add_string(b, "runs on another device than the one asked for");
    else
        tl_buffer_printf(b, "ends with the outcome %s", outcome);
}

/* "gives wrong outputs (output y 12 % off)" */
static void add_how_wrong(struct tl_buffer *b, const json_t *f)
{
    char *words = tl_title_wrong(json_object_get(f, "comparison"));
    if (words && !strcmp(tl_member_or(f, "outcome", ""), "wrong")) {
        tl_buffer_add_string(b, " (");
        tl_inline_text(b, words);
        tl_buffer_add_string(b, ")");
    }
    free(words);
}

static void add_when(struct tl_buffer *b, const json_t *f)
{
    const json_t *trigger = json_object_get(f, "trigger");
    if (json_array_size(trigger)) {
        tl_buffer_add_string(b, " when ");
        tl_words_trigger(b, f, trigger);
    } else if (json_is_object(json_object_get(f, "frontier"))) {
        tl_buffer_add_string(b, " with ");
        tl_words_variant(b, json_object_get(f, "failing"));
    } else if (!tl_finding_over_builds(f) && !json_is_object(json_object_get(f, "reduction")) &&
               json_equal(json_object_get(f, "minimal"), json_object_get(f, "baseline"))) {
        tl_buffer_add_string(b, json_object_size(json_object_get(f, "minimal"))
                                    ? " already with every axis at its simplest value"
                                    : " as it is: the case has no axes, and so nothing in it was varied");
    }
}

/* ": 46 of 144 runs of the minimal variant did, 3 of 16 in fresh processes" */
static void add_rate(struct tl_buffer *b, const json_t *f)
{
    struct tl_finding_runs r = tl_finding_runs(f);
    if (r.runs <= 0)
        return;
    tl_buffer_printf(b, ": %lld of %lld run%s of %s", (long long)r.failed, (long long)r.runs,
                     tl_plural((unsigned long long)r.runs),
                     tl_finding_over_builds(f)                       ? "this variant on the builds that fail"
                     : json_is_object(json_object_get(f, "minimal")) ? "the minimal variant"
                                                                     : "this variant");
    if (r.runs_fresh == r.runs)
        tl_buffer_add_string(b, ", each in a fresh process, did");
    else if (!r.runs_fresh)
        tl_buffer_add_string(b, " did");
    else
        tl_buffer_printf(b, " did, %lld of %lld in fresh processes", (long long)r.failed_fresh,
                         (long long)r.runs_fresh);
    struct tl_finding_forked forked = tl_finding_forked(f);
    if (r.runs_fresh && r.runs_fresh < r.runs && !json_is_object(json_object_get(f, "processes")) &&
        tl_finding_wants_fresh(f))
        tl_buffer_printf(b, " and %lld of %lld in forked children of a server", (long long)forked.failed,
                         (long long)forked.runs);
}

/* What it needs although no reset of the failing variant shows it. */
static void add_needs(struct tl_buffer *b, const json_t *f)
{
    const json_t *needs = json_object_get(f, "needs");
    if (!json_array_size(needs))
        return;
    tl_buffer_add_string(b, " It also needs ");
    tl_words_needs(b, f, needs);
    tl_buffer_add_string(b, ".");
}

static void add_causes(struct tl_buffer *b, const json_t *f)
{
    const json_t *cause;
    size_t i;
    json_array_foreach(json_object_get(f, "or"), i, cause) {
        tl_buffer_add_string(b, i ? "; or when " : " It also fails when ");
        tl_words_cause(b, f, cause);
    }
    if (i)
        tl_buffer_add_string(b, "; there may be other triggers.");
}

/* One trigger may be that of several places in the code, and of each of them alone there is a longer one. */
static void add_places(struct tl_buffer *b, const json_t *f)
{
    size_t n =
        tl_finding_is_error(f) ? 0 : tl_finding_places(f); /* an error has none, only names in its text */
    const char *two = tl_words_may_be_two(f);
    struct tl_buffer only = TL_BUFFER_INIT;
    if (n > 1 && tl_words_only_with(&only, f)) {
        tl_buffer_printf(b, " It shows at %zu places in the code: ", n);
        tl_words_any(b, f);
        tl_buffer_add_string(b, " needs only ");
        if (json_array_size(json_object_get(f, "needs")) || json_array_size(json_object_get(f, "or")))
            tl_buffer_add_string(b, "that");
        else if (json_array_size(json_object_get(f, "trigger")))
            tl_words_trigger(b, f, json_object_get(f, "trigger"));
        else
            tl_buffer_add_string(b, "the simplest variant");
        tl_buffer_printf(b, ", and the place that was isolated first was seen only %s.", only.data);
    } else if (n > 1) {
        tl_buffer_printf(b, " It shows at %zu places in the code.", n);
    }
    if (two)
        tl_buffer_printf(b, " " TL_BOLD_ON "%s" TL_BOLD_OFF, two);
    tl_buffer_free(&only);
}

static void add_processes(struct tl_buffer *b, const json_t *f)
{
    struct tl_buffer words = TL_BUFFER_INIT;
    tl_words_processes(&words, f);
    if (words.size)
        tl_buffer_printf(b, " %s.", words.data);
    tl_buffer_free(&words);
}

char *tl_words_summary(const json_t *f)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *name = tl_member_or(f, "case", "unknown"), *phase = tl_member_or(f, "phase", "unknown");
    tl_buffer_add_string(&b, "On ");
    tl_inline_code(&b, tl_member_or(f, "unit", "unknown"));
    tl_buffer_add_string(&b, ", ");
    if (!tl_member_true(f, "reproduced")) {
        struct tl_finding_runs r = tl_finding_runs(f);
        tl_buffer_add_string(&b, "the case ");
        tl_inline_code(&b, name);
        if (json_is_false(json_object_get(f, "judged")))
            tl_buffer_add_string(&b,
                                 " could not be judged, for nothing that it answered was compared, with ");
        else if (tl_finding_has_note(f, "failing-unsupported"))
            tl_buffer_add_string(&b, " could not be tried with ");
        else
            tl_buffer_printf(&b,
                             " did not fail in the way that was looked for: %lld of %lld run%s did, with ",
                             (long long)r.failed, (long long)r.runs, tl_plural((unsigned long long)r.runs));
        tl_words_variant(&b, json_object_get(f, "failing"));
        tl_buffer_add_string(&b, ".");
        add_processes(&b, f);
        return tl_buffer_take(&b);
    }
    bool reduced = json_is_object(json_object_get(f, "reduction"));
    bool no_model = !strcmp(phase, "generate"); /* what fails is a generator, not the runtime */
    char *program = tl_title_program(f);
    no_model = no_model && !program;
    if (program) {
        tl_inline_code(&b, program);
        tl_buffer_add_string(&b, " (case ");
        tl_inline_code(&b, name);
        tl_buffer_add_string(&b, ")");
    } else {
        tl_buffer_add_string(&b, no_model  ? "making the model of the case "
                                 : reduced ? "what is left of the model "
                                           : "the model of the case ");
        tl_inline_code(&b, name);
    }
    tl_buffer_add_string(&b, " ");
    add_verb(&b, f, program);
    free(program);
    add_how_wrong(&b, f);
    if (strcmp(phase, "done") != 0) { /* then it is over, and that says nothing of where */
        tl_buffer_add_string(&b, " in the phase ");
        tl_inline_code(&b, phase);
    }
    add_when(&b, f);
    add_rate(&b, f);
    tl_buffer_add_string(&b, no_model ? ". The runtime had no model to run by then." : ".");
    if (tl_optimiser_is_other(json_object_get(f, "reduction")))
        tl_buffer_add_string(
            &b, " The original does so for another optimiser than what is left, which may be another bug.");
    add_needs(&b, f);
    add_causes(&b, f);
    add_places(&b, f);
    tl_words_since(&b, f);
    add_processes(&b, f);
    return tl_buffer_take(&b);
}
