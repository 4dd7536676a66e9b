/* Where trials ran, and what stands for machines that give the same outcomes: db/ran_on.c, and the look-ups of cached.c. */
#include "db/ran_on.h"
#include "db/set_aside.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "store_fixture.h"

#include <stdlib.h>
#include <string.h>

TestSuite(ran_on, .init = store_setup, .fini = store_teardown);

static const char kind[] = "00000000000000000000000000000001", on_one[] = "00000000000000000000000000000002";

/* A trial of the variant, in an environment of a machine of the kind. */
static void put(struct tl_store *s, const char *environment, const char *ran_on, int64_t started_us,
                char id[TL_UUID_SIZE])
{
    struct tl_trial_record r = asked(1);
    const struct tl_ran_on on = {ran_on, 1, r.id, NULL};
    r.outcome = TL_OUTCOME_PASS;
    r.phase = TL_PHASE_DONE;
    r.fresh = true;
    r.started_us = started_us;
    snprintf(r.environment_id, sizeof r.environment_id, "%s", environment);
    OK(tl_store_trial(s, &r, &error));
    OK(tl_ran_on_put(s, r.id, &on, &error));
    OK(tl_kind_has(s, kind, environment, &error));
    memcpy(id, r.id, TL_UUID_SIZE);
    tl_trial_record_free(&r);
}

static size_t cached(struct tl_store *s, const char *environment, struct tl_cached list[8])
{
    struct tl_trial_record r = asked(1);
    struct tl_cached *found;
    size_t n;
    OK(tl_store_cached(s, r.case_hash, r.variant_hash, r.unit, environment, 8, &found, &n, &error));
    cr_assert_leq(n, 8);
    if (n)
        memcpy(list, found, n * sizeof *found);
    free(found);
    tl_trial_record_free(&r);
    return n;
}

Test(ran_on, what_a_kind_has_shown)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    const struct tl_environment environment = {.runner = "sim", .device = "cpu"};
    char a[TL_UUID_SIZE], b[TL_UUID_SIZE], c[TL_UUID_SIZE];
    struct tl_cached list[8];
    int64_t now = tl_wall_us();
    OK(tl_kind_put(s, kind, &environment, &error));
    OK(tl_kind_put(s, kind, &environment, &error));
    OK(tl_kind_put_machine(s, on_one, kind, "one", &error));
    cr_assert_eq(cached(s, kind, list), 0);
    put(s, "0000000000000000000000000000000a", "one", now, a);
    put(s, "0000000000000000000000000000000b", "two", now + 1, b);
    put(s, "0000000000000000000000000000000a", "one", now + 2, c);
    cr_assert_eq(cached(s, kind, list), 3, "all of its machines");
    cr_assert_str_eq(list[0].id, c, "the newest first");
    cr_assert_str_eq(list[2].id, a);
    cr_assert_eq(cached(s, on_one, list), 2, "what one of them has shown");
    cr_assert_str_eq(list[0].id, c);
    cr_assert_eq(cached(s, "0000000000000000000000000000000b", list), 1, "here nothing else is an answer");
    cr_assert(tl_kind_is(s, kind, "0000000000000000000000000000000b"));
    cr_assert(tl_kind_is(s, on_one, "0000000000000000000000000000000a"));
    cr_assert_not(tl_kind_is(s, "0000000000000000000000000000000a", "0000000000000000000000000000000b"));
    bool known;
    OK(tl_ran_on_job(s, a, &known, &error));
    cr_assert(known);
    OK(tl_ran_on_job(s, "another", &known, &error));
    cr_assert_not(known);
    check(s);
    close_store(s);
}

Test(ran_on, what_is_set_aside_is_that_of_the_kind)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    const struct tl_environment environment = {.runner = "sim", .device = "cpu"};
    char id[TL_UUID_SIZE], here[TL_UUID_SIZE];
    struct tl_cached list[8];
    struct tl_trial_record r = asked(1);
    int64_t now = tl_wall_us();
    size_t n = 0;
    OK(tl_kind_put(s, kind, &environment, &error));
    OK(tl_kind_put_machine(s, on_one, kind, "one", &error));
    put(s, "0000000000000000000000000000000a", "one", now, id);
    put(s, "0000000000000000000000000000000b", "two", now, id);
    r.outcome = TL_OUTCOME_PASS;
    OK(tl_store_trial(s, &r, &error)); /* of this machine */
    memcpy(here, r.id, sizeof here);
    OK(tl_store_set_aside(s, r.case_name, r.case_hash, r.unit, on_one, now + 5, here, &n, &error));
    cr_assert_eq(n, 1);
    cr_assert_eq(cached(s, kind, list), 1);
    cr_assert_eq(cached(s, on_one, list), 0);
    OK(tl_store_set_aside(s, r.case_name, r.case_hash, r.unit, kind, now + 5, here, &n, &error));
    cr_assert_eq(n, 2);
    cr_assert_eq(cached(s, kind, list), 0);
    cr_assert_eq(cached(s, r.environment_id, list), 1);
    tl_trial_record_free(&r);
    close_store(s);
}

Test(ran_on, what_is_run_anew_replaces_what_others_of_the_kind_had_shown)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    const struct tl_environment environment = {.runner = "sim", .device = "cpu"};
    char id[TL_UUID_SIZE];
    struct tl_cached list[8];
    struct tl_trial_record r = asked(1);
    int64_t now = tl_wall_us();
    OK(tl_kind_put(s, kind, &environment, &error));
    put(s, "0000000000000000000000000000000a", "one", now, id);
    put(s, "0000000000000000000000000000000b", "two", now + 9, id);
    snprintf(r.environment_id, sizeof r.environment_id, "0000000000000000000000000000000b");
    OK(tl_store_anew(s, &r, now + 5, &error));
    cr_assert_eq(cached(s, kind, list), 1);
    cr_assert_str_eq(list[0].id, id);
    tl_trial_record_free(&r);
    close_store(s);
}
