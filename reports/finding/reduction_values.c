#include "reports/finding/reduction_values.h"

#include "harness/base/buffer.h"
#include "harness/base/plural.h"
#include "reports/graph_words.h"
#include "reports/members.h"
#include "reports/page/page.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MOST 8 /* elements, or sizes */

/* 4096 as 4,096. */
static void add_count(struct tl_buffer *b, json_int_t n)
{
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%lld", (long long)n);
    for (int i = 0; i < size; i++)
        tl_buffer_printf(b, "%s%c", i && (size - i) % 3 == 0 ? "," : "", digits[i]);
}

static void add_name(struct tl_buffer *b, const char *name, bool code)
{
    char *cut = tl_graph_name(name);
    if (code)
        tl_inline_code(b, cut);
    else
        tl_buffer_add_string(b, cut);
    free(cut);
}

static void add_number(struct tl_buffer *b, const json_t *value)
{
    if (json_is_string(value)) {
        tl_buffer_add_string(b, json_string_value(value));
        return;
    }
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(7));
    tl_buffer_add_string(b, text ? text : "?");
    free(text);
}

static bool is_chosen(const json_t *one, size_t place)
{
    const json_t *at;
    size_t i;
    json_array_foreach(json_object_get(one, "chosen"), i, at)
        if (json_integer_value(at) == (json_int_t)place)
            return true;
    return false;
}

/* [7, 3] = 0, [7, 4] = 1 */
static void add_places(struct tl_buffer *b, const json_t *one)
{
    const json_t *block = json_object_get(one, "block"), *set;
    size_t axis;
    if (json_array_size(block) && tl_member_integer(one, "kept") > SHOWN_MOST) {
        json_array_foreach(block, axis, set)
            tl_buffer_printf(b, "%s%s", axis ? "; " : ": [", json_string_value(set));
        tl_buffer_add_string(b, "]");
        return;
    }
    const json_t *places = json_object_get(one, "places"), *values = json_object_get(one, "values"), *place,
                 *at;
    size_t i, d;
    json_array_foreach(places, i, place) {
        if (i == SHOWN_MOST) {
            tl_buffer_add_string(b, ", …");
            break;
        }
        const bool placed = json_array_size(place) > 0; /* one number has no place */
        tl_buffer_add_string(b, i ? ", " : ": ");
        json_array_foreach(place, d, at)
            tl_buffer_printf(b, "%s%lld", d ? ", " : "[", (long long)json_integer_value(at));
        tl_buffer_add_string(b, placed ? "]" : "");
        if (json_array_get(values, i)) {
            tl_buffer_add_string(b, placed ? " = " : "");
            add_number(b, json_array_get(values, i));
            if (is_chosen(one, i))
                tl_buffer_add_string(b, " (not the original's)");
        }
    }
}

static json_t *text_of(struct tl_buffer *b)
{
    char *text = tl_buffer_take(b);
    json_t *j = json_string(text);
    free(text);
    return j;
}

/* A weight or an input by its name in the original, and in the file. */
static void add_both_names(struct tl_buffer *b, const json_t *one, bool code)
{
    const char *name = tl_member_or(one, "name", "?"), *called = tl_member_text(one, "called");
    add_name(b, name, code);
    if (called && strcmp(called, name) != 0) {
        char *cut = tl_graph_name(called);
        tl_buffer_printf(b, " (%s)", cut);
        free(cut);
    }
}

static json_t *of_values(const json_t *one, bool code)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    json_int_t kept = tl_member_integer(one, "kept"), all = tl_member_integer(one, "elements");
    bool owner = tl_member_true(one, "owner"), single = kept == 1;
    const bool alone = json_object_get(one, "left") && tl_member_integer(one, "left") <= kept;
    const char *others = kept < all && !alone ? tl_member_text(one, "others") : NULL;
    if (kept == all && all > 1)
        tl_buffer_add_string(&b, "all ");
    add_count(&b, kept);
    if (kept < all) {
        tl_buffer_add_string(&b, " of ");
        add_count(&b, all);
    }
    tl_buffer_printf(&b, " element%s of ", tl_plural((uint64_t)all));
    add_both_names(&b, one, code);
    if (owner && json_object_get(one, "chosen"))
        tl_buffer_add_string(&b, " matter");
    else if (owner)
        tl_buffer_printf(&b, " keep%s %s value%s", single ? "s" : "", single ? "its" : "their",
                         single ? "" : "s");
    else
        tl_buffer_printf(&b, " matter%s, with %s", single ? "s" : "",
                         single ? "a value that is not the original's"
                                : "values that are not the original's");
    add_places(&b, one);
    if (others)
        tl_buffer_printf(&b, "; the others are %s", others);
    else if (kept < all && alone)
        tl_buffer_add_string(&b, "; no other is left");
    if (others && !tl_member_true(one, "minimal"))
        tl_buffer_add_string(&b, " (not shown to be the fewest)");
    return text_of(&b);
}

static void add_sizes(json_t *list, const json_t *sizes)
{
    const json_t *one;
    size_t i, n = 0;
    json_array_foreach(sizes, i, one) {
        struct tl_buffer b = TL_BUFFER_INIT;
        json_int_t size = tl_member_integer(one, "size"), to = tl_member_integer(one, "to");
        const char *below = tl_member_text(one, "below");
        if (to < 2 || !below || strcmp(below, "passes") != 0 || n == SHOWN_MOST)
            continue;
        tl_buffer_printf(&b, "a size of %lld ", (long long)size);
        if (to < size)
            tl_buffer_printf(&b, "became %lld; ", (long long)to);
        else
            tl_buffer_add_string(&b, "stays; ");
        tl_buffer_printf(&b, "with %lld it passes", (long long)to - 1);
        json_array_append_new(list, text_of(&b));
        n++;
    }
}

static void add_range(struct tl_buffer *b, const char *what, const json_t *range)
{
    json_int_t oldest = tl_member_integer(range, "oldest"), newest = tl_member_integer(range, "newest");
    tl_buffer_printf(b, "%s%s %lld", b->size ? ", and " : "it fails with ", what, (long long)oldest);
    if (!newest)
        tl_buffer_add_string(b, " and later ones up to its own");
    else if (newest > oldest)
        tl_buffer_printf(b, " to %lld", (long long)newest);
}

static void add_versions(json_t *list, const json_t *versions)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    if (json_object_get(versions, "opset"))
        add_range(&b, "opset", json_object_get(versions, "opset"));
    if (json_object_get(versions, "ir"))
        add_range(&b, "version of the format", json_object_get(versions, "ir"));
    if (b.size)
        json_array_append_new(list, text_of(&b));
}

/* What fails whatever it is given accuses nobody. */
static void add_passes(json_t *list, const json_t *reduction)
{
    const json_t *passed = json_object_get(reduction, "passed");
    bool judged = json_is_object(json_object_get(reduction, "judge"));
    if (!json_is_integer(passed) || json_is_object(json_object_get(reduction, "neighbour")))
        return;
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(reduction, "sizes"), i, one)
        if (!strcmp(tl_member_or(one, "below", ""), "passes")) /* which is said, and is next to it */
            return;
    if (json_integer_value(passed))
        json_array_append_new(list, json_string("nothing next to it is known to pass"));
    else
        json_array_append_new(list,
                              json_string(judged ? "no model was seen to pass: the command may fail with any"
                                                 : "no model was seen to pass: the unit may fail with any"));
}

/* How often the original failed, where it does not always, and what its other runs came to. */
static void add_runs(json_t *list, const json_t *reduction)
{
    const json_t *rate = json_object_get(reduction, "original_rate"), *n,
                 *others = json_object_get(reduction, "original_otherwise"),
                 *forked = json_object_get(json_object_get(reduction, "original_processes"), "forked"),
                 *fresh = json_object_get(json_object_get(reduction, "original_processes"), "fresh");
    const long long failed = tl_integer_at(rate, 0), runs = tl_integer_at(rate, 1);
    const bool own = fresh && tl_integer_at(fresh, 1) == runs && tl_integer_at(fresh, 0) == failed;
    const char *outcome, *joint = "; the others: ";
    struct tl_buffer b = TL_BUFFER_INIT;
    if (failed == runs && !(own && tl_integer_at(forked, 0) < tl_integer_at(forked, 1)))
        return;
    tl_buffer_printf(&b, "the original failed in this way in %lld of %lld runs%s", failed, runs,
                     own ? " in processes of their own" : "");
    json_object_foreach((json_t *)(uintptr_t)others, outcome, n) {
        tl_buffer_printf(&b, "%s%lld %s", joint, (long long)json_integer_value(n), outcome);
        joint = ", ";
    }
    if (own)
        tl_buffer_printf(&b, "; and in %lld of %lld children of a fork server", tl_integer_at(forked, 0),
                         tl_integer_at(forked, 1));
    json_array_append_new(list, text_of(&b));
}

/* What hangs on what lies in memory, and what was set so that it shows. */
static void add_memory(json_t *list, const json_t *memory)
{
    const json_t *value;
    const char *name;
    if (!json_is_object(memory))
        return;
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b,
                         "it depends on memory that nobody wrote: with another content of it the original "
                         "does not fail so");
    json_object_foreach(json_object_get(memory, "set"), name, value)
        tl_buffer_printf(&b,
                         ". All was run with %s=%s in the environment, which fills memory that was given "
                         "back with NaN",
                         name, json_string_value(value));
    if (!json_is_object(json_object_get(memory, "set")))
        tl_buffer_add_string(&b, ", so that no size or value of it is a threshold");
    json_array_append_new(list, text_of(&b));
}

static void add_untold(json_t *list, const json_t *refused)
{
    if (json_integer_value(refused) > 0)
        json_array_append_new(
            list, json_sprintf(
                      "it may take fewer nodes: the command refused all %lld smaller models with an output "
                      "of which the model says no type; -u UNIT lets a runtime say it, or value_info of "
                      "the model does (onnx.shape_inference)",
                      (long long)json_integer_value(refused)));
}

static void add_unproved(json_t *list, const json_t *unproved)
{
    if (!json_is_object(unproved))
        return;
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_printf(&b,
                     "it failed in %lld of %lld runs of %s, by itself and without trapline, so that neither "
                     "its nodes nor its sizes are shown to be the fewest",
                     (long long)tl_member_integer(unproved, "as_reported"),
                     (long long)tl_member_integer(unproved, "runs"), tl_member_or(unproved, "program", "?"));
    json_array_append_new(list, text_of(&b));
}

static void forget_below(json_t *sizes)
{
    json_t *size;
    size_t i;
    json_array_foreach(sizes, i, size)
        json_object_set_new(size, "below", json_null());
}

bool tl_reduction_take_back(json_t *reduction, const json_t *proved)
{
    const json_t *one, *rate = json_object_get(reduction, "rate");
    const bool always = tl_integer_at(rate, 0) == tl_integer_at(rate, 1);
    size_t i;
    json_array_foreach(proved, i, one) {
        const char *side = tl_member_or(one, "side", "");
        const json_int_t runs = tl_member_integer(one, "runs"), as = tl_member_integer(one, "as_reported");
        if (!json_is_object(reduction) || strcmp(side, "failing") != 0 || tl_member_text(one, "build") ||
            runs < 1 || as == runs || (as && !always))
            continue;
        json_object_set_new(reduction, "minimal", json_false());
        json_object_set_new(reduction, "structural_minimal", json_false());
        if (!as)
            json_object_set_new(reduction, "confirmed", json_false());
        forget_below(json_object_get(reduction, "sizes"));
        forget_below(json_object_get(reduction, "structural_sizes"));
        json_object_set_new(reduction, "unproved",
                            json_pack("{s:s,s:I,s:I}", "program", tl_member_or(one, "program", "?"),
                                      "as_reported", as, "runs", runs));
        return true;
    }
    return false;
}

const char *tl_reduction_structural_words(const json_t *reduction)
{
    if (tl_member_true(reduction, "structural_minimal"))
        return "";
    return tl_member_true(reduction, "structural_open_since_values")
               ? ", each needed with these inputs, and not shown to be so with the values that they have in "
                 "the file"
               : ", not shown to be minimal";
}

/* Weights whose place is what the failure hangs on. */
static void add_in_files(json_t *list, const json_t *files, bool code)
{
    const size_t n = json_array_size(files);
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *one;
    size_t i;
    json_array_foreach(files, i, one) {
        if (i >= SHOWN_MOST)
            break;
        tl_buffer_add_string(&b, i ? ", " : "");
        add_both_names(&b, one, code);
    }
    if (n > SHOWN_MOST)
        tl_buffer_printf(&b, " and %zu more", n - SHOWN_MOST);
    if (n)
        json_array_append_new(
            list, json_sprintf("it hangs on %s lying in a file beside the model: with %s in the model's own "
                               "file it does not fail in this way",
                               b.data, n == 1 ? "it" : "each of them"));
    tl_buffer_free(&b);
}

json_t *tl_reduction_sentences(const json_t *reduction, bool code)
{
    json_t *list = json_array();
    const json_t *one;
    size_t i;
    add_in_files(list, json_object_get(reduction, "in_files"), code);
    json_array_foreach(json_object_get(reduction, "kept_values"), i, one)
        if (i < SHOWN_MOST)
            json_array_append_new(list, of_values(one, code));
    add_sizes(list, json_object_get(reduction, "sizes"));
    size_t before = json_array_size(list);
    json_array_foreach(json_object_get(reduction, "structural_kept_values"), i, one)
        if (i < SHOWN_MOST)
            json_array_append_new(list, of_values(one, code));
    add_sizes(list, json_object_get(reduction, "structural_sizes"));
    for (i = before; i < json_array_size(list); i++) {
        char *text =
            tl_format("fed with the original's inputs: %s", json_string_value(json_array_get(list, i)));
        json_array_set_new(list, i, json_string(text));
        free(text);
    }
    add_runs(list, reduction);
    add_versions(list, json_object_get(reduction, "versions"));
    add_memory(list, json_object_get(reduction, "memory"));
    add_unproved(list, json_object_get(reduction, "unproved"));
    add_untold(list, json_object_get(reduction, "untold_refused"));
    add_passes(list, reduction);
    return list;
}
