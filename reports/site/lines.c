/* Data files for lists: data/lines-N.js holds a line for each trial, the newest first, and data/index.js of every such file
 * how many trials, which outcomes and which cases are in it, so that a list of one case or outcome loads few of them; and
 * data/stacks-N.js every stack once, ordered by id. */
#include "db/site.h"
#include "harness/base/frame_text.h"
#include "harness/base/plural.h"
#include "reports/site/failures.h"
#include "reports/site/files.h"
#include "reports/site/links.h"
#include "reports/site/strings.h"
#include "reports/site/text.h"

#include <stdlib.h>
#include <string.h>

#define VARIANT_MOST 400
#define NOTE_MOST 200
#define CASES_MOST 100 /* of a file, that are named */
#define FRAME_MOST 400
#define STACK_MOST 100000 /* bytes of one stack */
#define STACK_FILE 200000 /* a file is ended earlier: stacks are the longest rows there are */

/* --- lines ---------------------------------------------------------------------------------------------- */

struct lines {
    struct tl_site *w;
    struct tl_site_strings variants, notes, ids;
    struct tl_buffer rows, cases;
    json_t *has;       /* cases of the open file */
    unsigned outcomes; /* of the open file, as bits */
    size_t n, file;
    uint64_t done;
};

static int put_lines(struct lines *l, struct tl_error *e)
{
    struct tl_site *w = l->w;
    if (!l->n)
        return 0;
    const struct tl_site_member members[] = {
        {'v', &l->variants.json}, {'h', &l->ids.json}, {'s', &l->notes.json}, {'r', &l->rows}};
    int rc = tl_site_put_data(w, "lines", l->file, members, 4, e);
    tl_buffer_printf(&w->line_parts, "%s[%zu,%u,", w->line_parts.size ? ",\n" : "", l->n, l->outcomes);
    if (json_object_size(l->has) <= CASES_MOST) {
        tl_buffer_add_string(&w->line_parts, "[");
        tl_buffer_add(&w->line_parts, l->cases.data, l->cases.size);
        tl_buffer_add_string(&w->line_parts, "]]");
    } else {
        tl_buffer_add_string(&w->line_parts, "0]");
    }
    tl_site_strings_clear(&l->variants);
    tl_site_strings_clear(&l->notes);
    tl_site_strings_clear(&l->ids);
    tl_buffer_clear(&l->rows);
    tl_buffer_clear(&l->cases);
    json_object_clear(l->has);
    l->outcomes = 0;
    l->n = 0;
    l->file++;
    return rc;
}

static long intern(struct lines *l, struct tl_site_strings *s, const char *text, size_t most)
{
    return text ? tl_site_intern(l->w, s, text, strlen(text), most) : -1;
}

static int add_line(void *arg, const struct tl_trial_row *x, struct tl_error *e)
{
    struct lines *l = arg;
    size_t unit = tl_site_unit_of(l->w, x->unit), place = tl_site_case_of(l->w, x->case_name);
    const struct tl_site_failure *failure = tl_site_failure_of(l->w, x->case_name, x->signature_id);
    const char *note = x->title && *x->title ? x->title : x->message;
    if (l->done++ % 4096 == 0 && tl_site_tell(l->w, "listing trials", l->done - 1, l->w->r->trials, e))
        return -1;
    if (!json_object_get(l->has, x->case_name)) {
        if (json_object_size(l->has) < CASES_MOST)
            tl_buffer_printf(&l->cases, "%s%ld", l->cases.size ? "," : "",
                             place == SIZE_MAX ? -1L : (long)place);
        json_object_set_new_nocheck(l->has, x->case_name, json_true());
    }
    l->outcomes |= 1u << x->outcome;
    if (l->n++)
        tl_buffer_add(&l->rows, ",\n", 2);
    tl_site_id(l->w, &l->rows, x->id);
    tl_buffer_printf(
        &l->rows, ",%ld,%d,%d,%ld,%ld,%ld,%ld,%ld,%ld,%lld,%.3g", place == SIZE_MAX ? -1L : (long)place,
        (int)x->outcome, (int)x->phase, x->signal ? intern(l, &l->ids, tl_signal_name(x->signal), 20) : -1L,
        unit == SIZE_MAX ? -1L : (long)unit,
        x->variant_hash
            ? tl_site_intern(l->w, &l->ids, x->variant_hash, strnlen(x->variant_hash, TL_SITE_HASH), 0)
            : -1,
        x->variant ? tl_site_intern_exact(l->w, &l->variants, x->variant, strlen(x->variant), VARIANT_MOST)
                   : -1,
        failure && failure->page ? intern(l, &l->ids, failure->page, 0) : -1L,
        intern(l, &l->notes, note, NOTE_MOST), (long long)(x->started_us / 1000), x->wall_seconds);
    return l->rows.size + l->variants.json.size + l->notes.json.size + l->ids.json.size > TL_SITE_FILE
               ? put_lines(l, e)
               : 0;
}

int tl_site_write_lines(struct tl_site *w, struct tl_error *e)
{
    struct lines l = {.w = w, .has = json_object()};
    int rc = tl_site_lines(w->s, add_line, &l, e) || put_lines(&l, e) ? -1 : 0;
    tl_site_strings_free(&l.variants);
    tl_site_strings_free(&l.notes);
    tl_site_strings_free(&l.ids);
    tl_buffer_free(&l.rows);
    tl_buffer_free(&l.cases);
    json_decref(l.has);
    return rc;
}

/* --- stacks --------------------------------------------------------------------------------------------- */

struct stacks {
    struct tl_site *w;
    struct tl_site_strings strings;
    struct tl_buffer rows;
    size_t n, file;
    uint64_t done;
};

static int put_stacks(struct stacks *t, struct tl_error *e)
{
    if (!t->n)
        return 0;
    const struct tl_site_member members[] = {{'s', &t->strings.json}, {'r', &t->rows}};
    int rc = tl_site_put_data(t->w, "stacks", t->file, members, 2, e);
    tl_site_strings_clear(&t->strings);
    tl_buffer_clear(&t->rows);
    t->n = 0;
    t->file++;
    return rc;
}

static void add_frame(struct stacks *t, char *line, bool first)
{
    tl_buffer_printf(&t->rows, "%s%ld", first ? "" : ",",
                     tl_site_intern(t->w, &t->strings, line, strlen(line), FRAME_MOST));
    free(line);
}

static int add_stack(void *arg, const char *id, const struct tl_capture *c, struct tl_error *e)
{
    struct stacks *t = arg;
    const struct tl_thread *x = c->threads;
    size_t written = 0, i;
    if (t->done++ % 512 == 0 && tl_site_tell(t->w, "writing stacks", t->done - 1, 0, e))
        return -1;
    if (!t->n) {
        char *first = tl_site_clean(t->w, id, strlen(id), 64);
        tl_site_file(&t->w->stack_files, first);
        free(first);
    }
    tl_buffer_add_string(&t->rows, t->n++ ? ",\n[" : "[");
    tl_site_id(t->w, &t->rows, id);
    tl_buffer_add_string(&t->rows, ",[");
    for (i = 0; i < x->n_frames && written < STACK_MOST; i++) {
        char *gap = tl_frames_left_out(x, i), *text = tl_frame_text(c, x, i);
        bool first = i == 0;
        if (gap) {
            add_frame(t, gap, first);
            first = false;
        }
        size_t most = strlen(text) > FRAME_MOST ? FRAME_MOST : strlen(text);
        written += most;
        add_frame(t, tl_format("#%-2zu %s", tl_frame_number(x, i), text), first);
        free(text);
    }
    if (i < x->n_frames)
        add_frame(t, tl_format("… %zu frame%s more …", x->n_frames - i, tl_plural(x->n_frames - i)), i == 0);
    if (x->truncated)
        add_frame(t, tl_strdup("(the stack could not be followed further)"), x->n_frames == 0);
    tl_buffer_add_string(&t->rows, "],[");
    for (i = 0; i < c->n_modules && i < 32; i++) {
        char *line = tl_format("%s%s%s", c->modules[i].path, *c->modules[i].build_id ? "  " : "",
                               c->modules[i].build_id);
        add_frame(t, line, i == 0);
    }
    tl_buffer_add_string(&t->rows, "]]");
    return t->rows.size + t->strings.json.size > STACK_FILE ? put_stacks(t, e) : 0;
}

int tl_site_write_stacks(struct tl_site *w, struct tl_error *e)
{
    struct stacks t = {.w = w};
    int rc = tl_site_stacks(w->s, add_stack, &t, e) || put_stacks(&t, e) ? -1 : 0;
    tl_site_strings_free(&t.strings);
    tl_buffer_free(&t.rows);
    return rc;
}
