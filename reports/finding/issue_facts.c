/* What a report can say in a field of somebody's issue form.
 *
 * A fact is a few blocks of a page, from the sections of the report where there is one for it. A section brings its heading,
 * which has no place inside a field, and says of itself what is unknown, which a form is not to be filled
 * with: so it is written to a page of its own, and what is wanted of that is taken over. */
#include "reports/finding/issue_facts.h"

#include "harness/base/plural.h"
#include "harness/base/utf8.h"
#include "reports/commands.h"
#include "reports/finding/axes.h"
#include "reports/finding/sections.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CODE_MOST 8000   /* bytes of a block of code; of a longer one the end is kept */
#define TEXT_MOST 2000   /* of a paragraph and an item */
#define CELL_MOST 300    /* of a cell of a table */
#define ROWS_MOST 24     /* of a table */
#define VERSION_MOST 300 /* of what a command answered that was asked for its version */

static const json_t *finding_of(const json_t *report)
{
    return json_object_get(report, "finding");
}

static const json_t *environment_of(const json_t *report)
{
    return json_object_get(finding_of(report), "environment");
}

/* ---- blocks ---- */

static char *cut_text(const char *text, size_t most)
{
    size_t n = tl_utf8_cut(text, most);
    return text[n] ? tl_format("%.*s… (%zu byte%s more)", (int)n, text, strlen(text) - n,
                               tl_plural(strlen(text) - n))
                   : tl_strdup(text);
}

/* The end of a text says why it failed; where it was cut, whole lines are left. */
static char *cut_code(const char *text)
{
    size_t size = strlen(text);
    if (size <= CODE_MOST)
        return tl_strdup(text);
    const char *at = text + size - CODE_MOST, *line = strchr(at, '\n');
    while (((unsigned char)*at & 0xc0) == 0x80)
        at++;
    at = line && line[1] ? line + 1 : at;
    return tl_format("(%zu bytes before this are left out)\n%s", (size_t)(at - text), at);
}

static void set_cut(json_t *block, const char *member, size_t most)
{
    const char *text = tl_member_text(block, member);
    if (!text)
        return;
    char *cut = most == CODE_MOST ? cut_code(text) : tl_inline_cut(text, most);
    json_object_set_new(block, member, json_string(cut));
    free(cut);
}

static void cut_table(json_t *table)
{
    json_t *rows = json_deep_copy(json_object_get(table, "rows")), *row, *cell;
    size_t i, k;
    json_object_set_new(table, "rows", rows);
    while (json_array_size(rows) > ROWS_MOST)
        json_array_remove(rows, json_array_size(rows) - 1);
    json_array_foreach(rows, i, row)
        json_array_foreach(json_object_get(row, "cells"), k, cell) {
            char *cut = tl_inline_cut(json_string_value(cell) ? json_string_value(cell) : "", CELL_MOST);
            json_array_set_new(json_object_get(row, "cells"), k, json_string(cut));
            free(cut);
        }
}

/* Takes blocks over, each within what a form can hold. A heading becomes words in bold, or nothing; what is folded up
 * stays so. */
static void take(json_t *page, const json_t *blocks, bool headings)
{
    const json_t *block;
    size_t i;
    json_array_foreach(blocks, i, block) {
        const char *is = tl_member_or(block, "is", "");
        if (!strcmp(is, "heading")) {
            if (headings && json_integer_value(json_object_get(block, "level")) > 2)
                tl_page_paragraph(page,
                                  tl_format(TL_BOLD_ON "%s" TL_BOLD_OFF, tl_member_or(block, "text", "")));
            continue;
        }
        json_t *copy = json_copy((json_t *)block), *inner = json_object_get(block, "blocks");
        set_cut(copy, "text", !strcmp(is, "code") ? CODE_MOST : TEXT_MOST);
        set_cut(copy, "summary", CELL_MOST);
        if (!strcmp(is, "table"))
            cut_table(copy);
        if (inner) { /* folds do not nest deep: they are the report's own */
            json_object_set_new(copy, "blocks", json_array());
            take(json_object_get(copy, "blocks"), inner, headings);
        }
        json_array_append_new(page, copy);
    }
}

/* What a section of the report says, without its heading. */
static bool take_section(const json_t *report, json_t *page, enum tl_extent extent,
                         void (*section)(const struct tl_sections *r))
{
    struct tl_sections r = {
        .page = json_array(),
        .finding = finding_of(report),
        .failing = json_object_get(report, "failing_trial"),
        .control = json_object_get(report, "control_trial"),
        .elsewhere = json_object_get(report, "elsewhere"),
        .bundle = json_object_get(report, "bundle"),
        .extent = extent,
    };
    size_t before = json_array_size(page);
    section(&r);
    take(page, r.page, true);
    json_decref(r.page);
    return json_array_size(page) > before;
}

/* A paragraph of inline text, which is taken over; "" or NULL: there is none. */
static bool add_paragraph(json_t *page, char *text)
{
    bool there = text && *text;
    if (there)
        tl_page_paragraph(page, tl_inline_cut(text, TEXT_MOST));
    free(text);
    return there;
}

/* The same of text from outside. */
static bool add_plain(json_t *page, const char *text)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    if (!text || !*text)
        return false;
    tl_inline_text(&b, text);
    return add_paragraph(page, tl_buffer_take(&b));
}

static bool add_code(json_t *page, const char *language, const char *text)
{
    if (!text || !*text)
        return false;
    tl_page_code(page, language, cut_code(text));
    return true;
}

/* ---- facts ---- */

static bool add_what(const json_t *report, json_t *page)
{
    add_paragraph(page, tl_words_summary(finding_of(report)));
    take_section(report, page, TL_EXTENT_SHORT, tl_section_reduced);
    return true;
}

static bool add_expected(const json_t *report, json_t *page)
{
    return take_section(report, page, TL_EXTENT_SHORT, tl_section_expected);
}

/* Of wrong outputs: which values, and what with. */
static bool add_wrong(const json_t *report, json_t *page)
{
    return take_section(report, page, TL_EXTENT_SHORT, tl_section_wrong);
}

static bool add_table(const json_t *report, json_t *page)
{
    bool there = take_section(report, page, TL_EXTENT_SHORT, tl_section_observed);
    return take_section(report, page, TL_EXTENT_SHORT, tl_section_indifferent) || there;
}

/* Whether the newest build fails. */
static bool add_newest(const json_t *report, json_t *page)
{
    return take_section(report, page, TL_EXTENT_PAGE, tl_section_newest);
}

static bool add_builds(const json_t *report, json_t *page)
{
    return take_section(report, page, TL_EXTENT_PAGE, tl_section_builds);
}

static bool add_since(const json_t *report, json_t *page)
{
    bool there = add_newest(report, page);
    return add_builds(report, page) || there;
}

/* The words of the failure; where there are none and no stack either, what it is called. */
static bool add_failure(const json_t *report, json_t *page)
{
    const json_t *f = finding_of(report), *trial = json_object_get(report, "failing_trial");
    const char *message = tl_member_text(f, "message");
    if (message && *message)
        return add_code(page, "text", message);
    return !json_is_object(json_object_get(trial, "capture")) &&
           add_code(page, "text", tl_member_text(json_object_get(f, "signature"), "title"));
}

static bool add_stack(const json_t *report, json_t *page)
{
    bool there = take_section(report, page, TL_EXTENT_PAGE, tl_section_stacks);
    return take_section(report, page, TL_EXTENT_SHORT, tl_section_machine) || there;
}

static bool add_log(const json_t *report, json_t *page)
{
    const json_t *trial = json_object_get(report, "failing_trial");
    const char *message = tl_member_text(finding_of(report), "message"),
               *err = tl_member_text(trial, "stderr"), *out = tl_member_text(trial, "stdout");
    bool apart = message && *message && !(err && strstr(err, message)) && !(out && strstr(out, message));
    char *all = tl_format("%s%s%s%s%s", apart ? message : "", apart ? "\n" : "", out ? out : "",
                          out && *out && out[strlen(out) - 1] != '\n' ? "\n" : "", err ? err : "");
    bool there = add_code(page, "text", strspn(all, " \n\r\t") == strlen(all) ? NULL : all);
    free(all);
    return there;
}

static bool add_reproduce(const json_t *report, json_t *page)
{
    return take_section(report, page, TL_EXTENT_SHORT, tl_section_reproduce);
}

/* What a bundle reproduces it with, and what was seen of that. */
static bool add_attached(const json_t *report, json_t *page)
{
    return take_section(report, page, TL_EXTENT_SHORT, tl_section_proved);
}

/* The commands of the reproducing section alone. */
static bool add_commands(const json_t *report, json_t *page)
{
    json_t *all = json_array();
    const json_t *block;
    char *steps = tl_steps_commands(json_object_get(report, "failing_trial"), true);
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t i;
    add_reproduce(report, all);
    if (steps)
        tl_buffer_add_string(&b, steps);
    else
        json_array_foreach(all, i, block)
            if (!strcmp(tl_member_or(block, "is", ""), "code"))
                tl_buffer_add_string(&b, tl_member_or(block, "text", ""));
    bool there = add_code(page, "shell", b.data);
    tl_buffer_free(&b);
    json_decref(all);
    free(steps);
    return there;
}

/* The case, and the variant of it that fails. */
static bool add_model(const json_t *report, json_t *page)
{
    const json_t *f = finding_of(report), *variant = tl_report_variant(f);
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_inline_code(&b, tl_member_text(f, "case"));
    if (!b.size)
        return false;
    if (tl_member_text(f, "title")) {
        tl_buffer_add_string(&b, " (");
        tl_inline_text(&b, tl_member_text(f, "title"));
        tl_buffer_add_string(&b, ")");
    }
    if (json_object_size(variant)) {
        tl_buffer_add_string(&b, " with ");
        tl_words_variant(&b, variant);
    }
    add_paragraph(page, tl_buffer_take(&b));
    take_section(report, page, TL_EXTENT_PAGE, tl_section_model);
    return true;
}

/* The system of the device where the model ran elsewhere. */
static const json_t *system_of(const json_t *report)
{
    const json_t *v = environment_of(report), *target = json_object_get(v, "target");
    return json_is_object(target) ? target : v;
}

static bool add_os(const json_t *report, json_t *page)
{
    const json_t *v = system_of(report);
    const char *os = tl_member_text(v, "os"), *build = tl_member_text(v, "os_build"),
               *kernel = tl_member_text(v, "kernel");
    struct tl_buffer b = TL_BUFFER_INIT;
    if (!os && !build)
        return false;
    tl_inline_text(&b, os ? os : "build");
    if (build && *build && !(os && strstr(os, build)) && !(kernel && strstr(build, kernel))) {
        tl_buffer_add_string(&b, os ? " (" : " ");
        tl_inline_text(&b, build);
        tl_buffer_add_string(&b, os ? ")" : "");
    }
    if (kernel && *kernel) {
        tl_buffer_add_string(&b, ", kernel ");
        tl_inline_text(&b, kernel);
    }
    return add_paragraph(page, tl_buffer_take(&b));
}

static bool add_target(const json_t *report, json_t *page)
{
    char *targets = tl_steps_targets(json_object_get(json_object_get(report, "failing_trial"), "request"));
    bool there = add_plain(page, targets);
    free(targets);
    return there;
}

static bool add_version(const json_t *report, json_t *page)
{
    const json_t *v = environment_of(report), *build = json_object_get(finding_of(report), "build");
    const char *version = tl_member_or(v, "runtime_version", tl_member_text(build, "version")),
               *commit = tl_member_text(build, "commit"), *source = tl_member_text(report, "build_source");
    struct tl_buffer b = TL_BUFFER_INIT;
    if (!version && !commit)
        return false;
    tl_inline_text(&b, version ? version : commit);
    if (version && commit) {
        tl_buffer_add_string(&b, ", commit ");
        tl_inline_text(&b, commit);
    }
    if (source && !strncmp(source, "npm ", 4)) { /* "npm PACKAGE@VERSION, FILE" */
        char *package = tl_format("%.*s", (int)strcspn(source + 4, ","), source + 4);
        for (char *at = package; *at; at++) /* which would be somebody's name */
            *at = *at == '@' ? ' ' : *at;
        tl_buffer_add_string(&b, " (npm ");
        tl_inline_text(&b, package);
        tl_buffer_add_string(&b, ")");
        free(package);
    }
    return add_paragraph(page, tl_buffer_take(&b));
}

/* A provider that is none of the form's, and what it ran on. */
static bool add_provider(const json_t *report, json_t *page)
{
    const json_t *f = finding_of(report), *v = environment_of(report);
    const char *device = tl_member_text(f, "device"),
               *driver = tl_member_or(v, "driver", tl_member_text(v, "gpu"));
    struct tl_buffer b = TL_BUFFER_INIT;
    if (!device || !strcmp(device, "cpu"))
        return device && add_plain(page, "the one of the package: CPU needs no other library");
    tl_inline_text(&b, device);
    tl_buffer_add_string(&b, driver ? ", " : ", as this build of the runtime has it");
    tl_inline_text(&b, driver);
    return add_paragraph(page, tl_buffer_take(&b));
}

static bool add_hardware(const json_t *report, json_t *page)
{
    static const char *const names[] = {"model", "cpu", "gpu"};
    const json_t *v = environment_of(report), *target = json_object_get(v, "target");
    json_int_t cores = tl_member_integer(v, "cores"), memory = tl_member_integer(v, "memory");
    struct tl_buffer b = TL_BUFFER_INIT;
    if (tl_member_text(target, "model")) {
        tl_inline_text(&b, tl_member_text(target, "model"));
        tl_buffer_add_string(&b, ", which hangs on ");
    }
    size_t begin = b.size;
    for (size_t i = 0; i < TL_COUNT(names); i++)
        if (tl_member_text(v, names[i])) {
            tl_buffer_add_string(&b, b.size > begin ? ", " : "");
            tl_inline_text(&b, tl_member_text(v, names[i]));
        }
    if (b.size == begin) {
        tl_buffer_free(&b);
        return false;
    }
    if (cores > 0)
        tl_buffer_printf(&b, ", %lld core%s", (long long)cores, tl_plural((unsigned long long)cores));
    if (memory > 0)
        tl_buffer_printf(&b, ", %.1f GiB of memory", (double)memory / 1073741824.0);
    const json_t *observed = json_object_get(json_object_get(report, "failing_trial"), "observed");
    if (json_is_string(observed)) {
        tl_buffer_add_string(&b, "; it ran on ");
        tl_inline_text(&b, json_string_value(observed));
    }
    return add_paragraph(page, tl_buffer_take(&b));
}

static bool holds_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (; *text; text++)
        if (!strncasecmp(text, word, n))
            return true;
    return false;
}

/* What commands of the case, and the runner, told of versions: those in which a word occurs, or all. */
static bool add_versions_of(const json_t *report, const char *word, json_t *page)
{
    const json_t *const lists[] = {json_object_get(environment_of(report), "versions"),
                                   json_object_get(json_object_get(report, "failing_trial"), "versions")};
    const char *name;
    json_t *version;
    bool there = false;
    for (size_t i = 0; i < TL_COUNT(lists); i++)
        json_object_foreach((json_t *)lists[i], name, version) {
            char *value = tl_value_word(version), *cut = cut_text(value, VERSION_MOST);
            if (*value && (!word || holds_word(name, word) || holds_word(value, word))) {
                char *line = tl_format("%s: %s", name, cut);
                there = add_plain(page, line) || there;
                free(line);
            }
            free(cut);
            free(value);
        }
    return there;
}

static bool add_versions(const json_t *report, json_t *page)
{
    return add_versions_of(report, NULL, page);
}

static bool add_about(const json_t *report, json_t *page, const char *name)
{
    struct tl_sections r = {.page = json_array(), .finding = finding_of(report)};
    bool there = tl_words_about(&r, name);
    take(page, r.page, false);
    json_decref(r.page);
    return there;
}

static bool add_notes(const json_t *report, json_t *page)
{
    bool related = add_about(report, page, "notes");
    return add_about(report, page, "related") || related;
}

static bool add_impact(const json_t *report, json_t *page)
{
    return add_about(report, page, "impact");
}

static const struct {
    const char *name;
    bool (*add)(const json_t *report, json_t *page);
} facts[] = {
    {"what", add_what},
    {"expected", add_expected},
    {"wrong", add_wrong},
    {"table", add_table},
    {"since", add_since},
    {"failure", add_failure},
    {"stack", add_stack},
    {"log", add_log},
    {"reproduce", add_reproduce},
    {"attached", add_attached},
    {"commands", add_commands},
    {"model", add_model},
    {"os", add_os},
    {"target", add_target},
    {"version", add_version},
    {"provider", add_provider},
    {"hardware", add_hardware},
    {"versions", add_versions},
    {"notes", add_notes},
    {"impact", add_impact},
    {"newest", add_newest},
    {"builds", add_builds},
};

static const char version_of[] = "version:"; /* and a word */

bool tl_issue_fact_known(const char *name)
{
    for (size_t i = 0; i < TL_COUNT(facts); i++)
        if (!strcmp(name, facts[i].name))
            return true;
    return !strncmp(name, version_of, sizeof version_of - 1) && name[sizeof version_of - 1];
}

bool tl_issue_fact(const json_t *report, const char *name, json_t *page)
{
    for (size_t i = 0; i < TL_COUNT(facts); i++)
        if (!strcmp(name, facts[i].name))
            return facts[i].add(report, page);
    return tl_issue_fact_known(name) && add_versions_of(report, name + sizeof version_of - 1, page);
}

/* ---- words ---- */

static char *small(const char *text)
{
    char *copy = tl_strdup(text);
    for (char *p = copy; p && *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return copy;
}

static char *word_system(const json_t *report)
{
    static const struct {
        const char *in, *word;
    } systems[] = {{"ios", "ios"},         {"ipados", "ios"},   {"macos", "macos"},
                   {"mac os", "macos"},    {"darwin", "macos"}, {"android", "android"},
                   {"windows", "windows"}, {"bsd", "bsd"},      {"linux", "linux"}};
    const json_t *v = system_of(report);
    const char *const texts[] = {tl_member_text(v, "os"), tl_member_text(v, "kernel")};
    for (size_t k = 0; k < TL_COUNT(texts); k++)
        for (size_t i = 0; texts[k] && i < TL_COUNT(systems); i++)
            if (holds_word(texts[k], systems[i].in))
                return tl_strdup(systems[i].word);
    return NULL;
}

static char *word_device(const json_t *report)
{
    const char *device = tl_member_text(finding_of(report), "device");
    return device && strcmp(device, "host") && strcmp(device, "default") ? small(device) : NULL;
}

static char *word_architecture(const json_t *report)
{
    return small(tl_member_text(environment_of(report), "machine"));
}

/* Of a library that came from a registry it is known that it is the released one. */
static char *word_installation(const json_t *report)
{
    const char *source = tl_member_text(report, "build_source");
    return source && !strncmp(source, "npm ", 4) ? tl_strdup("released") : NULL;
}

/* The runner for ONNX Runtime calls it through its C ABI. */
static char *word_api(const json_t *report)
{
    const char *runner = tl_member_text(finding_of(report), "runner");
    return runner && holds_word(runner, "onnxruntime") ? tl_strdup("c") : NULL;
}

static const struct {
    const char *name;
    char *(*word)(const json_t *report);
} choices[] = {{"system", word_system},
               {"device", word_device},
               {"architecture", word_architecture},
               {"installation", word_installation},
               {"api", word_api}};

bool tl_issue_word_known(const char *name)
{
    for (size_t i = 0; i < TL_COUNT(choices); i++)
        if (!strcmp(name, choices[i].name))
            return true;
    return false;
}

char *tl_issue_word(const json_t *report, const char *name)
{
    for (size_t i = 0; i < TL_COUNT(choices); i++)
        if (!strcmp(name, choices[i].name))
            return choices[i].word(report);
    return NULL;
}
