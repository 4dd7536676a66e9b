/* Runs of a variant in processes of its own, and in those that have more memory at hand than it needs. */
#include "harness/campaign/reduce/run.h"

#include "cases/load.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define RUNS 3

unsigned tl_reduce_sure_runs(const struct tl_reduce_state *s)
{
    return s->longest > TL_REDUCE_SECONDS_LONG ? 1 : RUNS;
}

int tl_reduce_run_once(struct tl_reduce_state *s, const struct tl_case *roomy, uint64_t number,
                       const struct tl_reduce_files *files, unsigned repeat, enum tl_reduce_verdict *verdict,
                       struct tl_error *e)
{
    struct tl_reduce_answer a = {0};
    struct tl_variant variant = {0};
    int result = 0;
    if (roomy) {
        json_t *values = tl_variant_object(s->r->c, s->r->failing);
        result = tl_variant_from_json(roomy, values, &variant, e);
        json_decref(values);
    }
    const struct tl_reduce_run one = {.unit = s->r->unit,
                                      .c = roomy,
                                      .variant = &variant,
                                      .number = number,
                                      .files = files,
                                      .fresh = true,
                                      .repeat = repeat};
    result = result || tl_reduce_run_begin(s, &one, &a, e) || tl_reduce_run_take(s, &a, e) ? -1 : 0;
    s->stopped = s->stopped || (!result && a.stopped);
    *verdict = a.stopped ? TL_REDUCE_STOPPED : a.verdict;
    tl_reduce_answer_release(&a);
    tl_variant_free(&variant);
    return result;
}

struct tl_case *tl_reduce_case_in(const struct tl_case *c, const json_t *variables)
{
    struct tl_mistakes mistakes = {0};
    struct tl_case *other = NULL;
    struct tl_error ignored;
    json_t *document = json_deep_copy(c->document), *environment = json_object_get(document, "environment");
    if (!environment)
        json_object_set_new(document, "environment", environment = json_object());
    json_object_update(environment, (json_t *)(uintptr_t)variables);
    char *text = json_dumps(document, JSON_INDENT(1));
    if (tl_case_parse(text, strlen(text), c->path, &other, &mistakes, &ignored))
        other = NULL;
    tl_mistakes_free(&mistakes);
    free(text);
    json_decref(document);
    return other;
}

struct tl_case *tl_reduce_case_filled(const struct tl_case *c, const char *byte)
{
    json_t *variables = json_pack("{s:s}", TL_REDUCE_FILLING, byte);
    struct tl_case *filled = tl_reduce_case_in(c, variables);
    json_decref(variables);
    return filled;
}

int tl_reduce_run_filled(struct tl_reduce_state *s, const char *byte, uint64_t number,
                         const struct tl_reduce_files *files, unsigned repeat,
                         enum tl_reduce_verdict *verdict, struct tl_error *e)
{
    struct tl_case *c = tl_reduce_case_filled(s->r->c, byte);
    int result = c ? tl_reduce_run_once(s, c, number, files, repeat, verdict, e) : 0;
    tl_case_free(c);
    return result;
}

int tl_reduce_fails_with_room(struct tl_reduce_state *s, uint64_t number, const struct tl_reduce_files *files,
                              enum tl_reduce_verdict *v, struct tl_error *e)
{
    return s->roomy ? tl_reduce_run_once(s, s->roomy, number, files, 0, v, e) : 0;
}
