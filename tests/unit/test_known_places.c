/* Failures that are known in libraries without symbols: their places in each build, and the variants that showed them. */
#include "db/finding.h"
#include "db/known.h"
#include "db/machine.h"
#include "db/merge.h"
#include "db/migrate.h"
#include "db/sql.h"
#include "db/store_impl.h"
#include "harness/base/buffer.h"
#include "store_fixture.h"

#include <jansson.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

TestSuite(known_places, .init = store_setup, .fini = store_teardown, .timeout = 60);

#define KIND "cccccccccccccccccccccccccccccccc" /* a crash in libx.so */
#define BARE "dddddddddddddddddddddddddddddddd"
#define ONE "1111111111111111111111111111111111111111111111111111111111111111"
#define TWO "2222222222222222222222222222222222222222222222222222222222222222"

static void id_of(const char *text, char id[TL_ID_SIZE])
{
    tl_content_id(text, strlen(text), id);
}

/* A trial of a variant that crashes at a place of libx.so as a build has it; "" for no stack. */
static void trial(struct tl_store *s, const char *variant, const char *place, const char *build)
{
    struct tl_trial_record r = crashed(1);
    struct tl_environment v = {.runtime_sha256 = build};
    free(r.case_name);
    free(r.variant);
    free(r.signature.title);
    free(r.signature.coarse_title);
    r.case_name = tl_strdup("div");
    r.variant = tl_format("{\"op\":\"%s\"}", variant);
    id_of(variant, r.variant_hash);
    id_of("div", r.case_hash);
    OK(tl_store_put_environment(s, &v, r.environment_id, &error));
    OK(tl_store_put_case(s, r.case_hash, r.case_name, "{}", &error));
    OK(tl_store_put_variant(s, r.variant_hash, r.variant, &error));
    r.signature.title = *place ? tl_format("memcpy ← libx.so!+0x%s ← libx.so!+0x9", place)
                               : tl_strdup("SIGSEGV without a stack");
    r.signature.coarse_title = tl_strdup(*place ? "libx.so" : "SIGSEGV without a stack");
    id_of(r.signature.title, r.signature.id);
    snprintf(r.signature.coarse_id, sizeof r.signature.coarse_id, "%s", *place ? KIND : BARE);
    OK(tl_store_trial(s, &r, &error));
    tl_trial_record_free(&r);
}

/* What is known of a failure at a place: "ORT-1 place"; "none". */
static char *judged(struct tl_store *s, const char *variant, const char *place, const char *build)
{
    struct tl_known_list l;
    enum tl_known_by by;
    char signature[TL_ID_SIZE], hash[TL_ID_SIZE],
        *title = *place ? tl_format("memcpy ← libx.so!+0x%s ← libx.so!+0x9", place)
                        : tl_strdup("SIGSEGV without a stack");
    id_of(title, signature);
    id_of(variant, hash);
    free(title);
    OK(tl_known_load(s, NULL, &l, &error));
    const struct tl_known_seen x = {"div", *place ? KIND : BARE, signature, build, hash, NULL};
    const struct tl_known *k = tl_known_of(&l, &x, &by);
    char *text = k ? tl_format("%s %s", k->name, tl_known_by_names[by] ? tl_known_by_names[by] : "name")
                   : tl_strdup("none");
    tl_known_list_free(&l);
    return text;
}

#define SAID(expected, ...)                                                                                  \
    do {                                                                                                     \
        char *said_ = judged(s, __VA_ARGS__);                                                                \
        cr_expect_str_eq(said_, expected);                                                                   \
        free(said_);                                                                                         \
    } while (0)

/* As `trapline known` does, of a failure that a trial shows. */
static void make_known(struct tl_store *s, const char *place, const char *name)
{
    char signature[TL_ID_SIZE], *title = *place ? tl_format("memcpy ← libx.so!+0x%s ← libx.so!+0x9", place)
                                                : tl_strdup("SIGSEGV without a stack");
    struct tl_known k;
    struct tl_known_list l;
    id_of(title, signature);
    free(title);
    OK(tl_known_failure(s, signature, "div", &k, &error));
    OK(tl_known_load(s, "div", &l, &error));
    struct tl_known *same = tl_known_same(&l, &k, name), *one = same ? same : &k;
    if (same)
        same->adding = json_incref(k.adding);
    char **const texts[] = {&one->name, &one->url, &one->note, &one->status, &one->until};
    const char *const values[] = {name, "", "", "filed", ""};
    for (size_t i = 0; i < TL_COUNT(texts); i++) {
        free(*texts[i]);
        *texts[i] = tl_strdup(values[i]);
    }
    OK(tl_known_put(s, one, &error));
    tl_known_list_free(&l);
    tl_known_free(&k);
}

static void remove_known(struct tl_store *s, const char *name)
{
    struct tl_known_list l;
    OK(tl_known_load(s, NULL, &l, &error));
    for (size_t i = 0; i < l.n; i++)
        if (!strcmp(l.list[i].name, name)) {
            l.list[i].removed = true;
            OK(tl_known_put(s, &l.list[i], &error));
        }
    tl_known_list_free(&l);
}

Test(known_places, tell_failures_of_one_kind_apart)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    trial(s, "mod", "10", ONE);
    trial(s, "mod too", "10", ONE);
    trial(s, "div", "20", ONE);
    make_known(s, "10", "ORT-1");
    SAID("ORT-1 place", "mod", "10", ONE);
    SAID("ORT-1 place", "another", "10", ONE);
    SAID("ORT-1 elsewhere", "div", "20", ONE);
    SAID("ORT-1 elsewhere", "mod", "30", ONE);
    SAID("ORT-1 elsewhere", "another", "30", ONE);
    /* In a build of which nothing is known. */
    SAID("ORT-1 variant", "mod", "11", TWO);
    SAID("ORT-1 variant", "mod too", "12", TWO);
    SAID("ORT-1 elsewhere", "div", "21", TWO);
    SAID("ORT-1 kind", "another", "31", TWO);
    SAID("ORT-1 place", "another", "10", NULL);
    SAID("ORT-1 kind", "another", "31", NULL);
    /* And once a place of it is. */
    struct tl_known_list l;
    char hash[TL_ID_SIZE], signature[TL_ID_SIZE];
    id_of("mod", hash);
    id_of("memcpy ← libx.so!+0x11 ← libx.so!+0x9", signature);
    OK(tl_known_load(s, NULL, &l, &error));
    const struct tl_known_seen seen = {"div", KIND, signature, TWO, hash, NULL};
    OK(tl_known_add_place(s, l.list[0].id, &seen, &error));
    OK(tl_known_add_place(s, "0123456789abcdef0123456789abcdef", &seen, &error));
    tl_known_list_free(&l);
    cr_expect_eq(count(s, "SELECT count(*) FROM known_place"), 3, "nothing of what is not known");
    SAID("ORT-1 place", "another", "11", TWO);
    SAID("ORT-1 elsewhere", "mod", "12", TWO);
    SAID("ORT-1 variant", "mod too", "12", TWO);
    SAID("ORT-1 elsewhere", "another", "31", TWO);
    /* A second failure of the same kind. */
    make_known(s, "20", "ORT-2");
    SAID("ORT-2 place", "div", "20", ONE);
    SAID("ORT-2 variant", "div", "21", TWO);
    SAID("ORT-1 place", "mod", "10", ONE);
    make_known(s, "20", "ORT-3");
    SAID("ORT-3 place", "div", "20", ONE);
    cr_expect_eq(count(s, "SELECT count(*) FROM known"), 2, "the same under another name");
    check(s);
    close_store(s);
}

Test(known_places, of_a_variant_that_fails_where_it_happens_to)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    trial(s, "mod", "10", ONE);
    trial(s, "mod", "13", ONE);
    make_known(s, "10", "ORT-1");
    SAID("ORT-1 place", "mod", "13", ONE);
    SAID("ORT-1 variant", "mod", "14", ONE);
    SAID("ORT-1 elsewhere", "div", "14", ONE);
    /* What left no stack is told by the variant alone. */
    trial(s, "mod", "", ONE);
    make_known(s, "", "ORT-2");
    SAID("ORT-2 variant", "mod", "", ONE);
    SAID("ORT-2 variant", "mod", "", TWO);
    SAID("ORT-2 elsewhere", "div", "", TWO);
    close_store(s);
}

Test(known_places, are_removed_with_it_and_merged)
{
    char *other = tl_format("%s/other.db", directory);
    struct tl_store *s = open_store(TL_STORE_WRITE), *o;
    struct tl_merged m;
    trial(s, "mod", "10", ONE);
    trial(s, "div", "20", ONE);
    make_known(s, "20", "mistaken");
    OK(tl_store_open(other, TL_STORE_WRITE, &o, &error));
    OK(tl_store_flush(s, &error));
    OK(tl_store_merge(o, path, NULL, &m, &error));
    remove_known(s, "mistaken");
    make_known(s, "10", "ORT-1");
    OK(tl_store_merge(s, other, NULL, &m, &error));
    SAID("ORT-1 elsewhere", "div", "20", ONE);
    SAID("ORT-1 place", "mod", "10", ONE);
    OK(tl_store_merge(o, path, NULL, &m, &error));
    struct tl_store *here = s;
    s = o;
    SAID("ORT-1 elsewhere", "div", "20", ONE);
    SAID("ORT-1 place", "mod", "10", ONE);
    s = here;
    check(o);
    OK(tl_sql_exec(o->db, "UPDATE known_place SET build = char(27) || 'c'", "test", &error));
    OK(tl_store_close(o, &error));
    cr_expect_eq(tl_store_merge(s, other, NULL, &m, &error), -1);
    cr_expect(strstr(error.why, "places"), "%s", error.why);
    close_store(s);
    free(other);
}

Test(known_places, of_what_was_known_before_there_were_any)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    trial(s, "mod", "10", ONE);
    make_known(s, "10", "ORT-1");
    OK(tl_sql_exec(
        s->db,
        "DROP TABLE ran_on; DROP INDEX environment_by_kind; ALTER TABLE environment DROP COLUMN kind; "
        "ALTER TABLE environment DROP COLUMN on_machine; DROP TABLE asked; DROP TABLE known_place; UPDATE "
        "known SET since_us = 1 + (SELECT "
        "max(started_us) FROM trial); "
        "PRAGMA user_version = 10",
        "test", &error));
    OK(tl_migrate(s->db, tl_migrations, tl_schema_version, &error));
    trial(s, "div", "20", ONE);
    SAID("ORT-1 place", "mod", "10", ONE);
    SAID("ORT-1 elsewhere", "div", "20", ONE);
    close_store(s);
}

/* An isolation: of the first place, the second one being the same failure or not. */
static void finding(struct tl_store *s, const char *id, const char *relation)
{
    char first[TL_ID_SIZE], second[TL_ID_SIZE];
    id_of("memcpy ← libx.so!+0x10 ← libx.so!+0x9", first);
    id_of("memcpy ← libx.so!+0x20 ← libx.so!+0x9", second);
    json_t *j = json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:b,s:i,s:{s:s},s:{s:s},s:[{s:s,s:s}],s:[{s:s,s:s}]}",
                          "finding", id, "kind", "isolation", "case", "div", "case_hash", "c", "unit", "u",
                          "complete", 1, "reproduced", 1, "created_us", 1, "signature", "id", first,
                          "baseline", "op", "add", "trigger", "axis", "op", "value", "mod", "places",
                          "signature", second, "relation", relation);
    cr_assert(j);
    OK(tl_finding_put(s, j, &error));
    json_decref(j);
}

Test(known_places, that_a_finding_judged_to_be_the_same)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    trial(s, "mod", "10", ONE);
    trial(s, "div", "20", ONE);
    make_known(s, "10", "ORT-1");
    finding(s, "01a00000-0000-7000-8000-000000000001", "unknown");
    SAID("ORT-1 elsewhere", "div", "20", ONE);
    finding(s, "01a00000-0000-7000-8000-000000000002", "same");
    SAID("ORT-1 place", "div", "20", ONE);
    SAID("ORT-1 elsewhere", "div", "30", ONE);
    close_store(s);
}
