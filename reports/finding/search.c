/* How it was found: the search, what else it saw, and what is in the bundle. */
#include "reports/finding/sections.h"
#include "reports/known.h"

#include "harness/base/plural.h"
#include "harness/base/time_text.h"
#include "reports/finding/answers.h"
#include "reports/finding/figures.h"
#include "reports/search_svg.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define SOURCE_MOST (2 * TL_EXTENT_WIDTH - 20)

#define TITLE_MOST 160 /* of another failure on a page */

void tl_section_others(const struct tl_sections *r)
{
    const char *head[] = {"failure", "outcome", "seen",
                          json_is_object(json_object_get(r->finding, "minimal"))
                              ? "first with (against the minimal variant)"
                              : "first with"};
    const json_t *others = json_object_get(r->finding, "others"), *o;
    size_t i;
    if (!json_array_size(others))
        return;
    tl_page_heading(r->page, 2, "Other failures seen");
    json_t *rows = r->extent == TL_EXTENT_FULL ? tl_page_table(r->page, TL_COUNT(head), head) : NULL;
    json_array_foreach(others, i, o) {
        struct tl_buffer title = TL_BUFFER_INIT, outcome = TL_BUFFER_INIT, where = TL_BUFFER_INIT;
        tl_inline_code(&title, tl_member_or(o, "title", tl_member_text(o, "signature")));
        bool wrong = !strcmp(tl_member_or(o, "outcome", ""), "wrong");
        tl_inline_text(&outcome, wrong ? "wrong outputs" : tl_member_or(o, "outcome", "unknown"));
        if (tl_member_text(o, "signal")) {
            tl_buffer_add_string(&outcome, ", ");
            tl_inline_text(&outcome, tl_member_text(o, "signal"));
        }
        if (tl_member_text(o, "phase") && strcmp(tl_member_text(o, "phase"), "done") != 0) {
            tl_buffer_add_string(&outcome, " in ");
            tl_inline_text(&outcome, tl_member_text(o, "phase"));
        }
        tl_words_difference(&where, r->finding, json_object_get(o, "variant"),
                            json_object_get(r->finding, "minimal"));
        if (tl_member_text(o, "relation")) {
            struct tl_buffer relation = TL_BUFFER_INIT;
            tl_words_relation(&relation, r->finding, o);
            tl_buffer_add_string(&where, " (");
            tl_inline_text(&where, relation.data);
            tl_buffer_add_string(&where, ")");
            tl_buffer_free(&relation);
        }
        long long seen = tl_member_integer(o, "seen");
        char *times = seen == 1 ? tl_strdup("once") : tl_format("%lld times", seen);
        if (rows) {
            char *cells[] = {tl_buffer_take(&title), tl_buffer_take(&outcome), times, tl_buffer_take(&where)};
            tl_page_row(rows, false, TL_COUNT(cells), cells);
            continue;
        }
        char *own = tl_inline_cut(title.data ? title.data : "", TITLE_MOST);
        tl_page_item(r->page, tl_format("%s, %s, first with %s: %s", outcome.data, times, where.data, own));
        tl_buffer_free(&title);
        tl_buffer_free(&outcome);
        tl_buffer_free(&where);
        free(times);
        free(own);
    }
}

/* What of the answer was known before it was asked for, and how to have it run anew. */
static void add_stored(struct tl_buffer *b, const json_t *f)
{
    tl_words_stored(b, f, TL_TIME_MINUTES);
    if (b->size)
        tl_buffer_add_string(b, ". " TL_CODE_ON "trapline isolate --no-cache" TL_CODE_OFF
                                " with the same case and unit runs all of them anew.");
}

static void add_measured_rate(struct tl_buffer *b, const json_t *f)
{
    const json_t *interval = json_object_get(f, "rate_interval");
    struct tl_finding_runs r = tl_finding_runs(f);
    if (r.runs > 0)
        tl_buffer_printf(b, "Rate: %lld of %lld", (long long)r.failed, (long long)r.runs);
    else
        tl_buffer_add_string(b, "Rate: unknown");
    if (json_array_size(interval) == 2)
        tl_buffer_printf(b, ", so that the true rate lies between %.2f and %.2f (with confidence 0.99)",
                         json_number_value(json_array_get(interval, 0)),
                         json_number_value(json_array_get(interval, 1)));
}

/* The trial that stands for it. */
static void add_ids(struct tl_buffer *b, const json_t *f)
{
    const char *trial = tl_member_text(json_object_get(f, "evidence"), "trial");
    tl_buffer_add_string(b, trial ? ", trial " : "");
    tl_inline_code(b, trial);
}

static void add_tools(struct tl_buffer *b, const json_t *environment)
{
    static const char *const names[][2] = {{"trapline", "trapline"}, {"runner", "runner_version"}};
    for (size_t i = 0; i < TL_COUNT(names); i++) {
        const char *version = tl_member_text(environment, names[i][1]);
        if (!version)
            continue;
        tl_buffer_printf(b, ", %s ", names[i][0]);
        tl_inline_text(b, version);
    }
}

/* Where the case comes from, of which people write much: on a page two lines of it. */
static char *cut_source(const char *source, enum tl_extent extent)
{
    return extent == TL_EXTENT_FULL ? tl_strdup(source) : tl_inline_cut(source, SOURCE_MOST);
}

/* A note, which is in small letters and without a full stop in a terminal. */
static void add_sentence(struct tl_buffer *b, const char *note)
{
    struct tl_buffer text = TL_BUFFER_INIT;
    tl_buffer_add_string(&text, note);
    if (text.size) {
        *text.data = (char)toupper((unsigned char)*text.data);
        tl_buffer_add_string(&text, strchr(".!?)", text.data[text.size - 1]) ? "" : ".");
    }
    tl_inline_text(b, text.data);
    tl_buffer_free(&text);
}

/* Which axes were tried first, and on whose word. */
static void add_suspects(struct tl_buffer *b, const json_t *f)
{
    const json_t *suspects = json_object_get(f, "suspects"), *axes = json_object_get(suspects, "axes"), *axis;
    const char *finding = tl_member_text(suspects, "finding");
    size_t i;
    json_array_foreach(axes, i, axis) {
        tl_buffer_add_string(b, i ? ", " : " Tried first: ");
        tl_inline_code(b, json_string_value(axis));
    }
    if (json_array_size(axes) && finding) {
        tl_buffer_add_string(b, " (finding ");
        tl_inline_code(b, finding);
        tl_buffer_add_string(b, " needed them)");
    }
    tl_buffer_add_string(b, json_array_size(axes) ? "." : "");
}

void tl_section_search(const struct tl_sections *r)
{
    const json_t *f = r->finding, *note;
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t i;
    json_int_t found = tl_member_integer(f, "created_us");
    char *when = found ? tl_time_format(found, TL_TIME_MINUTES) : NULL;
    if (r->extent == TL_EXTENT_FULL)
        tl_page_heading(r->page, 2, "How this was found");
    /* The reduction before has its own trials, of which the report has said how many. */
    tl_buffer_printf(&b, "%s%lld trial%s (",
                     json_is_object(json_object_get(f, "reduction")) ? "Of what is left: " : "",
                     (long long)tl_member_integer(f, "trials"),
                     tl_plural((unsigned long long)tl_member_integer(f, "trials")));
    if (json_is_object(json_object_get(f, "minimal")))
        tl_buffer_printf(&b, "%lld of them to find the minimal variant, ",
                         (long long)tl_member_integer(f, "search_trials"));
    json_int_t known = tl_member_integer(f, "cached");
    if (known)
        tl_buffer_printf(&b, "%lld known from before)", (long long)known);
    else
        tl_buffer_add_string(&b, "none of them known from before)");
    tl_buffer_printf(&b, " in %.1f s, %s%s. ", json_number_value(json_object_get(f, "elapsed_s")),
                     when ? "on " : "at an unknown time", when ? when : "");
    free(when);
    add_measured_rate(&b, f);
    tl_buffer_add_string(&b, ". Finding ");
    tl_inline_code(&b, tl_member_or(f, "finding", "unknown"));
    if (r->extent != TL_EXTENT_FULL) {
        add_ids(&b, f);
        add_tools(&b, json_object_get(f, "environment"));
    }
    tl_buffer_add_string(&b, ", case ");
    tl_inline_code(&b, tl_member_or(f, "case", "unknown"));
    tl_buffer_add_string(&b, " with content ");
    tl_inline_code(&b, tl_member_or(f, "case_hash", "unknown"));
    if (tl_member_text(f, "source")) {
        tl_buffer_add_string(&b, ", which comes from: ");
        char *source = cut_source(tl_member_text(f, "source"), r->extent);
        tl_inline_text(&b, source);
        free(source);
    }
    tl_buffer_add_string(&b, ".");
    if (json_is_object(json_object_get(f, "known"))) {
        char *said = tl_known_words(json_object_get(f, "known"));
        tl_buffer_printf(&b, " The failure is known here: %s.", said);
        free(said);
    }
    add_suspects(&b, f);
    tl_page_paragraph(r->page, tl_buffer_take(&b));
    add_stored(&b, f);
    tl_page_paragraph(r->page, tl_buffer_take(&b));
    json_array_foreach(json_object_get(f, "notes"), i, note) {
        /* What the other triggers are stands above. */
        if (!strcmp(tl_member_or(note, "code", ""), "other-trigger") &&
            json_array_size(json_object_get(f, "or")))
            continue;
        add_sentence(&b, tl_member_or(note, "text", ""));
        tl_page_item(r->page, tl_buffer_take(&b));
    }
    tl_page_figure(
        r->page, tl_report_svg(f),
        "Every trial of the search, in order from left to right. A line for each axis: the higher, the "
        "further from its simplest value.");
}

#define TELLS                                                                                                \
    "; it holds names of this machine or its user, and was left as it is" /* reports/bundle/parts.h */
#define ATTACHED_MOST 12 /* files in directories that are listed one by one */

/* "inputs/" of "inputs/0.npy", 0 where it is in none. */
static size_t folder_length(const char *name)
{
    const char *slash = strchr(name, '/');
    return slash ? (size_t)(slash - name) + 1 : 0;
}

/* Those of a folder that holds several are one name. */
static bool is_in_folder_of(const json_t *files, size_t i)
{
    const char *name = tl_member_or(json_array_get(files, i), "name", "");
    size_t folder = folder_length(name), others = 0;
    for (size_t k = 0; folder && k < json_array_size(files); k++)
        others += k != i && !strncmp(tl_member_or(json_array_get(files, k), "name", ""), name, folder);
    return others > 0;
}

/* Of a file, or of all in a folder. */
static void add_size(struct tl_buffer *b, const json_t *files, const char *name)
{
    size_t n = strlen(name);
    bool folder = n && name[n - 1] == '/', known = false;
    json_int_t bytes = 0;
    for (size_t i = 0; i < json_array_size(files); i++) {
        const json_t *file = json_array_get(files, i);
        if (strncmp(tl_member_or(file, "name", ""), name, folder ? n : n + 1) != 0 ||
            !json_object_get(file, "size"))
            continue;
        bytes += tl_member_integer(file, "size");
        known = true;
    }
    char *words = known ? tl_size_words(bytes) : NULL;
    if (words)
        tl_buffer_printf(b, " (%s)", words);
    free(words);
}

/* What they are stands in the full report. */
static void add_attached_names(const struct tl_sections *r)
{
    struct tl_buffer b = TL_BUFFER_INIT, last = TL_BUFFER_INIT, name = TL_BUFFER_INIT;
    const json_t *files = json_object_get(r->bundle, "files"), *text;
    size_t k;
    tl_buffer_add_string(&b, TL_BOLD_ON "Attached:" TL_BOLD_OFF);
    size_t telling = 0;
    json_t *told = json_object(); /* a folder once, wherever its files stand among the others */
    tl_buffer_add_string(&last, "");
    for (size_t i = 0; i < json_array_size(files); i++) {
        const char *whole = tl_member_or(json_array_get(files, i), "name", "?");
        tl_buffer_clear(&name);
        tl_buffer_add(&name, whole, is_in_folder_of(files, i) ? folder_length(whole) : strlen(whole));
        if (json_object_get(told, name.data))
            continue;
        json_object_set_new(told, name.data, json_true());
        tl_buffer_add_string(&b, *last.data ? ", " : " ");
        tl_inline_code(&b, name.data);
        add_size(&b, files, name.data);
        tl_buffer_clear(&last);
        tl_buffer_add_string(&last, name.data);
    }
    json_array_foreach(json_object_get(r->bundle, "beside"), k, text) {
        tl_buffer_add_string(&b, *last.data || k ? ", " : " ");
        tl_inline_code(&b, tl_member_or(text, "name", "?"));
        tl_buffer_add_string(&last, "beside");
    }
    for (size_t i = 0; i < json_array_size(files); i++)
        if (strstr(tl_member_or(json_array_get(files, i), "about", ""), TELLS)) {
            tl_buffer_add_string(&b, telling++ ? ", " : ". Names of this machine or its user stand in ");
            tl_inline_code(&b, tl_member_or(json_array_get(files, i), "name", "?"));
        }
    tl_buffer_add_string(&b, *last.data ? "." : " nothing.");
    json_array_foreach(json_object_get(r->bundle, "left_out"), k, text) {
        tl_buffer_add_string(&b, k ? "; " : " Left out: ");
        tl_inline_text(&b, json_string_value(text));
    }
    tl_page_paragraph(r->page, tl_buffer_take(&b));
    json_decref(told);
    tl_buffer_free(&last);
    tl_buffer_free(&name);
}

/* What is in the bundle that this report is part of. */
void tl_section_attached(const struct tl_sections *r)
{
    const json_t *file, *text;
    size_t i;
    if (!json_is_object(r->bundle))
        return;
    size_t shown = 0, more = 0;
    json_int_t bytes = 0;
    if (r->extent == TL_EXTENT_PAGE) {
        add_attached_names(r);
        return;
    }
    tl_page_heading(r->page, 2, "Attached");
    json_array_foreach(json_object_get(r->bundle, "files"), i, file) {
        struct tl_buffer b = TL_BUFFER_INIT;
        const char *name = tl_member_or(file, "name", "");
        if (strchr(name, '/') && ++shown > ATTACHED_MOST) {
            more++;
            bytes += tl_member_integer(file, "size");
            continue;
        }
        tl_inline_code(&b, name);
        tl_buffer_add_string(&b, ": ");
        tl_inline_text(&b, tl_member_text(file, "about"));
        if (json_object_get(file, "size")) {
            char *size = tl_size_words(tl_member_integer(file, "size"));
            tl_buffer_printf(&b, " (%s)", size);
            free(size);
        }
        tl_page_item(r->page, tl_buffer_take(&b));
    }
    json_array_foreach(json_object_get(r->bundle, "beside"), i, file) {
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_inline_code(&b, tl_member_or(file, "name", ""));
        tl_buffer_add_string(&b, ": ");
        tl_inline_text(&b, tl_member_text(file, "about"));
        tl_page_item(r->page, tl_buffer_take(&b));
    }
    if (more) {
        char *size = tl_size_words(bytes);
        tl_page_item(r->page,
                     tl_format("%zu more file%s in its directories (%s)", more, tl_plural(more), size));
        free(size);
    }
    json_array_foreach(json_object_get(r->bundle, "left_out"), i, text) {
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_buffer_add_string(&b, "Left out: ");
        tl_inline_text(&b, json_string_value(text));
        tl_page_item(r->page, tl_buffer_take(&b));
    }
}
