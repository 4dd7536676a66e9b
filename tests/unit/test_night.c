/* Nights in the database: begun, gone on with, ended, remembered. */
#include "db/night.h"
#include "harness/base/buffer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OK(call) cr_assert_eq((call), 0, "%s (%s): %s", error.what, error.where, error.why)
#define PLAN "00112233445566778899aabbccddeeff"
#define OTHER "ffeeddccbbaa99887766554433221100"

static struct tl_error error;
static char directory[64], *path;
static struct tl_store *s;

static void open_store(void)
{
    static const struct tl_machine m = {.name = "m", .arch = "x", .cpu = "c", .cores = 1};
    OK(tl_store_open(path, TL_STORE_WRITE, &s, &error));
    OK(tl_store_session_begin(s, &m, "1", "test", NULL, &error));
}

static void again(void)
{
    OK(tl_store_close(s, &error));
    open_store();
}

static void setup(void)
{
    strcpy(directory, "/tmp/tl-night-XXXXXX");
    cr_assert(mkdtemp(directory));
    path = tl_format("%s/t.db", directory);
    open_store();
}

static void teardown(void)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-intent"};
    tl_store_close(s, NULL);
    for (size_t i = 0; i < 4; i++) {
        char *file = tl_format("%s%s", path, ends[i]);
        unlink(file);
        free(file);
    }
    rmdir(directory);
    free(path);
}

TestSuite(night, .init = setup, .fini = teardown, .timeout = 60);

static struct tl_night begin(const char *suite, const char *machine, const char *plan, bool expect)
{
    struct tl_night n;
    bool resumed;
    OK(tl_night_begin(s, suite, machine, plan, "boot", &n, &resumed, &error));
    cr_assert_eq(resumed, expect);
    return n;
}

static void end(struct tl_night *n, const char *unit, uint64_t failed, unsigned changed)
{
    double seconds[] = {0.25, 0.5};
    struct tl_night_cell cell = {.case_name = (char *)"case",
                                 .unit = (char *)unit,
                                 .runner_device = (char *)"r:d",
                                 .continues = (char *)"r@1:d",
                                 .class = "passing",
                                 .passed = 2,
                                 .failed = failed,
                                 .changed = changed,
                                 .failures = json_pack("[{s:s}]", "coarse", "abc"),
                                 .environment = json_pack("{s:s}", "os_build", "1"),
                                 .n_seconds = 2,
                                 .seconds = seconds,
                                 .since = json_pack("{s:s}", "unit", "r@1:d"),
                                 .since_nights = 1,
                                 .since_failed = 7};
    strcpy(cell.case_hash, PLAN);
    strcpy(cell.variant_hash, OTHER);
    json_t *document = json_pack("{s:s,s:I}", "night", n->id, "n", (json_int_t)n->n);
    OK(tl_night_end(s, n, &cell, 1, document, &error));
    json_decref(document);
    json_decref(cell.failures);
    json_decref(cell.environment);
    json_decref(cell.since);
}

Test(night, one_that_was_cut_short_goes_on_with_the_same_plan_only)
{
    struct tl_night first = begin("a", "m", PLAN, false);
    cr_assert_eq(first.n, 1);
    again();
    struct tl_night same = begin("a", "m", PLAN, true);
    cr_assert_str_eq(same.id, first.id);
    cr_assert_eq(same.n, 1);
    cr_assert_eq(same.started_us, first.started_us);
    again();
    struct tl_night changed = begin("a", "m", OTHER, false);
    cr_assert_eq(changed.n, 2);
    again();
    end(&changed, "r@1:d", 0, 0);
    struct tl_night next = begin("a", "m", OTHER, false);
    cr_assert_eq(next.n, 3, "one that ended is not gone on with");
    again();
    struct tl_night elsewhere = begin("a", "other", OTHER, false), other = {0};
    cr_assert_eq(elsewhere.n, 1, "machines count for themselves");
    again();
    other = begin("b", "m", OTHER, false);
    cr_assert_eq(other.n, 1, "and suites");
    struct tl_night *all[] = {&first, &same, &changed, &next, &elsewhere, &other};
    for (size_t i = 0; i < 6; i++)
        tl_night_free(all[i]);
}

Test(night, history_is_the_newest_first_and_of_one_runner_and_device)
{
    for (int i = 1; i <= 3; i++) {
        struct tl_night n = begin("a", "m", PLAN, false);
        end(&n, i == 2 ? "r@2:d" : "r@1:d", (uint64_t)i, i == 2 ? TL_NIGHT_OUTCOME : 0);
        tl_night_free(&n);
        again();
    }
    struct tl_night now = begin("a", "m", PLAN, false);
    struct tl_night_cells h;
    OK(tl_night_history(s, &now, "case", PLAN, OTHER, "r:d", 10, &h, &error));
    cr_assert_eq(h.n, 3);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(h.list[i].n, 3 - (int64_t)i);
        cr_assert_eq(h.list[i].failed, 3 - i);
    }
    cr_assert_str_eq(h.list[1].unit, "r@2:d");
    cr_assert_eq(h.list[1].changed, TL_NIGHT_OUTCOME);
    cr_assert_str_eq(h.list[0].continues, "r@1:d");
    cr_assert_eq(h.list[0].since_failed, 7);
    cr_assert_str_eq(json_string_value(json_object_get(h.list[0].since, "unit")), "r@1:d");
    cr_assert_eq(h.list[0].n_seconds, 2);
    cr_assert_eq(h.list[0].seconds[1], 0.5);
    cr_assert_str_eq(json_string_value(json_object_get(json_array_get(h.list[0].failures, 0), "coarse")),
                     "abc");
    tl_night_cells_free(&h);
    static const char *const others[][3] = {
        {"other", OTHER, "r:d"}, {"case", PLAN, "r:d"}, {"case", OTHER, "r:e"}};
    for (size_t i = 0; i < 3; i++) {
        OK(tl_night_history(s, &now, others[i][0], PLAN, others[i][1], others[i][2], 10, &h, &error));
        cr_assert_eq(h.n, 0);
        tl_night_cells_free(&h);
    }
    OK(tl_night_history(s, &now, "case", OTHER, OTHER, "r:d", 10, &h, &error));
    cr_assert_eq(h.n, 0, "of another version of the case");
    tl_night_cells_free(&h);
    tl_night_free(&now);
}

Test(night, documents_are_listed_and_found)
{
    char first[TL_UUID_SIZE] = "";
    for (int i = 1; i <= 3; i++) {
        struct tl_night n = begin("a", "m", PLAN, false);
        end(&n, "r@1:d", 0, 0);
        if (i == 1)
            memcpy(first, n.id, sizeof first);
        tl_night_free(&n);
        again();
    }
    json_t *list, *one;
    OK(tl_night_list(s, "a", NULL, "case", 2, &list, &error));
    cr_assert_eq(json_array_size(list), 2);
    cr_assert_eq(json_integer_value(json_object_get(json_array_get(list, 0), "n")), 3);
    json_decref(list);
    OK(tl_night_list(s, NULL, NULL, "no case", 0, &list, &error));
    cr_assert_eq(json_array_size(list), 0);
    json_decref(list);
    OK(tl_night_load(s, first, &one, &error));
    cr_assert_eq(json_integer_value(json_object_get(one, "n")), 1);
    json_decref(one);
    OK(tl_night_load(s, "ffffffff", &one, &error));
    cr_assert_null(one);
    OK(tl_night_load(s, "'; DROP TABLE night", &one, &error));
    cr_assert_null(one);
    OK(tl_night_case_history(s, "case", &list, &error));
    cr_assert_eq(json_array_size(list), 3);
    cr_assert_eq(json_integer_value(json_object_get(json_array_get(list, 0), "n")), 1);
    json_decref(list);
}
