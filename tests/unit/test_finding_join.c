/* A trigger and a search over builds: which belong together, and what each is told of the other. */
#include "tests/unit/store_fixture.h"

#include "db/finding.h"
#include "db/finding_join.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

TestSuite(finding_join, .init = store_setup, .fini = store_teardown);

static char id[TL_UUID_SIZE];

/* Stores one; its id is in `id`. later: how much later than others. failing: a value of its failing variant. */
static void put(struct tl_store *s, const char *kind, const char *unit, const char *failure, const char *cpu,
                int failing, int later)
{
    snprintf(id, sizeof id, "01a00000-0000-7000-8000-%012d", later);
    bool over = !strcmp(kind, "builds");
    json_t *j = json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:b,s:i,s:s,s:s,s:s,s:{s:s},s:{s:i},s:s?,s:o,s:o,s:[]}",
                          "finding", id, "kind", kind, "case", "case", "case_hash", "c", "unit", unit,
                          "reproduced", 1, "complete", 1, "created_us", later, "outcome", "crash", "phase",
                          "execute", "signal", "SIGABRT", "environment", "cpu", cpu, "failing", "a", failing,
                          "failure_kind", failure, "minimal", over ? json_null() : json_pack("{s:i}", "a", 1),
                          "trigger", over ? json_array() : json_pack("[{s:s}]", "axis", "a"), "path");
    if (over)
        json_object_set_new(j, "builds", json_pack("{s:[s]}", "list", "1.0"));
    OK(tl_finding_put(s, j, &error));
    json_decref(j);
}

/* The finding of that number, joined; with which other one. NULL: with none. */
static char *joined(struct tl_store *s, int number, const char *member)
{
    json_t *document;
    char whole[TL_UUID_SIZE];
    snprintf(whole, sizeof whole, "01a00000-0000-7000-8000-%012d", number);
    OK(tl_finding_load(s, whole, &document, &error));
    OK(tl_finding_join(s, document, &error));
    const char *other = json_string_value(json_object_get(json_object_get(document, member), "finding"));
    char *text = other ? tl_strdup(other + strlen(other) - 1) : NULL;
    json_decref(document);
    return text;
}

static void expect(struct tl_store *s, int number, const char *member, const char *with)
{
    char *other = joined(s, number, member);
    cr_expect(with ? other && !strcmp(other, with) : !other, "%d is with %s", number, other ? other : "none");
    free(other);
}

#define ABORT "crash in execute, SIGABRT"

Test(finding_join, each_is_told_of_the_other)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    json_t *a, *b;
    put(s, "isolation", "x@1.0:cpu", ABORT, "c", 5, 1);
    put(s, "builds", "x@2.0:cpu", ABORT, "c", 5, 2);
    expect(s, 1, "builds", "2");
    expect(s, 2, "isolation", "1");
    OK(tl_finding_load_joined(s, "01a00000-0000-7000-8000-000000000001", &a, &error));
    OK(tl_finding_load_joined(s, "01a00000-0000-7000-8000-000000000002", &b, &error));
    cr_expect(json_equal(a, b), "both ids are of one finding");
    cr_expect_str_eq(json_string_value(json_object_get(a, "kind")), "isolation");
    cr_expect_null(json_object_get(json_object_get(a, "builds"), "environment"), "the machine is the same");
    json_decref(a);
    json_decref(b);
    /* Nothing that is stored is changed. */
    OK(tl_finding_load(s, "01a00000-0000-7000-8000-000000000001", &a, &error));
    cr_expect_null(json_object_get(a, "builds"));
    json_decref(a);
    close_store(s);
}

Test(finding_join, of_another_failure_nothing_is_told)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    put(s, "isolation", "x@1.0:cpu", ABORT, "c", 5, 1);
    put(s, "builds", "x@2.0:gpu", ABORT, "c", 5, 2);
    put(s, "builds", "y@2.0:cpu", ABORT, "c", 5, 3);
    put(s, "builds", "x@2.0:cpu%phone", ABORT, "c", 5, 4);
    put(s, "builds", "x@2.0:cpu", "crash in execute, SIGSEGV", "c", 5, 5);
    expect(s, 1, "builds", NULL);
    for (int i = 2; i <= 5; i++)
        expect(s, i, "isolation", NULL);
    /* One of an earlier version does not say of which kind it is, and is compared by what it says. */
    put(s, "builds", "x@2.0:cpu", NULL, "c", 5, 6);
    expect(s, 1, "builds", "6");
    close_store(s);
}

Test(finding_join, the_nearest_of_several)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    put(s, "isolation", "x@1.0:cpu", ABORT, "c", 5, 1);
    put(s, "builds", "x@2.0:cpu", ABORT, "another", 5, 9);
    expect(s, 1, "builds", "9");
    put(s, "builds", "x@2.0:cpu", ABORT, "c", 7, 2);
    expect(s, 1, "builds", "2");
    put(s, "builds", "x@2.0:cpu", ABORT, "c", 6, 3);
    expect(s, 1, "builds", "3");
    put(s, "builds", "x@2.0:cpu", ABORT, "c", 5, 4);
    put(s, "builds", "x@2.0:cpu", ABORT, "c", 6, 5);
    expect(s, 1, "builds", "4");
    put(s, "builds", "x@2.0:cpu", ABORT, "c", 5, 6);
    expect(s, 1, "builds", "6");
    close_store(s);
}
