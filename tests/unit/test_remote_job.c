/* Jobs that a stranger may have written, and what was asked of others, in a database. */
#include "cases/load.h"
#include "db/asked.h"
#include "harness/executor/remote_announced.h"
#include "harness/executor/remote_away.h"
#include "harness/executor/remote_files.h"
#include "harness/executor/remote_job.h"
#include "harness/executor/remote_named.h"
#include "harness/executor/remote_reference.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ALL (TL_ALLOW_FAMILY | TL_ALLOW_FILE)

/* A job that is right, with one member replaced (NULL: none; value NULL: it is left out). */
static char *job_with(const char *key, const char *value)
{
    json_t *j = json_pack(
        "{s:i,s:s,s:s,s:s,s:s,s:s,s:b,s:b,s:f,s:{s:i,s:s,s:{s:s},s:[]},s:s,s:{},s:[]}", "trapline_job", 1,
        "id", "0123456789abcdef0123456789abcdef", "trial", "01a22df9-c9a4-7002-a23c-badfe07496a6",
        "submitter", "01a22df9-c9a4-7002-a23c-badfe07496a7", "kind", "k", "unit", "selftest:cpu", "fresh", 0,
        "new_server", 0, "timeout_s", 0.0, "case", "trapline", 1, "name", "c", "model", "family", "selftest",
        "axes", "case_hash", "0123456789abcdef0123456789abcdef", "variant", "files");
    cr_assert(j);
    if (key && value)
        json_object_set_new(j, key, json_loads(value, JSON_DECODE_ANY, NULL));
    else if (key)
        json_object_del(j, key);
    char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    return text;
}

static int read_with(const char *key, const char *value, struct tl_error *e)
{
    struct tl_remote_job job;
    char *text = job_with(key, value);
    int result = tl_remote_job_read(text, strlen(text), ALL, &job, e);
    tl_remote_job_free(&job);
    free(text);
    return result;
}

Test(remote_job, names_of_files)
{
    static const char *const names[][2] = {
        {"m.onnx", "m.onnx"}, {"./m.onnx", "m.onnx"}, {"a//./b", "a/b"}, {"../m", "../m"}, {".", ""},
        {".a/..b", ".a/..b"}};
    for (size_t i = 0; i < TL_COUNT(names); i++) {
        char *name = tl_remote_file_name(names[i][0]);
        cr_assert_str_eq(name, names[i][1]);
        free(name);
    }
}

/* What a case of a stranger names stays in its directory, whatever its axes are. */
Test(remote_job, names_nothing_of_this_machine)
{
    static const struct {
        const char *document;
        bool fine;
    } cases[] = {
        {"{}", true},
        {"{\"inputs\": [{\"npy\": \"a/b.npy\"}, {\"data\": [1]}], \"reference\": {\"unit\": \"same\"}}",
         true},
        {"{\"inputs\": [{\"npy\": \"/etc/passwd\"}]}", false},
        {"{\"inputs\": [{\"npy\": \"a/../../b\"}]}", false},
        {"{\"inputs\": [{\"npy\": \"\"}]}", false},
        {"{\"reference\": {\"outputs\": [{\"pb\": \"../x\"}]}}", false},
        {"{\"reference\": {\"outputs\": [{\"npy\": \"{a}/x\"}]}, \"axes\": [{\"name\": \"a\", \"choices\": "
         "[\"b\", 1]}]}",
         true},
        {"{\"reference\": {\"outputs\": [{\"npy\": \"{a}/x\"}]}, \"axes\": [{\"name\": \"a\", \"choices\": "
         "[\"..\"]}]}",
         false},
        {"{\"reference\": {\"outputs\": [{\"npy\": \"{a}\"}]}, \"axes\": [{\"name\": \"a\", \"choices\": "
         "[\"/etc\"]}]}",
         false},
        {"{\"reference\": {\"outputs\": [{\"npy\": \"{a}\"}], \"with\": {\"a\": \"../b\"}}}", false},
        {"{\"reference\": {\"unit\": \"onnxruntime@1.22.0:cpu\"}}", true},
        {"{\"reference\": {\"unit\": \"/tmp/evil:cpu\"}}", false},
        {"{\"reference\": {\"unit\": \"onnxruntime@./evil.so:cpu\"}}", false},
        {"{\"inputs\": 7, \"reference\": [], \"axes\": \"x\"}", true},
    };
    struct tl_error e;
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        json_t *document = json_loads(cases[i].document, 0, NULL);
        cr_assert(document, "%s", cases[i].document);
        cr_assert_eq(tl_remote_named_check(document, "j", &e) == 0, cases[i].fine, "%s", cases[i].document);
        json_decref(document);
    }
}

Test(remote_job, id_of_its_reference)
{
    static const char trial[] = "01a22df9-c9a4-7002-a23c-badfe07496a6";
    char id[TL_UUID_SIZE], other[TL_UUID_SIZE];
    tl_remote_reference_id(trial, id);
    tl_remote_reference_id("01a22df9-c9a4-7002-a23c-badfe07496a7", other);
    cr_assert_eq(strlen(id), TL_UUID_SIZE - 1);
    cr_assert_eq(strncmp(id, trial, 20), 0);
    cr_assert_str_neq(id, trial);
    cr_assert_str_neq(id, other);
}

/* A record that comes late is told apart by what its case counts as numbers. */
Test(remote_job, metrics_of_its_case)
{
    char *text =
        job_with("case", "{\"trapline\": 1, \"name\": \"c\", \"model\": {\"file\": \"gone.bin\"}, \"axes\": "
                         "[{\"name\": \"n\", \"range\": [1, 4]}], \"metrics\": [{\"name\": \"speed\", "
                         "\"regex\": \"at ([0-9]+) tokens\"}]}");
    struct tl_case *c = tl_remote_metrics_of(text);
    cr_assert(c);
    cr_assert_eq(c->n_metrics, 1);
    tl_case_free(c);
    free(text);
    text = job_with(NULL, NULL);
    cr_assert_null(tl_remote_metrics_of(text));
    free(text);
    cr_assert_null(tl_remote_metrics_of("no job"));
    cr_assert_null(tl_remote_metrics_of(NULL));
}

Test(remote_job, is_read)
{
    struct tl_error e;
    struct tl_remote_job job;
    cr_assert_eq(read_with(NULL, NULL, &e), 0, "%s", e.why);
    char *text = job_with(NULL, NULL);
    cr_assert_eq(tl_remote_job_read(text, strlen(text), TL_ALLOW_FILE, &job, &e), -1); /* no families here */
    cr_assert_str_eq(job.id, "0123456789abcdef0123456789abcdef");
    tl_remote_job_free(&job);
    for (size_t n = 0; n < strlen(text); n++) {
        cr_assert_eq(tl_remote_job_read(text, n, ALL, &job, &e), -1);
        tl_remote_job_free(&job);
    }
    free(text);
}

Test(remote_job, of_a_stranger_is_refused)
{
    static const struct {
        const char *key, *value;
    } bad[] = {
        {"trapline_job", "2"},
        {"trapline_job", NULL},
        {"id", NULL},
        {"id", "\"a.b\""},
        {"id", "\"0123456789abcdef0123456789abcde.\""},
        {"submitter", "7"},
        {"submitter", "\"01a22df9-c9a4-7002-a23c-badfe0749.a7\""},
        {"trial", "\"x\""},
        {"trial", "\"../../../../../../../../../../../../etc\""},
        {"trial", "\"01a22df9-c9a4-7/../../../../../etc/xx\""},
        {"unit", NULL},
        {"timeout_s", "-1"},
        {"timeout_s", "1e300"},
        {"case_hash", "\"../../../../../../../../../etc/ab\""},
        {"case", "[]"},
        {"case", NULL},
        {"case", "{\"model\": {\"family\": \"selftest\", \"steps\": []}}"},
        {"case", "{\"model\": {\"generate\": [\"sh\"]}}"},
        {"case", "{\"model\": {\"steps\": [{\"argv\": [\"sh\"]}]}}"},
        {"case", "{\"model\": {\"family\": \"selftest\"}, \"versions\": []}"},
        {"case", "{\"model\": {\"family\": \"selftest\"}, \"environment\": {\"LD_PRELOAD\": \"x\"}}"},
        {"case", "{\"model\": {\"family\": \"selftest\"}, \"files\": {}}"},
        {"case", "{\"model\": {\"family\": \"selftest\"}, \"reference\": {\"unit\": \"./x:cpu\"}}"},
        {"case", "{\"model\": {\"family\": \"selftest\"}, \"inputs\": [{\"npy\": \"/etc/passwd\"}]}"},
        {"case", "{\"model\": {\"file\": \"/etc/passwd\"}}"},
        {"case", "{\"model\": {\"file\": \"../x\"}}"},
        {"case", "{\"model\": {\"file\": \"\"}}"},
        {"files", "{}"},
        {"files", "[{\"name\": \"../x\", \"sha256\": \"\", \"size\": 0}]"},
    };
    struct tl_error e;
    for (size_t i = 0; i < TL_COUNT(bad); i++) {
        cr_assert_eq(read_with(bad[i].key, bad[i].value, &e), -1, "%s: %s", bad[i].key, bad[i].value);
        cr_assert_eq(e.kind, TL_ERROR_INPUT);
    }
}

/* What a machine says of itself, with one member of it or of its unit replaced (value NULL: left out). */
static json_t *announced(const char *key, const char *value, bool of_unit, struct tl_error *e)
{
    json_t *j = json_pack("{s:i,s:s,s:{s:s,s:s,s:i},s:i,s:[{s:s,s:s,s:s,s:s,s:n,s:[s]}]}", "protocol", 1,
                          "trapline", "0", "machine", "name", "box", "os", "Linux", "cores", 2, "places", 2,
                          "units", "unit", "sim:cpu", "device", "cpu", "kind",
                          "0123456789abcdef0123456789abcdef", "runner_version", "1", "os", "axes", "n"),
           *in = of_unit ? json_array_get(json_object_get(j, "units"), 0) : j;
    cr_assert(j);
    if (key && value)
        json_object_set_new(in, key, json_loads(value, JSON_DECODE_ANY, NULL));
    else if (key)
        json_object_del(in, key);
    char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    j = tl_remote_machine_read("box", text, e);
    free(text);
    return j;
}

Test(remote_machine, of_a_stranger_is_read_or_left_out)
{
    static const struct {
        const char *key, *value;
        bool of_unit;
    } bad[] = {
        {"protocol", "2", false},
        {"protocol", NULL, false},
        {"trapline", "7", false},
        {"machine", "[]", false},
        {"machine", "{\"os\": \"\\u001b[2J\"}", false},
        {"machine", "{\"os\": 7}", false},
        {"places", "0", false},
        {"places", "1e9", false},
        {"places", "1000000", false},
        {"units", "{}", false},
        {"units", "[7]", false},
        {"unit", "\"\"", true},
        {"unit", "\"a\\nb\"", true},
        {"unit", "\"\\u007f\"", true},
        {"unit", NULL, true},
        {"kind", "\"../../x\"", true},
        {"kind", "\"0123456789abcdef0123456789abcdeg\"", true},
        {"kind", "\"0123456789abcdef0123456789abcdef-gs\"", true},
        {"device", "\"a.b\"", true},
        {"device", "\"\"", true},
        {"device", "\"*\"", true},
        {"runner_version", "[]", true},
        {"model", "\"\\r\"", true},
        {"axes", "{}", true},
        {"axes", "[7]", true},
    };
    struct tl_error e;
    json_t *right = announced(NULL, NULL, false, &e);
    cr_assert(right, "%s", e.why);
    json_decref(right);
    for (size_t i = 0; i < TL_COUNT(bad); i++) {
        cr_assert_not(announced(bad[i].key, bad[i].value, bad[i].of_unit, &e), "%s: %s", bad[i].key,
                      bad[i].value);
        cr_assert_eq(e.kind, TL_ERROR_INPUT);
        cr_assert_str_eq(e.where, "box");
    }
    char *deep = tl_malloc(100001);
    memset(deep, '[', 100000);
    deep[100000] = '\0';
    cr_assert_not(tl_remote_machine_read("box", deep, &e));
    cr_assert_not(tl_remote_machine_read("box", "", &e));
    cr_assert_not(tl_remote_machine_read("box", NULL, &e));
    free(deep);
}

/* What it says of where a trial ran has to be the kind of machine that was asked. */
Test(remote_machine, is_of_the_kind_that_was_asked)
{
    static const struct {
        const char *document;
        bool tells;
    } cases[] = {
        {"{\"model\": {\"family\": \"x\"}}", true},
        {"{\"model\": {\"generate\": []}}", true},
        {"{\"model\": {\"generate\": [], \"steps\": []}}", false},
        {"{\"model\": {\"file\": \"x\"}, \"versions\": []}", false},
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        json_t *document = json_loads(cases[i].document, 0, NULL);
        cr_assert_eq(tl_remote_kind_tells(document), cases[i].tells, "%s", cases[i].document);
        json_decref(document);
    }
}

Test(remote_files, stay_below_a_directory)
{
    static const char *const bad[] = {"", "/x", "x/", "..", "../x", "x/..", "x/../y", "./x", "x//y", "x/./y"};
    static const char sha[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    struct tl_error e;
    json_t *list;
    for (size_t i = 0; i < TL_COUNT(bad); i++) {
        list = json_pack("[{s:s,s:s,s:i}]", "name", bad[i], "sha256", sha, "size", 1);
        cr_assert_eq(tl_remote_files_check(list, &e), -1, "%s", bad[i]);
        json_decref(list);
    }
    list = json_pack("[{s:s,s:s,s:i}]", "name", "a/b.onnx", "sha256", sha, "size", 1);
    cr_assert_eq(tl_remote_files_check(list, &e), 0);
    json_object_set_new(json_array_get(list, 0), "size", json_integer(-1));
    cr_assert_eq(tl_remote_files_check(list, &e), -1);
    json_object_set_new(json_array_get(list, 0), "size", json_integer(1));
    json_object_set_new(json_array_get(list, 0), "sha256", json_string("../../x"));
    cr_assert_eq(tl_remote_files_check(list, &e), -1);
    json_decref(list);
}

static char *directory;
static struct tl_store *store;

static void open_store(void)
{
    struct tl_error e;
    directory = tl_strdup("/tmp/test_remote_job.XXXXXX");
    cr_assert(mkdtemp(directory));
    char *path = tl_format("%s/t.db", directory);
    const struct tl_machine m = {.name = "here", .arch = "x"};
    cr_assert_eq(tl_store_open(path, TL_STORE_WRITE, &store, &e), 0, "%s", e.why);
    cr_assert_eq(tl_store_session_begin(store, &m, "0", "run", NULL, &e), 0);
    free(path);
}

static void close_store(void)
{
    cr_assert_eq(tl_store_close(store, NULL), 0);
    tl_remove_tree(directory);
    free(directory);
}

static int count_one(void *arg, const struct tl_asked *a, struct tl_error *e)
{
    (void)e;
    char **job = arg;
    free(*job);
    *job = tl_strdup(a->job);
    return 0;
}

Test(asked, is_there_until_it_is_answered, .init = open_store, .fini = close_store)
{
    struct tl_error e;
    size_t n;
    char *job = NULL, *long_job = tl_malloc(100001);
    memset(long_job, 'x', 100000);
    long_job[100000] = '\0';
    const struct tl_asked a = {.job_id = "j",
                               .trial_id = "t",
                               .case_name = "c",
                               .case_hash = "h",
                               .variant = "{}",
                               .variant_hash = "v",
                               .unit = "u",
                               .kind = "k",
                               .device = "d",
                               .asked_us = 5,
                               .job = long_job};
    cr_assert_eq(tl_asked_put(store, &a, &e), 0, "%s", e.why);
    cr_assert_eq(tl_asked_put(store, &a, &e), 0);
    cr_assert_eq(tl_asked_each(store, NULL, count_one, &job, &n, &e), 0);
    cr_assert_eq(n, 1);
    cr_assert_str_eq(job, long_job);
    cr_assert_eq(tl_asked_each(store, "other", count_one, &job, &n, &e), 0);
    cr_assert_eq(n, 0);
    cr_assert_eq(tl_asked_done(store, "j", &e), 0);
    cr_assert_eq(tl_asked_done(store, "j", &e), 0);
    cr_assert_eq(tl_asked_each(store, NULL, count_one, &job, &n, &e), 0);
    cr_assert_eq(n, 0);
    free(job);
    free(long_job);
}

/* A machine that says who it is, and lies about the rest, becomes no other environment. */
Test(remote_record, is_of_the_environment_that_it_tells, .init = open_store, .fini = close_store)
{
    static const char text[] =
        "{\"trapline_record\": 1, \"job\": \"j\", \"place\": {\"machine\": {\"name\": \"there\", \"arch\": "
        "\"y\", \"cores\": -5}, "
        "\"environment\": {\"id\": \"00000000000000000000000000000000\", \"machine_id\": \"x\", \"runner\": "
        "\"r\"}}, "
        "\"trial\": {\"outcome\": \"crash\", \"phase\": \"load\", \"signal\": \"SIGSEGV\"}}";
    struct tl_trial_record r = {0};
    struct tl_remote_came came;
    struct tl_error e;
    cr_assert_eq(tl_remote_record_read(store, text, strlen(text), "other", NULL, &r, &came, &e), -1);
    tl_trial_record_free(&r);
    r = (struct tl_trial_record){0};
    static const char other[] = "0123456789abcdef0123456789abcdef";
    cr_assert_eq(tl_remote_record_read(store, text, strlen(text), "j", other, &r, &came, &e), -1);
    cr_assert(strstr(e.why, "of another unit") && !r.environment_id[0]);
    tl_trial_record_free(&r);
    r = (struct tl_trial_record){0};
    cr_assert_eq(tl_remote_record_read(store, text, strlen(text), "j", NULL, &r, &came, &e), 0, "%s", e.why);
    cr_assert_eq(strlen(r.environment_id), TL_ID_SIZE - 1);
    cr_assert_str_neq(r.environment_id, "00000000000000000000000000000000");
    cr_assert_eq(strlen(r.signature.id), TL_ID_SIZE - 1);
    tl_trial_record_free(&r);
    static const char failed[] = "{\"trapline_record\": 1, \"job\": \"j\", \"failed\": {\"kind\": 1, "
                                 "\"what\": \"w\", \"why\": \"y\"}}";
    r = (struct tl_trial_record){0};
    cr_assert_eq(tl_remote_record_read(store, failed, strlen(failed), "j", NULL, &r, &came, &e), 1);
    cr_assert_str_eq(e.why, "y");
    tl_trial_record_free(&r);
    static const char lost[] = "{\"trapline_record\": 1, \"job\": \"j\", \"lost\": [\"one\", 7]}";
    r = (struct tl_trial_record){0};
    cr_assert_eq(tl_remote_record_read(store, lost, strlen(lost), "j", NULL, &r, &came, &e), 0);
    cr_assert_eq(r.outcome, TL_OUTCOME_LOST);
    cr_assert_eq(came.delivered, 3);
    cr_assert_not(came.is_trial);
    tl_trial_record_free(&r);
}

/* What is said of a machine that was heard of so long ago, with this announcement (NULL: none that can be read). */
static char *away(const char *announcement, json_int_t silent_s)
{
    json_t *told = json_pack("{s:I}", "silent_us", silent_s * 1000000),
           *said = announcement ? json_loads(announcement, 0, NULL) : NULL;
    char *why = tl_remote_why_away(told, said);
    json_decref(told);
    json_decref(said);
    return why;
}

Test(remote_away, says_why_a_machine_cannot_be_asked)
{
    static const struct {
        const char *said;
        json_int_t silent_s;
        const char *why; /* NULL: it can */
    } rows[] = {
        {"{\"protocol\": 1}", 3, NULL},
        {"{\"protocol\": 1, \"state\": \"well\"}", 34, NULL},
        {"{\"protocol\": 1, \"state\": \"checking\"}", 3, NULL},
        {NULL, 3, "says nothing that can be read"},
        {"{\"protocol\": 2, \"state\": \"well\"}", 3,
         "speaks protocol 2, and this trapline 1: install the same version on both"},
        {"{\"protocol\": \"1\"}", 3,
         "speaks protocol 0, and this trapline 1: install the same version on both"},
        {"{\"protocol\": 1, \"state\": \"well\"}", 40, "was last heard of 40 s ago"},
        {"{\"protocol\": 1, \"state\": \"ended\"}", 4000, "has ended its worker"},
        {"{\"protocol\": 1, \"state\": \"held\", \"why\": \"mine\"}", 3, "is held: mine"},
        {"{\"protocol\": 1, \"state\": 7}", 3, NULL},
        {"{\"protocol\": 1, \"state\": \"a state that has no end\"}", 3, "is a state that has"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *why = away(rows[i].said, rows[i].silent_s);
        cr_expect(!why == !rows[i].why && (!why || !strcmp(why, rows[i].why)), "%zu: %s", i,
                  why ? why : "NULL");
        free(why);
    }
    json_t *list = json_loads(
        "[{\"machine\": \"a\", \"why\": \"is held\", \"said\": {\"units\": [{\"unit\": \"x:cpu\"}]}},"
        "{\"machine\": \"b\", \"why\": \"is unhealthy\", \"said\": {\"units\": [{\"unit\": \"y:cpu\"}, 7]}},"
        "{\"machine\": \"c\", \"why\": \"is drained\", \"said\": {\"units\": [{\"unit\": \"x:cpu\"}]}}]",
        0, NULL);
    char *text = tl_remote_away_text(list, "x:cpu"), *none = tl_remote_away_text(list, "z:cpu");
    cr_expect_str_eq(text, "a has it, and is held; c has it, and is drained");
    cr_expect_str_eq(none, "");
    free(text);
    free(none);
    json_decref(list);
}
