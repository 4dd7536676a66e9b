/* Whether outputs that are wrong hang on what lies in memory.
 *
 * A kernel that reads what nobody wrote, or beyond its data, finds there what the process had before: a NaN in one, zeros in
 * another one. What one process does so says nothing of the model, neither which size it needs nor which values. The C library
 * can fill memory with a byte when it is handed out and when it is given back. Where a result changes with that byte it is one of
 * such memory: no right computation ever sees it. So the original is run with fillings that are ordinary numbers; where it
 * does not fail so
 *
 *   and it fails each time where memory that was given back is all NaN, the model is reduced with that filling from the
 *       beginning: then every read of it tells, in each process alike, and the result says that it was set
 *   else nothing is called minimal or a threshold.
 *
 * Where the C library knows of no filling nothing changes with it, and nothing is concluded. */
#include "harness/campaign/reduce/run.h"

#include "harness/base/buffer.h"

#define FILL_NAN "255" /* memory that was given back is all ones, a NaN in each kind of float */
static const char *const fills_ordinary[] = {"170",
                                             "85"}; /* of both kinds of memory: small or large numbers */

int tl_reduce_look_at_memory(struct tl_reduce_state *s, struct tl_error *e)
{
    struct tl_reduce_files files = {0};
    uint64_t number;
    const bool known = s->r->filled;
    if (s->target.outcome != TL_OUTCOME_WRONG || s->failed != s->runs || s->stopped || s->judged)
        return 0;
    s->of_memory = known;
    if (known)
        return 0;
    tl_reduce_step(s, "memory");
    tl_reduce_tell(s, "");
    if (tl_reduce_number(s, &s->now, &number, e))
        return -1;
    enum tl_reduce_verdict v = TL_REDUCE_FAIL;
    int result = tl_reduce_make_files(s, &s->now, number, &files, e);
    for (size_t i = 0; i < TL_COUNT(fills_ordinary) && !result && v == TL_REDUCE_FAIL && !s->stopped; i++)
        result = tl_reduce_run_filled(s, fills_ordinary[i], number, &files, 0, &v, e);
    s->of_memory = !result && !s->stopped && v != TL_REDUCE_FAIL;
    /* Of a difference what is right would be of that filling, too. */
    bool surely = s->of_memory && !s->difference;
    for (unsigned i = 0; i < tl_reduce_sure_runs(s) && surely && !result && !s->stopped; i++) {
        result = tl_reduce_run_filled(s, FILL_NAN, number, &files, i, &v, e);
        surely = !result && v == TL_REDUCE_FAIL;
    }
    s->fill = surely && !result && !s->stopped ? FILL_NAN : NULL;
    tl_reduce_remove_files(&files);
    return result < 0 ? -1 : 0;
}

json_t *tl_reduce_memory_json(const struct tl_reduce_state *s)
{
    return s->of_memory
               ? json_pack("{s:o}", "set",
                           s->r->filled ? json_pack("{s:s}", TL_REDUCE_FILLING, FILL_NAN) : json_null())
               : json_null();
}
