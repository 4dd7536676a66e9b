/* What comes from another machine may be anything: a record is what it was, or refused, or less. */
#include "db/trial_document.h"

#include "harness/base/buffer.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void fill(struct tl_trial_record *r)
{
    *r = (struct tl_trial_record){.started_us = 5,
                                  .command = tl_strdup("[\"a\"]"),
                                  .outcome = TL_OUTCOME_CRASH,
                                  .phase = TL_PHASE_EXECUTE,
                                  .message = tl_strdup("m\xff"),
                                  .signal = 11,
                                  .exit_status = -1,
                                  .wall_seconds = 1.5,
                                  .peak_rss = 77,
                                  .result = json_pack("{s:i}", "x", 1)};
    for (int i = 0; i < TL_PHASE_COUNT; i++)
        r->phase_seconds[i] = i == TL_PHASE_LOAD ? 0.25 : -1;
    tl_trial_record_joined(r, 42);
    r->out = (struct tl_output){.head = tl_malloc(5), .head_size = 5, .total = 5};
    memcpy(r->out.head, "a\0\xff\n!", 5);
    r->n_captures = 1;
    struct tl_capture *c = r->captures = tl_calloc(1, sizeof *c);
    c->signal = 11;
    c->is_main = c->fatal = c->has_address = true;
    c->fault_address = UINT64_MAX;
    c->n_modules = 1;
    c->modules = tl_calloc(1, sizeof *c->modules);
    c->modules[0] = (struct tl_module){
        .path = tl_strdup("/x"), .build_id = "abcd", .base = 4096, .start = 4096, .end = 8192};
    c->n_threads = 1;
    c->threads = tl_calloc(1, sizeof *c->threads);
    c->threads[0] = (struct tl_thread){.name = "t", .crashed = true, .n_frames = 2};
    c->threads[0].frames = tl_calloc(2, sizeof(struct tl_frame));
    c->threads[0].frames[0] = (struct tl_frame){.module = 0, .offset = 16, .flags = TL_FRAME_FIRST};
    c->threads[0].frames[1] = (struct tl_frame){.module = TL_NO_MODULE, .offset = UINT64_MAX};
}

Test(trial_document, is_what_it_was)
{
    struct tl_trial_record r, got = {0};
    struct tl_error e;
    fill(&r);
    json_t *j = tl_trial_document(&r), *again;
    char *text = json_dumps(j, JSON_COMPACT);
    cr_assert(text);
    json_decref(j);
    again = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_eq(tl_trial_document_read(again, &got, &e), 0, "%s", e.why);
    json_decref(again);
    free(text);
    cr_assert_eq(got.outcome, r.outcome);
    cr_assert_eq(got.phase, r.phase);
    cr_assert_eq(got.signal, 11);
    cr_assert_eq(got.exit_status, -1);
    cr_assert_str_eq(got.message, "m?");
    cr_assert_eq(got.wall_seconds, 1.5);
    cr_assert_eq(got.phase_seconds[TL_PHASE_LOAD], 0.25);
    cr_assert_lt(got.phase_seconds[TL_PHASE_DONE], 0);
    cr_assert_eq(got.n_pids, 1);
    cr_assert_eq(got.pids[0], 42);
    cr_assert_eq(got.out.head_size, 5);
    cr_assert_eq(memcmp(got.out.head, r.out.head, 5), 0);
    cr_assert(json_equal(got.result, r.result));
    cr_assert_eq(got.n_captures, 1);
    cr_assert_eq(got.captures[0].fault_address, UINT64_MAX);
    cr_assert_str_eq(got.captures[0].modules[0].build_id, "abcd");
    cr_assert_eq(got.captures[0].threads[0].n_frames, 2);
    cr_assert_eq(got.captures[0].threads[0].frames[0].offset, 16);
    cr_assert_eq(got.captures[0].threads[0].frames[1].module, TL_NO_MODULE);
    tl_trial_record_free(&r);
    tl_trial_record_free(&got);
}

static int read_text(const char *text, struct tl_trial_record *r)
{
    struct tl_error e;
    json_t *j = json_loads(text, 0, NULL);
    *r = (struct tl_trial_record){0};
    int result = tl_trial_document_read(j, r, &e);
    json_decref(j);
    return result;
}

Test(trial_document, of_a_stranger_is_bounded)
{
    struct tl_trial_record r;
    static const char *const refused[] = {"[]", "{}", "{\"outcome\": \"pass\"}",
                                          "{\"outcome\": 1, \"phase\": \"load\"}",
                                          "{\"outcome\": \"burnt\", \"phase\": \"load\"}"};
    for (size_t i = 0; i < TL_COUNT(refused); i++) {
        cr_assert_eq(read_text(refused[i], &r), -1, "%s", refused[i]);
        tl_trial_record_free(&r);
    }
    static const char *const taken[] = {
        "{\"outcome\": \"crash\", \"phase\": \"load\", \"wall_s\": -1e300, \"phases\": {\"load\": \"x\"}, "
        "\"pids\": [1, \"a\", []]}",
        "{\"outcome\": \"crash\", \"phase\": \"load\", \"out\": {\"head\": \"====\", \"total\": -1}, "
        "\"err\": {\"head\": \"a\"}}",
        "{\"outcome\": \"crash\", \"phase\": \"load\", \"captures\": [1, {}, {\"threads\": [1, {\"frames\": "
        "\"x\"}, {\"frames\": "
        "\"{\\\"modules\\\":[\\\"q\\\"],\\\"frames\\\":[[7,1,2,3],[0,1,2,3],[-1,0,0,0]]}\", \"omitted_at\": "
        "-1, \"omitted\": 5}], "
        "\"modules\": [[], [1, 2, 3, 4, 5]], \"registers\": \"[1,[2]]\", \"fault\": \"{}\"}]}"};
    for (size_t i = 0; i < TL_COUNT(taken); i++) {
        cr_assert_eq(read_text(taken[i], &r), 0, "%s", taken[i]);
        cr_assert_eq(r.wall_seconds, 0);
        for (size_t k = 0; k < r.n_captures; k++)
            for (size_t t = 0; t < r.captures[k].n_threads; t++)
                for (size_t f = 0; f < r.captures[k].threads[t].n_frames; f++)
                    cr_assert(r.captures[k].threads[t].frames[f].module == TL_NO_MODULE ||
                              r.captures[k].threads[t].frames[f].module < r.captures[k].n_modules);
        tl_trial_record_free(&r);
    }
}
