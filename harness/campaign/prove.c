#include "harness/campaign/prove.h"

#include "harness/executor/program_trial.h"

int tl_prove(const struct tl_proof_request *q, struct tl_proof *p, struct tl_error *e)
{
    const struct tl_program_trial trial = {
        .argv = q->argv, .directory = q->directory, .environment = q->environment, .limits = q->limits};
    *p = (struct tl_proof){.exit_status = -1};
    while (p->runs < q->runs) {
        struct tl_trial_record r;
        if (tl_program_trial_run(&trial, &r, e))
            return -1;
        tl_proof_add(p, &q->expected, &r);
        tl_trial_record_free(&r);
        if (q->until_other && p->as_expected < p->runs)
            break;
    }
    return 0;
}
