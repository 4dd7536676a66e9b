/* What a job is known by, so that what is asked twice is run once.
 *
 * Theory of operation. A question is what is wanted to be known: a case, a variant, a unit and its kind of machine, the kind of process. A command
 * that goes on where another one stopped asks the same questions again, in the same order, each as often. So the n-th time that a question is
 * asked is one job, whoever asks it: of those that are answered the database has the trial, and the next number is taken; of one that is
 * not it has what was asked, and waits for that. `run` wants trials of its own, and --no-cache those of its own time: their
 * questions have the trial, or the session, in them. */
#include "harness/executor/remote_impl.h"

#include "db/asked.h"
#include "db/ran_on.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static void question_of(const struct tl_job *j, char id[TL_ID_SIZE])
{
    char *text =
        tl_format("question 1 %s %s %s %s %d %d %.17g %s", j->c->hash, j->variant_hash, j->unit->text,
                  j->environment_id, j->fresh, j->new_server, j->timeout_s, j->x->remote->generation);
    tl_content_id(text, strlen(text), id);
    free(text);
}

static int take_trial(void *arg, const struct tl_asked *a, struct tl_error *e)
{
    struct tl_job *j = arg;
    (void)e;
    snprintf(j->id, sizeof j->id, "%s", a->trial_id);
    snprintf(j->on, sizeof j->on, "%s", a->machine ? a->machine : "");
    j->asked_us = a->asked_us;
    return 0;
}

/* The first number that is not answered, and that nobody here waits for. */
static int find_number(struct tl_job *j, const char *question, char id[TL_ID_SIZE], struct tl_error *e)
{
    struct tl_remote *r = j->x->remote;
    json_int_t n = json_integer_value(json_object_get(r->repeats, question));
    for (bool taken = true; taken; n++) {
        char *text = tl_format("job 2 %s %lld", question, (long long)n);
        tl_content_id(text, strlen(text), id);
        free(text);
        taken = tl_remote_find(j->x, id);
        if (!taken && tl_ran_on_job(tl_executor_store(j->x), id, &taken, e))
            return -1;
    }
    json_object_set_new(r->repeats, question, json_integer(n - 1));
    return 0;
}

int tl_remote_name(struct tl_job *j, bool *known, struct tl_error *e)
{
    struct tl_remote *r = j->x->remote;
    char question[TL_ID_SIZE], id[TL_ID_SIZE];
    size_t n = 0;
    *known = false;
    if (!r->generation || j->has_id) {
        char *text = tl_format("job 1 %s %s %s %s %s %llu", j->c->hash, j->variant_hash, j->unit->text,
                               j->unit->kind, j->id, (unsigned long long)++r->asked);
        tl_content_id(text, strlen(text), j->remote_id);
        free(text);
        return 0;
    }
    question_of(j, question);
    if (find_number(j, question, id, e) || tl_asked_each(tl_executor_store(j->x), id, take_trial, j, &n, e))
        return -1;
    memcpy(j->remote_id, id, sizeof id);
    *known = n > 0;
    return 0;
}
