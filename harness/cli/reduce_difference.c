/* What `reduce --against` prints: how far the outputs are from what is right, the table of where that begins, and the region. */
#include "harness/cli/reduce_difference.h"

#include "harness/base/buffer.h"
#include "harness/base/plural.h"
#include "reports/comparison.h"
#include "reports/members.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_SHOWN 40

/* UNIT, with AXIS=VALUE, or a model. A new string. */
static char *side(const json_t *j)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *name, *model = tl_member_text(j, "model");
    json_t *value;
    bool first = true;
    tl_buffer_add_string(&b, model ? model : tl_member_or(j, "unit", "?"));
    json_object_foreach(json_object_get(j, "with"), name, value) {
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        tl_buffer_printf(&b, "%s%s=%s", first ? " with " : ", ", name,
                         json_is_string(value) ? json_string_value(value) : text);
        first = false;
        free(text);
    }
    return tl_buffer_take(&b);
}

static void print_number(const char *before, const json_t *value)
{
    if (json_is_number(value))
        printf("%s%.3g", before, json_number_value(value));
}

/* "no difference to UNIT", or how large it is where the tolerance allows it. */
static void print_none(const json_t *none, const json_t *tolerance)
{
    char *text = side(none);
    const double error = json_number_value(json_object_get(none, "error"));
    printf("no difference to %s", text);
    if (error > 0) {
        printf(" beyond the tolerance of %g: at most %.3g of the largest magnitude",
               json_number_value(tolerance), error);
        print_number(", ", json_object_get(none, "absolute"));
        printf(" in %s", tl_member_or(none, "output", "?"));
    }
    free(text);
}

static void print_names(const char *before, const json_t *list, const char *behind)
{
    const json_t *one;
    size_t i;
    json_array_foreach(list, i, one)
        printf("%s%s", i ? ", " : before, json_string_value(one));
    if (json_array_size(list))
        fputs(behind, stdout);
}

static void print_row(const json_t *row)
{
    static const char *const words[][2] = {{"equal", "equal"},
                                           {"differs", "differs"},
                                           {"cured", "looked at, the failure goes away"},
                                           {"unseen", "cannot be looked at"}};
    const char *is = tl_member_or(row, "is", "?"), *kind = tl_member_text(row, "kind"), *said = is;
    for (size_t i = 0; i < TL_COUNT(words); i++)
        if (!strcmp(words[i][0], is))
            said = words[i][1];
    printf("  %-28.28s %-18.18s %s", tl_member_or(row, "value", "?"), tl_member_or(row, "operator", ""),
           said);
    if (kind && strcmp(kind, "none") != 0 && strcmp(kind, "numbers") != 0)
        printf(", %s", kind);
    print_number(", error ", json_object_get(row, "error"));
    print_number(", noise ", json_object_get(row, "noise"));
    puts("");
}

static void print_where(const json_t *d, const char *begins)
{
    const json_t *region = json_object_get(d, "region"), *rows = json_object_get(d, "table"), *row,
                 *from_the_end = json_object_get(d, "from_the_end");
    size_t i;
    json_array_foreach(rows, i, row) {
        if (i == ROWS_SHOWN) {
            printf("  … and %zu more\n", json_array_size(rows) - i);
            break;
        }
        print_row(row);
    }
    if (!region)
        return;
    fputs(begins, stdout);
    if (json_array_size(json_object_get(region, "from")))
        print_names("", json_object_get(region, "from"), "");
    else
        printf("the inputs");
    printf(" and %s, in", tl_member_or(region, "to", "?"));
    json_array_foreach(json_object_get(region, "nodes"), i, row)
        printf("%s %s", i ? "," : "", tl_member_or(row, "operator", "?"));
    puts("");
    print_names("the failure goes away when ", json_object_get(region, "cured_by"), " is looked at\n");
    if (!tl_member_true(region, "accused") && from_the_end)
        printf(
            "fed with what is right it agrees there; %s (%s) is the last that makes the output differ so\n",
            tl_member_or(from_the_end, "makes", "?"), tl_member_or(from_the_end, "operator", "?"));
    else if (!tl_member_true(region, "accused"))
        puts("fed with what is right it agrees there: what differs was carried there, or adds up");
}

/* Whether a region ends in a node whose body computes what it makes. */
static bool has_bodies(const json_t *region)
{
    static const char *const with[] = {"If", "Loop", "Scan"};
    const json_t *nodes = json_object_get(region, "nodes"),
                 *last = json_array_get(nodes, json_array_size(nodes) - 1);
    return tl_is_one_of(tl_member_or(last, "operator", ""), with, TL_COUNT(with));
}

void tl_cli_difference(const json_t *document)
{
    const json_t *d = json_object_get(document, "difference"), *one, *samples = json_object_get(d, "samples");
    char *right = side(d);
    size_t i;
    json_array_foreach(json_object_get(d, "nothing"), i, one) {
        print_none(one, json_object_get(d, "tolerance"));
        puts("");
    }
    json_array_foreach(json_object_get(d, "left_out"), i, one) {
        char *text = side(one);
        printf("left out: %s, which cannot be compared with: %s\n", text, tl_member_or(one, "why", "?"));
        free(text);
    }
    if (!tl_member_true(document, "reproduced")) {
        if (tl_member_text(d, "why")) {
            printf("no difference to %s: there is nothing to reduce\n%s\n", right, tl_member_text(d, "why"));
        } else {
            print_none(d, json_object_get(d, "tolerance"));
            puts(": there is nothing to reduce");
        }
        print_names(
            "not asked, as a newer one agrees, and an older one that differs is likelier to be wrong: ",
            json_object_get(d, "unasked"), "\n");
        free(right);
        return;
    }
    char *form = tl_difference_form(d);
    printf("%s differs from %s: %s", tl_member_or(d, "output", "?"), right,
           form ? form : tl_member_or(d, "kind", "?"));
    free(form);
    print_number(", error ", json_object_get(d, "error"));
    print_number(", noise ", json_object_get(d, "noise"));
    puts("");
    /* A form is no number, which roundings would change. */
    if (json_is_object(json_object_get(d, "second")) && !json_object_get(d, "got")) {
        char *text = side(json_object_get(d, "second"));
        printf("the noise is that between it and %s, and what other last digits of the inputs do\n", text);
        free(text);
    } else if (!json_object_get(d, "got")) {
        puts("the noise is what other last digits of the inputs do; no second configuration that is good was "
             "found");
    }
    print_names("within the noise: ", json_object_get(d, "within_noise"),
                "; what goes into it is held against each other\n");
    if (samples)
        printf("it differs with %lld of %lld sample%s\n",
               (long long)json_integer_value(json_array_get(samples, 0)),
               (long long)json_integer_value(json_array_get(samples, 1)),
               tl_plural((uint64_t)json_integer_value(json_array_get(samples, 1))));
    print_where(d, "it begins between ");
    const json_t *in = json_object_get(d, "inside");
    for (; json_is_object(in); in = json_object_get(in, "inside"))
        print_where(in, "inside of that it begins between ");
    if (!json_object_get(document, "remaining") && has_bodies(json_object_get(d, "region")))
        puts("without --first-difference that node is opened, and it goes on inside");
    free(right);
}
