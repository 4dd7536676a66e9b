/* RUNNER[@BUILD]:DEVICE[%ALIAS], and the list of devices that aliases name. */
#include "harness/base/devices.h"
#include "harness/base/unit_name.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void is(const char *part, struct tl_unit_part got, const char *text)
{
    char *found = tl_unit_part_text(got);
    if (part)
        cr_expect_str_eq(found ? found : "(none)", part, "%s", text);
    else
        cr_expect_null(found, "%s", text);
    free(found);
}

Test(unit_name, parts)
{
    static const struct {
        const char *text, *runner, *build, *device, *alias, *without_build;
    } names[] = {
        {"selftest:cpu", "selftest", NULL, "cpu", NULL, "selftest:cpu"},
        {"onnxruntime@1.22.0:cpu", "onnxruntime", "1.22.0", "cpu", NULL, "onnxruntime:cpu"},
        {"coreai:gpu%phone", "coreai", NULL, "gpu", "phone", "coreai:gpu%phone"},
        {"coreai@27A1:ane%my-phone_2.b", "coreai", "27A1", "ane", "my-phone_2.b", "coreai:ane%my-phone_2.b"},
        {"./a@b:c/r:cpu", "./a", "b:c/r", "cpu", NULL, "./a:cpu"},
        {"/r%1/x:cpu", "/r%1/x", NULL, "cpu", NULL, "/r%1/x:cpu"},
        {"r@/lib/x:1/y.so:gpu%p", "r", "/lib/x:1/y.so", "gpu", "p", "r:gpu%p"},
        {"r:d@x", "r", NULL, "d@x", NULL, "r:d@x"},
        {"reference", "reference", NULL, "cpu", NULL, "reference:cpu"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct tl_unit_name n;
        cr_assert_null(tl_unit_name_parse(names[i].text, &n), "%s", names[i].text);
        is(names[i].runner, n.runner, names[i].text);
        is(names[i].build, n.build, names[i].text);
        is(names[i].device, n.device, names[i].text);
        is(names[i].alias, n.alias, names[i].text);
        char *without = tl_unit_without_build(&n);
        cr_expect_str_eq(without, names[i].without_build);
        free(without);
    }
}

Test(unit_name, what_is_none)
{
    static const char *const none[] = {"",        "cpu",   ":cpu",  "r:",      "r@:cpu",  "@b:cpu",
                                       "r:%a",    "r:d%",  "r:d%%", "r:d%a%b", "r:d%a b", "r:d%-a",
                                       "r:d%a/b", "r:d/e", "./r/s", "r:d%.a"};
    struct tl_unit_name n;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        cr_expect_not_null(tl_unit_name_parse(none[i], &n), "%s", none[i]);
    n = tl_unit_name_of("what it was called once");
    is("what it was called once", n.runner, "old");
    char *text = tl_unit_without_build(&n);
    cr_expect_str_eq(text, "what it was called once");
    free(text);
    cr_expect(tl_unit_part_is((struct tl_unit_part){"ab", 1}, (struct tl_unit_part){"ac", 1}));
    cr_expect(!tl_unit_part_is((struct tl_unit_part){"ab", 2}, (struct tl_unit_part){"ac", 2}));
    cr_expect(tl_unit_part_is((struct tl_unit_part){NULL, 0}, (struct tl_unit_part){NULL, 0}));
}

Test(devices, what_they_can_be_called)
{
    struct tl_devices all = {0};
    struct tl_error e;
    char word[] = "coreai=com.example.app";
    char *words[] = {word};
    cr_expect_eq(tl_devices_add(&all, "phone", "00008150-0011223344556677", words, 1, &e), 0);
    cr_expect_eq(tl_devices_add(&all, "tab", "0123456789abcdef0123456789abcdef01234567", NULL, 0, &e), 0);
    cr_expect_eq(tl_devices_add(&all, "a b", "00008150-0011223344556677", NULL, 0, &e), -1);
    cr_expect_eq(tl_devices_add(&all, "c", "--device", NULL, 0, &e), -1);
    cr_assert_eq(all.n, 2);
    cr_expect_str_eq(tl_device_app(tl_devices_find(&all, "phone", &e), "coreai", &e), "com.example.app");
    cr_expect_str_eq(tl_device_app(tl_devices_find(&all, "tab", &e), "coreai", &e), "org.trapline.host");
    cr_expect_null(tl_device_app(tl_devices_find(&all, "tab", &e), "sim", &e));
    cr_expect_eq(e.kind, TL_ERROR_INPUT);
    cr_expect_null(tl_devices_find(&all, "other", &e));
    cr_expect_not_null(strstr(e.why, "known: phone, tab"));
    cr_expect_eq(tl_devices_remove(&all, "phone", &e), 0);
    cr_expect_eq(tl_devices_remove(&all, "phone", &e), -1);
    cr_expect_eq(all.n, 1);
    tl_devices_free(&all);
}
