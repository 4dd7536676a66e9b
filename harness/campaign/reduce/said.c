/* What a command writes when it fails, where no line of it is known to be an error.
 *
 * An exit status says little: a tool ends with the same one for whatever it cannot do. Where a line names the error (`error: …`, an
 * assertion), that tells one failure from another. Where none does, and not the last line alone, which may be the same for all
 * ("Aborting."), it is told by all of its last lines, without numbers, paths and the names of nodes and values:
 *
 *   what a run writes that passes   says nothing of the failure
 *   what a smaller model wrote too  has to be there: one that fails without it fails in another way
 *   what no other model wrote       may be of the failure or of the model ("12 operators, hash 3fa…"). It has to be there as well,
 *                                   but where MISSED_MOST have failed without it, it is of the model, and no longer looked for */
#include "harness/campaign/reduce/judge.h"
#include "harness/campaign/reduce/parts.h"

#include "harness/base/buffer.h"
#include "harness/base/last_words.h"
#include "harness/verdict/normalise.h"

#include <stdlib.h>
#include <string.h>

#define LINES_MOST 8
#define LINE_MOST 400
#define MISSED_MOST 4

/* The last lines of stderr, and where it holds none of stdout. */
static json_t *last_lines(const struct tl_reduce_state *s, const struct tl_trial_record *r)
{
    const struct tl_output *const both[] = {&r->err, &r->out};
    json_t *lines = json_object();
    for (size_t i = 0; i < 2 && !json_object_size(lines); i++) {
        const char *text = both[i]->tail_size ? both[i]->tail : both[i]->head;
        size_t end = both[i]->tail_size ? both[i]->tail_size : both[i]->head_size;
        for (unsigned n = 0; text && end && n < LINES_MOST;) {
            size_t begin = end;
            while (begin && text[begin - 1] != '\n')
                begin--;
            const size_t length = end - begin;
            end = begin ? begin - 1 : 0;
            if (strspn(text + begin, " \t\r") >= length)
                continue;
            char *line = tl_format("%.*s", (int)(length < LINE_MOST ? length : LINE_MOST), text + begin),
                 *plain = tl_reduce_without_names(s, line), *known = tl_normalise_message(plain);
            if (known && *known)
                json_object_set_new(lines, known, json_integer(0));
            free(known);
            free(plain);
            free(line);
            n++;
        }
    }
    return lines;
}

/* Whether it is told by its lines at all. */
static bool begin(struct tl_reduce_state *s)
{
    const struct tl_trial_record *t = &s->target;
    if (s->said || !*t->id)
        return s->said;
    char *words = tl_find_complaint(t->err.tail_size ? t->err.tail : t->err.head,
                                    t->err.tail_size ? t->err.tail_size : t->err.head_size, true);
    char *others = words ? NULL
                         : tl_find_complaint(t->out.tail_size ? t->out.tail : t->out.head,
                                             t->out.tail_size ? t->out.tail_size : t->out.head_size, true);
    s->said = words || others ? json_object() : last_lines(s, t);
    free(words);
    free(others);
    return true;
}

void tl_reduce_said_pass(struct tl_reduce_state *s, const struct tl_trial_record *r)
{
    const char *line;
    json_t *unused;
    if (!s->judged || s->r->failure_text || s->target.outcome != TL_OUTCOME_ERROR || !begin(s) ||
        !json_object_size(s->said))
        return;
    json_t *lines = last_lines(s, r);
    json_object_foreach(lines, line, unused)
        json_object_del(s->said, line);
    json_decref(lines);
}

bool tl_reduce_said_alike(struct tl_reduce_state *s, const struct tl_trial_record *r)
{
    const char *line;
    json_t *count;
    void *next;
    bool alike = true, forgot = false;
    const char *step = json_string_value(json_object_get(s->step, "step"));
    const bool of_original = !step || !strcmp(step, "original");
    if (!begin(s) || !json_object_size(s->said))
        return true;
    json_t *lines = last_lines(s, r);
    json_object_foreach(s->said, line, count)
        alike = alike && json_object_get(lines, line);
    /* Below zero: a smaller model wrote it, too. */
    json_object_foreach_safe(s->said, next, line, count) {
        const json_int_t missed = json_integer_value(count);
        if (alike && !of_original)
            json_object_set_new(s->said, line, json_integer(-1));
        else if (!alike && missed >= 0 && !json_object_get(lines, line) && missed + 1 >= MISSED_MOST)
            forgot = !json_object_del(s->said, line);
        else if (!alike && missed >= 0 && !json_object_get(lines, line))
            json_object_set_new(s->said, line, json_integer(missed + 1));
    }
    json_decref(lines);
    if (forgot && s->tried) /* by what is looked for no longer */
        json_object_clear(s->tried);
    return alike;
}

json_t *tl_reduce_said_json(const struct tl_reduce_state *s)
{
    json_t *list = json_array(), *unused;
    const char *line;
    json_object_foreach(s->said, line, unused)
        json_array_append_new(list, json_string(line));
    return list;
}
