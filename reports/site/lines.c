/* Data files for lists: data/lines-N.js holds a line for each trial, by case and outcome, so that a list of
 * one case or outcome loads few of them; and data/stacks-N.js every stack once, ordered by id. */
#include "db/site.h"
#include "harness/base/frame_text.h"
#include "harness/base/plural.h"
#include "reports/site/files.h"
#include "reports/site/links.h"
#include "reports/site/strings.h"
#include "reports/site/text.h"

#include <stdlib.h>
#include <string.h>

#define VARIANT_MOST 400
#define NOTE_MOST 200
#define FRAME_MOST 400
#define STACK_MOST 100000 /* bytes of one stack */
#define STACK_FILE 350000 /* a file is ended earlier: stacks are the longest rows there are */

/* --- lines ---------------------------------------------------------------------------------------------- */

struct lines {
    struct tl_site *w;
    struct tl_site_strings variants, notes, ids;
    struct tl_buffer rows; /* all parts; the open one last */
    size_t n_parts, n;     /* n: lines of the open part */
    char *case_name;
    enum tl_outcome outcome;
    uint64_t done;
};

static void end_part(struct lines *l)
{
    struct tl_site *w = l->w;
    size_t place = tl_site_case_of(w, l->case_name);
    if (!l->n)
        return;
    tl_buffer_add_string(&l->rows, "]]");
    tl_buffer_printf(&w->line_parts, "%s[%ld,%d,%zu,%zu]", w->line_parts.size ? ",\n" : "",
                     place == SIZE_MAX ? -1L : (long)place, (int)l->outcome, w->line_files, l->n);
    l->n_parts++;
    l->n = 0;
}

static int put_lines(struct lines *l, struct tl_error *e)
{
    struct tl_site *w = l->w;
    end_part(l);
    if (!l->n_parts)
        return 0;
    const struct tl_site_member members[] = {
        {'v', &l->variants.json}, {'h', &l->ids.json}, {'s', &l->notes.json}, {'g', &l->rows}};
    int rc = tl_site_put_data(w, "lines", w->line_files, members, 4, e);
    tl_site_strings_clear(&l->variants);
    tl_site_strings_clear(&l->notes);
    tl_site_strings_clear(&l->ids);
    tl_buffer_clear(&l->rows);
    l->n_parts = 0;
    w->line_files++;
    return rc;
}

static long intern(struct lines *l, struct tl_site_strings *s, const char *text, size_t most)
{
    return text ? tl_site_intern(l->w, s, text, strlen(text), most) : -1;
}

static int add_line(void *arg, const struct tl_trial_row *x, struct tl_error *e)
{
    struct lines *l = arg;
    size_t unit = tl_site_unit_of(l->w, x->unit);
    if (l->done++ % 4096 == 0 && tl_site_tell(l->w, "listing trials", l->done - 1, l->w->r->trials, e))
        return -1;
    if (!l->case_name || strcmp(l->case_name, x->case_name) || l->outcome != x->outcome) {
        end_part(l);
        free(l->case_name);
        l->case_name = tl_strdup(x->case_name);
        l->outcome = x->outcome;
    }
    if (!l->n++) {
        size_t place = tl_site_case_of(l->w, x->case_name);
        tl_buffer_printf(&l->rows, "%s[%ld,%d,[", l->n_parts ? ",\n" : "",
                         place == SIZE_MAX ? -1L : (long)place, (int)x->outcome);
    } else {
        tl_buffer_add(&l->rows, ",\n", 2);
    }
    const char *note = x->title && *x->title ? x->title : x->message;
    tl_site_id(l->w, &l->rows, x->id);
    tl_buffer_printf(
        &l->rows, ",%ld,%ld,%ld,%ld,%ld,%lld,%.3g", unit == SIZE_MAX ? -1L : (long)unit,
        x->variant_hash
            ? tl_site_intern(l->w, &l->ids, x->variant_hash, strnlen(x->variant_hash, TL_SITE_HASH), 0)
            : -1,
        x->variant ? tl_site_intern_exact(l->w, &l->variants, x->variant, strlen(x->variant), VARIANT_MOST)
                   : -1,
        intern(l, &l->ids, x->signature_id, 64), intern(l, &l->notes, note, NOTE_MOST),
        (long long)(x->started_us / 1000000), x->wall_seconds);
    return l->rows.size + l->variants.json.size + l->notes.json.size + l->ids.json.size > TL_SITE_FILE
               ? put_lines(l, e)
               : 0;
}

int tl_site_write_lines(struct tl_site *w, struct tl_error *e)
{
    struct lines l = {.w = w};
    int rc = tl_site_lines(w->s, add_line, &l, e) || put_lines(&l, e) ? -1 : 0;
    tl_site_strings_free(&l.variants);
    tl_site_strings_free(&l.notes);
    tl_site_strings_free(&l.ids);
    tl_buffer_free(&l.rows);
    free(l.case_name);
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
