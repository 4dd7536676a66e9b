/* The section of a report that says what a reduction left of a model, in the order in which somebody asks who gets it: how small
 * it is, which nodes of the original they are, what is fed to it and whether that is its owner's, why it is not smaller, what
 * passes next to it, and what each step did. */
#include "harness/base/plural.h"
#include "reports/finding/optimiser.h"
#include "reports/finding/reduction_values.h"
#include "reports/finding/sections.h"
#include "reports/graph_svg.h"
#include "reports/graph_words.h"

#include <stdlib.h>
#include <string.h>

#define NODES_SHOWN 20
#define NAME_IN_TABLE 60
#define NAME_SHOWN 24 /* columns of the name that a node has now; the other one is shown whole */
#define OTHERS_SHOWN 3
#define SHORT_SHOWN 3
#define SHORT_NAME 40 /* columns of a name, where it has to be short */

static void add_name(struct tl_buffer *b, const char *name)
{
    char *cut = tl_graph_name(name);
    tl_inline_code(b, cut);
    free(cut);
}

static char *code(const char *text)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    if (text)
        add_name(&b, text);
    return b.data ? tl_buffer_take(&b) : tl_strdup("");
}

/* By its name, else by what it makes. */
static char *place_in_original(const json_t *node)
{
    const char *name = tl_member_text(node, "original"), *made = tl_member_text(node, "original_output");
    struct tl_buffer b = TL_BUFFER_INIT;
    if (name) {
        add_name(&b, name);
    } else if (made) {
        tl_buffer_add_string(&b, "without a name; makes ");
        add_name(&b, made);
    }
    if (tl_member_true(node, "inside"))
        tl_buffer_add_string(&b, " (in a body)");
    return b.data ? tl_buffer_take(&b) : tl_strdup("");
}

/* A name is there to be found again: where one would be cut to fit into a table, they are a list. */
static bool are_long(const json_t *nodes)
{
    const json_t *node;
    size_t i;
    json_array_foreach(nodes, i, node)
        if (i < NODES_SHOWN &&
            strlen(tl_member_or(node, "original", tl_member_or(node, "original_output", ""))) > NAME_IN_TABLE)
            return true;
    return false;
}

static void add_list(json_t *page, const json_t *nodes)
{
    const json_t *node;
    size_t i;
    json_array_foreach(nodes, i, node) {
        if (i == NODES_SHOWN)
            break;
        char *operator= code(tl_member_text(node, "operator")), *place = place_in_original(node);
        tl_page_item(page, tl_format("%s: %s", operator, place));
        free(operator);
        free(place);
    }
}

static void add_nodes(json_t *page, const json_t *nodes)
{
    if (are_long(nodes)) {
        add_list(page, nodes);
        if (json_array_size(nodes) > NODES_SHOWN)
            tl_page_paragraph(page, tl_format("… and %zu more.", json_array_size(nodes) - NODES_SHOWN));
        return;
    }
    static const char *const head[] = {"node", "operator", "in the original"};
    json_t *rows = tl_page_table(page, 3, head);
    const json_t *node;
    size_t i;
    json_array_foreach(nodes, i, node) {
        if (i == NODES_SHOWN)
            break;
        char *now = tl_graph_cut(tl_member_or(node, "node", ""), NAME_SHOWN, false);
        char *cells[] = {code(now), code(tl_member_text(node, "operator")), place_in_original(node)};
        tl_page_row(rows, false, 3, cells);
        free(now);
    }
    if (json_array_size(nodes) > NODES_SHOWN)
        tl_page_paragraph(page, tl_format("… and %zu more.", json_array_size(nodes) - NODES_SHOWN));
}

static void add_names(struct tl_buffer *b, const json_t *list)
{
    const json_t *one;
    size_t i;
    json_array_foreach(list, i, one) {
        if (i == 8) {
            tl_buffer_printf(b, " and %zu more", json_array_size(list) - i);
            break;
        }
        tl_buffer_add_string(b, i ? ", " : " ");
        add_name(b, json_is_string(one) ? json_string_value(one) : tl_member_or(one, "original", "?"));
    }
}

static void add_data(json_t *page, const json_t *reduction)
{
    const json_t *recorded = json_object_get(reduction, "recorded_inputs"),
                 *left = json_object_get(reduction, "owner_data");
    struct tl_buffer b = TL_BUFFER_INIT;
    if (json_array_size(recorded)) {
        tl_buffer_add_string(&b, "It is fed with values that were recorded in a run of the original:");
        add_names(&b, recorded);
        tl_buffer_add_string(&b, ". ");
    }
    if (json_array_size(left)) {
        tl_buffer_add_string(&b, "Of the original's own values it still holds");
        add_names(&b, left);
        tl_buffer_add_string(&b, ".");
    } else {
        tl_buffer_add_string(
            &b, "No value of the original is left in it: weights and inputs are zeros, ones or random");
        tl_buffer_add_string(&b, json_array_size(json_object_get(reduction, "kept_values"))
                                     ? ", but for elements that have to be what the next lines say."
                                     : ".");
    }
    if (json_array_size(json_object_get(reduction, "structural_owner_data"))) {
        tl_buffer_add_string(&b, " The model that is fed from the original's inputs still holds values of");
        add_names(&b, json_object_get(reduction, "structural_owner_data"));
        tl_buffer_add_string(&b, ".");
    }
    tl_page_paragraph(page, tl_buffer_take(&b));
}

static void add_values(json_t *page, const json_t *reduction)
{
    json_t *sentences = tl_reduction_sentences(reduction, true), *one;
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t i;
    json_array_foreach(sentences, i, one) {
        const char *text = json_string_value(one);
        bool of_it = !strncmp(text, "it ", 3); /* "It fails with …", not "In it it fails" */
        tl_buffer_printf(&b, "%s%s", i ? "; " : of_it ? "It" : "In it ", text + (!i && of_it ? 2 : 0));
    }
    if (b.size) {
        tl_buffer_add_string(&b, ".");
        tl_page_paragraph(page, tl_buffer_take(&b));
    }
    json_decref(sentences);
}

/* --- why not fewer -------------------------------------------------------------------------------------------- */

static const char *last_step(const json_t *reduction)
{
    const json_t *steps = json_object_get(reduction, "steps");
    return tl_member_text(json_array_get(steps, json_array_size(steps) - 1), "step");
}

static bool any_inside(const json_t *nodes)
{
    const json_t *node;
    size_t i;
    json_array_foreach(nodes, i, node)
        if (tl_member_true(node, "inside"))
            return true;
    return false;
}

static void add_why(json_t *page, const json_t *reduction)
{
    const json_t *nodes = json_object_get(reduction, "remaining"), *own = json_object_get(reduction, "rate"),
                 *rate = json_object_get(reduction, "original_rate"),
                 *newest = json_object_get(reduction, "newest_build");
    rate = rate ? rate : own; /* of an earlier version */
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, TL_BOLD_ON "Why not fewer:" TL_BOLD_OFF " ");
    if (!tl_member_true(reduction, "complete")) {
        tl_buffer_add_string(&b, "the search was ended before it was done");
        if (last_step(reduction)) {
            tl_buffer_add_string(&b, ", in the step ");
            tl_inline_code(&b, last_step(reduction));
        }
        tl_buffer_add_string(&b, ". The same command goes on from there.");
    } else if (json_array_size(nodes) == 1 && tl_member_true(reduction, "minimal")) {
        tl_buffer_add_string(&b, "a model has at least one node.");
    } else if (tl_member_true(reduction, "minimal")) {
        tl_buffer_add_string(
            &b, "each of these nodes was taken away alone, and then it did not fail in this way.");
    } else if (tl_integer_at(rate, 0) < tl_integer_at(rate, 1)) {
        tl_buffer_printf(
            &b,
            "the original failed in %lld of %lld runs, so that a smaller model that did not fail may "
            "do so in more of them.",
            tl_integer_at(rate, 0), tl_integer_at(rate, 1));
    } else if (tl_integer_at(own, 0) < tl_integer_at(own, 1)) {
        tl_buffer_printf(
            &b,
            "what is left failed in %lld of %lld runs, and each smaller model was run once: one that "
            "did not fail may do so in more of them.",
            tl_integer_at(own, 0), tl_integer_at(own, 1));
    } else if (json_is_object(json_object_get(reduction, "unproved"))) {
        tl_buffer_printf(
            &b, "%s did not do as reported each time, so that the failure may take more than is left.",
            tl_member_or(json_object_get(reduction, "unproved"), "program", "?"));
    } else if (json_is_object(json_object_get(reduction, "memory")) &&
               !json_is_object(json_object_get(json_object_get(reduction, "memory"), "set"))) {
        tl_buffer_add_string(
            &b, "it depends on what lies in memory, and each smaller model was run once: one that "
                "did not fail may do so in another process.");
    } else if (json_integer_value(json_object_get(reduction, "untold_refused")) > 0) {
        tl_buffer_add_string(
            &b, "smaller models with an output of which the model says no type were refused by the "
                "command, each of them, so that the node at which it ends may not be at fault.");
    } else if (tl_member_true(newest, "followed")) {
        tl_buffer_printf(
            &b,
            "smaller models that failed in this way did not do on %s what the original does there "
            "(it %s), so that they failed of something else. Some of these nodes may be left for that "
            "alone.",
            tl_member_or(newest, "unit", "another build"),
            tl_member_true(newest, "fails") ? "fails there, too" : "passes there");
    } else if (tl_member_true(reduction, "open_since_values")) {
        tl_buffer_add_string(
            &b, "values or sizes of the original were replaced, and not each of these nodes was taken away "
                "again after that. Some may be needed no more: Reducing what is left once more goes on from "
                "there.");
    } else if (any_inside(nodes)) {
        tl_buffer_add_string(&b, "nodes in a body that could not be opened were not taken away one by one.");
    } else {
        tl_buffer_add_string(&b,
                             "some of these nodes could not be taken away alone: what was left was no model "
                             "that the runtime takes. Whether they are needed is open.");
    }
    tl_page_paragraph(page, tl_buffer_take(&b));
}

/* --- what each step did ----------------------------------------------------------------------------------------- */

enum column { STEP, NODES, WEIGHTS, TRIALS, OTHER, REFUSED, N_COLUMNS };
static const struct {
    const char *head, *member;
} columns[N_COLUMNS] = {{"step", "step"},     {"nodes", "nodes"},    {"weights", "bytes"},
                        {"trials", "trials"}, {"other", "rejected"}, {"refused", "invalid"}};

static char *step_cell(const json_t *step, enum column column)
{
    const char *of = tl_member_text(step, "of");
    struct tl_buffer b = TL_BUFFER_INIT;
    if (column == STEP) {
        tl_inline_text(&b, tl_member_or(step, "step", "?"));
        if (of) {
            tl_buffer_add_string(&b, " of ");
            tl_inline_code(&b, of);
        }
        if (tl_member_true(step, "structural"))
            tl_buffer_add_string(&b, " (structural)");
    } else if (!json_is_integer(json_object_get(step, columns[column].member))) {
        tl_buffer_add_string(&b, "");
    } else if (column == WEIGHTS) {
        return tl_size_words(tl_member_integer(step, columns[column].member));
    } else {
        tl_buffer_printf(&b, "%lld", (long long)tl_member_integer(step, columns[column].member));
    }
    return tl_buffer_take(&b);
}

/* A column in which nothing but zeros would stand is left away: a small screen has little room. */
static bool says_something(const json_t *steps, enum column column)
{
    const json_t *step;
    size_t i;
    json_array_foreach(steps, i, step)
        if (column == STEP || tl_member_integer(step, columns[column].member))
            return true;
    return false;
}

static void add_steps(json_t *page, const json_t *reduction)
{
    const json_t *steps = json_object_get(reduction, "steps"), *step;
    const char *head[N_COLUMNS];
    enum column shown[N_COLUMNS];
    json_t *rows = NULL;
    size_t i, n = 0;
    for (int c = 0; c < N_COLUMNS; c++)
        if (says_something(steps, (enum column)c)) {
            head[n] = columns[c].head;
            shown[n++] = (enum column)c;
        }
    json_array_foreach(steps, i, step) {
        char *cells[N_COLUMNS];
        if (!tl_member_integer(step, "trials"))
            continue;
        if (!rows)
            tl_page_words(page,
                          "What each step did: what was left after it, how many trials it took, and how many "
                          "of those failed in another way or were refused:");
        rows = rows ? rows : tl_page_table(page, n, head);
        for (size_t c = 0; c < n; c++)
            cells[c] = step_cell(step, shown[c]);
        tl_page_row(rows, false, n, cells);
    }
}

/* --- the picture ------------------------------------------------------------------------------------------------- */

static bool is_in_bundle(const struct tl_sections *r, const char *name)
{
    const json_t *file;
    size_t i;
    json_array_foreach(json_object_get(r->bundle, "files"), i, file)
        if (!strcmp(tl_member_or(file, "name", ""), name))
            return true;
    return false;
}

static void add_picture(const struct tl_sections *r, const json_t *graph, const char *file)
{
    char *svg = tl_graph_svg(graph, false), *caption = svg ? tl_graph_caption(graph) : NULL;
    tl_page_figure_file(r->page, svg, caption, is_in_bundle(r, file) ? file : NULL);
    free(caption);
}

/* --- the other model ---------------------------------------------------------------------------------------------- */

static void add_structural(const struct tl_sections *r, const json_t *reduction)
{
    const json_t *nodes = json_object_get(reduction, "structural_remaining");
    size_t n = json_array_size(nodes);
    if (!n)
        return;
    tl_page_paragraph(r->page, tl_format("Fed with the original's inputs%s it takes %zu node%s%s (" TL_CODE_ON
                                         "structural.onnx" TL_CODE_OFF "):",
                                         tl_member_true(reduction, "structural_recorded_state")
                                             ? " and the recorded state of a loop"
                                             : " alone",
                                         n, tl_plural(n), tl_reduction_structural_words(reduction)));
    add_nodes(r->page, nodes);
    add_picture(r, json_object_get(reduction, "structural_graph"), TL_REDUCTION_STRUCTURAL_PICTURE);
}

static void add_rejected(json_t *page, const json_t *reduction)
{
    const json_t *others = json_object_get(reduction, "others"), *other;
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t i;
    if (!json_array_size(others))
        return;
    tl_buffer_add_string(&b, "Smaller models failed in another way, and did not count: ");
    json_array_foreach(others, i, other) {
        long long n = (long long)tl_member_integer(other, "trials");
        if (i == OTHERS_SHOWN) {
            tl_buffer_printf(&b, "; and in %zu more ways", json_array_size(others) - i);
            break;
        }
        tl_buffer_printf(&b, "%s%lld with ", i ? "; " : "", n);
        tl_inline_code(&b, tl_member_or(other, "title", tl_member_or(other, "outcome", "?")));
    }
    tl_buffer_add_string(&b, ".");
    tl_page_paragraph(page, tl_buffer_take(&b));
}

/* --- all of it ------------------------------------------------------------------------------------------------------ */

static char *size_of(const json_t *reduction)
{
    const json_t *nodes = json_object_get(reduction, "nodes"), *bytes = json_object_get(reduction, "bytes");
    char *before = json_array_size(bytes) == 2 ? tl_size_words(tl_integer_at(bytes, 0)) : NULL,
         *after = before ? tl_size_words(tl_integer_at(bytes, 1)) : NULL;
    char *made =
        tl_format("%lld of its %lld node%s%s%s%s%s", tl_integer_at(nodes, 1), tl_integer_at(nodes, 0),
                  tl_plural((uint64_t)tl_integer_at(nodes, 0)), before ? " and " : "", before ? after : "",
                  before ? " of its " : "", before ? before : "");
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, made);
    tl_buffer_add_string(&b, before ? " of weights" : "");
    free(made);
    free(before);
    free(after);
    return tl_buffer_take(&b);
}

static void add_reference(json_t *page, const json_t *reduction)
{
    const char *model = tl_member_text(json_object_get(reduction, "difference"), "model");
    struct tl_buffer b = TL_BUFFER_INIT;
    if (!model)
        return;
    tl_buffer_add_string(&b, "What is right are the outputs of ");
    tl_inline_code(&b, model);
    tl_buffer_add_string(&b, ". What is left of that, with the same done to it, is " TL_CODE_ON
                             "reference/model.onnx" TL_CODE_OFF ", and its outputs are in " TL_CODE_ON
                             "expected" TL_CODE_OFF ".");
    tl_page_paragraph(page, tl_buffer_take(&b));
}

static const char *state_of(const json_t *reduction)
{
    return !tl_member_true(reduction, "complete")  ? " (not yet minimal: the search was ended early)"
           : !tl_member_true(reduction, "minimal") ? " (not shown to be minimal)"
                                                   : "";
}

void tl_section_reduction(const struct tl_sections *r)
{
    const json_t *reduction = json_object_get(r->finding, "reduction"),
                 *neighbour = json_object_get(reduction, "neighbour");
    if (!json_is_object(reduction))
        return;
    char *size = size_of(reduction);
    tl_page_heading(r->page, 2, "What is left of the model");
    tl_page_paragraph(r->page,
                      tl_format(TL_BOLD_ON "%s" TL_BOLD_OFF "%s, found with %lld trials:", size,
                                state_of(reduction), (long long)tl_member_integer(reduction, "trials")));
    free(size);
    add_nodes(r->page, json_object_get(reduction, "remaining"));
    add_picture(r, json_object_get(reduction, "graph"), TL_REDUCTION_PICTURE);
    add_data(r->page, reduction);
    add_reference(r->page, reduction);
    add_why(r->page, reduction);
    add_values(r->page, reduction);
    if (json_is_object(neighbour))
        tl_page_paragraph(r->page, tl_format(TL_CODE_ON "%s" TL_CODE_OFF " passes with %s.",
                                             tl_member_or(neighbour, "of", "model.onnx"),
                                             tl_member_or(neighbour, "with", "?")));
    char *optimiser = tl_optimiser_words(reduction, true);
    if (optimiser)
        tl_page_paragraph(r->page, optimiser);
    add_structural(r, reduction);
    add_steps(r->page, reduction);
    add_rejected(r->page, reduction);
}

/* Without a heading and in one paragraph: in the short one each line counts. */
void tl_section_reduced(const struct tl_sections *r)
{
    const json_t *reduction = json_object_get(r->finding, "reduction"),
                 *nodes = json_object_get(reduction, "remaining"), *node;
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t i;
    if (!json_is_object(reduction))
        return;
    char *size = size_of(reduction);
    tl_buffer_printf(&b, "The model is what is left of a larger one, %s%s:", size, state_of(reduction));
    free(size);
    json_array_foreach(nodes, i, node) {
        const char *name = tl_member_or(node, "original", tl_member_or(node, "original_output", ""));
        if (i == SHORT_SHOWN) {
            tl_buffer_printf(&b, " and %zu more", json_array_size(nodes) - i);
            break;
        }
        tl_buffer_add_string(&b, i ? ", " : " ");
        tl_inline_code(&b, tl_member_or(node, "operator", "?"));
        if (*name) {
            tl_buffer_add_string(&b, " (");
            char *cut = tl_graph_cut(name, SHORT_NAME, false);
            tl_inline_code(&b, cut);
            free(cut);
            tl_buffer_add_string(&b, ")");
        }
    }
    tl_buffer_add_string(&b, json_array_size(json_object_get(reduction, "owner_data"))
                                 ? ". It still holds values of the original."
                                 : ". No value of the original is left in it.");
    tl_page_paragraph(r->page, tl_buffer_take(&b));
}
