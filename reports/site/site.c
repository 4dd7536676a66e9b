/* What is written in which order. Nothing is held but what is as long as the lists of cases, units and
 * signatures: trials are read row by row and go to the file that is being made. */
#include "reports/site/site.h"

#include "db/finding.h"
#include "db/query.h"
#include "db/site.h"
#include "harness/base/clock.h"
#include "harness/base/staging_note.h"
#include "harness/base/unit_name.h"
#include "harness/base/version.h"
#include "reports/site/expected.h"
#include "reports/site/failures.h"
#include "reports/site/files.h"
#include "reports/site/known.h"
#include "reports/site/links.h"
#include "reports/site/outcomes.h"
#include "reports/site/page.h"
#include "reports/site/place.h"
#include "reports/site/text.h"
#include "reports/site/words.h"

#include <stdlib.h>
#include <string.h>

#define FINDINGS_MOST 2000
#define TRIALS_SHOWN 200 /* without JavaScript */
#define NAMES_MOST 200   /* that are taken out */
#define NAMES_SAID 100   /* after which messages and output add no more */

extern const char tl_page_css[], tl_site_css[], tl_site_js[], tl_search_js[];

/* --- cases, units and sums ------------------------------------------------------------------------------ */

/* Homes are taken out of paths wherever they stand. So that a user is not named elsewhere, who is named by a
 * path anywhere is known before anything is written. Every name costs a look at every text, so their number
 * has an end. */
static int learn_name(void *arg, const char *text, enum tl_site_named what, struct tl_error *e)
{
    struct tl_site *w = arg;
    if (what == TL_SITE_SAID && w->looked_at++ % 8192 == 0 &&
        tl_site_tell(w, "looking for names to leave out", w->looked_at - 1, 0, e))
        return -1;
    if (what == TL_SITE_REPORT)
        w->redaction.forms = true;
    if (w->redaction.n >= (what == TL_SITE_SAID ? NAMES_SAID : NAMES_MOST))
        return 0;
    if (what == TL_SITE_REPORT) {
        tl_redaction_learn_report(&w->redaction, text);
        return 0;
    }
    if (what != TL_SITE_HOST) {
        tl_redaction_learn(&w->redaction, text);
        return 0;
    }
    tl_redaction_add_host(&w->redaction, text);
    return 0;
}

static size_t add_unit(struct tl_site *w, const char *name)
{
    size_t at = tl_site_unit_of(w, name);
    if (at != SIZE_MAX)
        return at;
    w->units = tl_realloc(w->units, w->n_units + 1, sizeof *w->units);
    w->units[w->n_units] = (struct tl_site_unit){.name = tl_strdup(name),
                                                 .text = tl_site_clean_exact(w, name, strlen(name), 120)};
    json_object_set_new_nocheck(w->unit_numbers, name, json_integer((json_int_t)w->n_units));
    return w->n_units++;
}

static void grow_to(void **list, size_t n, size_t size)
{
    if ((n & (n - 1)) == 0) /* doubled at every power of two */
        *list = tl_realloc(*list, n ? 2 * n : 1, size);
}

static int add_sum(void *arg, const struct tl_site_sum *x, struct tl_error *e)
{
    struct tl_site *w = arg;
    (void)e;
    const char *name = x->case_name ? x->case_name : "", *unit = x->unit ? x->unit : "";
    if (!w->n_cases || strcmp(w->cases[w->n_cases - 1].name, name)) {
        grow_to((void **)&w->cases, w->n_cases, sizeof *w->cases);
        w->cases[w->n_cases++] =
            (struct tl_site_case){.name = tl_strdup(name),
                                  .text = tl_site_clean_exact(w, name, strlen(name), 120),
                                  .page = tl_site_slug(name),
                                  .first = w->n_tallies};
    }
    struct tl_site_case *c = &w->cases[w->n_cases - 1];
    size_t u = add_unit(w, unit);
    if (!c->n || w->tallies[w->n_tallies - 1].unit != u) {
        grow_to((void **)&w->tallies, w->n_tallies, sizeof *w->tallies);
        w->tallies[w->n_tallies++] = (struct tl_site_tally){.unit = u};
        c->n++;
    }
    struct tl_site_tally *t = &w->tallies[w->n_tallies - 1];
    t->by_outcome[x->outcome] += x->trials;
    t->trials += x->trials;
    t->last_us = x->last_us > t->last_us ? x->last_us : t->last_us;
    c->trials += x->trials;
    w->units[u].trials += x->trials;
    if (tl_outcome_is_failure(x->outcome)) {
        c->failed += x->trials;
        w->units[u].failed += x->trials;
    }
    c->last_us = x->last_us > c->last_us ? x->last_us : c->last_us;
    w->first_us = !w->first_us || x->first_us < w->first_us ? x->first_us : w->first_us;
    w->last_us = x->last_us > w->last_us ? x->last_us : w->last_us;
    w->r->trials += x->trials;
    return 0;
}

static int by_part(struct tl_unit_part x, struct tl_unit_part y)
{
    int order = strncmp(x.at ? x.at : "", y.at ? y.at : "", x.n < y.n ? x.n : y.n);
    return order ? order : (x.n > y.n) - (x.n < y.n);
}

/* Units of one runner and device stand together, their builds from old to new. */
static int by_unit(const void *a, const void *b)
{
    const char *x = ((const struct tl_site_unit *)a)->name, *y = ((const struct tl_site_unit *)b)->name;
    struct tl_unit_name nx = tl_unit_name_of(x), ny = tl_unit_name_of(y);
    int order = by_part(nx.runner, ny.runner);
    order = order ? order : by_part(nx.device, ny.device);
    order = order ? order : by_part(nx.alias, ny.alias);
    if (order)
        return order;
    char *bx = tl_unit_part_text(nx.build), *by = tl_unit_part_text(ny.build);
    order = tl_version_compare(bx ? bx : "", by ? by : "");
    free(bx);
    free(by);
    return order ? order : strcmp(x, y);
}

static void sort_units(struct tl_site *w)
{
    size_t *to = tl_calloc(w->n_units + 1, sizeof *to);
    json_t *was = w->unit_numbers;
    w->unit_numbers = json_object();
    if (w->n_units)
        qsort(w->units, w->n_units, sizeof *w->units, by_unit);
    for (size_t i = 0; i < w->n_units; i++) {
        to[json_integer_value(json_object_get(was, w->units[i].name))] = i;
        json_object_set_new_nocheck(w->unit_numbers, w->units[i].name, json_integer((json_int_t)i));
    }
    for (size_t i = 0; i < w->n_tallies; i++)
        w->tallies[i].unit = to[w->tallies[i].unit];
    json_decref(was);
    free(to);
}

static int read_lists(struct tl_site *w, struct tl_error *e)
{
    if (!w->o->keep_paths && tl_site_names(w->s, learn_name, w, e))
        return -1;
    struct tl_filter f = {.limit = FINDINGS_MOST};
    if (tl_site_sums(w->s, add_sum, w, e) || tl_site_correct_sums(w, e) ||
        tl_finding_list(w->s, &f, &w->findings, e) || tl_site_read_failures(w, e) || tl_site_read_known(w, e))
        return -1;
    sort_units(w);
    w->r->signatures = w->failures->n_distinct;
    w->r->failures = w->failures->n;
    w->r->cases = w->n_cases;
    w->r->units = w->n_units;
    w->r->findings = json_array_size(w->findings);
    return 0;
}

/* --- files that are the same for every page ------------------------------------------------------------- */

static int write_index(struct tl_site *w, struct tl_error *e)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "window.TL={outcomes:[");
    for (int i = 0; i < TL_SITE_OUTCOMES; i++)
        tl_buffer_printf(&b, "%s[\"%s\",\"%c\",%d%s]", i ? "," : "", tl_site_outcome_name(i),
                         tl_site_letter(i), tl_site_is_failure(i),
                         i == TL_SITE_UNEXPECTED ? ",1" : ""); /* of no trial by itself */
    tl_buffer_add_string(&b, "],\nphases:[");
    for (int i = 0; i < TL_PHASE_COUNT; i++)
        tl_buffer_printf(&b, "%s\"%s\"", i ? "," : "", tl_phase_name((enum tl_phase)i));
    tl_buffer_add_string(&b, "],\ncases:[");
    for (size_t i = 0; i < w->n_cases; i++) {
        tl_buffer_add_string(&b, i ? ",\n[" : "[");
        tl_site_json(&b, w->cases[i].text);
        tl_buffer_printf(&b, ",\"%s\"]", w->cases[i].page);
    }
    tl_buffer_add_string(&b, "],\nunits:[");
    for (size_t i = 0; i < w->n_units; i++) {
        tl_buffer_add_string(&b, i ? ",\n" : "");
        tl_site_json(&b, w->units[i].text);
    }
    tl_buffer_add_string(&b, "],\ntrials:[");
    tl_buffer_add(&b, w->trial_files.firsts.data, w->trial_files.firsts.size);
    tl_buffer_add_string(&b, "],\nstacks:[");
    tl_buffer_add(&b, w->stack_files.firsts.data, w->stack_files.firsts.size);
    tl_buffer_add_string(&b, "],\nlines:[");
    tl_buffer_add(&b, w->line_parts.data, w->line_parts.size);
    tl_buffer_printf(&b, "],\npages:%zu};\n", w->page_files);
    int rc = tl_site_put(w, "data/index.js", b.data, b.size, e);
    tl_buffer_free(&b);
    return rc;
}

static int write_mark(struct tl_site *w, struct tl_error *e)
{
    char *text = tl_format("{\"trapline_site\": 1, \"trials\": %llu, \"made_us\": %lld}\n",
                           (unsigned long long)w->r->trials, (long long)w->now_us);
    int rc = tl_site_put(w, "data/site.json", text, strlen(text), e);
    free(text);
    return rc;
}

static int write_style(struct tl_site *w, struct tl_error *e)
{
    char *css = tl_format("%s%s", tl_page_css, tl_site_css);
    int rc = tl_site_put(w, "site.css", css, strlen(css), e);
    free(css);
    rc = rc ? rc : tl_site_put(w, "site.js", tl_site_js, strlen(tl_site_js), e);
    return rc ? rc : tl_site_put(w, "search.js", tl_search_js, strlen(tl_search_js), e);
}

/* A page that is empty until site.js fills it. */
static int write_shell(struct tl_site *w, const char *file, const struct tl_site_frame *f, const char *body,
                       struct tl_error *e)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_site_head(w, &b, f);
    tl_buffer_add_string(&b, body);
    return tl_site_page_end(w, &b, file, e);
}

/* With the newest trials as a table, for those without JavaScript; site.js replaces it. */
static int write_trials_shell(struct tl_site *w, struct tl_error *e)
{
    struct tl_filter f = {.limit = TRIALS_SHOWN};
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_printf(
        &b,
        "<h1>Trials</h1>\n<noscript><p>These are the newest %d of %llu. To search in all of them needs "
        "JavaScript; <code>trapline list trials</code> lists all.</p></noscript>\n<div "
        "id=\"trials\">\n",
        TRIALS_SHOWN, (unsigned long long)w->r->trials);
    int rc = tl_site_newest_trials(w, &b, "", &f, e);
    tl_buffer_add_string(&b, "</div>\n");
    if (!rc)
        rc = write_shell(w, "trials.html", &(struct tl_site_frame){"Trials", "trials", "", "trials"}, b.data,
                         e);
    tl_buffer_free(&b);
    return rc;
}

static int write_shells(struct tl_site *w, struct tl_error *e)
{
    static const struct tl_site_frame trial = {"Trial", "trials", "", "trial"};
    return write_shell(
               w, "trial.html", &trial,
               "<div id=\"trial\"><h1>Trial</h1>\n<noscript><p>There are too many trials for a page each: "
               "this one needs JavaScript. <code>trapline show ID</code> prints the "
               "same.</p></noscript></div>\n",
               e) ||
                   write_trials_shell(w, e)
               ? -1
               : 0;
}

static int write_all(struct tl_site *w, struct tl_error *e)
{
    return tl_store_read_begin(w->s, e) || read_lists(w, e) || tl_site_write_trials(w, e) ||
                   tl_site_write_lines(w, e) || tl_site_write_stacks(w, e) || tl_site_write_failures(w, e) ||
                   tl_site_write_cases(w, e) || tl_site_write_findings(w, e) || tl_site_write_nights(w, e) ||
                   tl_site_write_overview(w, e) || tl_site_write_words(w, e) || write_index(w, e) ||
                   write_shells(w, e) || write_style(w, e) || write_mark(w, e)
               ? -1
               : 0;
}

static void release(struct tl_site *w)
{
    for (size_t i = 0; i < w->n_cases; i++) {
        free(w->cases[i].name);
        free(w->cases[i].text);
        free(w->cases[i].page);
    }
    for (size_t i = 0; i < w->n_units; i++) {
        free(w->units[i].name);
        free(w->units[i].text);
    }
    free(w->cases);
    free(w->units);
    free(w->tallies);
    json_decref(w->expecting_case);
    json_decref(w->unit_numbers);
    tl_site_free_failures(w->failures);
    tl_site_free_known(w);
    tl_site_free_words(w->words);
    json_decref(w->findings);
    tl_buffer_free(&w->trial_files.firsts);
    tl_buffer_free(&w->stack_files.firsts);
    tl_buffer_free(&w->line_parts);
    tl_redaction_free(&w->redaction);
}

int tl_site_write(struct tl_store *s, const struct tl_site_options *o, struct tl_site_result *result,
                  struct tl_error *e)
{
    struct tl_site w = {.s = s, .o = o, .r = result, .now_us = tl_wall_us()};
    struct tl_staging stage;
    *result = (struct tl_site_result){0};
    if (tl_site_stage(o->target, &stage, e)) {
        tl_staging_end_noted(&stage);
        return -1;
    }
    w.stage = stage.path;
    tl_redaction_init(&w.redaction);
    w.unit_numbers = json_object();
    int rc = write_all(&w, e);
    tl_store_read_end(s);
    if (rc)
        tl_staging_end_noted(&stage);
    else
        rc = tl_site_publish(o->target, &stage, e);
    release(&w);
    return rc;
}
