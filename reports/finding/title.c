/* The title of a report: the only line that many readers see, in a list of issues.
 *
 * It says where (the runtime or the tool, as its users write it, with its version), what (title_failure.c), and with
 * what: the trigger. It has to fit, so each part may be shortened, and none may take all the room: what happened keeps at
 * least half of what is left behind the place, conditions are named that fit as a whole, those first of which the case
 * file says something, and "…" stands for the others. It holds nothing that the document does not. */
#include "reports/finding/title.h"

#include "harness/base/buffer.h"
#include "harness/base/utf8.h"
#include "reports/finding/axes.h"
#include "reports/finding/builds.h"
#include "reports/finding/members.h"
#include "reports/finding/title_failure.h"
#include "reports/finding/title_message.h"
#include "reports/finding/values.h"
#include "reports/members.h"
#include "reports/page/page.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define WHERE_MOST 44     /* characters */
#define CONDITION_MOST 34 /* characters that are kept for the first condition */
#define VALUE_MOST 30     /* characters of one value */
#define ABOUT_MOST 40     /* of what the case says of a value, and still names it */
#define VALUES_MOST 3     /* of a set that are named */
#define CONDITIONS_MOST 12

static bool begins(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

/* --- where ------------------------------------------------------------------------------------------------ */

static const struct {
    const char *name, *written;
} written[] = {
    {"onnxruntime", "ONNX Runtime"},
    {"coreml", "Core ML"},
    {"coreai", "Core AI"},
    {"llamacpp", "llama.cpp"},
    {"mlx", "MLX"},
    {"executorch", "ExecuTorch"},
    {"tensorrt", "TensorRT"},
    {"openvino", "OpenVINO"},
    {"pytorch", "PyTorch"},
    {"torch", "PyTorch"},
};

static const struct {
    const char *device, *written;
} devices[] = {
    {"cpu", "CPU"},       {"gpu", "GPU"},         {"ane", "ANE"},           {"npu", "NPU"},
    {"webgpu", "WebGPU"}, {"cuda", "CUDA"},       {"rocm", "ROCm"},         {"dml", "DirectML"},
    {"qnn", "QNN"},       {"xnnpack", "XNNPACK"}, {"tensorrt", "TensorRT"}, {"openvino", "OpenVINO"},
    {"metal", "Metal"},   {"vulkan", "Vulkan"},   {"coreml", "CoreML EP"},  {"mps", "MPS"},
    {"host", ""},         {"default", ""},
};

static const char *runner_written(const char *runner)
{
    const char *slash = strrchr(runner, '/'), *name = slash && slash[1] ? slash + 1 : runner;
    for (size_t i = 0; i < TL_COUNT(written); i++)
        if (!strcmp(written[i].name, name))
            return written[i].written;
    return name;
}

static const char *device_written(const char *device)
{
    for (size_t i = 0; i < TL_COUNT(devices); i++)
        if (!strcmp(devices[i].device, device))
            return devices[i].written;
    return device;
}

/* Of builds from the first that fails to the last of its range, the newest range; else the one that was tried. */
static void add_version(struct tl_buffer *b, const json_t *f)
{
    /* A trigger was measured on one build, whatever was found of others since: lists do not know that. */
    const json_t *builds = tl_finding_over_builds(f) ? json_object_get(f, "builds") : NULL,
                 *ranges = json_object_get(builds, "ranges"),
                 *range = json_array_get(ranges, json_array_size(ranges) - 1),
                 *environment = json_object_get(f, "environment");
    const char *first = tl_range_end(f, range, false), *last = tl_range_end(f, range, true),
               *version = tl_member_text(json_object_get(f, "build"), "version"),
               *runner = tl_member_or(f, "runner", "");
    if (!version)
        version = tl_member_text(environment, "runtime_version");
    if (first && last) {
        tl_buffer_printf(b, " %s%s%s", first, strcmp(first, last) ? " to " : "",
                         strcmp(first, last) ? last : "");
    } else if (version) {
        tl_buffer_printf(b, " %s", version);
    } else if (begins(runner, "core")) { /* a part of the system, and of its version */
        const char *os =
            tl_member_or(json_object_get(environment, "target"), "os", tl_member_or(environment, "os", ""));
        if (begins(os, "macOS") || begins(os, "iOS") || begins(os, "iPadOS"))
            tl_buffer_printf(b, " on %s", os);
    }
}

char *tl_title_where(const json_t *f)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *tool = json_object_get(f, "tool");
    const char *name = tl_member_text(tool, "name"), *command = tl_member_text(tool, "command"),
               *version = tl_member_text(tool, "version"), *runner = tl_member_text(f, "runner"),
               *device = tl_member_text(f, "device"),
               *other =
                   tl_member_text(json_object_get(json_object_get(f, "reduction"), "difference"), "model");
    tl_buffer_add_string(&b, "");
    if (other) /* a model differs from another: no runtime is wrong */
        tl_buffer_printf(&b, "%s against %s, ", tl_member_or(f, "case", "model"), other);
    if (name) {
        tl_buffer_printf(&b, "%s%s%s%s%s", name, version ? " " : "", version ? version : "",
                         command ? " " : "", command ? command : "");
    } else if (!runner) {
        tl_buffer_add_string(&b, tl_member_or(f, "unit", "unknown"));
    } else if (!strcmp(runner, "command")) { /* of before the tool was kept */
        tl_buffer_add_string(&b, tl_member_or(f, "case", "command"));
    } else {
        tl_buffer_add_string(&b, runner_written(runner));
        add_version(&b, f);
        const char *on = device ? device_written(device) : "";
        tl_buffer_printf(&b, "%s%s", *on ? " " : "", on);
    }
    const char *model = tl_member_text(json_object_get(json_object_get(f, "environment"), "target"), "model");
    if (model)
        tl_buffer_printf(&b, " on %s", model);
    return tl_buffer_take(&b);
}

/* --- with what -------------------------------------------------------------------------------------------- */

static bool says(const char *text, const char *name)
{
    return *name && strstr(text, name) != NULL;
}

/* What the case says of a value; NULL where it says nothing, or more than a title holds. */
static const char *about_value(const json_t *axis, const char *word)
{
    const char *text = tl_member_text(json_object_get(axis, "about_values"), word);
    return text && *text && tl_title_characters(text) <= ABOUT_MOST ? text : NULL;
}

/* What the case calls the axis, where that is a name and no explanation. */
static const char *axis_called(const json_t *axis, const char *name)
{
    const char *about = tl_member_text(axis, "about");
    size_t words = 1;
    for (const char *p = about ? about : ""; *p; p++)
        words += *p == ' ';
    return about && *about && words <= 3 && !strpbrk(about, ".,;:()") && tl_title_characters(about) <= 24
               ? about
               : name;
}

/* "on", "no" and numbers say nothing without the name of their axis before them. */
static bool is_state(const char *word)
{
    static const char *const states[] = {"yes",   "no",   "on",  "off",  "true",
                                         "false", "none", "all", "auto", "default"};
    return tl_is_one_of(word, states, TL_COUNT(states)) || strspn(word, "+-.0123456789e") == strlen(word);
}

/* Of "int4 weights" the name is a noun; behind a value no other one can be read. */
static bool goes_before(const char *name)
{
    static const char *const names[] = {"where", "when", "which", "what", "kind_of"};
    return strlen(name) <= 3 || tl_is_one_of(name, names, TL_COUNT(names));
}

static char *setting(const json_t *axis, const char *name, const json_t *value)
{
    char *word = tl_value_word(value), *clean = tl_clean_text(word, strlen(word), false), *text;
    const char *about = about_value(axis, word), *called = axis_called(axis, name);
    char *cut = tl_title_fit(clean, VALUE_MOST);
    if (about)
        text = tl_strdup(about);
    else if (json_is_true(value))
        text = tl_strdup(called);
    else if (!*clean)
        text = tl_format("empty %s", called);
    else if (*clean == '-' && !is_state(clean))
        text = tl_strdup(cut);
    else if (!json_is_string(value) || is_state(clean) || goes_before(called))
        text = tl_format("%s %s", called, cut);
    else if (says(clean, called))
        text = tl_strdup(cut);
    else if (strchr(clean, ' '))
        text = tl_format("%s \"%s\"", called, cut);
    else
        text = tl_format("%s %s", cut, called);
    free(word);
    free(clean);
    free(cut);
    return text;
}

/* The same without the name of the axis. */
static char *value_alone(const json_t *axis, const json_t *value)
{
    char *word = tl_value_word(value);
    const char *about = about_value(axis, word);
    char *text = tl_title_fit(about ? about : *word ? word : "\"\"", VALUE_MOST);
    free(word);
    return text;
}

/* "stride 5 or 7", "any optimization but 0", "block 512 or 1024" */
static char *set_text(const json_t *f, const json_t *axis, const char *name, const json_t *entry)
{
    const json_t *fails = json_object_get(entry, "fails_with"),
                 *passes = json_object_get(entry, "passes_with");
    const char *called = axis_called(axis, name);
    size_t n = json_array_size(fails);
    struct tl_buffer b = TL_BUFFER_INIT;
    if (tl_member_true(entry, "set") && tl_axis_is_ordered(axis)) {
        struct tl_buffer pattern = TL_BUFFER_INIT; /* "size even from 4 on" */
        tl_words_condition(&pattern, f, entry, true);
        char *text = tl_inline_plain(tl_buffer_take(&pattern));
        if (!strchr(text, '{'))
            return text;
        free(text);
    }
    bool all_but_one =
        n > 1 && json_array_size(passes) == 1 && json_array_size(json_object_get(axis, "values")) == n + 1;
    if (all_but_one && n > 2) {
        char *value = value_alone(axis, json_array_get(passes, 0));
        tl_buffer_printf(&b, "any %s but %s", called, value);
        free(value);
        return tl_buffer_take(&b);
    }
    tl_buffer_printf(&b, "%s ", called);
    for (size_t i = 0; i < n && i < VALUES_MOST; i++) {
        char *value = value_alone(axis, json_array_get(fails, i));
        tl_buffer_printf(&b, "%s%s", !i ? "" : i + 1 == n ? " or " : ", ", value);
        free(value);
    }
    if (n > VALUES_MOST)
        tl_buffer_add_string(&b, " …");
    return tl_buffer_take(&b);
}

char *tl_title_condition(const json_t *f, const json_t *entry)
{
    const char *name = tl_member_or(entry, "axis", "unknown");
    const json_t *axis = tl_axis_named(f, name, NULL), *value = json_object_get(entry, "value"),
                 *up_to = tl_words_up_to(f, entry);
    const char *called = axis_called(axis, name);
    const json_t *never = json_object_get(json_object_get(json_object_get(entry, "band"), "never"), "value");
    int direction = tl_words_direction(axis);
    bool ordered = tl_axis_is_ordered(axis);
    char *word = tl_value_word(value), *text;
    const char *about = about_value(axis, word);
    if (up_to) {
        char *end = tl_value_word(up_to);
        text = tl_format("%s up to %s", called, end);
        free(end);
    } else if (tl_words_is_set(f, entry)) {
        text = set_text(f, axis, name, entry);
    } else if (ordered && never && direction && !about) { /* and above the upper edge always */
        char *edge = tl_value_word(never);
        text = tl_format("%s %s %s at times", called, direction > 0 ? "above" : "below", edge);
        free(edge);
    } else if (tl_words_is_threshold(f, entry) && direction && !about) {
        text = tl_format("%s %s %s", called, direction > 0 ? "≥" : "≤", word);
    } else {
        text = setting(axis, name, value);
    }
    free(word);
    char *clean = tl_clean_text(text, strlen(text), false);
    free(text);
    return clean;
}

/* --- all of it -------------------------------------------------------------------------------------------- */

struct conditions {
    char *list[CONDITIONS_MOST];
    size_t n;
    bool more; /* there are others */
};

/* What says most comes first: what the case file says something of, then options, names, numbers and states. */
static int weight(const json_t *f, const json_t *entry)
{
    const json_t *value = json_object_get(entry, "value");
    char *word = tl_value_word(value);
    bool is_said = about_value(tl_axis_named(f, tl_member_or(entry, "axis", ""), NULL), word) != NULL;
    int of = is_said ? 0 : !json_is_string(value) || is_state(word) ? 3 : *word == '-' ? 1 : 2;
    free(word);
    return of;
}

static struct conditions conditions_of(const json_t *f)
{
    struct conditions c = {.n = 0};
    const json_t *t;
    size_t i;
    for (int of = 0; of < 4; of++)
        json_array_foreach(json_object_get(f, "trigger"), i, t) {
            if (weight(f, t) != of || tl_finding_unread(f, tl_member_text(t, "axis")))
                continue;
            if (c.n == CONDITIONS_MOST)
                c.more = true;
            else
                c.list[c.n++] = tl_title_condition(f, t);
        }
    return c;
}

static size_t joint_size(size_t i)
{
    return strlen(i ? ", " : " with ");
}

/* How much room all of them take, and how much the first of them. */
static size_t whole_size(const struct conditions *c, size_t *least)
{
    size_t all = 0;
    *least = 0;
    for (size_t i = 0; i < c->n; i++) {
        all += joint_size(i) + tl_title_characters(c->list[i]);
        if (!i)
            *least = all + (c->n > 1 ? 3 : 0);
    }
    *least = *least < CONDITION_MOST ? *least : CONDITION_MOST;
    return all;
}

/* Behind what happened: all conditions that fit, and "…" where there are others. */
static void add_conditions(struct tl_buffer *b, const struct conditions *c)
{
    size_t all, least, used = tl_title_characters(b->data), named = 0;
    all = whole_size(c, &least);
    size_t dots = used + all > TL_TITLE_MOST || c->more ? 3 : 0; /* ", …" */
    for (size_t i = 0; i < c->n; i++) {
        size_t size = joint_size(named) + tl_title_characters(c->list[i]);
        if (used + size + dots > TL_TITLE_MOST)
            continue;
        tl_buffer_printf(b, "%s%s", named++ ? ", " : " with ", c->list[i]);
        used += size;
    }
    if (named && dots)
        tl_buffer_add_string(b, ", …");
}

/* Without a trigger nothing tells one such failure from the next but what the case is about. */
static void add_about_case(struct tl_buffer *b, const json_t *f)
{
    const char *names[] = {tl_member_text(f, "title"), tl_member_text(f, "case")};
    for (size_t i = 0; i < TL_COUNT(names); i++) {
        char *clean = names[i] ? tl_clean_text(names[i], strlen(names[i]), false) : NULL;
        bool fits =
            clean && *clean && tl_title_characters(b->data) + tl_title_characters(clean) + 3 <= TL_TITLE_MOST;
        if (fits)
            tl_buffer_printf(b, " (%s)", clean);
        free(clean);
        if (fits)
            return;
    }
}

static void add_boundary(struct tl_buffer *b, const json_t *frontier)
{
    char *words = tl_format(" beyond a boundary over %s and %s", tl_member_or(frontier, "a", "unknown"),
                            tl_member_or(frontier, "b", "unknown"));
    if (tl_title_characters(b->data) + tl_title_characters(words) <= TL_TITLE_MOST)
        tl_buffer_add_string(b, words);
    free(words);
}

static void add_failure(struct tl_buffer *b, const json_t *f)
{
    const json_t *frontier = json_object_get(f, "frontier");
    struct conditions c = conditions_of(f);
    struct tl_title_failure failure;
    size_t used = tl_title_characters(b->data), room = used < TL_TITLE_MOST ? TL_TITLE_MOST - used : 0, least;
    size_t all = whole_size(&c, &least);
    tl_title_failure_find(f, &failure);
    tl_title_reduction(f, room, &failure);
    char *text = tl_title_failure_text(&failure, room, false);
    if (tl_title_characters(text) + all > room) {
        free(text);
        least = tl_title_failure_crowded(&failure, room - least) ? 0 : least;
        text = tl_title_failure_text(&failure, room - least, true);
    }
    tl_buffer_add_string(b, text);
    if (json_is_object(frontier))
        add_boundary(b, frontier);
    else if (!c.n && failure.vague)
        add_about_case(b, f);
    add_conditions(b, &c);
    while (c.n)
        free(c.list[--c.n]);
    free(text);
    tl_title_failure_free(&failure);
}

char *tl_report_title(const json_t *f)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    char *where = tl_title_where(f), *clean = tl_clean_text(where, strlen(where), false),
         *cut = tl_title_fit(clean, WHERE_MOST);
    tl_buffer_printf(&b, "%s: ", cut);
    free(where);
    free(clean);
    free(cut);
    if (tl_member_true(f, "reproduced")) {
        add_failure(&b, f);
    } else {
        tl_buffer_printf(&b, "%s %s", tl_member_or(f, "case", "unknown"),
                         json_is_false(json_object_get(f, "judged"))     ? "could not be judged"
                         : tl_finding_has_note(f, "failing-unsupported") ? "could not be tried"
                                                                         : "did not fail as it was said to");
    }
    /* Names of outputs and axes are anything that a file may hold. */
    clean = tl_clean_text(b.data, b.size, false);
    cut = tl_title_fit(clean, TL_TITLE_MOST);
    free(clean);
    tl_buffer_free(&b);
    return cut;
}
