/* What builds do, in words: which fail, what those do that do not fail as it is reported, and whether the newest
 * one still does.
 *
 * A build beside the failure is compared with it by kind (outcome, phase, signal; of an error its text), and where that is
 * the same by its words: "SIGABRT as well, without the message". The failing variant that was run over builds may show
 * another message than the minimal one, so the words are those of the reported build itself where it was among those
 * tried. Builds that do the same are one line, whether they follow one another or not. */
#include "reports/finding/builds.h"

#include "reports/comparison.h"
#include "reports/finding/figures.h"
#include "reports/finding/members.h"
#include "reports/finding/sections.h"
#include "reports/finding/words.h"

#include "harness/base/plural.h"
#include "harness/base/unit_name.h"
#include "harness/base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define MESSAGE_MOST 100 /* bytes of a message in a line, */
#define MESSAGE_HEAD 40  /* and of its beginning where it is longer */
#define DIFFERENCE_MOST 60
#define WORD_MOST 20 /* of a word that is left out rather than cut */
#define PARTS_MOST 6 /* of builds that do not follow one another */

enum how { AS_REPORTED, WORDLESS, REWORDED, RECODED, OTHERWISE, PASSES, NOT_KNOWN };

static bool is_text(const json_t *j, const char *key, const char *text)
{
    return !strcmp(tl_member_or(j, key, ""), text);
}

static bool equal_text(const json_t *a, const json_t *b, const char *key)
{
    return !strcmp(tl_member_or(a, key, ""), tl_member_or(b, key, ""));
}

static bool is_same_kind(const json_t *a, const json_t *b)
{
    if (tl_member_text(a, "failure_kind") && tl_member_text(b, "failure_kind"))
        return equal_text(a, b, "failure_kind");
    return equal_text(a, b, "outcome") && equal_text(a, b, "phase") && equal_text(a, b, "signal");
}

static enum how how_of(const json_t *reported, const json_t *seen)
{
    const char *own = tl_member_text(reported, "failure_words"),
               *words = tl_member_text(seen, "failure_words");
    if (is_text(seen, "outcome", "pass") || tl_member_true(seen, "as_expected"))
        return PASSES;
    if (is_text(seen, "outcome", "unsupported") || is_text(seen, "outcome", "lost"))
        return NOT_KNOWN;
    if (!is_same_kind(reported, seen))
        return OTHERWISE;
    if (is_text(seen, "outcome", "error"))
        return equal_text(reported, seen, "error_code") ? AS_REPORTED : RECODED;
    if (!is_text(seen, "outcome", "crash") || !tl_member_text(reported, "failure_kind"))
        return AS_REPORTED;
    if (own && !words)
        return WORDLESS;
    return (!own && !words) || (own && !strcmp(own, words)) ? AS_REPORTED : REWORDED;
}

/* An error of what reads the model; what a signal ended has refused nothing. */
static bool is_refusal(const json_t *seen)
{
    return is_text(seen, "outcome", "error") && !tl_member_text(seen, "signal") &&
           (is_text(seen, "phase", "load") || is_text(seen, "phase", "compile"));
}

const char *tl_build_refusal(const json_t *f, const json_t *seen)
{
    const char *phase = tl_member_or(seen, "phase", "");
    enum how how = how_of(f, seen);
    if (how == NOT_KNOWN)
        return "cannot be tried";
    if (how != OTHERWISE || !is_text(seen, "outcome", "error"))
        return NULL;
    if (!strcmp(phase, "generate") && !is_text(f, "phase", "generate"))
        return "cannot be tried";
    return is_refusal(seen) ? "refuses the model" : NULL;
}

bool tl_build_differs(const json_t *f, const json_t *seen)
{
    enum how how = how_of(f, seen);
    return (how == PASSES || how == OTHERWISE) && !tl_build_refusal(f, seen);
}

static void add_message(struct tl_buffer *b, const json_t *seen, const char *key)
{
    const char *text = tl_member_text(seen, key);
    if (!text || !*text)
        return;
    struct tl_buffer cut = TL_BUFFER_INIT;
    size_t size = strlen(text), from = size;
    bool whole = size <= MESSAGE_MOST;
    size_t head = whole ? size : tl_utf8_cut(text, MESSAGE_HEAD);
    if (!whole) { /* what is wrong stands at the end of a message, behind the signature of a function */
        from = size - (MESSAGE_MOST - MESSAGE_HEAD);
        while (from < size && ((unsigned char)text[from] & 0xc0) == 0x80) /* not within a character */
            from++;
        const char *word = strchr(text + from, ' ');
        if (word && word < text + from + WORD_MOST)
            from = (size_t)(word + 1 - text);
        for (size_t n = head; n > 1 && head - n < WORD_MOST; n--)
            if (text[n - 1] == ' ') {
                head = n - 1;
                break;
            }
    }
    tl_buffer_add(&cut, text, head);
    if (!whole)
        tl_buffer_add_string(&cut, " … ");
    tl_buffer_add_string(&cut, text + from);
    tl_buffer_add_string(b, ": ");
    tl_inline_code(b, cut.data);
    tl_buffer_free(&cut);
}

/* The part of other words in which they differ from the reported ones: "constexpr std::vector<…>::operator[] …". */
static void add_difference(struct tl_buffer *b, const json_t *reported, const json_t *seen)
{
    const char *own = tl_member_or(reported, "failure_words", ""),
               *words = tl_member_or(seen, "failure_words", "");
    size_t at = 0, from;
    while (words[at] && words[at] == own[at])
        at++;
    for (from = at; from > 0 && words[from - 1] != ' ';) /* of the word that differs, its beginning */
        from--;
    if (at - from > DIFFERENCE_MOST / 2)
        from = at;
    struct tl_buffer text = TL_BUFFER_INIT;
    size_t n;
    while (from < at && ((unsigned char)words[from] & 0xc0) == 0x80) /* not within a character */
        from++;
    n = tl_utf8_cut(words + from, DIFFERENCE_MOST);
    tl_buffer_add_string(&text, from ? "… " : "");
    tl_buffer_add(&text, words + from, n);
    tl_buffer_add_string(&text, words[from + n] ? " …" : "");
    if (words[from]) {
        tl_buffer_add_string(b, ": ");
        tl_inline_code(b, text.data);
    }
    tl_buffer_free(&text);
}

/* Of a failure of another kind. brief: without what it says. */
static void add_otherwise(struct tl_buffer *b, const json_t *seen, bool brief)
{
    const char *outcome = tl_member_or(seen, "outcome", ""), *phase = tl_member_or(seen, "phase", "unknown");
    if (!strcmp(outcome, "crash")) {
        tl_inline_text(b, tl_member_or(seen, "signal", "a crash"));
        tl_buffer_add_string(b, " in ");
        tl_inline_text(b, phase);
        if (!brief)
            add_message(b, seen, "title");
        return;
    }
    if (!strcmp(outcome, "error") && !strcmp(phase, "generate"))
        tl_buffer_add_string(b, "its model cannot be made");
    else if (!strcmp(outcome, "error") && is_refusal(seen))
        tl_buffer_add_string(b, "refuses the model");
    else if (!strcmp(outcome, "error"))
        tl_words_error(b, seen);
    else if (!strcmp(outcome, "hang"))
        tl_buffer_add_string(b, "does not come to an end within its time limit");
    else if (!strcmp(outcome, "oom"))
        tl_buffer_add_string(b, "runs out of the memory it is allowed");
    else if (!strcmp(outcome, "wrong"))
        tl_buffer_add_string(b, "gives wrong outputs");
    else if (!strcmp(outcome, "fallback"))
        tl_buffer_add_string(b, "runs on another device than the one asked for");
    else
        tl_inline_text(b, *outcome ? outcome : "unknown");
    if (brief)
        return;
    if (!strcmp(outcome, "error")) /* as it was said: in what failures are compared by, numbers are "<n>" */
        add_message(b, seen, tl_member_text(seen, "message") ? "message" : "failure_words");
    else if (!strcmp(outcome, "wrong"))
        add_message(b, seen, "message");
}

/* words: with those in which it differs. */
static void add_what(struct tl_buffer *b, enum how how, const json_t *reported, const json_t *seen,
                     bool words, bool brief)
{
    const char *signal = tl_member_or(seen, "signal", "the same failure");
    switch (how) {
    case AS_REPORTED:
        tl_buffer_add_string(b, "fails as reported");
        break;
    case WORDLESS:
        tl_inline_text(b, signal);
        tl_buffer_add_string(b, " as well, without the message");
        break;
    case REWORDED:
        tl_inline_text(b, signal);
        tl_buffer_add_string(b, " as well, ");
        if (tl_member_text(reported, "failure_words")) {
            tl_buffer_add_string(b, "other wording");
            if (words)
                add_difference(b, reported, seen);
        } else {
            tl_buffer_add_string(b, "with a message");
            if (words)
                add_message(b, seen, "message");
        }
        break;
    case RECODED:
        tl_buffer_add_string(b, "the same error, with the code ");
        tl_inline_code(b, tl_member_or(seen, "error_code", "unknown"));
        break;
    case OTHERWISE:
        add_otherwise(b, seen, brief);
        break;
    case PASSES:
        tl_buffer_add_string(b, is_text(seen, "outcome", "pass") ? "passes" : "ends as the case expects");
        break;
    default:
        tl_buffer_add_string(b, "cannot be tried");
        if (!brief)
            add_message(b, seen, "message");
    }
}

static void add_how(struct tl_buffer *b, enum how how, const json_t *reported, const json_t *seen, bool words,
                    bool brief)
{
    add_what(b, how, reported, seen, words, brief);
    if (tl_member_true(seen, "in_child"))
        tl_buffer_add_string(b, ", in a forked child; a fresh process passes");
    const json_t *minimal =
        json_object_get(seen, "minimal"); /* where another variant was tried, this one as well */
    if (!minimal || how_of(reported, minimal) == how)
        return;
    tl_buffer_add_string(b, " (the minimal variant: ");
    add_what(b, how_of(reported, minimal), reported, minimal, words, brief);
    tl_buffer_add_string(b, ")");
}

/* --- builds that do the same ------------------------------------------------------------------------------ */

struct group {
    enum how how;
    const json_t *seen; /* the oldest of them */
    bool *holds;        /* of each build that was tried */
    size_t n;
    bool differ; /* they say different things */
    json_int_t failed, runs;
};

static const json_t *tried_of(const json_t *f)
{
    return json_object_get(json_object_get(f, "builds"), "tried");
}

/* Whether the minimal variant does the same on two builds, as far as it was tried. */
static bool same_minimal(const json_t *a, const json_t *b)
{
    const json_t *x = json_object_get(a, "minimal"), *y = json_object_get(b, "minimal");
    return equal_text(x, y, "outcome") && equal_text(x, y, "failure_kind");
}

static bool belongs(const struct group *g, enum how how, const json_t *seen, bool brief)
{
    if (!same_minimal(g->seen, seen))
        return false;
    if (g->how != how || tl_member_true(g->seen, "in_child") != tl_member_true(seen, "in_child"))
        return false;
    if (how == RECODED)
        return equal_text(g->seen, seen, "error_code");
    if (brief)
        return equal_text(g->seen, seen, "outcome") && equal_text(g->seen, seen, "phase") &&
               equal_text(g->seen, seen, "signal");
    return (how != OTHERWISE && how != NOT_KNOWN) ||
           (equal_text(g->seen, seen, "failure_kind") && equal_text(g->seen, seen, "outcome"));
}

static const char *build_at(const json_t *tried, size_t i)
{
    return tl_member_or(json_array_get(tried, i), "build", "unknown");
}

/* Whether something was tried of a build of the list. */
static bool is_tried(const json_t *tried, const json_t *name)
{
    const json_t *seen;
    size_t i;
    json_array_foreach(tried, i, seen) {
        if (json_equal(json_object_get(seen, "build"), name))
            return true;
    }
    return false;
}

/* Builds that are known and lie between two that were tried, of which nothing is known. */
static size_t untried_between(const json_t *f, size_t from, size_t to)
{
    const json_t *tried = tried_of(f), *name;
    size_t i, between = 0;
    bool inside = false;
    json_array_foreach(json_object_get(json_object_get(f, "builds"), "list"), i, name) {
        const char *text = json_string_value(name);
        if (text && !strcmp(text, build_at(tried, to)))
            return inside ? between : 0;
        if (inside)
            between += !is_tried(tried, name);
        inside = inside || (text && !strcmp(text, build_at(tried, from)));
    }
    return 0;
}

/* Builds that were tried, from one place among them to another. Of the oldest or newest one that there is, if it was
 * tried, the others are all older or newer; if each of them was. */
static void add_span(struct tl_buffer *b, const json_t *f, size_t from, size_t to, size_t untried)
{
    const json_t *tried = tried_of(f), *list = json_object_get(json_object_get(f, "builds"), "list");
    size_t n = json_array_size(tried), last = json_array_size(list) - 1;
    bool oldest = json_equal(json_array_get(list, 0), json_object_get(json_array_get(tried, 0), "build")),
         newest =
             n && json_array_size(list) &&
             json_equal(json_array_get(list, last), json_object_get(json_array_get(tried, n - 1), "build"));
    if (to == from + 1) { /* two are named, and claim nothing of others */
        tl_inline_code(b, build_at(tried, from));
        tl_buffer_add_string(b, ", ");
        tl_inline_code(b, build_at(tried, to));
    } else if (!untried && oldest && from < to && from == 0 && to + 1 < n) {
        tl_inline_code(b, build_at(tried, to));
        tl_buffer_add_string(b, " and older");
    } else if (!untried && newest && from < to && to + 1 == n && from > 0) {
        tl_inline_code(b, build_at(tried, from));
        tl_buffer_add_string(b, " and newer");
    } else {
        tl_inline_code(b, build_at(tried, from));
        tl_buffer_add_string(b, from == to ? "" : " to ");
        tl_inline_code(b, from < to ? build_at(tried, to) : NULL);
    }
}

/* How many builds a span stands for, as there may be others that are not here; or how many in it were not tried. */
static void add_tried(struct tl_buffer *b, size_t n, size_t untried)
{
    if (untried)
        tl_buffer_printf(b, " (%zu between them not tried)", untried);
    else if (n > 2)
        tl_buffer_printf(b, " (%zu tried)", n);
}

static void add_builds_of(struct tl_buffer *b, const json_t *f, const struct group *g)
{
    const json_t *tried = tried_of(f);
    size_t n = json_array_size(tried), first = n, last = 0, parts = 0;
    for (size_t i = 0; i < n; i++)
        if (g->holds[i]) {
            first = first == n ? i : first;
            last = i;
        }
    size_t others = last - first + 1 - g->n, untried;
    if (others && others <= 2 && others * 3 <= g->n) {
        untried = untried_between(f, first, last);
        add_span(b, f, first, last, untried);
        for (size_t i = first, k = 0; i <= last; i++)
            if (!g->holds[i]) {
                tl_buffer_add_string(b, !k++ ? ", except " : " and ");
                tl_inline_code(b, build_at(tried, i));
            }
        add_tried(b, g->n, untried);
        return;
    }
    for (size_t i = first; i <= last && i < n; i++) {
        size_t from = i;
        if (!g->holds[i])
            continue;
        while (i + 1 < n && g->holds[i + 1])
            i++;
        if (parts++ == PARTS_MOST) {
            tl_buffer_add_string(b, ", …");
            return;
        }
        tl_buffer_add_string(b, parts > 1 ? ", " : "");
        untried = untried_between(f, from, i);
        add_span(b, f, from, i, untried);
        add_tried(b, i - from + 1, i > from + 1 ? untried : 0);
    }
}

/* The reported failure as the reported build showed it when builds were tried; else as the finding has it. */
static const json_t *reported_words(const json_t *f, const json_t *tried)
{
    const struct tl_unit_name unit = tl_unit_name_of(tl_member_or(f, "unit", ""));
    char *own = tl_unit_part_text(unit.build);
    const json_t *seen, *found = f;
    size_t i;
    json_array_foreach(tried, i, seen) {
        if (own && is_text(seen, "build", own) && is_same_kind(f, seen))
            found = seen;
    }
    free(own);
    return found;
}

static size_t find_groups(const json_t *f, const json_t *tried, struct group *groups, bool brief)
{
    const json_t *reported = reported_words(f, tried), *seen;
    size_t n = 0, i;
    json_array_foreach(tried, i, seen) {
        enum how how = how_of(reported, seen);
        size_t at = 0;
        while (at < n && !belongs(&groups[at], how, seen, brief))
            at++;
        if (at == n)
            groups[n++] = (struct group){
                .how = how, .seen = seen, .holds = tl_calloc(json_array_size(tried), sizeof(bool))};
        groups[at].holds[i] = true;
        groups[at].differ = groups[at].differ || !equal_text(groups[at].seen, seen, "failure_words");
        groups[at].n++;
        groups[at].failed += tl_member_integer(seen, "failed");
        groups[at].runs += tl_member_integer(seen, "runs");
    }
    return n;
}

static char *group_words(const json_t *f, const json_t *tried, const struct group *g, bool brief)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    add_builds_of(&b, f, g);
    tl_buffer_add_string(&b, ": ");
    add_how(&b, g->how, reported_words(f, tried), g->seen, !g->differ && !brief, brief);
    if (g->how == PASSES && g->n == 1 && tl_build_is_reference(f, tl_member_text(g->seen, "build")))
        tl_buffer_add_string(&b, ", and its outputs are what the case takes as right");
    else if (g->how == PASSES && tl_member_true(f, "flaky") && g->runs > 0)
        tl_buffer_printf(&b, " (0 of %lld run%s failed)", (long long)g->runs,
                         tl_plural((unsigned long long)g->runs));
    else if (g->failed > 0 && g->failed < g->runs)
        tl_buffer_printf(&b, " (in %lld of %lld runs)", (long long)g->failed, (long long)g->runs);
    return tl_buffer_take(&b);
}

/* What is known of a build by another way than the search over builds: the newest one, where a trial of this failure was
 * made on it, or the one that the report is about. NULL: nothing is, or the search has tried it as well. */
static const json_t *newest_beside(const json_t *f)
{
    const json_t *newest = json_object_get(f, "newest"), *name = json_object_get(newest, "build");
    bool known = tl_member_text(newest, "outcome") || tl_member_true(newest, "own");
    return known && json_is_string(name) && json_is_array(tried_of(f)) && !is_tried(tried_of(f), name)
               ? newest
               : NULL;
}

static char *newest_words(const json_t *f, const json_t *newest, bool brief)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    bool own = tl_member_true(newest, "own");
    const char *variant = is_text(newest, "variant", "failing") ? "failing" : "minimal";
    tl_inline_code(&b, tl_member_text(newest, "build"));
    tl_buffer_add_string(&b, ": ");
    add_how(&b, own ? AS_REPORTED : how_of(f, newest), f, newest, !brief, brief);
    tl_buffer_printf(&b, own ? " (the %s variant)" : " (one trial of the %s variant)", variant);
    return tl_buffer_take(&b);
}

static void add_line(json_t *list, char *words)
{
    if (words)
        json_array_append_new(list, json_string(words));
    free(words);
}

json_t *tl_words_builds(const json_t *f, bool brief)
{
    const json_t *tried = tried_of(f);
    struct group *groups = tl_calloc(json_array_size(tried) + 1, sizeof *groups);
    size_t n = find_groups(f, tried, groups, brief);
    json_t *list = json_array();
    for (int reported = 1; reported >= 0; reported--)
        for (size_t i = 0; i < n; i++) {
            if ((groups[i].how == AS_REPORTED) == reported)
                add_line(list, group_words(f, tried, &groups[i], brief));
        }
    if (newest_beside(f))
        add_line(list, newest_words(f, newest_beside(f), brief));
    for (size_t i = 0; i < n; i++)
        free(groups[i].holds);
    free(groups);
    return list;
}

/* --- sections ---------------------------------------------------------------------------------------------- */

/* What of the measurement is not as in the rest of the report: the variant, the machine. */
static void add_measured_with(struct tl_buffer *b, const json_t *f, const json_t *builds)
{
    const json_t *variant = json_object_get(builds, "variant"), *minimal = json_object_get(f, "minimal"),
                 *environment = json_object_get(builds, "environment");
    if (json_is_object(variant) && json_is_object(minimal) && !json_equal(variant, minimal)) {
        bool failing = json_equal(variant, json_object_get(f, "failing"));
        tl_buffer_add_string(
            b, failing ? "Builds were tried with the failing variant, which has "
                       : "Builds were tried with the minimal variant, but away from its edge, with ");
        tl_words_difference(b, f, variant, minimal);
        tl_buffer_add_string(b, failing ? " instead" : "");
    }
    if (json_is_object(environment)) {
        tl_buffer_add_string(b,
                             b->size ? ", on another machine: " : "Builds were tried on another machine: ");
        tl_inline_text(b, tl_member_or(environment, "cpu", "unknown"));
        tl_buffer_add_string(b, ", ");
        tl_inline_text(b, tl_member_or(environment, "os", "unknown"));
    }
    tl_buffer_add_string(b, b->size ? "." : "");
}

/* Builds that were to be looked at and of which nothing is known. */
static void add_not_tried(struct tl_buffer *b, const json_t *f, const json_t *builds)
{
    const json_t *tried = json_object_get(builds, "tried"), *newest = newest_beside(f), *name;
    json_t *left = json_array();
    size_t i;
    json_array_foreach(json_object_get(builds, "list"), i, name) {
        if (!is_tried(tried, name) && !(newest && json_equal(json_object_get(newest, "build"), name)))
            json_array_append(left, (json_t *)name);
    }
    if (json_array_size(left)) {
        tl_buffer_add_string(b, b->size ? " " : "");
        tl_buffer_add_string(b, json_is_array(tried) ? "Not tried: " : "Builds considered: ");
        tl_words_names(b, left);
        tl_buffer_add_string(b, ".");
    }
    json_decref(left);
}

void tl_section_builds(const struct tl_sections *r)
{
    const json_t *builds = json_object_get(r->finding, "builds"), *words;
    json_t *lines = tl_words_builds(r->finding, r->extent == TL_EXTENT_SHORT);
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t i;
    if (!json_is_object(builds)) {
        json_decref(lines);
        return;
    }
    tl_page_heading(r->page, 2, "Since when");
    json_array_foreach(lines, i, words) {
        tl_page_item(r->page, tl_strdup(json_string_value(words)));
    }
    if (r->extent != TL_EXTENT_SHORT) {
        add_measured_with(&b, r->finding, builds);
        add_not_tried(&b, r->finding, builds);
    }
    tl_page_paragraph(r->page, tl_buffer_take(&b));
    json_decref(lines);
}

/* The model that another one is held against; NULL where builds or configurations are. */
static const char *other_model(const json_t *f)
{
    return tl_member_text(json_object_get(json_object_get(f, "reduction"), "difference"), "model");
}

/* What the newest build does that did not fail as reported. */
static void add_newest_how(struct tl_buffer *b, const json_t *f, const json_t *newest, const char *which)
{
    enum how how = how_of(f, newest);
    struct tl_buffer words = TL_BUFFER_INIT;
    switch (how) {
    case AS_REPORTED:
    case WORDLESS:
    case REWORDED:
    case RECODED:
        if (how != AS_REPORTED || tl_member_true(newest, "in_child"))
            add_how(&words, how, f, newest, true, false);
        if (other_model(f)) { /* no build is at fault */
            tl_buffer_add_string(b, "Differs from ");
            tl_inline_code(b, other_model(f));
            tl_buffer_printf(b, " on %s, as well%s%s.", which, words.size ? ": " : "",
                             words.size ? words.data : "");
            break;
        }
        tl_buffer_printf(b, TL_BOLD_ON "Still fails on %s" TL_BOLD_OFF "%s%s.", which, words.size ? ": " : "",
                         words.size ? words.data : "");
        break;
    case PASSES:
        if (tl_build_is_reference(f, tl_member_text(newest, "build"))) {
            tl_buffer_printf(
                b, TL_BOLD_ON "Does not fail on %s" TL_BOLD_OFF ", whose outputs the case takes as right.",
                which);
            break;
        }
        tl_buffer_printf(b, TL_BOLD_ON "Does not fail on %s" TL_BOLD_OFF, which);
        if (tl_finding_is_evidence(f, 1))
            tl_buffer_add_string(b, " (one run).");
        else
            tl_buffer_printf(b, " in one run, which may be luck: %lld passes in a row would be evidence.",
                             (long long)tl_finding_enough(f));
        break;
    case OTHERWISE:
        add_how(&words, how, f, newest, true, false);
        tl_buffer_printf(b, TL_BOLD_ON "Does not fail in this way on %s" TL_BOLD_OFF ": %s.", which,
                         words.data);
        break;
    default:
        tl_buffer_printf(b, "Whether it still fails on %s is not known: it cannot be tried there", which);
        add_message(b, newest, "message");
        tl_buffer_add_string(b, ".");
    }
    tl_buffer_free(&words);
}

void tl_words_newest(struct tl_buffer *b, const json_t *f)
{
    const json_t *newest = json_object_get(f, "newest");
    const char *build = tl_member_text(newest, "build"), *why = tl_member_text(newest, "not_tried");
    struct tl_buffer which = TL_BUFFER_INIT;
    if (!json_is_object(newest) || !tl_member_true(f, "reproduced"))
        return;
    if (!build && !tl_unit_name_of(tl_member_or(f, "unit", "")).build.n) /* a tool of which there are none */
        return;
    tl_inline_code(&which, build);
    tl_buffer_add_string(&which, build ? ", the newest build that is installed here" : "a newer build");
    if (tl_member_true(newest, "own") && other_model(f)) {
        tl_buffer_add_string(b, "Differs from ");
        tl_inline_code(b, other_model(f));
        tl_buffer_printf(b, " on %s.", which.data);
    } else if (tl_member_true(newest, "own")) {
        tl_buffer_printf(b, TL_BOLD_ON "Fails on %s" TL_BOLD_OFF ".", which.data);
    } else if (tl_member_text(newest, "outcome")) {
        add_newest_how(b, f, newest, which.data);
    } else {
        tl_buffer_printf(b, "Whether it still fails on %s%s was not tried: ", which.data, build ? "," : "");
        tl_inline_text(b, why ? why : "unknown why");
        tl_buffer_add_string(b, ".");
    }
    tl_buffer_free(&which);
}

void tl_section_newest(const struct tl_sections *r)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_words_newest(&b, r->finding);
    tl_page_paragraph(r->page, tl_buffer_take(&b));
}
