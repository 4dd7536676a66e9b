#include "harness/campaign/prove.h"

#include "harness/campaign/prove_match.h"
#include "harness/executor/program_trial.h"
#include "harness/executor/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The runner of steps runs a step that is not traced; its request. */
static char *untraced_request(const struct tl_proof_request *q)
{
    json_t *argv = json_array();
    for (const char *const *word = q->argv; *word; word++)
        json_array_append_new(argv, json_string(*word));
    json_t *request =
        json_pack("{s:i,s:{},s:s,s:[{s:s,s:o,s:b}]}", "trial", 1, "variant", "device", "host", "steps",
                  "phase", tl_phase_name(TL_PHASE_EXECUTE), "argv", argv, "trace", false);
    char *text = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    return text;
}

/* What the last of the runner's messages, which go to its stdout, says of the step, as if that had been the trial. */
static void take_status(struct tl_trial_record *r)
{
    bool cut = r->out.tail_size > 0;
    const char *at = cut ? r->out.tail : r->out.head,
               *end = at ? at + (cut ? r->out.tail_size : r->out.head_size) : NULL;
    int status = -1;
    while (at && at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((newline ? newline : end) - at);
        json_t *message = json_loadb(at, n, 0, NULL);
        const char *code = json_string_value(json_object_get(json_object_get(message, "error"), "code"));
        int number;
        if (json_object_get(message, "result"))
            status = 0;
        else if (code && sscanf(code, "exit %d", &number) == 1)
            status = number;
        else if (code && sscanf(code, "signal %d", &number) == 1)
            status = 128 + number;
        json_decref(message);
        at = newline ? newline + 1 : end;
    }
    r->exit_status = status;
    r->signal = 0;
}

static void add(struct tl_proof *p, const struct tl_proof_request *q, const struct tl_trial_record *r)
{
    const struct tl_proof_expected *x = &q->expected;
    /* Of what is not traced the status tells a signal at most. */
    enum tl_proof_by by =
        q->untraced && x->as && x->as->outcome == TL_OUTCOME_CRASH ? TL_PROOF_BY_SIGNAL : TL_PROOF_BY_END;
    bool held = tl_proof_holds(x, r) && tl_prove_match(x, r, &by);
    tl_proof_add(p, x, r, held, by);
}

static int prove_untraced(const struct tl_proof_request *q, struct tl_proof *p, struct tl_error *e)
{
    char *runner = tl_runner_find("command", e), *request = untraced_request(q);
    const char *argv[] = {runner, "--trial", request, NULL};
    const struct tl_program_trial trial = {
        .argv = argv, .environment = q->environment, .untraced = true, .limits = q->limits};
    int rc = runner ? 0 : -1;
    while (rc == 0 && p->runs < q->runs) {
        struct tl_trial_record r;
        if (tl_program_trial_run(&trial, &r, e)) {
            rc = -1;
            break;
        }
        take_status(&r);
        add(p, q, &r);
        tl_trial_record_free(&r);
    }
    free(request);
    free(runner);
    return rc;
}

int tl_prove(const struct tl_proof_request *q, struct tl_proof *p, struct tl_error *e)
{
    const struct tl_program_trial trial = {
        .argv = q->argv, .directory = q->directory, .environment = q->environment, .limits = q->limits};
    *p = (struct tl_proof){.exit_status = -1};
    if (q->untraced)
        return prove_untraced(q, p, e);
    while (p->runs < q->runs) {
        struct tl_trial_record r;
        if (tl_program_trial_run(&trial, &r, e))
            return -1;
        add(p, q, &r);
        /* What did not end is not waited for again. */
        bool endless = r.outcome == TL_OUTCOME_HANG && !p->as_expected;
        tl_trial_record_free(&r);
        if (endless || (q->until_other && p->as_expected < p->runs))
            break;
    }
    return 0;
}
