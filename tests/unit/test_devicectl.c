/* What devicectl writes, as the runner of that name reads it: lists of devices and files, words of the console. */
#include "runners/devicectl/app.h"
#include "runners/devicectl/phone.h"
#include "runners/devicectl/stage.h"

#include "cases/npy.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TWO                                                                                                  \
    "{\"result\":{\"devices\":["                                                                             \
    "{\"identifier\":\"AAAA\",\"hardwareProperties\":{\"udid\":\"U-1\"}},"                                   \
    "{\"identifier\":\"BBBB\",\"connectionProperties\":{\"pairingState\":\"paired\",\"tunnelState\":"        \
    "\"disconnected\"},"                                                                                     \
    "\"deviceProperties\":{\"name\":\"Bea's\",\"osVersionNumber\":\"27.0\",\"osBuildUpdate\":\"24A1\"},"     \
    "\"hardwareProperties\":{\"udid\":\"U-2\",\"productType\":\"iPhone18,1\",\"platform\":\"iOS\",\"ecid\":" \
    "12345678,"                                                                                              \
    "\"serialNumber\":\"F2L\"}}]}}"

static int find(const char *text, const char *udid, struct tl_phone *p, struct tl_error *e)
{
    return tl_phone_find(text, strlen(text), udid, p, e);
}

Test(devicectl, devices)
{
    struct tl_phone p;
    struct tl_error e;
    cr_assert_eq(find(TWO, "U-2", &p, &e), 1);
    cr_expect_null(p.why);
    cr_expect_str_eq(p.model, "iPhone18,1");
    cr_expect_str_eq(p.os, "iOS 27.0");
    cr_expect_str_eq(p.os_build, "24A1");
    cr_expect_str_eq(p.ecid, "12345678");
    const struct tl_hidden h = {&p, "phone", "old name"};
    char *text = tl_hide(&h, "Bea's (U-2, BBBB, F2L, 12345678), old name, on U-1, iPhone");
    cr_expect_str_eq(text, "<phone> (<phone>, <phone>, <phone>, <phone>), <phone>, on U-1, iPhone");
    free(text);
    json_t *j = json_pack("{s:[s,i,{s:s}]}", "a", "of U-2", 3, "b", "U-2U-2"), *clean = tl_hide_json(&h, j),
           *wanted = json_pack("{s:[s,i,{s:s}]}", "a", "of <phone>", 3, "b", "<phone><phone>");
    cr_expect(json_equal(clean, wanted));
    json_decref(j);
    json_decref(clean);
    json_decref(wanted);
    tl_phone_free(&p);
    cr_assert_eq(find(TWO, "AAAA", &p, &e), 1, "by the identifier of CoreDevice");
    cr_expect_str_eq(p.udid, "U-1");
    cr_expect_null(p.why, "what is not told is not known to be a reason");
    tl_phone_free(&p);
    cr_expect_eq(find(TWO, "U-3", &p, &e), 0);
}

#define ONE(connection, properties)                                                                          \
    "{\"result\":{\"devices\":[{\"hardwareProperties\":{\"udid\":\"U\"},\"connectionProperties\":"           \
    "{" connection "},\"deviceProperties\":{" properties "}}]}}"

Test(devicectl, what_cannot_be_used)
{
    static const struct {
        const char *text, *why;
    } lists[] = {
        {ONE("\"pairingState\":\"unpaired\"", ""), "paired"},
        {ONE("\"tunnelState\":\"unavailable\"", ""), "cable"},
        {ONE("", "\"developerModeStatus\":\"disabled\""), "developer mode"},
        {ONE("", "\"bootState\":\"booting\""), "started"},
    };
    for (size_t i = 0; i < TL_COUNT(lists); i++) {
        struct tl_phone p;
        struct tl_error e;
        cr_assert_eq(find(lists[i].text, "U", &p, &e), 1, "%s", lists[i].text);
        cr_expect(p.why && strstr(p.why, lists[i].why), "%s", p.why ? p.why : "(none)");
        tl_phone_free(&p);
    }
}

Test(devicectl, documents_that_are_none)
{
    static const char *const none[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"result\":3}",
        "{\"result\":{\"devices\":{}}}",
        "{\"result\":{\"devices\":[3]}}",
        "{\"result\":{\"devices\":[{\"identifier\":[]}]}}",
        "{\"result\":{\"devices\":[{\"hardwareProperties\":\"U\"}]}}",
        "{\"result\":{\"devices\":[{\"hardwareProperties\":{\"udid\":true}}]}}",
        ONE("\"tunnelState\":3.5", ""),
        ONE("", "\"name\":{}"),
        ONE("", "\"osVersionNumber\":[27]"),
    };
    for (size_t i = 0; i < TL_COUNT(none); i++) {
        struct tl_phone p;
        struct tl_error e;
        cr_expect_eq(find(none[i], "U", &p, &e), -1, "%s", none[i]);
        cr_expect_eq(e.kind, TL_ERROR_INPUT);
        cr_expect_null(p.udid);
    }
}

Test(devicectl, reports_of_a_process)
{
    static const char text[] =
        "{\"result\":{\"files\":[{\"relativePath\":\"Host-2026-11-29-100000.ips\"},{\"name\":\"Host-2026-11-"
        "29-120000.ips\"},"
        "{\"relativePath\":\"Retired/"
        "Host-2026-11-29-110000.ips\"},{\"relativePath\":\"Hostess-2026-11-29-100000.ips\"},"
        "{\"relativePath\":\"../Host-2026-11-29-130000.ips\"},{\"relativePath\":\"/"
        "Host-1.ips\"},{\"relativePath\":\"-Host-1.ips\"},"
        "{\"relativePath\":\"Host-2026.txt\"},{\"relativePath\":3},7]}}";
    struct tl_error e;
    json_t *list = tl_phone_reports(text, strlen(text), "Host", 2, &e),
           *wanted = json_pack("[s,s]", "Retired/Host-2026-11-29-110000.ips", "Host-2026-11-29-120000.ips");
    cr_expect(json_equal(list, wanted));
    json_decref(list);
    json_decref(wanted);
    cr_expect_null(tl_phone_reports("{\"result\":{}}", 13, "Host", 2, &e));
    cr_expect_null(tl_phone_reports("x", 1, "Host", 2, &e));
}

Test(devicectl, words_of_the_end)
{
    static const struct {
        const char *line;
        int signal;
    } lines[] = {{"App terminated due to signal 11.", 11},
                 {"App terminated due to signal 5", 5},
                 {"App terminated due to signal 0.", 0},
                 {"App terminated due to signal 500.", 0},
                 {"App terminated due to signal .", 0},
                 {"App terminated due to signal 6. Really", 0},
                 {"cut offApp terminated due to signal 6.", 6},
                 {"App terminated due to signal 6.App terminated due to signal 4.", 4},
                 {"App terminated due to signal -6.", 0},
                 {"", 0}};
    for (size_t i = 0; i < TL_COUNT(lines); i++)
        cr_expect_eq(tl_app_signal_in(lines[i].line), lines[i].signal, "%s", lines[i].line);
    cr_expect_str_eq(tl_app_signal_name(10), "SIGBUS", "as Apple's systems number them");
    cr_expect_str_eq(tl_app_signal_name(12), "SIGSYS");
    cr_expect_str_eq(tl_app_signal_name(11), "SIGSEGV");
    cr_expect_str_eq(tl_app_signal_name(31), "SIGUSR2");
    cr_expect_eq(strncmp(tl_app_signal_name(99), "SIG", 3), 0);
}

/* --- what is staged --------------------------------------------------------------------------------------- */

static char directory[] = "/tmp/trapline-test-stage-XXXXXX";

static void make(void)
{
    cr_assert_not_null(mkdtemp(directory));
    char *model = tl_format("%s/model", directory);
    cr_assert_eq(tl_make_directories(model, 0700), 0);
    free(model);
}

static void put(const char *name, const char *text)
{
    char *path = tl_format("%s/%s", directory, name);
    cr_assert_eq(tl_replace_file(path, text, strlen(text), 0600, false), 0);
    free(path);
}

static int stage(const char *inputs, struct tl_error *e)
{
    char *model = tl_format("%s/model", directory), *to = tl_format("%s/to", directory),
         *path = inputs ? tl_format("%s/%s", directory, inputs) : NULL;
    json_t *variant = json_pack("{s:i}", "n", 3);
    int result = tl_stage_calls(model, path, variant, to, e);
    json_decref(variant);
    free(model);
    free(to);
    free(path);
    return result;
}

static json_t *staged(void)
{
    char *path = tl_format("%s/to/calls.json", directory);
    json_t *j = json_load_file(path, 0, NULL);
    free(path);
    return j;
}

static void read_npy(const char *name, struct tl_npy *h, void *data, size_t size)
{
    struct tl_error e;
    char *path = tl_format("%s/to/%s", directory, name);
    cr_assert_eq(tl_npy_open(path, h, &e), 0);
    cr_assert_eq(h->bytes, size);
    cr_assert_eq(tl_npy_read(path, h, data, size, &e), 0);
    free(path);
}

static void clean(void)
{
    tl_remove_tree(directory);
}

Test(stage, one_call_with_the_inputs_of_the_trial, .init = make, .fini = clean)
{
    struct tl_error e;
    struct tl_npy h;
    int32_t whole[3];
    put("inputs.json",
        "[{\"name\":\"i\",\"dtype\":\"int64\",\"shape\":[\"{n}\"],\"fill\":{\"range\":[-1,1]}},"
        "{\"name\":\"d\",\"dtype\":\"float64\",\"shape\":[1],\"fill\":{\"constant\":0.5}}]");
    cr_assert_eq(stage("inputs.json", &e), 0);
    json_t *got = staged(),
           *wanted = json_loads(
               "{\"calls\":[{\"asset\":\"\",\"function\":\"main\",\"state\":[],\"feed\":{},\"inputs\":["
               "{\"name\":\"i\",\"dtype\":\"int32\",\"shape\":[3],\"npy\":\"0.npy\"},"
               "{\"name\":\"d\",\"dtype\":\"float32\",\"shape\":[1],\"npy\":\"1.npy\"}]}]}",
               0, NULL);
    cr_expect(json_equal(got, wanted));
    read_npy("0.npy", &h, whole, sizeof whole);
    cr_expect_eq(h.dtype, TL_DTYPE_INT32);
    cr_expect(whole[0] == -1 && whole[2] == 1);
    json_decref(got);
    json_decref(wanted);
    put("inputs.json", "[{\"name\":\"i\",\"dtype\":\"int64\",\"shape\":[1],\"data\":[4294967296]}]");
    cr_expect_eq(stage("inputs.json", &e), -1);
    cr_expect_not_null(strstr(e.why, "32 bits"));
    put("inputs.json", "[{}]");
    cr_expect_eq(stage("inputs.json", &e), -1);
    cr_expect_eq(stage(NULL, &e), 0, "a model may have no inputs");
}

Test(stage, calls_of_the_model_itself, .init = make, .fini = clean)
{
    struct tl_error e;
    put("model/calls.json",
        "{\"calls\":[{\"asset\":\"a.aimodel\",\"tokens\":2,\"inputs\":[{\"name\":\"x\",\"dtype\":\"float16\","
        "\"shape\":[2],"
        "\"fill\":{\"random\":7}}],\"state\":[{\"name\":\"k\",\"dtype\":\"float16\",\"shape\":[1,2]}]},"
        "{\"asset\":\"b.aimodel\",\"function\":\"step\",\"feed\":{\"y\":\"z\"}}]}");
    cr_assert_eq(stage(NULL, &e), 0);
    json_t *got = staged(),
           *wanted = json_loads(
               "{\"calls\":[{\"asset\":\"a.aimodel\",\"function\":\"main\",\"feed\":{},\"inputs\":["
               "{\"name\":\"x\",\"dtype\":\"float16\",\"shape\":[2],\"npy\":\"0.npy\"}],\"state\":["
               "{\"name\":\"k\",\"dtype\":\"float16\",\"shape\":[1,2]}]},"
               "{\"asset\":\"b.aimodel\",\"function\":\"step\",\"inputs\":[],\"state\":[],\"feed\":{\"y\":"
               "\"z\"}}]}",
               0, NULL);
    cr_expect(json_equal(got, wanted));
    json_decref(got);
    json_decref(wanted);
    static const char *const bad[] = {"{}",
                                      "{\"calls\":[]}",
                                      "{\"calls\":[3]}",
                                      "{\"calls\":[{\"asset\":\"../x\"}]}",
                                      "{\"calls\":[{\"asset\":\"/x\"}]}",
                                      "{\"calls\":[{\"asset\":\"a\",\"inputs\":{}}]}",
                                      "{\"calls\":[{\"asset\":\"a\",\"inputs\":[3]}]}",
                                      "{\"calls\":[{\"asset\":\"a\",\"state\":3}]}",
                                      "x"};
    for (size_t i = 0; i < TL_COUNT(bad); i++) {
        put("model/calls.json", bad[i]);
        cr_expect_eq(stage(NULL, &e), -1, "%s", bad[i]);
        cr_expect_eq(e.kind, TL_ERROR_INPUT, "%s", bad[i]);
    }
}
