/* trapline nightly --history CASE: a line for each run, oldest first. */
#include "harness/cli/nightly.h"

#include "harness/base/buffer.h"
#include "harness/campaign/nightly.h"
#include "harness/cli/table.h"
#include "reports/members.h"
#include "reports/night.h"

#include <stdlib.h>
#include <string.h>

/* "2 new-failure, 1 passing": what was said of the cells, each class once, in the order of the classes. */
static char *classes_of(const json_t *cells)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "");
    for (enum tl_class what = 0; what < TL_CLASS_COUNT; what++) {
        const json_t *cell;
        size_t i, n = 0;
        json_array_foreach(cells, i, cell)
            n += !strcmp(tl_member_or(cell, "class", ""), tl_class_names[what]);
        if (n)
            tl_buffer_printf(&b, "%s%zu %s", b.size ? ", " : "", n, tl_class_names[what]);
    }
    return tl_buffer_take(&b);
}

static char *units_of(const json_t *cells)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *cell;
    const char *last = "";
    size_t i;
    tl_buffer_add_string(&b, "");
    json_array_foreach(cells, i, cell) {
        if (strcmp(last, tl_member_or(cell, "unit", ""))) /* ordered by unit */
            tl_buffer_printf(&b, "%s%s", b.size ? " " : "", tl_member_or(cell, "unit", ""));
        last = tl_member_or(cell, "unit", "");
    }
    return tl_buffer_take(&b);
}

/* After databases were merged: two machines have a run 1 of the same suite each. */
static bool of_several_machines(const json_t *nights)
{
    const char *first = tl_member_or(json_array_get(nights, 0), "machine", "");
    for (size_t i = 1; i < json_array_size(nights); i++)
        if (strcmp(tl_member_or(json_array_get(nights, i), "machine", ""), first))
            return true;
    return false;
}

static void print_lines(const json_t *nights)
{
    static const char *const head[] = {"when",   "machine", "suite", "run",
                                       "passed", "failed",  "units", "state"};
    bool several = of_several_machines(nights);
    struct tl_table t = {.n_columns = several ? 8 : 7, .n_headers = 1};
    const json_t *night, *cell;
    size_t i, k;
    for (i = 0; i < 8; i++)
        if (several || i != 1)
            tl_table_add(&t, tl_strdup(head[i]), NULL);
    json_array_foreach(nights, i, night) {
        const json_t *cells = json_object_get(night, "cells");
        json_int_t passed = 0, failed = 0;
        bool bad = false;
        json_array_foreach(cells, k, cell) {
            passed += tl_member_integer(cell, "passed");
            failed += tl_member_integer(cell, "failed") + tl_member_integer(cell, "refused");
            bad = bad || tl_night_is_worse(tl_member_text(cell, "class"));
        }
        tl_table_add(&t, tl_time_text(tl_member_integer(night, "started_us")), NULL);
        if (several)
            tl_table_add(&t, tl_strdup(tl_member_or(night, "machine", "")), NULL);
        tl_table_add(&t, tl_strdup(tl_member_or(night, "suite", "")), NULL);
        tl_table_add(&t, tl_format("%lld", (long long)tl_member_integer(night, "n")), NULL);
        tl_table_add(&t, tl_format("%lld", (long long)passed), NULL);
        tl_table_add(&t, tl_format("%lld", (long long)failed),
                     failed ? tl_outcome_colour(TL_OUTCOME_ERROR) : NULL);
        tl_table_add(&t, units_of(cells), NULL);
        tl_table_add(&t, classes_of(cells), bad ? tl_outcome_colour(TL_OUTCOME_CRASH) : NULL);
    }
    tl_table_print(&t, stdout, tl_colour(stdout));
    tl_table_free(&t);
}

int tl_cli_nightly_history(const struct tl_options *o)
{
    struct tl_store *s;
    struct tl_error e;
    json_t *nights;
    if (tl_store_open(o->db, TL_STORE_READ, &s, &e))
        return tl_print_error(&e);
    int result = tl_night_case_history(s, o->history, &nights, &e);
    tl_store_close(s, NULL);
    if (result)
        return tl_print_error(&e);
    if (!json_array_size(nights)) {
        json_decref(nights);
        tl_fail(&e, TL_ERROR_INPUT, "no history", o->history,
                "no night has run a case of that name to its end; `trapline nightly SUITE.json` runs one");
        return tl_print_error(&e);
    }
    if (o->json)
        return tl_print_json(json_pack("{s:s,s:o}", "case", o->history, "nights", nights));
    print_lines(nights);
    json_decref(nights);
    return tl_finish_output(TL_EXIT_OK);
}
